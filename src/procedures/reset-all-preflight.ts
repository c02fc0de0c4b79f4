/** Pre-flight of ResetAllSites: what it resets is whole, so that nothing but logs and positions goes. */
import { dataNodes } from "../topology/estate.ts";
import { clusterView, services } from "../tungsten/node-facts.ts";
import { soleMaster } from "./conversion-pins.ts";
import { nothingHeld } from "./conversion-preflight-sites.ts";
import { wordOf } from "./conversion-readers.ts";
import type { Acceptance, Objection } from "./procedure.ts";
import { topologyOf, topologyWords } from "./reset-pins.ts";

export type ResetAllTopology = "MSAA" | "CAA";

const topology = (wanted: ResetAllTopology): Acceptance => ({
  say: "the estate is installed as the topology whose reset is asked for, release 6 or later",
  ask(estate, facts) {
    const kind = topologyOf(estate, facts);
    if (typeof kind === "object") return kind;
    if (kind === wanted) return { ok: true };
    const way =
      kind === "MSMM"
        ? "which has no page for resetting all dataservices: reset a site instead"
        : `and the reset of ${topologyWords[wanted]} is asked for; set spec.resetAllSites.topology to ${kind}`;
    return { refused: `the estate is installed as ${topologyWords[kind]}, ${way}` };
  },
});

/** A service in error has something that did not arrive: after the reset it never would. */
const everyServiceOnline = (wanted: ResetAllTopology): Acceptance => ({
  say: "every service of every node is ONLINE without error, and every site has one ONLINE primary",
  ask(estate, facts) {
    const objections = dataNodes(estate).flatMap((node): Objection[] => {
      const view = facts.get(node.name, clusterView);
      const told = (wanted === "CAA" ? (["cluster"] as const) : (["cluster", "crossSite"] as const)).map(
        (product) => ({
          product,
          fact: facts.get(node.name, services(product)),
        }),
      );
      if ("unknown" in view) return [{ on: node.site, unknown: `${node.name}: ${view.unknown}` }];
      if (soleMaster(view.known) === undefined)
        return [
          {
            on: node.site,
            refused: `${node.site} has no single ONLINE primary by the word of ${node.name}; bring one up first`,
          },
        ];
      return told.flatMap(({ product, fact }): Objection[] => {
        if ("unknown" in fact) return [{ on: node.site, unknown: `${node.name}: ${fact.unknown}` }];
        if (fact.known === "down")
          return [
            {
              on: node.site,
              refused: `the ${product} replicator of ${node.name} does not run; start it first`,
            },
          ];
        const off = fact.known.find(({ state, pendingError }) => state !== "ONLINE" || pendingError !== null);
        return off === undefined
          ? []
          : [
              {
                on: node.site,
                refused: `service ${off.service} of ${node.name} is ${wordOf(off)}; what has not arrived would never arrive after the reset: mend it first, or reset that site alone (ResetSite)`,
              },
            ];
      });
    });
    return { objections };
  },
});

export const acceptsResetAll = (wanted: ResetAllTopology): readonly Acceptance[] => [
  topology(wanted),
  everyServiceOnline(wanted),
  nothingHeld,
];
