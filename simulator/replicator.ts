/**
 * Replication services: transitions, handshake, extraction and apply, with the behaviour that was observed
 * (tungsten-observed §3.2 and §5, tungsten-observed-conversion §3 to §5): armed requests lost on restart, error text one
 * poll late, an empty log that accepts anybody, positions that come from the log on disk first.
 */
import {
  emit,
  type Host,
  hostsOf,
  type ProductName,
  reaches,
  type Service,
  type ServiceState,
  siteOf,
  type ThlEvent,
  type World,
} from "./model.ts";
import {
  applyEvent,
  binlogFile,
  eventIdOf,
  refusalToApply,
  setCommit,
  tablesOf,
  writeHeartbeat,
} from "./mysql.ts";

export const thlKey = (product: ProductName, service: string): string => `${product}/${service}`;

export function thlOf(host: Host, service: { product: ProductName; name: string }): ThlEvent[] {
  const key = thlKey(service.product, service.name);
  const log = host.volume.thl.get(key) ?? [];
  host.volume.thl.set(key, log);
  return log;
}

export const isLocal = (service: Service, host: Host): boolean => service.source === host.site;
export const roleOf = (world: World, service: Service, host: Host): "master" | "slave" =>
  isLocal(service, host) && siteOf(world, host.site).primary === host.name ? "master" : "slave";

function turn(world: World, host: Host, service: Service, to: ServiceState): void {
  if (service.state === to) return;
  emit(world, {
    kind: "state",
    host: host.name,
    product: service.product,
    service: service.name,
    from: service.state,
    to,
  });
  service.state = to;
  service.since = world.now;
}

/** Starts a product's replicator with the services tpm configured; they go online by themselves unless told not to. */
export function startReplicator(world: World, host: Host, product: ProductName, offline = false): void {
  const installed = host.volume.installed[product];
  if (installed === undefined || host.replicators[product] !== undefined) return;
  world.nextPid += 1;
  const services = new Map(
    installed.services.map(({ name, source }) => [name, newService(world, product, name, source)]),
  );
  host.replicators[product] = { pid: world.nextPid, startedAt: world.now, services };
  emit(world, { kind: "process", host: host.name, what: `${product} replicator`, verb: "start" });
  if (!offline) for (const service of services.values()) goOnline(world, host, service, {});
}

export function stopReplicator(world: World, host: Host, product: ProductName): void {
  if (host.replicators[product] === undefined) return;
  delete host.replicators[product];
  emit(world, { kind: "process", host: host.name, what: `${product} replicator`, verb: "stop" });
}

function newService(world: World, product: ProductName, name: string, source: string): Service {
  return {
    name,
    product,
    source,
    schema: `tungsten_${siteOf(world, source).dataservice}`,
    state: "OFFLINE:NORMAL",
    since: world.now,
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
  };
}

export type Going = { force?: boolean; until?: string; skip?: readonly number[]; recovering?: boolean };

/** Accepted, not done: the handshake comes a moment later. */
export function goOnline(world: World, host: Host, service: Service, how: Going): void {
  service.error = null;
  service.force = how.force === true;
  service.stopAt = how.until ?? null;
  service.upstream = null;
  service.offlineAt = 0;
  service.blind = false;
  for (const seqno of how.skip ?? []) service.skip.add(seqno);
  if (how.recovering === true) {
    service.recoveries += 1;
    service.tries += 1;
  } else service.tries = 0;
  service.handshakeAt = world.now + 500 + Math.floor(world.random() * 1000);
  turn(world, host, service, "GOING-ONLINE:SYNCHRONIZING");
}

const cleanStopMs = 600;

/** `offline` comes back before it is done; of an error it makes OFFLINE:NORMAL at once. */
export function askOffline(world: World, host: Host, service: Service, immediate: boolean): void {
  if (immediate || service.state.startsWith("OFFLINE")) goOffline(world, host, service);
  else service.offlineAt = world.now + cleanStopMs;
}

/** A clean stop at a transaction; also wipes an error and any armed request. */
export function goOffline(world: World, host: Host, service: Service): void {
  service.error = null;
  service.stopAt = null;
  service.upstream = null;
  service.offlineAt = 0;
  service.recoverAt = 0;
  turn(world, host, service, "OFFLINE:NORMAL");
}

/** On a service that is not ONLINE nothing is armed, and an error is wiped: it looks finished and is not. */
export function armOffline(world: World, host: Host, service: Service, name: string): void {
  if (service.state === "OFFLINE:ERROR") goOffline(world, host, service);
  else if (service.state === "ONLINE" || service.state === "GOING-ONLINE:SYNCHRONIZING")
    service.stopAt = name;
}

export function fail(
  world: World,
  host: Host,
  service: Service,
  text: string,
  pending = "Event extraction failed",
  { seqno, eventId }: { seqno: number; eventId: string } = { seqno: -1, eventId: "NONE" },
): void {
  service.error = { text, pending, seqno, eventId, visibleAt: world.now + 1500 };
  service.upstream = null;
  service.offlineAt = 0;
  service.recoverAt = !isLocal(service, host) && service.tries < 2 ? world.now + 5000 : 0;
  turn(world, host, service, "OFFLINE:ERROR");
}

/** Where a service resumes: the log on disk if it holds events, else the commit row; -1 when there is neither. */
export function lastOf(host: Host, service: Service): { seqno: number; epoch: number } {
  const last = thlOf(host, service).at(-1);
  if (last !== undefined) return last;
  const commit = tablesOf(host.mysql, service.schema)?.commit;
  return commit === null || commit === undefined ? { seqno: -1, epoch: 0 } : commit;
}

/** Hosts a service may read from, in the order it dials them. */
export function upstreamsOf(world: World, host: Host, service: Service): Upstream[] {
  const told = host.volume.dynamic.get(thlKey(service.product, service.name));
  if (told !== undefined) return told.split(",").map((uri) => listenerAt(world, uri, service));
  const local = siteOf(world, service.source).dataservice;
  if (isLocal(service, host))
    return [{ host: siteOf(world, host.site).primary, product: "cluster", service: local }];
  const installed = host.volume.installed[service.product];
  const ownPrimary = installed?.masters[host.site] ?? siteOf(world, host.site).primary;
  const peers =
    ownPrimary === host.name ? [] : [{ host: ownPrimary, product: service.product, service: service.name }];
  const sourcePrimary = siteOf(world, service.source).primary;
  const names = hostsOf(world, service.source).map(({ name }) => name);
  const replicasFirst = [...names.filter((name) => name !== sourcePrimary), sourcePrimary];
  return [
    ...peers,
    ...replicasFirst.map((name) => ({ host: name, product: "cluster" as const, service: local })),
  ];
}

type Upstream = { host: string; product: ProductName; service: string };

/** Who listens at a THL address, whatever its name: the handshake does not compare service names. */
function listenerAt(world: World, uri: string, service: Service): Upstream {
  const [, host = "", port] = /^thl:\/\/([^:/]+):(\d+)/.exec(uri) ?? [];
  const product = port === "2113" ? "crossSite" : "cluster";
  const site = world.hosts.get(host)?.site;
  const local = site === undefined ? service.name : siteOf(world, site).dataservice;
  return { host, product, service: product === "cluster" ? local : service.name };
}

/** A primary listens already while it goes online, with whatever its log holds then: perhaps nothing. */
function serving(world: World, from: Host, upstream: Upstream): ThlEvent[] | undefined {
  const peer = world.hosts.get(upstream.host);
  const service = peer?.replicators[upstream.product]?.services.get(upstream.service);
  if (peer === undefined || service === undefined || !reaches(world, from, peer)) return undefined;
  const listens =
    service.state === "ONLINE" ||
    (service.state === "GOING-ONLINE:SYNCHRONIZING" &&
      (peer === from || roleOf(world, service, peer) === "master"));
  return listens ? thlOf(peer, service) : undefined;
}

const noDatabase = "Unable to connect to DBMS";
const cannotGoOnline = "Replicator unable to go online due to error";
/** ONLINE for so long, and the automatic recovery counts as a success. */
const recoveredAfterMs = 5000;

/** One tick of one service. */
export function stepService(world: World, host: Host, service: Service): void {
  if (service.offlineAt > 0 && world.now >= service.offlineAt) return goOffline(world, host, service);
  if (service.state === "ONLINE") {
    if (world.now - service.since > recoveredAfterMs) service.tries = 0;
    if (roleOf(world, service, host) === "master") stepMaster(world, host, service);
    else if (!host.mysql.up) fail(world, host, service, noDatabase, cannotGoOnline);
    else pull(world, host, service);
  } else if (service.state === "GOING-ONLINE:SYNCHRONIZING" && world.now >= service.handshakeAt)
    handshake(world, host, service);
  else if (service.state === "OFFLINE:ERROR" && service.recoverAt > 0 && world.now >= service.recoverAt) {
    const until = service.stopAt;
    goOnline(world, host, service, { recovering: true, ...(until !== null && { until }) });
  }
}

/** Without its database a primary's service goes on saying ONLINE; the database's return is what stops it. */
function stepMaster(world: World, host: Host, service: Service): void {
  if (!host.mysql.up) service.blind = true;
  else if (service.blind)
    fail(world, host, service, `Failed to extract from ${binlogFile} (${host.mysql.position})`);
  else extract(world, host, service);
}

/** A service that prefers replicas looks for one so long before it takes the source's primary. */
const roleSearchMs = 30_000;

function handshake(world: World, host: Host, service: Service): void {
  if (!host.mysql.up) return fail(world, host, service, noDatabase, cannotGoOnline);
  if (roleOf(world, service, host) === "master") return goOnlineAsMaster(world, host, service);
  if (tablesOf(host.mysql, service.schema)?.commit == null)
    setCommit(host.mysql, service.schema, {
      seqno: -1,
      epoch: 0,
      eventId: "",
      sourceId: host.name,
      shardId: "#UNKNOWN",
    });
  const searching = !isLocal(service, host) && world.now - service.since < roleSearchMs;
  const sourcePrimary = siteOf(world, service.source).primary;
  for (const upstream of upstreamsOf(world, host, service)) {
    const log = serving(world, host, upstream);
    if (log === undefined || (searching && upstream.host === sourcePrimary)) continue;
    const refusal = refusalOf(log, lastOf(host, service), service.force, upstream.host, host.name);
    if (refusal !== undefined) return fail(world, host, service, refusal);
    service.upstream = upstream.host;
    turn(world, host, service, "ONLINE");
    return;
  }
  service.handshakeAt = world.now + 1000;
}

/** What a server's log answers to a client at (seqno, epoch); undefined accepts. */
export function refusalOf(
  log: readonly ThlEvent[],
  last: { seqno: number; epoch: number },
  force: boolean,
  master: string,
  client: string,
): string | undefined {
  const [first] = log;
  const end = log.at(-1);
  if (first === undefined || end === undefined) return undefined;
  const head = `Client handshake failure: Client response validation failed:`;
  const ids = `master source ID=${master} client source ID=${client}`;
  if (last.seqno < 0)
    return first.seqno === 0
      ? undefined
      : `Connector handler terminated by THL exception: Log seek failure: expected seqno=0 found seqno=${first.seqno}`;
  const same = log[last.seqno - first.seqno];
  const missing = `${head} Master log does not contain requested transaction: ${ids} requested seqno=${last.seqno} client epoch number=${last.epoch} master min seqno=${first.seqno} master max seqno=${end.seqno}`;
  if (same === undefined) return last.seqno + 1 === first.seqno ? undefined : missing;
  if (force || same.epoch === last.epoch) return undefined;
  return `${head} Log epoch numbers do not match: ${ids} seqno=${last.seqno} server epoch number=${same.epoch} client epoch number=${last.epoch}`;
}

function goOnlineAsMaster(world: World, host: Host, service: Service): void {
  const log = thlOf(host, service);
  service.epoch = (log.at(-1)?.seqno ?? -1) + 1;
  turn(world, host, service, "ONLINE");
  writeHeartbeat(world, host, service.schema, "MASTER_ONLINE");
  extract(world, host, service);
}

/** Copies what the binary log holds beyond the last extracted position. */
function extract(world: World, host: Host, service: Service): void {
  const log = thlOf(host, service);
  const from = extractedUpTo(host, log);
  const entries = host.mysql.log;
  let index = entries.length;
  while (index > 0 && (entries[index - 1]?.position ?? 0) > from) index -= 1;
  for (; index < entries.length; index += 1) {
    const entry = entries[index];
    if (entry === undefined) continue;
    const seqno = (log.at(-1)?.seqno ?? -1) + 1;
    const event = {
      seqno,
      epoch: service.epoch,
      eventId: eventIdOf(entry),
      sourceId: host.name,
      entry,
      at: world.now,
    };
    log.push(event);
    setCommit(host.mysql, service.schema, {
      seqno,
      epoch: event.epoch,
      eventId: event.eventId,
      sourceId: host.name,
      shardId: entry.kind === "heartbeat" ? "#UNKNOWN" : "shop",
    });
  }
}

function extractedUpTo(host: Host, log: readonly ThlEvent[]): number {
  for (let index = log.length - 1; index >= 0; index -= 1) {
    const event = log[index];
    if (event?.sourceId === host.name) return event.entry.position;
  }
  return 0;
}

const travelMs = 150;

/** Fetches from the server dialled and applies; an empty log was accepted unchecked and shows its teeth only now. */
function pull(world: World, host: Host, service: Service): void {
  const upstream = upstreamsOf(world, host, service).find((candidate) => candidate.host === service.upstream);
  const log = upstream && serving(world, host, upstream);
  if (log === undefined) {
    service.handshakeAt = world.now + 1000;
    return turn(world, host, service, "GOING-ONLINE:SYNCHRONIZING");
  }
  const own = thlOf(host, service);
  const [first] = log;
  if (first === undefined) return;
  const last = lastOf(host, service);
  const commit = tablesOf(host.mysql, service.schema)?.commit;
  if (commit != null && commit.seqno < last.seqno && !applyStored(world, host, service, own, commit.seqno))
    return;
  if (last.seqno + 1 < first.seqno) {
    const refusal =
      refusalOf(log, last, service.force, service.upstream ?? "", host.name) ??
      `Log seek failure: expected seqno=${last.seqno + 1} found seqno=${first.seqno}`;
    return fail(world, host, service, refusal);
  }
  for (let index = last.seqno + 1 - first.seqno; index < log.length; index += 1) {
    const event = log[index];
    if (event === undefined || event.at > world.now - travelMs) return;
    own.push({ ...event, at: world.now });
    if (!applyOne(world, host, service, event)) return;
  }
}

/** Applies what the local log holds beyond the commit row; false when the service stopped on the way. */
function applyStored(
  world: World,
  host: Host,
  service: Service,
  own: readonly ThlEvent[],
  applied: number,
): boolean {
  const from = applied + 1 - (own[0]?.seqno ?? 0);
  for (let index = Math.max(from, 0); index < own.length; index += 1) {
    const event = own[index];
    if (event !== undefined && !applyOne(world, host, service, event)) return false;
  }
  return true;
}

function applyOne(world: World, host: Host, service: Service, event: ThlEvent): boolean {
  if (service.skip.delete(event.seqno)) {
    setCommit(host.mysql, service.schema, { ...event, shardId: "shop" });
    return true;
  }
  const refusal = refusalToApply(host, event);
  if (refusal !== undefined) {
    const [first = ""] = refusal.split("\n");
    const pending = `Event application failed: seqno=${event.seqno} fragno=0 message=${first}`;
    fail(world, host, service, refusal, pending, event);
    return false;
  }
  applyEvent(host, event, service.schema);
  if (event.entry.kind !== "heartbeat") return true;
  if (service.stopAt !== "*" && service.stopAt !== event.entry.name) return true;
  goOffline(world, host, service);
  return false;
}
