/** Pre-flight over an active/passive composite: its managers have to show what the plan is made for. */
import { activeSite, type Estate, isActivePassive, type Site } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import { compositeView } from "../tungsten/node-facts.ts";
import type { CompositeView } from "../tungsten/reading.ts";
import type { Acceptance, AcceptanceAnswer, Objection } from "./procedure.ts";
import { knownValue } from "./verdicts.ts";

type Shown = { readonly node: string; readonly view: CompositeView };

/** The composite as a site's managers show it; undefined while none answers. */
export function compositeShownAt(estate: Estate, site: Site, facts: Facts): Shown | undefined {
  const { composite } = estate;
  if (composite === undefined) return undefined;
  return site.nodes
    .filter((node) => !node.witness)
    .map(({ name }) => ({
      node: name,
      view: knownValue(facts.get(name, compositeView(composite.dataservice))),
    }))
    .find((shown): shown is Shown => shown.view !== undefined);
}

/** Links and such a composite over the same sites: nobody can say which of them is installed. */
export const linksBeside = ({ composite, links }: Estate): AcceptanceAnswer | undefined =>
  composite?.type === "ActivePassive" && links.length > 0
    ? {
        refused: `CompositeService ${composite.name} is ActivePassive and CrossSiteLink ${links[0]?.name} ties its sites too; delete the one that is not installed`,
      }
    : undefined;

/** Another site takes the writes than the one that the estate tells; undefined where they agree. */
export function otherActive(estate: Estate, { node, view }: Shown): string | undefined {
  const active = activeSite(estate);
  const masters = view.datasources.filter(({ role }) => role === "master").map(({ name }) => name);
  if (masters.length === 1 && masters[0] === active?.dataservice) return undefined;
  return `${masters.join(" and ") || "nobody"} takes the writes by the word of ${node}, and CompositeService ${estate.composite?.name} tells ${active?.name}; wait until status.primarySite there agrees, or find out why it does not`;
}

/** `but` leaves out a site that is lost: neither is it asked, nor has it to be ONLINE. */
export const compositeAsTold = (but?: string): Acceptance => ({
  say: "the managers of an active/passive composite show every site ONLINE, and the one that takes the writes",
  ask(estate, facts) {
    const odd = linksBeside(estate);
    if (odd !== undefined) return odd;
    if (!isActivePassive(estate)) return { ok: true };
    const sites = estate.sites.filter(({ name }) => name !== but);
    return {
      objections: sites.flatMap((site): Objection[] => {
        const shown = compositeShownAt(estate, site, facts);
        if (shown === undefined)
          return [{ on: site.name, unknown: `no manager of ${site.name} shows the composite` }];
        const off = sites.find(
          ({ dataservice }) =>
            !shown.view.datasources.some(({ name, state }) => name === dataservice && state === "ONLINE"),
        );
        const state = shown.view.datasources.find(({ name }) => name === off?.dataservice)?.state;
        const down =
          off &&
          `the composite shows ${off.name} as ${state ?? "no member"} by the word of ${shown.node}; bring it back first: recover in cctrl, behind use ${estate.composite?.dataservice}`;
        const refused = otherActive(estate, shown) ?? down;
        return refused === undefined ? [] : [{ on: site.name, refused }];
      }),
    };
  },
});

const activeAsToldBy = (asked: (estate: Estate, site: Site) => boolean): Acceptance => ({
  say: "the managers of an active/passive composite show the site that takes the writes as it was told",
  ask(estate, facts) {
    const odd = linksBeside(estate);
    if (odd !== undefined) return odd;
    if (!isActivePassive(estate)) return { ok: true };
    return {
      objections: estate.sites
        .filter((site) => asked(estate, site))
        .flatMap((site): Objection[] => {
          const shown = compositeShownAt(estate, site, facts);
          if (shown === undefined)
            return [{ on: site.name, unknown: `no manager of ${site.name} shows the composite` }];
          const refused = otherActive(estate, shown);
          return refused === undefined ? [] : [{ on: site.name, refused }];
        }),
    };
  },
});

/** The same where a node is lost: what its site is shown as meanwhile is not asked. */
export const activeAsTold: Acceptance = activeAsToldBy(() => true);

/** The same where the site that takes the writes is lost: every other one is asked, and silence is no answer. */
export const activeAsToldElsewhere: Acceptance = activeAsToldBy(
  (estate, { name }) => name !== activeSite(estate)?.name,
);
