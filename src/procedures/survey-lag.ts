/** Has replication caught up with a reading? Told by positions alone, so that comparing data writes nothing anywhere. */
import type { Comparison } from "../crds/survey.ts";
import type { Estate, Site } from "../topology/estate.ts";
import { isPassive, siteNamed } from "../topology/estate.ts";
import { generatedService } from "../topology/names.ts";
import type { Facts, Known } from "../tungsten/facts.ts";
import { services } from "../tungsten/node-facts.ts";
import type { ReplicatorStatus } from "../tungsten/reading.ts";

export type Lag =
  | { readonly is: "unknown"; readonly why: string }
  | { readonly is: "wanted"; readonly wanted: Readonly<Record<string, number>> }
  /** Nodes that are not there yet, with the reason. */
  | { readonly is: "behind"; readonly nodes: ReadonlyMap<string, string> };

type Where = {
  readonly estate: Estate;
  readonly facts: Facts;
  /** Site → its primary. */
  readonly primaries: Readonly<Record<string, string>>;
};

/**
 * The seqno of each site that covers everything its primary had committed at the time of the reading. A source counts
 * when its own service is ONLINE and lags by less than the time that has passed since; an idle one lags by nothing.
 */
export function positionsCovering(readAt: number, where: Where): Lag {
  const wanted: Record<string, number> = {};
  const waits: string[] = [];
  for (const site of where.estate.sites.filter(({ name }) => !isPassive(where.estate, name))) {
    const primary = where.primaries[site.name] ?? "";
    const fact = where.facts.get(primary, services("cluster"));
    const status = serviceIn(fact, site.dataservice);
    if (typeof status === "string" || !("known" in fact)) {
      waits.push(`${primary}: ${String(status)}`);
      continue;
    }
    const { appliedSeqno, appliedLatencySeconds } = status;
    const passed = (fact.at - readAt) / 1000;
    if (status.state !== "ONLINE" || appliedSeqno === null)
      waits.push(`service ${site.dataservice} of ${primary} is not ONLINE`);
    else if (appliedLatencySeconds === null || appliedLatencySeconds >= passed)
      waits.push(`${primary} has not written all of its log yet`);
    else wanted[site.name] = appliedSeqno;
  }
  return waits.length > 0 ? { is: "unknown", why: waits.join("; ") } : { is: "wanted", wanted };
}

/** Which of these nodes have not applied what is wanted of every site. */
export function nodesBehind(
  names: readonly string[],
  wanted: NonNullable<Comparison["wanted"]>,
  where: Where,
): Lag {
  const behind = new Map<string, string>();
  for (const site of where.estate.sites)
    for (const node of site.nodes.filter(({ name }) => names.includes(name)))
      for (const [source, seqno] of Object.entries(wanted)) {
        if (source === site.name && where.primaries[site.name] === node.name) continue;
        // A relay and its replicas carry the active site's numbers under their own site's service.
        const by = isPassive(where.estate, site.name) ? site : siteNamed(where.estate, source);
        const why = notYet(node.name, site, by, seqno, where.facts);
        if (why !== undefined && !behind.has(node.name)) behind.set(node.name, why);
      }
  return { is: "behind", nodes: behind };
}

function notYet(node: string, site: Site, source: Site, seqno: number, facts: Facts): string | undefined {
  const status = applying(node, site, source, facts);
  if (typeof status === "string") return status;
  if (status.appliedSeqno !== null && status.appliedSeqno >= seqno) return undefined;
  return `service ${status.service} of ${node} stands at ${status.appliedSeqno ?? "no position"}, wanted is ${seqno}`;
}

/** The service by which a node gets a site's rows: its own cluster's, a composite's, or the second product's. */
function applying(node: string, site: Site, source: Site, facts: Facts): ReplicatorStatus | string {
  const cluster = facts.get(node, services("cluster"));
  if (source.name === site.name) return serviceIn(cluster, source.dataservice);
  const composite = serviceIn(cluster, generatedService(site, source));
  if (typeof composite !== "string") return composite;
  return serviceIn(facts.get(node, services("crossSite")), source.dataservice);
}

function serviceIn(
  fact: Known<readonly ReplicatorStatus[] | "down">,
  name: string,
): ReplicatorStatus | string {
  if ("unknown" in fact) return fact.unknown;
  if (fact.known === "down") return "its replicator is down";
  return fact.known.find(({ service }) => service === name) ?? `there is no service ${name}`;
}
