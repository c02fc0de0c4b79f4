/** Pre-flight of Switch and Failover, and what they freeze. */
import { activeSite, dataNodes, type Estate, type Site, siteOf } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import type { Product } from "../tungsten/invocation.ts";
import { clusterView, installed, services } from "../tungsten/node-facts.ts";
import type { ClusterView, ReplicatorStatus } from "../tungsten/reading.ts";
import { policyTold, policyUntold } from "./conversion-pins.ts";
import { headRole, headWord, soleHead } from "./leading.ts";
import type { Untold } from "./preflight-asking.ts";
import type { Acceptance, Objection, PinsReading } from "./procedure.ts";
import { knownValue } from "./verdicts.ts";

const dataNodesOf = (site: Site) => site.nodes.filter((node) => !node.witness);

/** The first manager that answers, of the site's nodes but one. */
export const viewOf = (site: Site, facts: Facts, but?: string): ClusterView | undefined =>
  dataNodesOf(site)
    .filter(({ name }) => name !== but)
    .map(({ name }) => knownValue(facts.get(name, clusterView)))
    .find((view) => view !== undefined);

export const replicaNamed = (site: string, to: string, field: string): Acceptance => ({
  say: "the named node is an ONLINE replica of its site",
  ask(estate, facts) {
    const place = estate.sites.find(({ name }) => name === site);
    const members = place === undefined ? [] : dataNodesOf(place).map(({ name }) => name);
    if (place === undefined || !members.includes(to))
      return {
        refused: `${field} is ${to}, and TungstenCluster ${site} has the data nodes ${members.join(", ")}; name one of them`,
      };
    const view = viewOf(place, facts);
    if (view === undefined) return { unknown: `no manager of ${site} answers` };
    const source = view.datasources.find(({ name }) => name === to);
    const role = headRole(estate, site);
    if (source?.role === role && source.state === "ONLINE")
      return {
        refused: `${to} is the ${headWord(role)} of ${site} already; name another node in ${field}, or delete this request`,
      };
    return source?.state === "ONLINE"
      ? { ok: true }
      : {
          refused: `the managers of ${site} tell ${to} as ${source?.state ?? "nothing"}; recover it first, or name another node in ${field}`,
        };
  },
});

const fault = (status: ReplicatorStatus, limit: number, field: string): string | Untold | undefined => {
  const state = typeof status.state === "string" ? status.state : `«${status.state.unrecognised}»`;
  if (state !== "ONLINE") return `is ${state}; mend it first`;
  if (status.pendingError !== null) return "has a pending error; mend it first";
  if (status.offlineRequests.length > 0)
    return "is told to go offline; clear that by offline and online first";
  if (status.appliedLatencySeconds === null)
    return { unknown: "is ONLINE and does not tell how far behind it is" };
  return status.appliedLatencySeconds > limit
    ? `is ${status.appliedLatencySeconds} s behind, the limit is ${limit} s (${field}); wait or raise it`
    : undefined;
};

/** `lost` is a node of which nothing is expected. */
export const everyServiceFine = (
  limit: number,
  field: string,
  lost: (estate: Estate, facts: Facts) => string | undefined = () => undefined,
): Acceptance => ({
  say: `every service of both products is ONLINE without error, latency under ${limit} s`,
  ask(estate, facts) {
    const left = lost(estate, facts);
    return {
      objections: dataNodes(estate)
        .filter(({ name }) => name !== left)
        .flatMap(({ name, site }) =>
          (["cluster", "crossSite"] as const).flatMap((product) =>
            productFaults(product, { name, site }, facts, { limit, field }),
          ),
        ),
    };
  },
});

function productFaults(
  product: Product,
  { name, site }: { name: string; site: string },
  facts: Facts,
  { limit, field }: { limit: number; field: string },
): readonly Objection[] {
  const is = facts.get(name, installed(product));
  if ("unknown" in is) return [{ on: site, unknown: `${name}: ${is.unknown}` }];
  if (is.known === null && product === "crossSite") return [];
  if (is.known === null)
    return [
      {
        on: site,
        refused: `${name} has no Tungsten installed; wait for its TungstenCluster to become Ready`,
      },
    ];
  const all = facts.get(name, services(product));
  if ("unknown" in all) return [{ on: site, unknown: `${name}: ${all.unknown}` }];
  if (all.known === "down")
    return [
      {
        on: site,
        refused: `the ${product === "cluster" ? "" : "cross-site "}replicator of ${name} is not running; start it first`,
      },
    ];
  return all.known.flatMap((status): Objection[] => {
    const what = fault(status, limit, field);
    const service = `service ${status.service} of ${name}`;
    if (what === undefined) return [];
    return [
      typeof what === "string"
        ? { on: site, refused: `${service} ${what}` }
        : { on: site, unknown: `${service} ${what.unknown}` },
    ];
  });
}

/** `lost`: a site that nobody can ask, of which no primary is pinned; `primaryOf`: another reading of one. */
type Otherwise = {
  readonly lost?: string | undefined;
  readonly primaryOf?: (site: Site) => string | undefined;
};

/** What both freeze: primaries, policies, members, releases, and where the second product is installed. */
export function pinsOfEstate(estate: Estate, facts: Facts, otherwise: Otherwise = {}): PinsReading {
  const sole = (site: Site): string | undefined => {
    const view = viewOf(site, facts);
    return view && soleHead(view, headRole(estate, site.name));
  };
  const { primaryOf = sole, lost } = otherwise;
  const there = estate.sites.filter(({ name }) => name !== lost);
  const open = there.filter((site) => primaryOf(site) === undefined);
  if (open.length > 0)
    return { unknown: `${open.map(({ name }) => name).join(", ")} shows no single primary` };
  const crossing = dataNodes(estate).map((node) => ({
    node,
    is: facts.get(node.name, installed("crossSite")),
  }));
  const silent = there.find((site) =>
    crossing.every(({ node, is }) => siteOf(estate, node) !== site || "unknown" in is),
  );
  if (silent !== undefined) return { unknown: `no node of ${silent.name} tells what is installed` };
  const bySite = <T>(value: (site: Site) => T, sites = estate.sites) =>
    Object.fromEntries(sites.map((site) => [site.name, value(site)]));
  const second = crossing.flatMap(({ node, is }) =>
    "known" in is && is.known !== null ? [[node.site, is.known.release] as const] : [],
  );
  const policyOf = (site: Site): string => policyTold(viewOf(site, facts)) ?? "";
  const lax = there.find((site) => policyOf(site) === "");
  if (lax !== undefined) return { unknown: policyUntold(lax) };
  const active = activeSite(estate);
  return {
    pins: {
      ...(active !== undefined && { activeSite: active.name }),
      primaries: bySite((site) => primaryOf(site) ?? "", there),
      policies: bySite(policyOf, there),
      members: bySite((site) => dataNodesOf(site).map(({ name }) => name)),
      releases: bySite(({ release }) => release),
      backupNodes: {},
      installed: Object.fromEntries(second),
    },
  };
}
