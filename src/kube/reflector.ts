/**
 * A reflector: lists a kind, watches it from there, keeps what it saw and tells what changed. It survives resets, 410 in
 * both forms, silent sockets and failing handlers (acceptance list: foundation §1.4). Its cache lags behind the server
 * by nature; whoever acts reads live.
 */
import type { KubeObject, ResourceKind } from "../controllers/shell.ts";
import { type Cache, keyOf, metadataOf, newCache, type OnChange, wholeObject } from "./cache.ts";
import { ApiError, isExpired } from "./errors.ts";
import { type Rest, resourcePath } from "./rest.ts";
import { pause, realTimers, type Timers } from "./timers.ts";

export type ReflectorLimits = {
  /** The server is asked to end a watch after one to two times so long; at random, so that not all end at once. */
  readonly watchSeconds: number;
  /** Without a line for so long (bookmarks come about once a minute) the watch is taken for dead. */
  readonly silenceMs: number;
  readonly firstBackoffMs: number;
  readonly maxBackoffMs: number;
};

export type Watched = {
  readonly kind: ResourceKind;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly labelSelector?: string;
  /** The server sends, and the cache holds, nothing but metadata. Always so for Secrets. */
  readonly metadataOnly?: boolean;
  /** An error thrown here is reported and forgotten. */
  readonly onChange: OnChange;
};

export type ReflectorObserver = {
  /** A failed list or watch, or a handler that threw. */
  readonly failed: (error: unknown) => void;
  readonly relisted: () => void;
};

export type Reflector = Pick<Cache, "get" | "list"> & {
  /** Whether a complete list was seen since the start. */
  readonly synced: () => boolean;
  /** Milliseconds since the server was last heard. On a quiet kind a minute is usual: the time between bookmarks. */
  readonly stalenessMs: () => number;
  /** Final. Nothing is told after the call. */
  readonly stop: () => Promise<void>;
};

const pageSize = 500;
/** A watch that lasted so long was healthy: what failed before it is forgotten. */
const healthyMs = 60_000;
/** A watch that the server ends sooner is a failure, or we would ask it without pause. */
const shortestWatchMs = 1_000;
/** A list older than what was seen comes from a lagging server. So often it is refused; a restored etcd stays older for good. */
const oldListsRefused = 5;

type State = {
  readonly rest: Rest;
  readonly watched: Watched;
  readonly limits: ReflectorLimits;
  readonly observer: ReflectorObserver;
  readonly timers: Timers;
  readonly cache: Cache;
  readonly ending: AbortController;
  /** Where the next watch begins; undefined: a list is needed first. */
  position: string | undefined;
  /** Highest version seen, as told by the server. */
  newest: string;
  oldLists: number;
  synced: boolean;
  heardAt: number;
};

export function startReflector(
  rest: Rest,
  watched: Watched,
  limits: ReflectorLimits,
  observer: ReflectorObserver,
  timers: Timers = realTimers,
): Reflector {
  const ending = new AbortController();
  const tell: OnChange = (object, gone) => {
    if (ending.signal.aborted) return;
    try {
      watched.onChange(object, gone);
    } catch (error) {
      observer.failed(error);
    }
  };
  const cache = newCache(watched.kind, watched.metadataOnly ? metadataOf : wholeObject, tell);
  const state: State = {
    ...{ rest, watched, limits, observer, timers, cache, ending },
    ...{ position: undefined, newest: "", oldLists: 0, synced: false, heardAt: timers.now() },
  };
  const running = follow(state);
  return {
    get: cache.get,
    list: cache.list,
    synced: () => state.synced,
    stalenessMs: () => timers.now() - state.heardAt,
    stop: async () => {
      ending.abort();
      await running;
    },
  };
}

/** List, watch, and again, until stopped. */
async function follow(state: State): Promise<void> {
  const { limits, timers, observer } = state;
  const { signal } = state.ending;
  let failures = 0;
  while (!signal.aborted) {
    let began = timers.now();
    try {
      if (state.position === undefined) await relist(state);
      began = timers.now();
      await watch(state);
      if (timers.now() - began >= shortestWatchMs) {
        failures = 0;
        continue;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (isExpired(error)) state.position = undefined;
      else observer.failed(error);
    }
    if (timers.now() - began >= healthyMs) failures = 0;
    failures += 1;
    const backoff = Math.min(limits.maxBackoffMs, limits.firstBackoffMs * 2 ** (failures - 1));
    await pause(timers, backoff * (0.75 + timers.random() / 2), signal);
  }
}

async function relist(state: State): Promise<void> {
  const { watched, cache } = state;
  const listed = new Set<string>();
  let next = "";
  let version = "";
  do {
    const query = new URLSearchParams({
      limit: String(pageSize),
      ...selector(watched),
      ...(next !== "" && { continue: next }),
    });
    const page = await state.rest.send({
      method: "GET",
      path: `${resourcePath(watched.kind, watched.namespace)}?${query}`,
      accept: acceptOf(watched, "PartialObjectMetadataList"),
      resource: watched.kind.plural,
      signal: state.ending.signal,
    });
    if (!Array.isArray(page.items))
      throw new ApiError(0, "Unreadable", `GET ${watched.kind.plural}: not a list`);
    const metadata = page.metadata as { continue?: string; resourceVersion?: string } | undefined;
    version = metadata?.resourceVersion ?? "";
    refuseOlder(state, version);
    for (const item of page.items as KubeObject[]) {
      listed.add(keyOf(item));
      cache.put(item);
    }
    next = metadata?.continue ?? "";
  } while (next !== "");
  cache.retain(listed);
  Object.assign(state, { position: version, newest: version, oldLists: 0, synced: true });
  state.heardAt = state.timers.now();
  state.observer.relisted();
}

function refuseOlder(state: State, version: string): void {
  if (!isOlder(version, state.newest) || state.oldLists >= oldListsRefused) return;
  state.oldLists += 1;
  throw new ApiError(
    0,
    "Stale",
    `GET ${state.watched.kind.plural}: version ${version}, older than ${state.newest} which was seen`,
  );
}

const isOlder = (version: string, than: string): boolean =>
  /^\d+$/.test(version) && /^\d+$/.test(than) && BigInt(version) < BigInt(than);

/** Watches from the position until the server ends it. Throws when it ends in another way; the position is kept up to date. */
async function watch(state: State): Promise<void> {
  const { watched, limits, timers } = state;
  const silence = new AbortController();
  const arm = (): (() => void) => timers.after(limits.silenceMs, () => silence.abort());
  let disarm = arm();
  const query = new URLSearchParams({
    watch: "true",
    allowWatchBookmarks: "true",
    resourceVersion: state.position ?? "",
    timeoutSeconds: String(Math.round(limits.watchSeconds * (1 + timers.random()))),
    ...selector(watched),
  });
  const call = {
    method: "GET",
    path: `${resourcePath(watched.kind, watched.namespace)}?${query}`,
    accept: acceptOf(watched, "PartialObjectMetadata"),
    resource: watched.kind.plural,
    signal: AbortSignal.any([state.ending.signal, silence.signal]),
  } as const;
  try {
    await state.rest.stream(call, (line) => {
      disarm();
      disarm = arm();
      state.heardAt = timers.now();
      takeLine(state, line);
    });
  } catch (error) {
    if (!silence.signal.aborted) throw error;
    throw new ApiError(0, "Silent", `watch of ${watched.kind.plural}: silent for ${limits.silenceMs} ms`);
  } finally {
    disarm();
  }
}

type Line = { type?: string; object?: KubeObject & { code?: number; reason?: string; message?: string } };

function takeLine(state: State, text: string): void {
  const { plural } = state.watched.kind;
  const { type, object } = lineOf(text);
  if (type === "ERROR" || object?.metadata === undefined) {
    // Whatever it says, what comes after it is not known to be complete.
    state.position = undefined;
    const why = type === "ERROR" ? (object?.message ?? "an error") : "a line that is no event";
    throw new ApiError(object?.code ?? 0, object?.reason ?? "Unreadable", `watch of ${plural}: ${why}`);
  }
  if (type === "DELETED") state.cache.remove(object);
  else if (type === "ADDED" || type === "MODIFIED") state.cache.put(object);
  const version = object.metadata.resourceVersion;
  if (version === undefined) return;
  state.position = version;
  state.newest = version;
}

function lineOf(text: string): Line {
  try {
    return (JSON.parse(text) as Line | null) ?? {};
  } catch {
    return {};
  }
}

const selector = ({ labelSelector }: Watched): Record<string, string> =>
  labelSelector === undefined ? {} : { labelSelector };

/** A server that cannot cut objects down to their metadata sends them whole; the cache then drops the rest. */
const acceptOf = ({ metadataOnly }: Watched, as: string): string =>
  metadataOnly ? `application/json;as=${as};g=meta.k8s.io;v=v1,application/json` : "application/json";
