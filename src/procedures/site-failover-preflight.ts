/** Pre-flight of a site's failover: the site that took the writes is lost, the named one is the most advanced, and what may be lost is listed. */
import { activeSite, dataNodes, type Estate, type Node, type Site, siteOf } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import { clusterView, compositeView, holds, readOnly, thlRange, tracking } from "../tungsten/node-facts.ts";
import { commitOf } from "./conversion-readers.ts";
import { eventsInLog, unextracted, unreadLog } from "./failover-losses.ts";
import { ownSchemas, soleHead } from "./leading.ts";
import type { Acceptance, Finding, Objection } from "./procedure.ts";
import { viewOf } from "./switch-preflight.ts";
import { knownValue } from "./verdicts.ts";

const dataNodesOf = (site: Site) => site.nodes.filter((node) => !node.witness);

/** Anything of the site that answers says that it is alive: a database, a manager, or another site that sees it ONLINE. */
export function signOfSiteLife(estate: Estate, site: Site, facts: Facts): string | undefined {
  for (const { name } of dataNodesOf(site)) {
    const database = facts.get(name, readOnly);
    if ("known" in database)
      return `the database of ${name} answers and is ${database.known ? "read-only" : "writable"}`;
    if ("known" in facts.get(name, clusterView)) return `the manager of ${name} answers`;
  }
  const { composite } = estate;
  const seen = dataNodes(estate).find(
    (node) =>
      node.site !== site.name &&
      knownValue(facts.get(node.name, compositeView(composite?.dataservice ?? "")))?.datasources.some(
        ({ name, state }) => name === site.dataservice && state === "ONLINE",
      ),
  );
  return seen && `the manager of ${seen.name} tells ${site.name} as ONLINE`;
}

export const siteIsLost: Acceptance = {
  say: "the site that takes the writes is lost: no database and no manager of it answers, and no other site sees it ONLINE",
  ask(estate, facts) {
    const site = activeSite(estate);
    if (site === undefined) return { unknown: "nobody tells which site takes the writes" };
    const life = signOfSiteLife(estate, site, facts);
    return life === undefined
      ? { ok: true }
      : {
          refused: `${life}: a failover would make a second writing site beside it; ask for a Switch of the site, or for a Failover within ${site.name}, or stop all of ${site.name} and see that it stays down`,
        };
  },
};

/** How far a node has come of what the composite's active site wrote: applied, or received. Undefined while it cannot be read. */
export function siteStandsAt(estate: Estate, node: Node, facts: Facts): number | undefined {
  const site = siteOf(estate, node);
  const applied = appliedAt(estate, node, facts);
  const stored = knownValue(facts.get(node.name, thlRange("cluster", site.dataservice)));
  return applied === undefined || stored === undefined ? undefined : Math.max(applied, stored.max ?? -1);
}

/** The commit row, in the schema of its own site's service or in the composite's: releases differ ([doc:oss]). */
export function appliedAt(estate: Estate, node: Node, facts: Facts): number | undefined {
  const schemas = ownSchemas(estate, siteOf(estate, node));
  const rows = schemas.map((schema) => knownValue(facts.get(node.name, tracking(schema))));
  const seqnos = rows.map((known) => commitOf(known)?.seqno).filter((seqno) => seqno !== undefined);
  return seqnos.length === 0 ? undefined : Math.max(...seqnos);
}

/** Nobody that is left may hold more than the relay that takes over: it would be thrown away, or in the way. */
export const mostAdvancedSite = (to: string): Acceptance => ({
  say: "the relay of the named site is the most advanced node that is left, and what may be lost is known",
  ask(estate, facts) {
    const lost = activeSite(estate);
    const place = estate.sites.find(({ name }) => name === to);
    if (lost === undefined || place === undefined || lost === place)
      return { unknown: "there is no lost site to compare with" };
    const view = viewOf(place, facts);
    const relay = view && soleHead(view, "relay");
    const head = place.nodes.find(({ name }) => name === relay);
    if (head === undefined) return { unknown: `${to} shows no single ONLINE relay` };
    const at = siteStandsAt(estate, head, facts);
    if (at === undefined) return { unknown: `${head.name} does not tell how far it has come` };
    const objections = dataNodes(estate)
      .filter((node) => node !== head && node.site !== lost.name)
      .flatMap((node): Objection[] => {
        const seqno = siteStandsAt(estate, node, facts);
        if (seqno === undefined)
          return [{ on: node.site, unknown: `${node.name} does not tell how far it has come` }];
        const way =
          node.site === to
            ? "wait until it has that too, or make that node the relay first"
            : `name ${node.site} in spec.failover.site`;
        return seqno <= at
          ? []
          : [
              {
                on: node.site,
                refused: `${node.name} has event ${seqno} of ${lost.name}, ${head.name} only ${at}; ${way}`,
              },
            ];
      });
    return { objections, findings: siteLosses(lost, at, facts) };
  },
});

/** By the log of whichever node of the lost site can still be read, the longest first. */
function siteLosses(lost: Site, at: number, facts: Facts): readonly Finding[] {
  const logs = dataNodesOf(lost).flatMap(({ name }) => {
    const range = knownValue(facts.get(name, thlRange("cluster", lost.dataservice)));
    return range?.max == null ? [] : [{ name, max: range.max }];
  });
  const [longest] = logs.sort((a, b) => b.max - a.max);
  const first = dataNodesOf(lost)
    .map(({ name }) => name)
    .join(", ");
  return [
    ...(longest === undefined
      ? [unreadLog(first, lost, at)]
      : eventsInLog(longest.name, lost, { at, max: longest.max }, facts)),
    unextracted(`the primary of ${lost.name}`),
  ];
}

export const nothingHeldBut: Acceptance = {
  say: "nothing is held on any node but those of the lost site",
  ask: (estate, facts) => ({
    objections: dataNodes(estate)
      .filter(({ site }) => site !== activeSite(estate)?.name)
      .flatMap(({ name, site }): Objection[] => {
        const fact = facts.get(name, holds);
        if ("unknown" in fact) return [{ on: site, unknown: `${name}: ${fact.unknown}` }];
        return fact.known.map((held) => ({
          on: site,
          refused: `${name} holds ${held} for a run that did not end; find out what it left half-way, then remove /opt/tungsten-operator/holds/${held} there`,
        }));
      }),
  }),
};
