/**
 * A site's managers: reports of nodes, the coordinator, policies, recovery of what is offline, failover after 20 to 30
 * seconds. A connector that loses its manager holds new connections, then refuses them (tungsten-cli §2, §3).
 */
import { type Ambient, emit } from "./model.ts";
import { ask, type Steps } from "./outside.ts";
import { askOffline, extractedUpTo, fail, goOnline, logOf } from "./replicator.ts";
import type { Cluster, Node, NodeReport, Order, Relayed } from "./state.ts";
import { roleOf, takesNoWrites } from "./upstreams.ts";

const resumeAfterMs = 10_000;
const failoverAfterMs = 25_000;
const refuseAfterMs = 30_000;

/** What a node tells about itself. */
export function* reportOf(ambient: Ambient, node: Node): Steps<NodeReport> {
  const { cluster } = node;
  const database = yield* ask("databaseUp");
  const tables = database ? yield* ask("tracking", `tungsten_${cluster.dataservice}`) : undefined;
  const log = logOf({ product: "cluster", name: cluster.dataservice });
  const newest = (yield* ask("thlEnds", log))?.last;
  const services = [...(node.replicators.cluster?.services.values() ?? [])];
  return {
    host: node.name,
    manager: node.manager.running,
    connector: node.connector.running,
    closed: node.connector.closed === true,
    database,
    seqno: tables === undefined || tables === "empty" ? -1 : (tables.commit?.seqno ?? -1),
    latency: newest === undefined ? -1 : (newest.at - newest.writtenAt) / 1000,
    connections: { ...node.connections },
    services: services.map(({ name, state, since }) => ({ name, state, forMs: ambient.now - since })),
    secured: node.volume.installed.cluster?.secured === true,
    composite: node.volume.installed.cluster?.composite?.members.includes(cluster.dataservice) === true,
    passive: cluster.relaySource !== undefined,
    compositeOut: { ...cluster.compositeOut },
    policy: cluster.policy,
    primary: cluster.primary,
  };
}

/** The members of a dataservice, each with its report if it can be reached. */
export function* reportsOf(
  node: Node,
  dataservice: string,
): Steps<readonly { readonly host: string; readonly report: NodeReport | undefined }[]> {
  const hosts = node.volume.installed.cluster?.members[dataservice] ?? [];
  const told: { host: string; report: NodeReport | undefined }[] = [];
  for (const host of hosts) told.push({ host, report: yield* ask("report", host) });
  return told;
}

/** Hosts of its own dataservice that run only a connector, each with its report if it can be reached. */
export function* connectorReportsOf(node: Node): Steps<Reports> {
  const hosts = node.volume.installed.cluster?.connectors?.[node.cluster.dataservice] ?? [];
  const told: { host: string; report: NodeReport | undefined }[] = [];
  for (const host of hosts) told.push({ host, report: yield* ask("report", host) });
  return told;
}

export type Reports = readonly { readonly host: string; readonly report: NodeReport | undefined }[];

/** The coordinator is the first manager that runs. */
export const coordinatorIn = (reports: Reports): string | undefined =>
  reports.find(({ report }) => report?.manager === true)?.host;

/** Under AUTOMATIC the coordinator brings offline services back and fails over; otherwise managers only look on. */
export function* supervise(ambient: Ambient, node: Node): Steps<void> {
  const { cluster } = node;
  if (!node.manager.running || cluster.policy !== "AUTOMATIC") {
    cluster.faultSince = null;
    return;
  }
  const reports = yield* reportsOf(node, cluster.dataservice);
  if (coordinatorIn(reports) !== node.name) return;
  for (const { host, report } of reports)
    if (report?.manager === true && report.database && cluster.out?.[host] === undefined)
      for (const { name, state, forMs } of report.services)
        if (state.startsWith("OFFLINE") && forMs > resumeAfterMs)
          yield* ask("order", host, { do: "online", service: name });
  if (reports.find(({ host }) => host === cluster.primary)?.report?.database === true) {
    cluster.faultSince = null;
    return;
  }
  cluster.faultSince ??= ambient.now;
  if (ambient.now - cluster.faultSince >= failoverAfterMs) yield* failOver(ambient, node);
}

/** Promotes the most advanced replica, or the named one; the old primary's datasource is shunned. */
export function* failOver(ambient: Ambient, node: Node, wanted?: string): Steps<void> {
  const { cluster } = node;
  const reports = yield* reportsOf(node, cluster.dataservice);
  const seqno = ({ report }: Reports[number]) => report?.seqno ?? -1;
  const [next] = reports
    .filter(({ host, report }) => host !== cluster.primary && report?.database === true)
    .filter(({ host }) => cluster.out?.[host] === undefined)
    .filter(({ host }) => wanted === undefined || host === wanted)
    .sort((a, b) => seqno(b) - seqno(a));
  if (next === undefined) return;
  const before = cluster.primary;
  emit(ambient, { kind: "primary", site: cluster.dataservice, from: before, to: next.host });
  cluster.primary = next.host;
  cluster.shunned.add(before);
  cluster.shunned.delete(next.host);
  cluster.faultSince = null;
  yield* ask("publish");
  for (const { host } of reports) yield* ask("order", host, { do: "role", primary: next.host });
  yield* tellRelays(node);
}

/** The active site's managers tell every passive site's which node takes the writes now ([inferred]). */
export function* tellRelays(node: Node): Steps<void> {
  const { dataservice, primary, relaySource } = node.cluster;
  const { composite } = node.volume.installed.cluster ?? {};
  if (relaySource !== undefined || composite == null || composite.multiMaster) return;
  for (const member of composite.members.filter((name) => name !== dataservice))
    for (const { host, report } of yield* reportsOf(node, member))
      if (report?.passive === true)
        yield* ask("order", host, { do: "source", relays: { source: dataservice, from: primary } });
}

/** Sets the policy of the data service, and lets the other managers know. */
export function* setPolicy(ambient: Ambient, node: Node, policy: Cluster["policy"]): Steps<void> {
  node.cluster.policy = policy;
  emit(ambient, { kind: "policy", site: node.cluster.dataservice, policy });
  yield* ask("publish");
}

/** A node does what a manager tells it. */
export function* obey(ambient: Ambient, node: Node, order: Order): Steps<void> {
  const services = node.replicators.cluster?.services;
  if (order.do === "online") {
    const service = services?.get(order.service);
    if (service?.state.startsWith("OFFLINE") === true) goOnline(ambient, node, service, {});
    return;
  }
  if (order.do === "fence") {
    yield* ask("setReadOnly", true);
    // Whose sessions are purged is [inferred]: the second product's applier may be among them.
    for (const applier of order.sessions ? (node.replicators.crossSite?.services.values() ?? []) : [])
      if (applier.state === "ONLINE") fail(ambient, node, applier, "Connection was killed");
    return;
  }
  if (order.do === "composite" || order.do === "policy" || order.do === "source")
    return yield* obeyComposite(ambient, node, order);
  if (order.do !== "role") return yield* obeyByHand(ambient, node, order);
  if (order.relays !== undefined) {
    setRelayed(node.cluster, order.relays);
    yield* ask("publish");
  }
  node.cluster.primary = order.primary;
  const service = services?.get(node.cluster.dataservice);
  if (service !== undefined) {
    yield* ask("still", service);
    // A primary to be knows where its own writes begin before it takes any.
    if (!takesNoWrites(node)) service.extracted = yield* extractedUpTo(node, service);
  }
  yield* ask("setReadOnly", takesNoWrites(node));
  if (service !== undefined && (yield* ask("databaseUp"))) goOnline(ambient, node, service, {});
}

function setRelayed(cluster: Cluster, relays: Relayed | null): void {
  delete cluster.relaySource;
  delete cluster.relayFrom;
  if (relays !== null) Object.assign(cluster, { relaySource: relays.source, relayFrom: relays.from });
}

/** What the managers of another site of the composite tell this one's. */
function* obeyComposite(
  ambient: Ambient,
  node: Node,
  order: Extract<Order, { do: "composite" | "policy" | "source" }>,
): Steps<void> {
  const { cluster } = node;
  if (order.do === "policy") {
    if (cluster.policy !== order.policy) yield* setPolicy(ambient, node, order.policy);
    return;
  }
  if (order.do === "composite") {
    cluster.compositeOut = { ...order.out };
    return yield* ask("publish");
  }
  setRelayed(cluster, order.relays);
  yield* ask("publish");
  const service = node.replicators.cluster?.services.get(cluster.dataservice);
  if (service === undefined || roleOf(service, node) !== "relay" || service.state !== "ONLINE") return;
  yield* ask("still", service);
  goOnline(ambient, node, service, {});
}

/** What somebody at cctrl wanted of this node. */
function* obeyByHand(
  ambient: Ambient,
  node: Node,
  order: Extract<Order, { do: "router" | "replicator" | "recover" }>,
): Steps<void> {
  if (order.do === "router") {
    if (!node.connector.running) return;
    node.connector = { ...node.connector, closed: order.closed };
    emit(ambient, { kind: "router", host: node.name, closed: order.closed });
    return;
  }
  const name = order.do === "recover" ? node.cluster.dataservice : order.service;
  if (order.do === "recover") {
    if ((yield* ask("startDatabase")) !== null) return;
    yield* ask("setReadOnly", takesNoWrites(node));
  }
  const service = node.replicators.cluster?.services.get(name);
  if (service === undefined) return;
  yield* ask("still", service);
  if (order.do === "replicator" && !order.online) askOffline(ambient, node, service, false);
  else if (service.state.startsWith("OFFLINE") && (yield* ask("databaseUp")))
    goOnline(ambient, node, service, {});
}

export function* setManager(ambient: Ambient, node: Node, running: boolean): Steps<void> {
  if (node.manager.running === running) return;
  node.manager = { running, since: ambient.now };
  if (running) {
    yield* reportsOf(node, node.cluster.dataservice);
    yield* hearOthers(node);
    yield* ask("setReadOnly", takesNoWrites(node));
  }
  emit(ambient, { kind: "process", host: node.name, what: "manager", verb: running ? "start" : "stop" });
}

/** A manager that comes back learns from the other sites whether its own was failed meanwhile ([inferred]). */
function* hearOthers(node: Node): Steps<void> {
  const { dataservice } = node.cluster;
  const { composite } = node.volume.installed.cluster ?? {};
  if (composite == null || composite.multiMaster) return;
  for (const member of composite.members.filter((name) => name !== dataservice))
    for (const { report } of yield* reportsOf(node, member))
      if (report?.compositeOut[dataservice] !== undefined) node.cluster.compositeOut = report.compositeOut;
}

export function setConnector(ambient: Ambient, node: Node, running: boolean): void {
  if (node.connector.running === running) return;
  node.connector = { running, since: ambient.now };
  emit(ambient, { kind: "process", host: node.name, what: "connector", verb: running ? "start" : "stop" });
}

/** What becomes of a new connection; `goneSince`: when the last manager in reach went away. */
export function admission(
  now: number,
  connector: Node["connector"],
  goneSince: number | null,
): "open" | "held" | "refused" {
  if (!connector.running || connector.closed === true || now < connector.since) return "refused";
  if (goneSince === null) return "open";
  return now - goneSince > refuseAfterMs ? "refused" : "held";
}
