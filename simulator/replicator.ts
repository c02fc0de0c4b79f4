/**
 * Replication services: transitions, handshake, extraction and apply, with the behaviour that was observed
 * (tungsten-observed §3.2 and §5, tungsten-observed-conversion §3 to §5): armed requests lost on restart, error text one
 * poll late, an empty log that accepts anybody, positions that come from the log on disk first.
 */
import { type Ambient, emit } from "./model.ts";
import { ask, type Standing, type Steps } from "./outside.ts";
import {
  type Commit,
  heartbeatIn,
  type Installed,
  type Node,
  type ProductName,
  type Service,
  type ServiceState,
  type ThlEvent,
  type Upstream,
  type Welcome,
} from "./state.ts";
import { isLocal, roleOf, upstreamsOf } from "./upstreams.ts";

/** Name of a service's log of transactions on its node. */
export const logOf = (service: { readonly product: ProductName; readonly name: string }): string =>
  `${service.product}/${service.name}`;

export function turn(ambient: Ambient, node: Node, service: Service, to: ServiceState): void {
  if (service.state === to) return;
  emit(ambient, {
    kind: "state",
    host: node.name,
    product: service.product,
    service: service.name,
    from: service.state,
    to,
  });
  service.state = to;
  service.since = ambient.now;
}

/** Starts a product's replicator with the services tpm configured; they go online by themselves unless told not to. */
export function startReplicator(ambient: Ambient, node: Node, product: ProductName, offline = false): void {
  const installed = node.volume.installed[product];
  if (installed === undefined || node.replicators[product] !== undefined) return;
  const services = new Map(
    installed.services.map((service) => [service.name, newService(ambient, product, service)]),
  );
  node.replicators[product] = { pid: ambient.newPid(), startedAt: ambient.now, services };
  emit(ambient, { kind: "process", host: node.name, what: `${product} replicator`, verb: "start" });
  if (offline) return;
  for (const service of services.values())
    if (service.properties[autoEnable] !== "false") goOnline(ambient, node, service, {});
}

/** What `auto-enable` becomes in a service's configuration. */
export const autoEnable = "replicator.auto_enable";

/** One more service of a running process: trepctl's `load`. */
export function addService(ambient: Ambient, node: Node, product: ProductName, configured: Configured): void {
  const service = newService(ambient, product, configured);
  node.replicators[product]?.services.set(service.name, service);
  goOnline(ambient, node, service, {});
}

/** Waits for steps under way, so that nothing is applied once it is down. */
export function* stopReplicator(ambient: Ambient, node: Node, product: ProductName): Steps<void> {
  for (const service of node.replicators[product]?.services.values() ?? []) yield* ask("still", service);
  killReplicator(ambient, node, product);
}

export function killReplicator(ambient: Ambient, node: Node, product: ProductName): void {
  if (node.replicators[product] === undefined) return;
  delete node.replicators[product];
  emit(ambient, { kind: "process", host: node.name, what: `${product} replicator`, verb: "stop" });
}

type Configured = Installed["services"][number];

function newService(ambient: Ambient, product: ProductName, configured: Configured): Service {
  const { name, source, properties = {} } = configured;
  return {
    name,
    product,
    source,
    schema: `tungsten_${source}`,
    properties,
    state: "OFFLINE:NORMAL",
    since: ambient.now,
    stopAt: null,
    error: null,
    upstream: null,
    handshakeAt: 0,
    force: false,
    offlineAt: 0,
    skip: new Set(),
    blind: false,
    recoveries: 0,
    tries: 0,
    recoverAt: 0,
    epoch: 0,
    extracted: null,
    applied: null,
    readers: new Map(),
  };
}

export type Going = { force?: boolean; until?: string; skip?: readonly number[]; recovering?: boolean };

/** Accepted, not done: the handshake comes a moment later. */
export function goOnline(ambient: Ambient, node: Node, service: Service, how: Going): void {
  service.error = null;
  service.force = how.force === true;
  service.stopAt = how.until ?? null;
  service.upstream = null;
  service.applied = null;
  service.offlineAt = 0;
  service.blind = false;
  for (const seqno of how.skip ?? []) service.skip.add(seqno);
  if (how.recovering !== true) service.tries = 0;
  service.handshakeAt = ambient.now + 500 + Math.floor(ambient.random() * 1000);
  turn(ambient, node, service, "GOING-ONLINE:SYNCHRONIZING");
}

const cleanStopMs = 600;

/** `offline` comes back before it is done; of an error it makes OFFLINE:NORMAL at once. */
export function askOffline(ambient: Ambient, node: Node, service: Service, immediate: boolean): void {
  if (immediate || service.state.startsWith("OFFLINE")) goOffline(ambient, node, service);
  else service.offlineAt = ambient.now + cleanStopMs;
}

/** A clean stop at a transaction; also wipes an error and any armed request. */
export function goOffline(ambient: Ambient, node: Node, service: Service): void {
  service.error = null;
  service.stopAt = null;
  service.upstream = null;
  service.offlineAt = 0;
  service.recoverAt = 0;
  turn(ambient, node, service, "OFFLINE:NORMAL");
}

/** On a service that is not ONLINE nothing is armed, and an error is wiped: it looks finished and is not. */
export function armOffline(ambient: Ambient, node: Node, service: Service, name: string): void {
  if (service.state === "OFFLINE:ERROR") goOffline(ambient, node, service);
  else if (service.state === "ONLINE" || service.state === "GOING-ONLINE:SYNCHRONIZING")
    service.stopAt = name;
}

/** Into OFFLINE:ERROR. The text shows only when no automatic recovery is due any more, and then one poll late. */
export function fail(
  ambient: Ambient,
  node: Node,
  service: Service,
  text: string,
  { pending = "Event extraction failed", seqno = -1, eventId = null as string | null } = {},
): void {
  const recovers = !isLocal(service, node) && service.tries < 2;
  if (recovers) {
    service.tries += 1;
    service.recoveries += 1;
  }
  const visibleAt = recovers ? Number.POSITIVE_INFINITY : ambient.now + 1500;
  service.error = { text, pending, seqno, eventId, visibleAt };
  service.upstream = null;
  service.offlineAt = 0;
  service.recoverAt = recovers ? ambient.now + 5000 : 0;
  turn(ambient, node, service, "OFFLINE:ERROR");
}

const failWithoutDatabase = (ambient: Ambient, node: Node, service: Service): void =>
  fail(ambient, node, service, "Unable to connect to DBMS", {
    pending: "Replicator unable to go online due to error",
  });

/** Where a service resumes: the log on disk if it holds events, else the commit row; -1 when there is neither. */
export function* lastOf(service: Service): Steps<{ seqno: number; epoch: number }> {
  const ends = yield* ask("thlEnds", logOf(service));
  if (ends !== null) return ends.last;
  const tables = yield* ask("tracking", service.schema);
  const commit = tables === undefined || tables === "empty" ? null : tables.commit;
  return commit ?? { seqno: -1, epoch: 0 };
}

/** ONLINE for so long, and an automatic recovery counts as a success. */
const recoveredAfterMs = 5000;

/** One tick of one service. */
export function* stepService(ambient: Ambient, node: Node, service: Service): Steps<void> {
  if (service.offlineAt > 0 && ambient.now >= service.offlineAt) return goOffline(ambient, node, service);
  if (service.state === "ONLINE") {
    if (ambient.now - service.since > recoveredAfterMs) service.tries = 0;
    const up = yield* ask("databaseUp");
    if (roleOf(service, node) === "master") yield* stepMaster(ambient, node, service, up);
    else if (!up) failWithoutDatabase(ambient, node, service);
    else yield* pull(ambient, node, service);
  } else if (service.state === "GOING-ONLINE:SYNCHRONIZING" && ambient.now >= service.handshakeAt)
    yield* handshake(ambient, node, service);
  else if (service.state === "OFFLINE:ERROR" && service.recoverAt > 0 && ambient.now >= service.recoverAt) {
    const { stopAt } = service;
    goOnline(ambient, node, service, { recovering: true, ...(stopAt !== null && { until: stopAt }) });
  }
}

/** Without its database a primary's service goes on saying ONLINE; the database's return is what stops it. */
function* stepMaster(ambient: Ambient, node: Node, service: Service, databaseUp: boolean): Steps<void> {
  if (!databaseUp) service.blind = true;
  else if (service.blind) fail(ambient, node, service, `Failed to extract from ${service.extracted ?? ""}`);
  else yield* extract(ambient, node, service);
}

/** A service that prefers replicas looks for one so long before it takes the source's primary. */
const roleSearchMs = 30_000;

function* handshake(ambient: Ambient, node: Node, service: Service): Steps<void> {
  if (!(yield* ask("databaseUp"))) return failWithoutDatabase(ambient, node, service);
  const unapplied = { seqno: -1, epoch: 0, eventId: "", sourceId: node.name, shardId: "#UNKNOWN" };
  yield* ask("prepareTracking", service.schema, unapplied);
  if (roleOf(service, node) === "master") return yield* goOnlineAsMaster(ambient, node, service);
  const last = yield* lastOf(service);
  const standing = { seqno: last.seqno, epoch: last.epoch, force: service.force };
  const server = yield* firstServer(node, service, standing);
  const searching = !isLocal(service, node) && ambient.now - service.since < roleSearchMs;
  if (server === undefined || (searching && server.role === "master")) {
    service.handshakeAt = ambient.now + 1000;
    return;
  }
  if (server.refusal !== null) return fail(ambient, node, service, server.refusal);
  const channels = node.volume.installed[service.product]?.channels ?? 1;
  const objection = yield* ask("openChannels", service.schema, channels);
  if (objection !== null) return fail(ambient, node, service, objection);
  service.upstream = server.upstream;
  turn(ambient, node, service, "ONLINE");
}

type Server = Welcome & { readonly upstream: Upstream };

/** The first in order that answers; a source's primary only where none of its replicas does. */
function* firstServer(node: Node, service: Service, standing: Standing): Steps<Server | undefined> {
  let primary: Server | undefined;
  for (const upstream of upstreamsOf(node, service)) {
    const welcome = yield* ask("hello", upstream, standing);
    if (welcome === undefined) continue;
    const server = { upstream, ...welcome };
    if (welcome.role === "slave" || isLocal(service, node)) return server;
    primary ??= server;
  }
  return primary;
}

function* goOnlineAsMaster(ambient: Ambient, node: Node, service: Service): Steps<void> {
  service.epoch = (yield* storedUpTo(node, service)) + 1;
  service.extracted = yield* extractedUpTo(node, service);
  turn(ambient, node, service, "ONLINE");
  yield* ask("writeHeartbeat", service.schema, "MASTER_ONLINE", true);
  yield* extract(ambient, node, service);
}

/** A primary's own commit row, which stands in for a log that was reset. */
function* ownRow(node: Node, service: Service): Steps<Commit | null> {
  const tables = yield* ask("tracking", service.schema);
  const commit = tables === undefined || tables === "empty" ? null : tables.commit;
  return commit?.sourceId === node.name && commit.seqno >= 0 ? commit : null;
}

/** Newest seqno of a primary's log, or of its row where the log is empty. */
function* storedUpTo(node: Node, service: Service): Steps<number> {
  const ends = yield* ask("thlEnds", logOf(service));
  return ends?.last.seqno ?? (yield* ownRow(node, service))?.seqno ?? -1;
}

/** Event id behind which a primary extracts. A promoted one has pinned it before it became writable. */
export function* extractedUpTo(node: Node, service: Service): Steps<string> {
  const own = yield* ask("thlNewestOf", logOf(service), node.name);
  if (own !== undefined) return own.eventId;
  return (yield* ownRow(node, service))?.eventId ?? service.extracted ?? (yield* ask("logBeginning"));
}

/** The row that tells how far a service is. */
export const commitOf = ({ seqno, epoch, eventId, sourceId, entry, writtenAt }: ThlEvent): Commit => {
  const shardId =
    heartbeatIn(entry) !== null ? "#UNKNOWN" : entry.kind === "statements" ? entry.shard : "shop";
  return { seqno, epoch, eventId, sourceId, shardId, writtenAt };
};
/** Copies what the binary log holds beyond the last extracted position. */
function* extract(ambient: Ambient, node: Node, service: Service): Steps<void> {
  const found = yield* ask("logAfter", service.extracted ?? "");
  if (typeof found === "string") return fail(ambient, node, service, found);
  if (found.length === 0) return;
  const log = logOf(service);
  let seqno = yield* storedUpTo(node, service);
  const { epoch } = service;
  const events = found.map(({ eventId, entry }): ThlEvent => {
    seqno += 1;
    const writtenAt = entry.kind === "statements" ? ambient.now : entry.at;
    return { seqno, epoch, eventId, sourceId: node.name, entry, writtenAt, at: ambient.now };
  });
  const last = events.at(-1);
  if (last === undefined) return;
  yield* ask("thlAppend", log, events);
  service.extracted = last.eventId;
  yield* ask("setCommit", service.schema, commitOf(last));
}

/** Fetches from the server dialled and applies; an empty log was accepted unchecked and shows its teeth only now. */
function* pull(ambient: Ambient, node: Node, service: Service): Steps<void> {
  const { upstream, force } = service;
  const { seqno, epoch } = yield* lastOf(service);
  const batch = upstream === null ? undefined : yield* ask("fetch", upstream, { seqno, epoch, force });
  if (batch === undefined) {
    service.handshakeAt = ambient.now + 1000;
    return turn(ambient, node, service, "GOING-ONLINE:SYNCHRONIZING");
  }
  if (batch.first === null || !(yield* catchUp(ambient, node, service))) return;
  if (batch.refusal !== null) return fail(ambient, node, service, batch.refusal);
  const events = upToStop(
    service,
    batch.events.map((event) => ({ ...event, at: ambient.now })),
  );
  if (events.length === 0) return;
  yield* ask("thlAppend", logOf(service), events);
  yield* apply(ambient, node, service, events);
}

/** Once after each going online: applies what the local log holds beyond the commit row; false when it stopped on the way. */
function* catchUp(ambient: Ambient, node: Node, service: Service): Steps<boolean> {
  if (service.applied !== null) return true;
  const tables = yield* ask("tracking", service.schema);
  service.applied = tables === undefined || tables === "empty" ? -1 : (tables.commit?.seqno ?? -1);
  for (;;) {
    const stored = yield* ask("thlAfter", logOf(service), service.applied);
    if (stored.length === 0) return true;
    if (!(yield* apply(ambient, node, service, upToStop(service, stored)))) return false;
  }
}

/** Events up to and with the heartbeat at which the service is to stop. */
function upToStop(service: Service, events: readonly ThlEvent[]): readonly ThlEvent[] {
  if (service.stopAt === null) return events;
  const stop = events.findIndex((event) => stopsAt(service, event));
  return stop < 0 ? events : events.slice(0, stop + 1);
}

/** `*` is any heartbeat. */
const stopsAt = ({ stopAt }: Service, { entry }: ThlEvent): boolean => {
  const name = heartbeatIn(entry);
  return name !== null && (stopAt === name || stopAt === "*");
};

/** What the row says was applied already, by a reload for instance, is not applied again. */
function* apply(ambient: Ambient, node: Node, service: Service, events: readonly ThlEvent[]): Steps<boolean> {
  const { applied, skip } = service;
  const due = applied === null ? events : events.filter(({ seqno }) => seqno > applied);
  const last = due.at(-1);
  if (last === undefined) return true;
  const wanted = due.filter(({ seqno }) => !skip.has(seqno));
  const fault = wanted.length === 0 ? null : yield* ask("apply", service.schema, wanted);
  if (fault === null && wanted.at(-1) !== last) yield* ask("setCommit", service.schema, commitOf(last));
  if (fault !== null) {
    const { seqno, eventId, text } = fault;
    const pending = `Event application failed: seqno=${seqno} fragno=0 message=${text.split("\n")[0]}`;
    fail(ambient, node, service, text, { pending, seqno, eventId });
    return false;
  }
  service.applied = last.seqno;
  if (!stopsAt(service, last)) return true;
  goOffline(ambient, node, service);
  return false;
}
