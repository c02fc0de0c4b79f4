/** How a site stands by the facts of its nodes: topology, primary, policy, every node's state. Unknown stays unknown. */

import type { Estate, Node, Site } from "../topology/estate.ts";
import { generatedService } from "../topology/names.ts";
import type { AccountsState } from "../tungsten/accounts.ts";
import type { Facts, Known } from "../tungsten/facts.ts";
import type { DataserverState, InstalledProduct } from "../tungsten/node.ts";
import {
  accountsState,
  dataserver,
  holds,
  installed,
  pod,
  replicatorProcess,
  services,
} from "../tungsten/node-facts.ts";
import type { ReplicatorStatus } from "../tungsten/reading.ts";
import { errorInWords } from "../tungsten/replicator-errors.ts";
import { sha256Of } from "./checksum.ts";
import { type ConnectorView, connectorViews } from "./connector-view.ts";
import { type Drift, driftOf, sinceWhen, unreadNodes } from "./drift.ts";
import { driftDuring, runningHere } from "./drift-during-run.ts";
import { type Namespace, readPods } from "./estate-reader.ts";
import { onlyNodes, withFacts } from "./gather.ts";
import { lagInWords, type Reader, seqnoOf } from "./lag.ts";
import { lentFor } from "./request-planning.ts";
import { arrivalsOf, serviceRows } from "./service-rows.ts";
import type { KubeObject, PodRef } from "./shell.ts";
import { outOfComposite, ruling, sitesOutOf, topologyOf } from "./site-topology.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

export type NodeView = {
  readonly node: Node;
  /** undefined: cannot be read; null: not installed. */
  readonly cluster: InstalledProduct | null | undefined;
  readonly crossSite: InstalledProduct | null | undefined;
  readonly local: ReplicatorStatus | undefined;
  readonly incoming: readonly ReplicatorStatus[];
  /** What its database was started with; undefined: cannot be read. */
  readonly dataserver: DataserverState | undefined;
  /** From what its pod was made; null: it does not say; undefined: cannot be read. */
  readonly template: string | null | undefined;
  /** What its database and connector know of the mounted Secret; undefined: cannot be read, or nothing calls for it. */
  readonly accounts: AccountsState | undefined;
  /** Whether a hold keeps the second product from starting; undefined: cannot be read. */
  readonly held: boolean | undefined;
  /** Why its installed second product tells no services; undefined: it tells them, or is not installed. */
  readonly unheard: string | undefined;
  readonly reason: string | undefined;
};

export type SiteView = {
  readonly pods: ReadonlyMap<string, PodRef>;
  readonly nodes: readonly NodeView[];
  readonly connectors: readonly ConnectorView[];
  readonly topology: string;
  readonly primary: string | undefined;
  /** That head node relays another site's writes. */
  readonly relays: boolean;
  /** As a coordinator tells it; undefined while none does. */
  readonly policy: string | undefined;
  /** Members of an active/passive composite that its managers hold for failed or shunned; undefined while none tells. */
  readonly sitesOut: readonly string[] | undefined;
  /** UID of the request that holds the site; empty when none does, or when that one is over. */
  readonly holder: string;
  /** A service that an error has stopped, with event, kind and remedy. */
  readonly error: string | undefined;
  /** What keeps the site from being Ready, if anything. */
  readonly trouble: string | undefined;
  /** What somebody changed by hand; while a conversion holds the site, what is not the run's. */
  readonly drift: readonly Drift[];
  /** Nodes of which nobody can say. */
  readonly unread: readonly string[];
  readonly status: object;
};

export async function viewOf({
  shell,
  object,
  estate,
  site,
  holder,
  namespace,
  spec,
  secret,
}: ClusterPass): Promise<SiteView> {
  const pods = await readPods(shell.objects, estate.namespace);
  const data = site.nodes.filter((node) => !node.witness);
  const around = onlyNodes(pods);
  const run = await runningHere(shell, estate, site, holder);
  // What a walk of the site's own publishes is on the nodes before tpm has run with it.
  const walks = object.status?.ledger?.phase === "Running";
  const {
    nodes,
    policy,
    primary,
    relays,
    changed,
    unread,
    services: rows,
    topology,
    out,
    sitesOut,
    connectors,
  } = await withFacts(shell, around, (facts) => {
    const ruled = ruling(data, facts);
    const keeps = secret.names.length > 0 || object.status?.accounts !== undefined;
    const seen = data
      .map((node) => nodeView(estate, site, node, facts))
      .map((each) => ({
        ...each,
        accounts: keeps || isBehind(each, secret.ini) ? accountsOf(each, facts) : undefined,
      }));
    const quiet = holder === "" && !walks ? driftOf(estate, site, ruled.primary, facts, ruled.relays) : [];
    const changed = run === undefined ? quiet : driftDuring(estate, site, run, ruled.primary, facts);
    const told = serviceRows(site, seen, arrivalsOf(estate, seen, facts));
    const topology = topologyOf({
      estate,
      site,
      nodes: seen,
      facts,
      textKnown: textKnown(object, estate, namespace, ruled.primary),
    });
    const out = outOfComposite({ estate, site, nodes: seen, facts });
    return {
      nodes: seen,
      ...ruled,
      changed,
      unread: unreadNodes(site, facts),
      services: told,
      topology,
      out,
      sitesOut: sitesOutOf({ estate, nodes: seen, facts }),
      connectors: connectorViews(site, pods, facts),
    };
  });
  const drift = sinceWhen(changed, object.status?.drift ?? [], shell.clock.now());
  const relied = reliedOn(estate, site, nodes);
  const error = errorOf(relied);
  const trouble = error ?? troubleOf(relied, primary, holder) ?? out;
  shell.meters.servicesSeen(estate.namespace, site.name, rows);
  const status = {
    siteNumber: site.number,
    topology,
    ...(primary !== undefined && { primary }),
    ...(policy !== undefined && { policy }),
    ...(sitesOut !== undefined && { sitesOut }),
    nodesReady: `${nodes.filter(({ local }) => local?.state === "ONLINE").length}/${Math.max(data.length, spec.nodes)}`,
    lag: lagInWords(readersOf(site, estate, nodes, primary, namespace)),
    nodes: nodes.map(nodeStatus(primary, out !== undefined ? "shunned" : relays ? "relay" : "primary")),
    services: rows,
    runningProcedure: holder,
    drift,
  };
  return {
    ...{ pods, nodes, connectors, topology, primary, relays, policy, sitesOut, holder },
    ...{ error, trouble, drift, unread, status },
  };
}

/** tpm ran here with passwords of another version of the Secret. */
export const isBehind = (
  { cluster, crossSite }: Pick<NodeView, "cluster" | "crossSite">,
  version: string | undefined,
): boolean => [cluster, crossSite].some((is) => is != null && (is.secret ?? undefined) !== version);

function accountsOf({ node }: Pick<NodeView, "node">, facts: Facts): AccountsState | undefined {
  const told = facts.get(node.name, accountsState);
  return "known" in told ? told.known : undefined;
}

function nodeView(estate: Estate, site: Site, node: Node, facts: Facts): Omit<NodeView, "accounts"> {
  const cluster = facts.get(node.name, installed("cluster"));
  const crossSite = facts.get(node.name, installed("crossSite"));
  const local = facts.get(node.name, services("cluster"));
  const remote = facts.get(node.name, services("crossSite"));
  facts.get(node.name, replicatorProcess("cluster"));
  const held = facts.get(node.name, holds);
  const server = facts.get(node.name, dataserver);
  const made = facts.get(node.name, pod);
  const own = "known" in local && local.known !== "down" ? local.known : [];
  const other = "known" in remote && remote.known !== "down" ? remote.known : [];
  const generated = estate.sites
    .filter(({ name }) => name !== site.name)
    .map((source) => generatedService(site, source));
  return {
    node,
    cluster: "known" in cluster ? cluster.known : undefined,
    crossSite: "known" in crossSite ? crossSite.known : undefined,
    local: own.find(({ service }) => service === site.dataservice),
    incoming: [...own.filter(({ service }) => generated.includes(service)), ...other],
    dataserver: "known" in server ? server.known : undefined,
    template: "known" in made ? made.known.template : undefined,
    held: "known" in held ? held.known.includes("crossSite") : undefined,
    unheard: unheardOf(node, crossSite, remote),
    reason: "unknown" in cluster ? cluster.unknown : undefined,
  };
}

/** No services told are not no services: a replicator that is down applies nothing of other sites. */
function unheardOf(
  { name }: Node,
  product: Known<InstalledProduct | null>,
  told: Known<readonly ReplicatorStatus[] | "down">,
): string | undefined {
  if ("unknown" in product) return `the cross-site replicator of ${name} cannot be read: ${product.unknown}`;
  if (product.known === null) return undefined;
  if ("unknown" in told) return `the cross-site replicator of ${name} cannot be read: ${told.unknown}`;
  return told.known === "down"
    ? `the cross-site replicator of ${name} does not run: nothing of other sites arrives there`
    : undefined;
}

/** Services of links and members that leave, and that a human has given up, keep nobody waiting. */
function reliedOn(estate: Estate, site: Site, nodes: readonly NodeView[]): readonly NodeView[] {
  const { links, sites, composite } = estate;
  const leavers = composite?.leaving?.awaits === false ? composite.leaving.members : [];
  const abandoned = [
    ...links
      .filter(({ target, leaving }) => target === site.name && leaving?.awaits === false)
      .map(({ source }) => sites.find(({ name }) => name === source)?.dataservice),
    ...sites
      .filter(({ name }) => name !== site.name && (leavers.includes(name) || leavers.includes(site.name)))
      .map((source) => generatedService(site, source)),
  ];
  if (abandoned.length === 0) return nodes;
  return nodes.map((each) => ({
    ...each,
    incoming: each.incoming.filter(({ service }) => !abandoned.includes(service)),
  }));
}

const errorOf = (nodes: readonly NodeView[]): string | undefined =>
  nodes
    .flatMap(({ node, local, incoming }) =>
      [local, ...incoming].map((status) => status && errorInWords(status, node.name)),
    )
    .find((words) => words !== undefined);

function troubleOf(
  nodes: readonly NodeView[],
  primary: string | undefined,
  holder: string,
): string | undefined {
  for (const { node, local, incoming, reason } of nodes) {
    if (reason !== undefined) return `${node.name} cannot be read: ${reason}`;
    const bare = holder === "" ? bareBeside(node, nodes) : undefined;
    if (bare !== undefined) return bare;
    for (const status of [local, ...incoming]) {
      if (status === undefined) return `${node.name} does not run its cluster service`;
      if (status.state !== "ONLINE")
        return `service ${status.service} of ${node.name} is ${typeof status.state === "string" ? status.state : "in an unknown state"}`;
    }
  }
  const held = holder === "" ? nodes.find((each) => each.held === true) : undefined;
  if (held !== undefined)
    return `${held.node.name} still holds its cross-site replicator for a run that is gone; find out what it left half-way, then remove /opt/tungsten-operator/holds/crossSite there`;
  const unheard = nodes.find((each) => each.unheard !== undefined)?.unheard;
  return unheard ?? (primary === undefined ? "no coordinator tells a primary" : undefined);
}

/** A node that lacks what its neighbours have. Nobody but a human knows which of them holds the data. */
function bareBeside(node: Node, nodes: readonly NodeView[]): string | undefined {
  for (const [product, title] of [
    ["cluster", "Tungsten"],
    ["crossSite", "cross-site replicator"],
  ] as const) {
    const full = nodes.find((each) => each[product] != null);
    if (full === undefined || nodes.find((each) => each.node === node)?.[product] !== null) continue;
    const empty = product === "cluster" && nodes.find((each) => each.node === node)?.crossSite === null;
    const way = empty
      ? "condition NodesInService says how it is made anew"
      : "install it and provision it from another node by hand";
    return `${node.name} has no ${title} and ${full.node.name} has: its volume was lost or it was added; ${way}`;
  }
  return undefined;
}

/** Every service of every node with where its source stands. */
function readersOf(
  site: Site,
  estate: Estate,
  nodes: readonly NodeView[],
  primary: string | undefined,
  { clusters }: Namespace,
): readonly Reader[] {
  const own = nodes.find(({ node }) => node.name === primary)?.local?.appliedSeqno ?? undefined;
  const sourceOf = ({ service }: ReplicatorStatus): Site | undefined =>
    estate.sites.find(
      (source) => service === source.dataservice || service === generatedService(site, source),
    );
  return nodes.flatMap(({ local, incoming }) => [
    { status: local, sourceSeqno: own },
    ...incoming.map((status) => ({
      status,
      sourceSeqno: seqnoOf(clusters.get(sourceOf(status)?.name ?? "")),
    })),
  ]);
}

/** Checksums of the composite's text: for the primaries that sites tell, or would begin with, and as it was last seen to be run. */
function textKnown(
  { metadata, status }: KubeObject,
  estate: Estate,
  { clusters }: Namespace,
  primary: string | undefined,
): (sha256: string | null) => boolean {
  const told = (name: string): unknown =>
    name === metadata.name ? primary : clusters.get(name)?.status?.primary;
  const primaries = Object.fromEntries(
    estate.sites.flatMap(({ name }) => {
      const live = told(name);
      return typeof live === "string" && live !== "" ? [[name, live]] : [];
    }),
  );
  const recorded = status?.configuration?.topology === "MSAA" ? undefined : status?.configuration?.sha256;
  return (sha256) =>
    sha256 !== null &&
    (sha256 === recorded || sha256 === sha256Of(lentFor(estate).renderIni("CAA", primaries)));
}

const nodeStatus =
  (primary: string | undefined, role: "primary" | "relay" | "shunned") =>
  ({ node, local, cluster }: NodeView) => ({
    name: node.name,
    role: node.name === primary ? role : "replica",
    state: typeof local?.state === "string" ? local.state : "Unknown",
    ...(local?.appliedSeqno != null && { seqno: local.appliedSeqno }),
    ...(local?.appliedLatencySeconds != null && { latencySeconds: local.appliedLatencySeconds }),
    ...(cluster != null && {
      release: cluster.release,
      ...(cluster.ini !== null && { iniChecksum: cluster.ini }),
    }),
  });
