/**
 * A reflector: lists a kind, watches it from there, and tells which keys changed. It survives resets, 410 in both forms,
 * silent sockets and failing handlers; it keeps nothing of the objects but names, since the loops read live.
 */
import type { KubeObject, ResourceKind } from "../controllers/shell.ts";
import { ApiError } from "./errors.ts";
import { type Rest, resourcePath } from "./rest.ts";

export type ReflectorLimits = {
  readonly watchSeconds: number;
  /** Without a line for so long (bookmarks come about once a minute) the watch is taken for dead. */
  readonly silenceMs: number;
  readonly firstBackoffMs: number;
  readonly maxBackoffMs: number;
};

export type Watched = {
  readonly kind: ResourceKind;
  readonly namespace: string | undefined;
  readonly labelSelector?: string;
  /** Called with every object that appeared, changed or went; an error thrown here is reported and forgotten. */
  readonly onChange: (object: KubeObject, gone: boolean) => void;
};

export type Reflector = { readonly synced: () => boolean; readonly stop: () => Promise<void> };

type Line = { type?: string; object?: KubeObject & { code?: number; reason?: string } };

export function startReflector(
  rest: Rest,
  watched: Watched,
  limits: ReflectorLimits,
  onError: (error: unknown) => void,
): Reflector {
  let stopped = false;
  let synced = false;
  let known = new Map<string, string>();
  const ending = new AbortController();

  const tell = (object: KubeObject, gone: boolean): void => {
    try {
      watched.onChange(object, gone);
    } catch (error) {
      onError(error);
    }
  };
  const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ""}/${metadata.name}`;

  const relist = async (): Promise<string> => {
    const seen = new Map<string, string>();
    let next = "";
    let version = "";
    do {
      const query = new URLSearchParams({
        limit: "500",
        ...selector(watched),
        ...(next !== "" && { continue: next }),
      });
      const page = await rest.send({
        method: "GET",
        path: `${resourcePath(watched.kind, watched.namespace)}?${query}`,
        resource: watched.kind.plural,
      });
      for (const item of (page.items as KubeObject[] | undefined) ?? []) {
        const mark = `${item.metadata.uid} ${item.metadata.resourceVersion}`;
        if (known.get(keyOf(item)) !== mark) tell(item, false);
        seen.set(keyOf(item), mark);
      }
      const metadata = page.metadata as { continue?: string; resourceVersion?: string };
      next = metadata.continue ?? "";
      version = metadata.resourceVersion ?? "";
    } while (next !== "");
    for (const key of known.keys()) {
      const [namespace = "", name = ""] = key.split("/");
      if (!seen.has(key))
        tell({ apiVersion: "", kind: watched.kind.kind, metadata: { namespace, name } }, true);
    }
    known = seen;
    synced = true;
    return version;
  };

  const watch = async (from: string): Promise<string> => {
    let version = from;
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), limits.silenceMs);
    const query = new URLSearchParams({
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: from,
      timeoutSeconds: String(limits.watchSeconds),
      ...selector(watched),
    });
    try {
      await rest.stream(
        `${resourcePath(watched.kind, watched.namespace)}?${query}`,
        AbortSignal.any([ending.signal, silence.signal]),
        (text) => {
          clearTimeout(timer);
          timer = setTimeout(() => silence.abort(), limits.silenceMs);
          const line = JSON.parse(text) as Line;
          if (line.type === "ERROR")
            throw new ApiError(
              line.object?.code ?? 0,
              line.object?.reason ?? "",
              "the watch ended with an error",
            );
          const { object } = line;
          if (object === undefined) return;
          version = object.metadata.resourceVersion ?? version;
          if (line.type === "BOOKMARK") return;
          const gone = line.type === "DELETED";
          if (gone) known.delete(keyOf(object));
          else known.set(keyOf(object), `${object.metadata.uid} ${version}`);
          tell(object, gone);
        },
      );
    } catch (error) {
      if (!silence.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
    }
    return version;
  };

  const loop = async (): Promise<void> => {
    let version = "";
    let failures = 0;
    while (!stopped) {
      try {
        if (version === "") version = await relist();
        version = await watch(version);
        failures = 0;
      } catch (error) {
        if (stopped) return;
        failures += 1;
        if (error instanceof ApiError && (error.status === 410 || error.reason === "Expired")) version = "";
        else onError(error);
        await pause(
          Math.min(limits.maxBackoffMs, limits.firstBackoffMs * 2 ** (failures - 1)) *
            (0.75 + Math.random() / 2),
          ending.signal,
        );
      }
    }
  };
  const running = loop();
  return {
    synced: () => synced,
    stop: async () => {
      stopped = true;
      ending.abort();
      await running;
    },
  };
}

const selector = ({ labelSelector }: Watched): Record<string, string> =>
  labelSelector === undefined ? {} : { labelSelector };

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
