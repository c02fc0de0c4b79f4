/** The virtual world's answers to what tools and engines ask: at once, from the memory of this process. */

import { gapRefusal, refusalOf } from "./handshake.ts";
import { obey, reportOf } from "./managers.ts";
import { emit, type Host, hostNamed, hostOf, reaches, siteOf, type World } from "./model.ts";
import {
  applyEvent,
  copyDatabase,
  emptyDatabase,
  eventIdOf,
  insertCommit,
  positionIn,
  refusalToApply,
  setCommit,
  setHeartbeat,
  startDatabase,
  stopDatabase,
  tablesOf,
  writeHeartbeat,
} from "./mysql.ts";
import { finish, type Outside, type Steps } from "./outside.ts";
import { logOf } from "./replicator.ts";
import type { Service, ThlEvent, Upstream } from "./state.ts";
import { layUserMap } from "./tools/accounts.ts";
import { roleOf } from "./upstreams.ts";

const outsides = new WeakMap<Host, Outside>();

/** What a host's tools and engines are answered. */
export function outsideOf(world: World, host: Host): Outside {
  const known = outsides.get(host);
  if (known !== undefined) return known;
  const outside = {
    sleep: () => undefined,
    still: () => undefined,
    ...database(world, host),
    ...volume(world, host),
    ...peers(world, host),
  };
  outsides.set(host, outside);
  return outside;
}

/** Runs engine steps to their end, at the world's present moment. */
export const onHost = <T>(world: World, host: Host, steps: Steps<T>): T =>
  finish(outsideOf(world, host), steps);

export function thlOf(host: Host, log: string): ThlEvent[] {
  const events = host.volume.thl.get(log) ?? [];
  host.volume.thl.set(log, events);
  return events;
}

function database(world: World, { name }: Host) {
  const host = hostOf(world, name);
  const { mysql } = host;
  return {
    databaseUp: () => mysql.up,
    holdsDatabase: () => mysql.hollow !== true,
    startDatabase: () => startDatabase(world, host),
    stopDatabase: () => stopDatabase(world, host),
    emptyDatabase: () => emptyDatabase(mysql),
    copyDatabase: (from) => {
      const source = world.hosts.get(from);
      if (source === undefined || !reaches(world, host, source))
        return `Unable to SSH to ${from} as tungsten.`;
      if (!source.mysql.up) return `the database of ${from} does not run`;
      copyDatabase(source.mysql, mysql);
      return null;
    },
    readOnly: () => mysql.readOnly,
    setReadOnly: (value) => {
      mysql.readOnly = value;
    },
    tracking: (schema) => mysql.schemas.get(schema),
    prepareTracking: (schema, commit) => {
      if (tablesOf(mysql, schema)?.commit == null) setCommit(mysql, schema, commit);
    },
    openChannels: (schema, channels) => openChannels(mysql, schema, channels),
    setCommit: (schema, commit) => setCommit(mysql, schema, commit),
    insertCommit: (schema, commit) => insertCommit(world, host, schema, commit),
    dropTracking: (schema) => void mysql.schemas.set(schema, "empty"),
    makeSchema: (schema) => {
      if (!mysql.schemas.has(schema)) mysql.schemas.set(schema, "empty");
    },
    writeHeartbeat: (schema, name, logged) => {
      if (logged) writeHeartbeat(world, host, schema, name);
      else setHeartbeat(mysql, schema, { seqno: null, eventId: null, name, at: world.now });
    },
    logBeginning: () => "",
    logAfter: (eventId) => {
      const { log } = mysql;
      const from = positionIn(eventId);
      let index = log.length;
      while (index > 0 && (log[index - 1]?.position ?? 0) > from) index -= 1;
      return log.slice(index).map((entry) => ({ eventId: eventIdOf(entry), entry }));
    },
    apply: (schema, events) => {
      for (const event of events) {
        const text = refusalToApply(mysql, event);
        if (text !== null) return { seqno: event.seqno, eventId: event.eventId, text };
        applyEvent(host, event, schema);
      }
      return null;
    },
  } satisfies Partial<Outside>;
}

function volume(world: World, host: Host) {
  const { installed, installedIni, thl } = host.volume;
  return {
    configuration: () => (host.joined ? host.volume.ini : null),
    install: (product, what) => {
      if (what !== null) {
        installed[product] = what;
        host.volume.installedWord[product] = host.joinedSecret.get("replication-password") ?? "";
        // Whether an update writes the line anew or copies the file as it is, nobody has seen.
        if (product === "cluster" && (host.volume.userMap.length === 0 || world.variant % 2 === 0))
          layUserMap(host, what.composite?.name ?? host.cluster.dataservice);
      } else {
        delete installed[product];
        delete installedIni[product];
        delete host.volume.installedSecret[product];
        delete host.volume.installedWord[product];
      }
    },
    reconfigure: (product, what) => {
      installed[product] = what;
    },
    thlEnds: (log) => endsOf(thl.get(log)),
    thlAt: (log, seqno) => thl.get(log)?.find((event) => event.seqno === seqno),
    thlNewestOf: (log, sourceId) => thl.get(log)?.findLast((event) => event.sourceId === sourceId),
    thlAfter: (log, seqno) => thl.get(log)?.filter((event) => event.seqno > seqno) ?? [],
    thlAppend: (log, events) => void thlOf(host, log).push(...events),
    thlDrop: (log) => void thl.delete(log),
  } satisfies Partial<Outside>;
}

function endsOf(events: readonly ThlEvent[] | undefined) {
  const first = events?.[0];
  const last = events?.at(-1);
  return first === undefined || last === undefined ? null : { first, last };
}

/** An event is on its way for so long. */
const travelMs = 150;

function peers(world: World, { name: own }: Host) {
  const host = hostOf(world, own);
  return {
    hello: (upstream, standing) => {
      const serving = servedBy(world, host, upstream);
      if (serving === undefined) return undefined;
      const [peer, service] = serving;
      const events = peer.volume.thl.get(logOf(service)) ?? [];
      const refusal = refusalOf(endsOf(events), epochIn(events), standing, peer.name, host.name);
      return { role: roleOf(service, peer), refusal };
    },
    fetch: (upstream, standing) => {
      const serving = servedBy(world, host, upstream);
      if (serving === undefined) return undefined;
      const [peer, service] = serving;
      service.readers.set(host.name, world.now);
      const events = peer.volume.thl.get(logOf(service)) ?? [];
      const ends = endsOf(events);
      if (ends === null) return { first: null, events, refusal: null };
      const first = ends.first.seqno;
      const from = Math.max(standing.seqno + 1 - first, 0);
      let end = from;
      const seen = world.now - travelMs - host.lagMs;
      while (end < events.length && (events[end]?.at ?? 0) <= seen) end += 1;
      const refusal =
        standing.seqno + 1 < first
          ? gapRefusal(standing, first, refusalOf(ends, epochIn(events), standing, peer.name, host.name))
          : null;
      return { first, events: events.slice(from, end), refusal };
    },
    report: (name) => {
      const peer = hostNamed(world, name);
      return peer !== undefined && reaches(world, host, peer)
        ? onHost(world, peer, reportOf(world, peer))
        : undefined;
    },
    order: (name, order) => {
      const peer = hostNamed(world, name);
      if (peer !== undefined && reaches(world, host, peer)) onHost(world, peer, obey(world, peer, order));
    },
    publish: () => undefined,
  } satisfies Partial<Outside>;
}

const epochIn =
  (events: readonly ThlEvent[]) =>
  (seqno: number): number | undefined =>
    events[seqno - (events[0]?.seqno ?? 0)]?.epoch;

/** A listener with TLS and a reader without, or the other way round, never get to know each other. */
const speakAlike = (peer: Host, from: Host, product: Upstream["product"]): boolean => {
  const speaks = [
    peer.volume.installed[product],
    from.volume.installed.cluster ?? from.volume.installed.crossSite,
  ];
  return peer === from || (speaks[0]?.secured === true) === (speaks[1]?.secured === true);
};

/** A primary listens already while it goes online, with whatever its log holds then: perhaps nothing. */
function servedBy(world: World, from: Host, upstream: Upstream): readonly [Host, Service] | undefined {
  const peer = world.hosts.get(upstream.host);
  const service = peer?.replicators[upstream.product]?.services.get(upstream.service);
  if (peer === undefined || service === undefined || !reaches(world, from, peer)) return undefined;
  if (!speakAlike(peer, from, upstream.product)) return undefined;
  const opening =
    service.state === "GOING-ONLINE:SYNCHRONIZING" && (peer === from || roleOf(service, peer) === "master");
  return service.state === "ONLINE" || opening ? [peer, service] : undefined;
}

/** A world's own ear: only it can see whether a forced service stands at an event its source has too. */
export function hearForcing(world: World): void {
  world.listeners.push((event) => {
    if (event.kind !== "forcing") return;
    const { host: name, service: serviceName, epochError } = event;
    const host = hostOf(world, name);
    const service = Object.values(host.replicators)
      .map(({ services }) => services.get(serviceName))
      .find((each) => each !== undefined);
    const source = [...world.sites.values()].find(({ dataservice }) => dataservice === service?.source);
    if (service === undefined || source === undefined) return;
    const commit = tablesOf(host.mysql, service.schema)?.commit;
    const log =
      hostOf(world, siteOf(world, source.name).primary).volume.thl.get(`cluster/${source.dataservice}`) ?? [];
    const there = log.find(({ seqno }) => seqno === commit?.seqno);
    const sameEvent =
      there !== undefined && there.eventId === commit?.eventId && there.sourceId === commit.sourceId;
    emit(world, { kind: "force", host: name, service: serviceName, epochError, sameEvent });
  });
}

/** One row is spread over any number of channels; several fit their own number only. */
function openChannels(mysql: Host["mysql"], schema: string, channels: number): string | null {
  const rows = mysql.channelRows.get(schema) ?? 1;
  if (rows !== 1 && rows !== channels)
    return `Rows in trep_commit_seqno are inconsistent with channel count: channels=${channels} rows=${rows}`;
  mysql.channelRows.set(schema, channels);
  return null;
}

/** A clean offline joins the rows of all channels. */
export function hearCleanStops(world: World): void {
  world.listeners.push((event) => {
    if (event.kind !== "state" || event.from !== "ONLINE" || event.to !== "OFFLINE:NORMAL") return;
    const { mysql, replicators } = hostOf(world, event.host);
    const schema = replicators[event.product]?.services.get(event.service)?.schema;
    if (schema !== undefined && mysql.up) mysql.channelRows.set(schema, 1);
  });
}
