/** What a reset freezes when its plan is approved: primaries, donor, policies, and the installed topology; and what it costs. */
import { dataNodes, type Estate, type Site, siteNamed } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import { clusterView, installed } from "../tungsten/node-facts.ts";
import type { ClusterView } from "../tungsten/reading.ts";
import { policyTold, policyUntold, soleMaster } from "./conversion-pins.ts";
import type { Budget, Interruption, PinsReading } from "./procedure.ts";
import type { ResetParameters } from "./reset-scopes.ts";
import { knownValue } from "./verdicts.ts";

export type Topology = "MSAA" | "CAA" | "MSMM";

export const topologyWords: Readonly<Record<Topology, string>> = {
  MSAA: "Multi-Site/Active-Active, release 6 or later",
  CAA: "Composite Active/Active",
  MSMM: "the multi-site topology of releases before 6",
};

/** The installed topology by every node's word; a sentence while it is unknown, or is none of them. */
export function topologyOf(
  estate: Estate,
  facts: Facts,
): Topology | { readonly unknown: string } | { readonly refused: string } {
  const kinds = new Map<Topology, string>();
  let open: string | undefined;
  for (const node of dataNodes(estate)) {
    const [cluster, crossSite] = [
      facts.get(node.name, installed("cluster")),
      facts.get(node.name, installed("crossSite")),
    ];
    if ("unknown" in cluster || "unknown" in crossSite) {
      open ??= `${node.name}: ${"unknown" in cluster ? cluster.unknown : "unknown" in crossSite ? crossSite.unknown : ""}`;
      continue;
    }
    if (cluster.known === null)
      return { refused: `${node.name} has no Tungsten installed under /opt/continuent; install it first` };
    const composite = cluster.known.services.some((name) => name.includes("_from_"));
    if (!composite && crossSite.known === null && estate.composite?.type === "ActivePassive")
      return {
        refused: `CompositeService ${estate.composite.name} is ActivePassive, and no reset of the vendor's is about such a site: provision its nodes from the active site's with tprovision, the relay first`,
      };
    if (composite === (crossSite.known !== null))
      return {
        refused: composite
          ? `${node.name} has cross-site services of both products, as a conversion leaves it half-way; finish that first`
          : `${node.name} reads no other site: this is neither Multi-Site nor Composite Active/Active`,
      };
    const old = Number(cluster.known.release.split(".")[0]) < 6;
    kinds.set(composite ? "CAA" : old ? "MSMM" : "MSAA", node.name);
  }
  if (open !== undefined) return { unknown: open };
  const [kind, other] = [...kinds];
  if (other !== undefined && kind !== undefined)
    return {
      refused: `${kind[1]} is installed as ${kind[0]} and ${other[1]} as ${other[0]}; bring all nodes to one`,
    };
  return kind?.[0] ?? { unknown: "no node was asked" };
}

export const viewOf = (site: Site, facts: Facts): ClusterView | undefined => {
  const views = site.nodes
    .filter((node) => !node.witness)
    .map((node) => knownValue(facts.get(node.name, clusterView)));
  return views.find((view) => view !== undefined);
};

/** The failed site's primary may be in any state; it is the one its managers call master. */
export const masterOf = (view: ClusterView): string | undefined => {
  const masters = view.datasources.filter(({ role }) => role === "master");
  const standing = masters.filter(({ state }) => !state.startsWith("SHUNNED"));
  const [only, second] = standing.length > 0 ? standing : masters;
  return second === undefined ? only?.name : undefined;
};

/** The donor asked for, or the last ONLINE replica of the definitive site. */
export function donorOf(
  { definitiveSite, donor }: ResetParameters,
  estate: Estate,
  view: ClusterView,
): string | undefined {
  if (donor !== "") return donor;
  const online = siteNamed(estate, definitiveSite).nodes.filter((node) =>
    view.datasources.some(
      ({ name, role, state }) => name === node.name && role === "slave" && state === "ONLINE",
    ),
  );
  return online.at(-1)?.name;
}

export const readResetPins =
  (parameters: ResetParameters) =>
  (estate: Estate, facts: Facts): PinsReading => {
    const { failedSite, definitiveSite } = parameters;
    const topology = topologyOf(estate, facts);
    const primaries: Record<string, string> = {};
    const policies: Record<string, string> = {};
    const backupNodes: Record<string, string> = {};
    const problems: string[] =
      typeof topology === "string" ? [] : ["the installed topology is not known yet"];
    for (const site of estate.sites) {
      const view = viewOf(site, facts);
      const primary = view && (site.name === failedSite ? masterOf(view) : soleMaster(view));
      const donor = view && site.name === definitiveSite ? donorOf(parameters, estate, view) : "";
      if (view === undefined || primary === undefined || donor === undefined) {
        problems.push(
          `${site.name} shows no single primary${donor === undefined ? " with an ONLINE replica beside it" : ""}`,
        );
        continue;
      }
      primaries[site.name] = primary;
      if (donor !== "") backupNodes[site.name] = donor;
      const policy = policyTold(view);
      if (policy === undefined) problems.push(policyUntold(site));
      else policies[site.name] = policy;
    }
    if (problems.length > 0 || typeof topology !== "string") return { unknown: problems.join("; ") };
    const bySite = <T>(value: (site: Site) => T) =>
      Object.fromEntries(estate.sites.map((site) => [site.name, value(site)]));
    const members = bySite((site) => site.nodes.filter((node) => !node.witness).map((node) => node.name));
    return {
      pins: {
        primaries,
        policies,
        backupNodes,
        members,
        releases: bySite(({ release }) => release),
        topology,
      },
    };
  };

/** The failed site serves nobody from the second step to the one before the last; the others notice nothing. */
export const resetInterruptions =
  ({ failedSite }: ResetParameters, span: string) =>
  (estate: Estate): readonly Interruption[] =>
    estate.sites.map(({ name }) =>
      name === failedSite
        ? {
            site: name,
            seconds: 4 * 3600,
            why: `its connectors are offline ${span}, for as long as the copies take`,
          }
        : { site: name, seconds: 0, why: "nothing of what its clients use is stopped" },
    );

export const failoverBudget: Budget = {
  id: "Failover",
  what: "no manager fails over",
  from: "EnterMaintenance",
  until: ["ReturnToAutomatic"],
  seconds: () => 6 * 3600,
};

export const resetBudgets: readonly Budget[] = [
  failoverBudget,
  {
    id: "Redundancy",
    what: "the definitive site is without its donor",
    from: "TakeDonorOut",
    until: ["GiveDonorBack"],
    seconds: () => 3 * 3600,
  },
];
