/**
 * Pre-flight of the conversion, the part about what is on its way between sites. Latency tells of the last event alone: a
 * service that applies a long queue of young events is within its limit, and step 2 would wait for all of them.
 */
import { dataNodes, type Estate, type Node, type Site, siteOf } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import { clusterView, services } from "../tungsten/node-facts.ts";
import { serviceOf } from "./conversion-names.ts";
import { soleMaster } from "./conversion-pins.ts";
import type { Acceptance, Objection } from "./procedure.ts";
import { knownValue } from "./verdicts.ts";

type Stored = { readonly seqno: number; readonly primary: string } | { readonly unknown: string };

/** The last event in the log of a site's own service, on its primary. */
function storedAt(site: Site, facts: Facts): Stored {
  const view = site.nodes
    .filter((node) => !node.witness)
    .map(({ name }) => knownValue(facts.get(name, clusterView)))
    .find((each) => each !== undefined);
  const primary = view && soleMaster(view);
  if (primary === undefined) return { unknown: `${site.name} names no primary to ask for its last event` };
  const all = facts.get(primary, services("cluster"));
  if ("unknown" in all) return { unknown: `${primary}: ${all.unknown}` };
  const status = all.known === "down" ? undefined : all.known.find((is) => is.service === site.dataservice);
  const seqno = status?.maximumStoredSeqno ?? null;
  if (seqno === null) return { unknown: `${primary} does not tell the last event of ${site.dataservice}` };
  return { seqno, primary };
}

/** What is not there, or not ONLINE, is refused by its own check, and tells -1 whatever it has applied. */
function behind(estate: Estate, node: Node, source: Site, limit: number, facts: Facts): readonly Objection[] {
  const service = serviceOf("crossSite", siteOf(estate, node), source);
  const all = facts.get(node.name, services("crossSite"));
  if ("unknown" in all) return [{ on: node.site, unknown: `${node.name}: ${all.unknown}` }];
  if (all.known === "down") return [];
  const status = all.known.find((is) => is.service === service);
  if (status?.state !== "ONLINE") return [];
  const applied = status.appliedSeqno;
  if (applied === null)
    return [{ on: node.site, unknown: `${node.name} does not tell what ${service} has applied` }];
  const stored = storedAt(source, facts);
  if ("unknown" in stored) return [{ on: source.name, unknown: stored.unknown }];
  const left = stored.seqno - applied;
  if (left <= limit) return [];
  return [
    {
      on: node.site,
      refused: `service ${service} of ${node.name} has ${left} events of ${stored.primary} left to apply, the limit is ${limit} (spec.convertMsaaToCaa.limits.backlogEvents); wait or raise it`,
    },
  ];
}

/** The two ends are looked at one after the other: what is written between the looks counts as left. */
export const backlogSmall = (limit: number): Acceptance => ({
  say: `no service between sites has more than ${limit} events left to apply`,
  ask(estate, facts) {
    const all = dataNodes(estate).flatMap((node) =>
      estate.sites
        .filter(({ name }) => name !== node.site)
        .flatMap((source) => behind(estate, node, source, limit, facts)),
    );
    return { objections: [...new Map(all.map((each) => [JSON.stringify(each), each])).values()] };
  },
});
