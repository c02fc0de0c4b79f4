/**
 * A thin REST client: plain JSON in and out over one shared undici Agent, with a rate limit, retries that honour
 * Retry-After, and errors without bodies. Authentication is the KubeConfig's (typescript-foundation §1.4).
 */

import type { RequestOptions as HttpsOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import { Agent, request } from "undici";
import type { KubeObject, ResourceKind } from "../controllers/shell.ts";
import { ApiError } from "./errors.ts";

export type RestLimits = {
  readonly requestTimeoutMs: number;
  readonly perSecond: number;
  readonly burst: number;
  readonly retries: number;
};

export type RestObserver = (verb: string, resource: string, code: number, seconds: number) => void;

export type Call = {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: object;
  readonly contentType?: string;
  /** For metrics: the plural of the kind. */
  readonly resource: string;
};

export type Rest = {
  readonly send: (call: Call) => Promise<KubeObject>;
  /** Opens a GET whose lines are consumed as they come; the reader ends it by the signal. */
  readonly stream: (path: string, signal: AbortSignal, onLine: (line: string) => void) => Promise<void>;
  /** Server URL and fresh authentication headers, for WebSocket upgrades. */
  readonly access: () => Promise<Access>;
  readonly close: () => Promise<void>;
};
export type Access = {
  readonly server: string;
  readonly headers: Record<string, string>;
  readonly tls: TlsOptions;
};
type TlsOptions = {
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  rejectUnauthorized?: boolean;
};

const pathOf = (kind: ResourceKind): string =>
  kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;

/** Path of a kind's collection, or of one object of it. */
export function resourcePath(
  kind: ResourceKind,
  namespace: string | undefined,
  name?: string,
  subresource?: string,
): string {
  const scope =
    namespace === undefined || namespace === "" ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  const one = name === undefined ? "" : `/${encodeURIComponent(name)}`;
  return `${pathOf(kind)}${scope}/${kind.plural}${one}${subresource === undefined ? "" : `/${subresource}`}`;
}

export function connect(config: KubeConfig, limits: RestLimits, observe: RestObserver = () => {}): Rest {
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new Error("the kubeconfig names no cluster: set KUBECONFIG or run inside a cluster");
  let agent: Agent | undefined;
  const access = async (): Promise<Access> => {
    const options: HttpsOptions = {};
    await config.applyToHTTPSOptions(options);
    const { ca, cert, key, rejectUnauthorized, headers } = options as TlsOptions & {
      headers?: Record<string, string>;
    };
    const tls = {
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
      ...(rejectUnauthorized === false && { rejectUnauthorized }),
    };
    return { server: cluster.server, headers: { ...headers }, tls };
  };
  const shared = (tls: TlsOptions): Agent => {
    agent ??= new Agent({
      connections: 16,
      connect: tls as object,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 30_000,
    });
    return agent;
  };
  const admit = bucket(limits);
  const once = async (call: Call): Promise<KubeObject> => {
    const { server, headers, tls } = await access();
    const started = performance.now();
    const text = call.body === undefined ? undefined : JSON.stringify(call.body);
    try {
      const response = await request(server + call.path, {
        method: call.method,
        dispatcher: shared(tls),
        headers: {
          ...headers,
          accept: "application/json",
          "user-agent": "tungsten-operator",
          ...(text !== undefined && { "content-type": call.contentType ?? "application/json" }),
        },
        signal: AbortSignal.timeout(limits.requestTimeoutMs),
        ...(text !== undefined && { body: text }),
      });
      observe(call.method, call.resource, response.statusCode, (performance.now() - started) / 1000);
      const answer = await response.body.text();
      if (response.statusCode >= 400)
        throw errorOf(response.statusCode, answer, call, String(response.headers["retry-after"] ?? ""));
      return answer === "" ? ({} as KubeObject) : (JSON.parse(answer) as KubeObject);
    } catch (error) {
      if (error instanceof ApiError) throw error;
      observe(call.method, call.resource, 0, (performance.now() - started) / 1000);
      throw new ApiError(
        0,
        "NoAnswer",
        `${call.method} ${call.resource}: no answer (${(error as Error).message})`,
      );
    }
  };
  return {
    access,
    send: async (call) => {
      for (let attempt = 0; ; attempt += 1) {
        await admit();
        try {
          return await once(call);
        } catch (error) {
          const wait = retryAfter(error, call, attempt, limits);
          if (wait === undefined) throw error;
          await delay(wait);
        }
      }
    },
    stream: async (path, signal, onLine) => {
      const { server, headers, tls } = await access();
      const response = await request(server + path, {
        method: "GET",
        dispatcher: shared(tls),
        headers: { ...headers, accept: "application/json", "user-agent": "tungsten-operator" },
        signal,
      });
      if (response.statusCode >= 400)
        throw errorOf(
          response.statusCode,
          await response.body.text(),
          { method: "GET", path, resource: "watch" },
          "",
        );
      let rest = "";
      response.body.setEncoding("utf8");
      for await (const chunk of response.body) {
        const lines = (rest + String(chunk)).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line !== "") onLine(line);
      }
    },
    close: async () => agent?.destroy(),
  };
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The server's Status in one line: reason and message; other bodies are dropped. */
function errorOf(
  code: number,
  body: string,
  call: Pick<Call, "method" | "path" | "resource">,
  wait: string,
): ApiError {
  try {
    const status = JSON.parse(body) as { reason?: string; message?: string };
    const message = `${call.method} ${call.resource}: ${status.message ?? code}`;
    return Object.assign(new ApiError(code, status.reason ?? "Unknown", message.slice(0, 1000)), { wait });
  } catch {
    return Object.assign(new ApiError(code, "Unknown", `${call.method} ${call.resource}: HTTP ${code}`), {
      wait,
    });
  }
}

/**
 * How long to wait before sending again; undefined when the error is final. Only what is safe to send twice is: a POST
 * without an answer may have created its object, and a request that is too large for etcd (a 500) stays so.
 */
function retryAfter(error: unknown, call: Call, attempt: number, limits: RestLimits): number | undefined {
  if (!(error instanceof ApiError) || attempt >= limits.retries) return undefined;
  const busy = error.status === 429 || error.status === 503;
  const unanswered = error.status === 0 && call.method === "GET";
  if (!busy && !unanswered) return undefined;
  const told = Number((error as ApiError & { wait?: string }).wait ?? "");
  const base = Number.isFinite(told) && told > 0 ? told * 1000 : 200 * 2 ** attempt;
  return base * (0.75 + Math.random() / 2);
}

/** A token bucket: `burst` at once, `perSecond` on average. */
function bucket({ perSecond, burst }: RestLimits): () => Promise<void> {
  let tokens = burst;
  let last = performance.now();
  return async () => {
    const now = performance.now();
    tokens = Math.min(burst, tokens + ((now - last) / 1000) * perSecond);
    last = now;
    tokens -= 1;
    if (tokens < 0) await delay((-tokens / perSecond) * 1000);
  };
}
