/** Pre-flight of a forced failover: the primary is lost, the named node is the most advanced, and what may be lost is listed. */
import { activeSite, dataNodes, type Estate, isPassive, type Site, siteNamed } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import { clusterView, holds, readOnly } from "../tungsten/node-facts.ts";
import { lossesOf, standsAt } from "./failover-losses.ts";
import { headRole } from "./leading.ts";
import type { Acceptance, Objection } from "./procedure.ts";
import { siteStandsAt } from "./site-failover-preflight.ts";
import { knownValue } from "./verdicts.ts";

const dataNodesOf = (site: Site) => site.nodes.filter((node) => !node.witness);
const placeOf = (estate: Estate, site: string): Site | undefined =>
  estate.sites.find(({ name }) => name === site);

/** The one node that the managers still call the site's primary (a passive one's relay), whatever its state; undefined for none or several. */
export function primaryByName(estate: Estate, site: Site, facts: Facts): string | undefined {
  const wanted = headRole(estate, site.name);
  const names = new Set(
    dataNodesOf(site)
      .map(({ name }) => knownValue(facts.get(name, clusterView)))
      .flatMap((view) => view?.datasources.filter(({ role }) => role === wanted) ?? [])
      .map(({ name }) => name),
  );
  const [only] = names;
  return names.size === 1 ? only : undefined;
}

/** Anything of it that answers says that it is alive: its database, or a manager who sees it ONLINE. */
export function signOfLife(site: Site, lost: string, facts: Facts): string | undefined {
  const database = facts.get(lost, readOnly);
  if ("known" in database)
    return `the database of ${lost} answers and is ${database.known ? "read-only" : "writable"}`;
  const seen = dataNodesOf(site).find(({ name }) =>
    knownValue(facts.get(name, clusterView))?.datasources.some(
      (source) => source.name === lost && source.state === "ONLINE",
    ),
  );
  return seen && `the manager of ${seen.name} tells ${lost} as ONLINE`;
}

const primaryIsLost = (name: string): Acceptance => ({
  say: "the primary is lost: neither its database answers, nor does a manager see it ONLINE",
  ask(estate, facts) {
    const site = placeOf(estate, name);
    if (site === undefined)
      return { refused: `this estate has no TungstenCluster ${name}; name one of its sites` };
    const lost = primaryByName(estate, site, facts);
    if (lost === undefined) return { unknown: `the managers of ${name} do not name one primary` };
    const life = signOfLife(site, lost, facts);
    return life === undefined
      ? { ok: true }
      : {
          refused: `${life}: a failover would make a second primary beside it; ask for a Switch, or stop ${lost} and see that it stays down`,
        };
  },
});

/** Nobody of the site may hold more than the node that takes over: it would be thrown away. */
const mostAdvanced = (name: string, to: string): Acceptance => ({
  say: "the named node is the most advanced replica of its site, and what may be lost is known",
  ask(estate, facts) {
    const site = placeOf(estate, name);
    const lost = site && primaryByName(estate, site, facts);
    if (site === undefined || lost === undefined)
      return { unknown: `${name} has no lost primary to compare with` };
    const at = standsAt(estate, to, site, facts);
    if (at === undefined) return { unknown: `${to} does not tell how far it has come` };
    const objections = dataNodesOf(site)
      .filter((node) => node.name !== to && node.name !== lost)
      .flatMap((node): Objection[] => {
        const seqno = standsAt(estate, node.name, site, facts);
        if (seqno === undefined)
          return [{ on: name, unknown: `${node.name} does not tell how far it has come` }];
        return seqno <= at
          ? []
          : [
              {
                on: name,
                refused: `${node.name} has event ${seqno} of ${name}, ${to} only ${at}; name ${node.name} in spec.failover.to`,
              },
            ];
      });
    if (isPassive(estate, name)) return { objections };
    const kept = activeSite(estate) === undefined ? [] : aheadElsewhere(estate, site, at, facts);
    return { objections: [...objections, ...kept], findings: lossesOf(estate, site, { lost, at }, facts) };
  },
});

/** A relay that has more than the new primary could never read from it again, and what it has would be thrown away. */
const aheadElsewhere = (estate: Estate, site: Site, at: number, facts: Facts): readonly Objection[] =>
  dataNodes(estate)
    .filter((node) => node.site !== site.name)
    .flatMap((node): Objection[] => {
      const seqno = siteStandsAt(estate, node, facts);
      if (seqno === undefined)
        return [{ on: node.site, unknown: `${node.name} does not tell how far it has come` }];
      return seqno <= at
        ? []
        : [
            {
              on: node.site,
              refused: `${node.name} has event ${seqno} of ${site.name}, the new primary only ${at}: stop the rest of ${site.name} and ask for a Failover of the composite to ${node.site}, which keeps it`,
            },
          ];
    });

const nothingHeldElsewhere = (name: string): Acceptance => ({
  say: "nothing is held on any node but the lost one",
  ask(estate, facts) {
    const site = placeOf(estate, name);
    const lost = site && primaryByName(estate, site, facts);
    return {
      objections: estate.sites
        .flatMap(dataNodesOf)
        .filter((node) => node.name !== lost)
        .flatMap((node): Objection[] => {
          const fact = facts.get(node.name, holds);
          if ("unknown" in fact) return [{ on: node.site, unknown: `${node.name}: ${fact.unknown}` }];
          return fact.known.map((held) => ({
            on: node.site,
            refused: `${node.name} holds ${held} for a run that did not end; find out what it left half-way, then remove /opt/tungsten-operator/holds/${held} there`,
          }));
        }),
    };
  },
});

export const acceptsFailover = (site: string, to: string): readonly Acceptance[] => [
  primaryIsLost(site),
  mostAdvanced(site, to),
  nothingHeldElsewhere(site),
];

/** For judgements: the site of a run. */
export const failedSite = (estate: Estate, name: string): Site => siteNamed(estate, name);
