/** Who gives its data, in whatever procedure: when it may leave its site's service, and when it may be copied. */
import { clusterView } from "../tungsten/node-facts.ts";
import { localServiceOnline } from "./conversion-services.ts";
import { isOnline } from "./out-of-service.ts";
import type { Guard, Run } from "./procedure.ts";
import type { ResetScopes } from "./reset-scopes.ts";
import { everyNode, nodesThere } from "./scopes.ts";
import { knownValue } from "./verdicts.ts";

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

/**
 * Asked directly before a node is filled, a site made anew, or a relay provisioned: whoever failed or was taken out meanwhile
 * gives nobody its data. Its own manager and its own service have to say so, and no other manager of its site may say
 * otherwise: one that was cut off from the others still holds what it last knew.
 */
export const donorServes = (donorOf: (run: Run) => string, role?: "replica"): Guard => ({
  say: `the donor is ${role === undefined ? "ONLINE" : "an ONLINE replica"} by its own manager and every other one of its site that answers, and its own service is ONLINE`,
  objects(_target, look) {
    const name = donorOf(look.run);
    const donor = everyNode(look.run).find(({ node }) => node.name === name);
    if (donor === undefined) return `${name} is no node of this estate`;
    const own = look.facts.get(name, clusterView);
    if ("unknown" in own) return `cctrl of ${name} cannot be read: ${own.unknown}`;
    for (const node of nodesThere(look.run, donor.site)) {
      const view = knownValue(look.facts.get(node.name, clusterView));
      const shown = view?.datasources.find((source) => source.name === name);
      const fits = shown?.state === "ONLINE" && (role === undefined || shown.role === "slave");
      if (view !== undefined && !fits)
        return `datasource ${name} is ${shown?.role ?? "not listed"}:${shown?.state ?? ""} by the manager of ${node.name}`;
    }
    const verdict = localServiceOnline(donor, look);
    return "why" in verdict ? verdict.why : undefined;
  },
});
