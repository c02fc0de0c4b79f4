/** Pre-flight of a site's switch: the named site is a passive member, and nobody writes where only relaying is done. */
import { activeSite, dataNodes, isPassive } from "../topology/estate.ts";
import { readOnly } from "../tungsten/node-facts.ts";
import { linksBeside } from "./composite-preflight.ts";
import type { Acceptance, Objection } from "./procedure.ts";

/** A member that does not take the writes already. */
export const passiveMember = (to: string, field = "spec.switch.site"): Acceptance => ({
  say: "the named site is a passive member of an active/passive composite",
  ask(estate) {
    const { composite } = estate;
    const members = composite?.members.join(", ");
    if (composite?.type !== "ActivePassive")
      return {
        refused: `CompositeService ${composite?.name} is ${composite?.type}: every site of it takes writes, and none of them is switched; name cluster and to, to move the primary of one`,
      };
    if (!composite.members.includes(to))
      return {
        refused: `${field} is ${to}, and CompositeService ${composite.name} has the members ${members}; name one of them`,
      };
    if (activeSite(estate)?.name === to)
      return {
        refused: `${to} takes the writes of CompositeService ${composite.name} already; name another member in ${field}, or delete this request`,
      };
    return linksBeside(estate) ?? { ok: true };
  },
});

/** A row written at a passive site is at no other one, and may be in the way of what comes. */
export const passiveReadOnly: Acceptance = {
  say: "every database of a passive site is read-only",
  ask: (estate, facts) => ({
    objections: dataNodes(estate)
      .filter(({ site }) => isPassive(estate, site))
      .flatMap(({ name, site }): Objection[] => {
        const is = facts.get(name, readOnly);
        if ("unknown" in is) return [{ on: site, unknown: `${name}: ${is.unknown}` }];
        return is.known
          ? []
          : [
              {
                on: site,
                refused: `the database of ${name} is writable and ${site} is a passive site: find out who wrote there and compare the data, then set read_only=1`,
              },
            ];
      }),
  }),
};
