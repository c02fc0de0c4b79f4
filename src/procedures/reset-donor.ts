/** Who gives its data in a reset or a filling: when it may leave its site's service, and when it may be copied. */
import { clusterView } from "../tungsten/node-facts.ts";
import { isOnline } from "./out-of-service.ts";
import type { Guard } from "./procedure.ts";
import type { ResetScopes } from "./reset-scopes.ts";

/** Its site keeps the primary and, where it has more nodes, another usable one, unless a human has read that it does not. */
export const donorMayGo = (scopes: ResetScopes): Guard => ({
  say: "the donor is an ONLINE replica, its primary is ONLINE beside it, and so is another replica where there are more",
  objects({ site }, look) {
    const donor = scopes.donorNode(look.run);
    const view = look.facts.get(donor.name, clusterView);
    const primary = look.run.pins.primaries[donor.site];
    const left = site.nodes.filter(
      ({ name, witness }) => !witness && name !== donor.name && name !== primary,
    );
    const others = left.map((node) => isOnline(node.name)({ id: node.name, node, site }, look));
    if ("unknown" in view) return `cctrl of ${donor.name} cannot be read: ${view.unknown}`;
    const stateOf = (node: string | undefined): string =>
      view.known.datasources.find(({ name }) => name === node)?.state ?? "not listed";
    const role = view.known.datasources.find(({ name }) => name === donor.name)?.role;
    if (role !== "slave") return `${donor.name} is ${role ?? "not listed"}, no replica any more`;
    if (stateOf(donor.name) !== "ONLINE")
      return `${donor.name} is ${stateOf(donor.name)}: bring it ONLINE in cctrl first (datasource ${donor.name} online)`;
    if (stateOf(primary) !== "ONLINE") return `the primary of ${donor.site} is ${stateOf(primary)}`;
    if (left.length === 0 || scopes.primaryAlone || others.some(({ is }) => is === "done")) return undefined;
    return `while ${donor.name} is out ${donor.site} would have its primary alone: bring ${left.map(({ name }) => name).join(" or ")} back first`;
  },
});

/** Nobody but an ONLINE replica of the definitive site gives its data, now as when the plan was made. */
export const donorServes = (scopes: ResetScopes): Guard => ({
  say: "the donor is an ONLINE replica of the definitive site",
  objects(_target, look) {
    const donor = scopes.donorNode(look.run);
    const view = look.facts.get(donor.name, clusterView);
    if ("unknown" in view) return `cctrl of ${donor.name} cannot be read: ${view.unknown}`;
    const own = view.known.datasources.find(({ name }) => name === donor.name);
    return own?.role === "slave" && own.state === "ONLINE"
      ? undefined
      : `${donor.name} is ${own?.role ?? "not listed"}:${own?.state ?? ""}`;
  },
});
