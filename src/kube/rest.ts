/**
 * A thin REST client: plain JSON in and out over one shared undici Agent, with a rate limit, retries that honour
 * Retry-After, and errors without bodies. Fields of newer servers pass through untouched.
 */
import type { KubeConfig } from "@kubernetes/client-node";
import { Agent, type Dispatcher, request } from "undici";
import type { KubeObject, ResourceKind } from "../controllers/shell.ts";
import { type Access, accessBy, sameTls, type TlsMaterial } from "./access.ts";
import { ApiError } from "./errors.ts";
import { pause, realTimers, type Timers } from "./timers.ts";

export type RestLimits = {
  /** For one attempt, from sending to the last byte of the answer. */
  readonly requestTimeoutMs: number;
  /** Requests a second on average, and at once. */
  readonly perSecond: number;
  readonly burst: number;
  /** Further attempts after the first. */
  readonly retries: number;
  /** Streams that are open at once; each holds one connection for itself. */
  readonly watches: number;
};

/** Told after every attempt; `code` is 0 when no answer came. */
export type RestObserver = (verb: string, resource: string, code: number, seconds: number) => void;

export type Call = {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path and query. They land in the server's audit log and carry no secret. */
  readonly path: string;
  readonly body?: object;
  readonly contentType?: string;
  readonly accept?: string;
  /** For metrics and messages: the plural of the kind. */
  readonly resource: string;
  /** Gives up at once, also while it waits for its turn. */
  readonly signal?: AbortSignal;
};

export type Rest = {
  /** The answer's JSON, `{}` for an empty one. Every failure is an ApiError. */
  readonly send: (call: Call) => Promise<KubeObject>;
  /**
   * Opens a GET whose lines are consumed as they come, and resolves when the server ends it. What `onLine` throws ends
   * it too. It has no timeout of its own: the reader watches the silence and ends it by `call.signal`.
   */
  readonly stream: (call: Call & { signal: AbortSignal }, onLine: (line: string) => void) => Promise<void>;
  /** Address and fresh credentials, for WebSocket upgrades. */
  readonly access: () => Promise<Access>;
  readonly close: () => Promise<void>;
};

/** Connections for requests, beside those that watches hold. */
const requestConnections = 18;
/** A server that asks for more patience than this is asked again all the same. */
const longestWaitSeconds = 30;

/** Path of a kind's collection, or of one object of it. Without a namespace: of all namespaces. */
export function resourcePath(
  kind: ResourceKind,
  namespace: string | undefined,
  name?: string,
  subresource?: string,
): string {
  const group = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const scope =
    namespace === undefined || namespace === "" ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  const one = name === undefined ? "" : `/${encodeURIComponent(name)}`;
  return `${group}${scope}/${kind.plural}${one}${subresource === undefined ? "" : `/${subresource}`}`;
}

export function connect(
  config: KubeConfig,
  limits: RestLimits,
  observe: RestObserver = () => {},
  timers: Timers = realTimers,
): Rest {
  const access = accessBy(config);
  const agents = agentsFor(requestConnections + limits.watches);
  const admit = bucket(limits, timers);

  const open = async (call: Call, signal: AbortSignal): Promise<Dispatcher.ResponseData> => {
    const { server, headers, tls } = await access();
    const text = call.body === undefined ? undefined : JSON.stringify(call.body);
    return request(server + call.path, {
      method: call.method,
      dispatcher: agents.current(tls),
      headers: {
        ...headers,
        accept: call.accept ?? "application/json",
        "user-agent": "tungsten-operator",
        ...(text !== undefined && { "content-type": call.contentType ?? "application/json" }),
      },
      signal,
      ...(text !== undefined && { body: text }),
    });
  };

  const once = async (call: Call): Promise<KubeObject> => {
    const late = new AbortController();
    const cancel = timers.after(limits.requestTimeoutMs, () => late.abort());
    const signal = call.signal === undefined ? late.signal : AbortSignal.any([late.signal, call.signal]);
    const started = timers.now();
    let code = 0;
    try {
      const response = await open(call, signal);
      const answer = await response.body.text();
      code = response.statusCode;
      if (code >= 400) throw errorOf(response, answer, call);
      return answer === "" ? ({} as KubeObject) : parsed(answer, call);
    } catch (error) {
      throw unanswered(error, call, late.signal.aborted);
    } finally {
      cancel();
      observe(call.method, call.resource, code, (timers.now() - started) / 1000);
    }
  };

  return {
    access,
    send: async (call) => {
      for (let attempt = 0; ; attempt += 1) {
        await admit(call.signal);
        try {
          return await once(call);
        } catch (error) {
          const wait = waitBeforeRetry(error, call, attempt, limits, timers);
          if (wait === undefined) throw error;
          await pause(timers, wait, call.signal);
        }
      }
    },
    stream: async (call, onLine) => {
      await admit(call.signal);
      const response = await open(call, call.signal).catch((error: unknown) => {
        throw unanswered(error, call, false);
      });
      if (response.statusCode >= 400) throw errorOf(response, await response.body.text(), call);
      let rest = "";
      response.body.setEncoding("utf8");
      for await (const chunk of response.body) {
        const lines = (rest + String(chunk)).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line !== "") onLine(line);
      }
    },
    close: agents.close,
  };
}

/** One Agent for all; another one only when the TLS material has changed, because certificates are renewed on disk. */
function agentsFor(connections: number): {
  current: (tls: TlsMaterial) => Agent;
  close: () => Promise<void>;
} {
  let agent: Agent | undefined;
  let of: TlsMaterial = {};
  return {
    current: (tls) => {
      if (agent !== undefined && sameTls(of, tls)) return agent;
      // What runs on the former one may end there; nobody waits for it.
      agent?.close().catch(() => undefined);
      of = tls;
      agent = new Agent({ connections, connect: { ...tls }, headersTimeout: 0, bodyTimeout: 0 });
      return agent;
    },
    close: async () => agent?.destroy(),
  };
}

function parsed(answer: string, call: Call): KubeObject {
  try {
    return JSON.parse(answer) as KubeObject;
  } catch {
    // The parser's own sentence quotes the text.
    throw new ApiError(0, "Unreadable", `${call.method} ${call.resource}: the answer is no JSON`);
  }
}

/** The server's Status in one line: reason and message; other bodies are dropped. */
function errorOf(response: Dispatcher.ResponseData, body: string, call: Call): ApiError {
  const code = response.statusCode;
  const told = Number(response.headers["retry-after"] ?? Number.NaN);
  const patience = Number.isFinite(told) && told >= 0 ? told : undefined;
  const status = statusIn(body);
  const reason = typeof status?.reason === "string" ? status.reason : "Unknown";
  const message = typeof status?.message === "string" ? status.message : `HTTP ${code}`;
  return new ApiError(code, reason, `${call.method} ${call.resource}: ${message}`.slice(0, 1000), patience);
}

function statusIn(body: string): { reason?: unknown; message?: unknown } | null {
  try {
    return JSON.parse(body);
  } catch {
    // A proxy's page, say. The code has to do.
    return null;
  }
}

function unanswered(error: unknown, call: Call, late: boolean): ApiError {
  if (error instanceof ApiError) return error;
  const what = `${call.method} ${call.resource}`;
  if (late) return new ApiError(0, "Timeout", `${what}: no answer in time`);
  if (call.signal?.aborted) return new ApiError(0, "Stopped", `${what}: given up`);
  return new ApiError(0, "NoAnswer", `${what}: no answer (${String((error as Error).message)})`);
}

/**
 * How long to wait before sending again; undefined when the error is final. 429 says that nothing was done. 503 and a
 * cut connection leave that open, so a POST is never sent again after them; a PUT is not after a cut, because its
 * second sending would say Conflict and hide that the first one arrived.
 */
function waitBeforeRetry(
  error: unknown,
  call: Call,
  attempt: number,
  limits: RestLimits,
  timers: Timers,
): number | undefined {
  if (!(error instanceof ApiError) || attempt >= limits.retries || call.signal?.aborted) return undefined;
  const refused = error.status === 429;
  const unavailable = error.status === 503 && call.method !== "POST";
  const repeatable = call.method === "GET" || call.method === "DELETE";
  const cut = error.reason === "NoAnswer" && error.status === 0 && repeatable;
  if (!refused && !unavailable && !cut) return undefined;
  const told = error.retryAfterSeconds;
  // Never earlier than told; spread over a quarter more, so that many clients do not come back in step.
  if (told !== undefined && told > 0)
    return Math.min(told, longestWaitSeconds) * 1000 * (1 + timers.random() / 4);
  return Math.min(200 * 2 ** attempt, longestWaitSeconds * 1000) * (0.75 + timers.random() / 2);
}

/** A token bucket: `burst` at once, `perSecond` on average, first come first served. */
function bucket(
  { perSecond, burst }: RestLimits,
  timers: Timers,
): (signal: AbortSignal | undefined) => Promise<void> {
  let tokens = burst;
  let last = timers.now();
  return async (signal) => {
    const now = timers.now();
    tokens = Math.min(burst, tokens + ((now - last) / 1000) * perSecond);
    last = now;
    tokens -= 1;
    if (tokens < 0) await pause(timers, (-tokens / perSecond) * 1000, signal);
  };
}
