/** What the conversion freezes when its plan is approved, and what it costs the sites' clients. */

import type { Estate, Site } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import { clusterView, installed } from "../tungsten/node-facts.ts";
import type { ClusterView } from "../tungsten/reading.ts";
import type { Budget, Interruption, PinsReading } from "./procedure.ts";
import { knownValue } from "./verdicts.ts";

/** Reads primaries, policies, releases and backup replicas; unknown while a site has no single ONLINE primary. */
export function readPins(estate: Estate, facts: Facts): PinsReading {
  const primaries: Record<string, string> = {};
  const policies: Record<string, string> = {};
  const backupNodes: Record<string, string> = {};
  const problems: string[] = [];
  for (const site of estate.sites) {
    const views = site.nodes
      .filter((node) => !node.witness)
      .map((node) => knownValue(facts.get(node.name, clusterView)));
    const view = views.find((candidate) => candidate !== undefined);
    const primary = view && soleMaster(view);
    const backup = view && backupReplica(site, view);
    if (view === undefined || primary === undefined || backup === undefined) {
      problems.push(`${site.name} shows no single ONLINE primary with a replica beside it`);
      continue;
    }
    primaries[site.name] = primary;
    backupNodes[site.name] = backup;
    const policy = policyTold(view);
    if (policy === undefined) problems.push(policyUntold(site));
    else policies[site.name] = policy;
  }
  if (problems.length > 0) return { unknown: problems.join("; ") };
  const installedAt = Object.fromEntries(
    estate.sites.flatMap(({ name }) => {
      const release = knownValue(facts.get(primaries[name] ?? "", installed("crossSite")))?.release;
      return release === undefined ? [] : [[name, release]];
    }),
  );
  const bySite = <T>(value: (site: Site) => T) =>
    Object.fromEntries(estate.sites.map((site) => [site.name, value(site)]));
  const members = bySite((site) => site.nodes.filter((node) => !node.witness).map((node) => node.name));
  const releases = bySite((site) => site.release);
  return { pins: { primaries, policies, backupNodes, members, releases, installed: installedAt } };
}

/** The policy that a run returns to; undefined for a word nobody knows, which is not taken for AUTOMATIC. */
export const policyTold = (view: Pick<ClusterView, "policy"> | undefined): string | undefined =>
  typeof view?.policy === "string" ? view.policy : undefined;

export const policyUntold = ({ name }: Site): string =>
  `${name} tells no policy that is known, and the run could not return to it`;

/** The one datasource with role master that is ONLINE; undefined for none or several. */
export function soleMaster(view: ClusterView): string | undefined {
  const masters = view.datasources.filter((source) => source.role === "master");
  return masters.length === 1 && masters[0]?.state === "ONLINE" ? masters[0].name : undefined;
}

/** The ONLINE replica with the highest ordinal. */
function backupReplica(site: Site, view: ClusterView): string | undefined {
  const online = site.nodes.filter((node) =>
    view.datasources.some(
      (source) => source.name === node.name && source.role === "slave" && source.state === "ONLINE",
    ),
  );
  return online.at(-1)?.name;
}

/**
 * Clients of every site notice the conversion: connectors lose their managers in step 8 (they hold, then refuse) and
 * are restarted by the update in step 9. The figure is an upper bound for a healthy run, by number of nodes.
 */
export function interruptionsOf(estate: Estate): readonly Interruption[] {
  return estate.sites.map((site) => ({
    site: site.name,
    seconds: interruptionSeconds,
    why: "connectors hold and then refuse connections while managers are stopped (steps 8 to 10), and restart in step 9",
  }));
}

/** Two updates one after the other, primaries and replicas, and what lies around them. */
const interruptionSeconds = 120 + 2 * 60;
/** Several times what a healthy run takes; a backup comes before it and does not count. */
const reducedSeconds = 3600;

/** What the conversion takes from people while it lasts. */
export const conversionBudgets: readonly Budget[] = [
  {
    id: "Failover",
    what: "no manager fails over",
    from: "StopCrossSiteReplicators",
    until: ["ReturnToAutomatic"],
    seconds: () => reducedSeconds,
  },
  {
    id: "Exchange",
    what: "the sites do not receive each other's changes",
    from: "StopCrossSiteReplicators",
    until: ["Validate", "RevertValidate"],
    seconds: () => reducedSeconds,
  },
  {
    id: "Clients",
    what: "connectors run without managers, and hold or refuse clients",
    from: "StopManagers",
    until: ["StartManagers", "RevertManagers"],
    seconds: () => interruptionSeconds,
  },
];
