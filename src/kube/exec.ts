/**
 * Exec over WebSocket: v5.channel.k8s.io, v4 without stdin. Only a status frame ends a session with a known result; a
 * socket that just goes away is `lost` (kubernetes-observed §2, typescript-foundation §8).
 */
import { WebSocket } from "ws";
import type { ExecOutcome, PodRef, Pods } from "../controllers/shell.ts";
import type { Access, Rest } from "./rest.ts";

export type ExecLimits = {
  readonly container: string;
  readonly handshakeMs: number;
  readonly sessionMs: number;
  readonly outputBytes: number;
  /** Sessions at once: more than about 25 in one pod stall each other. */
  readonly perPod: number;
  readonly overall: number;
};

const stdinChannel = 0;
const stdoutChannel = 1;
const stderrChannel = 2;
const statusChannel = 3;
const closeChannel = 255;

export function podsOver(rest: Rest, limits: ExecLimits): Pods {
  const admit = gate(limits);
  return {
    async exec(pod, argv, stdin) {
      const leave = await admit(pod.uid);
      try {
        return await session(await rest.access(), pod, argv, Buffer.from(stdin, "utf8"), limits);
      } catch (error) {
        return { kind: "refused", why: (error as Error).message };
      } finally {
        leave();
      }
    },
  };
}

function urlOf(server: string, pod: PodRef, argv: readonly string[], container: string): string {
  const query = new URLSearchParams({ container, stdin: "true", stdout: "true", stderr: "true" });
  for (const word of argv) query.append("command", word);
  const base = server.replace(/^http/, "ws");
  return `${base}/api/v1/namespaces/${encodeURIComponent(pod.namespace)}/pods/${encodeURIComponent(pod.name)}/exec?${query}`;
}

function session(
  access: Access,
  pod: PodRef,
  argv: readonly string[],
  stdin: Buffer,
  limits: ExecLimits,
): Promise<ExecOutcome> {
  return new Promise((resolve) => {
    const protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
    const socket = new WebSocket(urlOf(access.server, pod, argv, limits.container), protocols, {
      headers: access.headers,
      handshakeTimeout: limits.handshakeMs,
      perMessageDeflate: false,
      ...access.tls,
    });
    const chunks: Buffer[][] = [[], []];
    let size = 0;
    let opened = false;
    let ended = false;
    const end = (outcome: ExecOutcome): void => {
      if (ended) return;
      ended = true;
      clearTimeout(deadline);
      resolve(outcome);
      socket.terminate();
    };
    const deadline = setTimeout(
      () => end({ kind: "lost", why: `no end within ${limits.sessionMs} ms` }),
      limits.sessionMs,
    );
    socket.on("open", () => {
      opened = true;
      if (socket.protocol !== protocols[0] && stdin.length > 0)
        return end({ kind: "refused", why: "the server offers no protocol that can close stdin" });
      if (stdin.length > 0) socket.send(Buffer.concat([Buffer.from([stdinChannel]), stdin]));
      if (socket.protocol === protocols[0]) socket.send(Buffer.from([closeChannel, stdinChannel]));
    });
    socket.on("message", (data: Buffer) => {
      const channel = data[0];
      const body = data.subarray(1);
      if (channel === stdoutChannel || channel === stderrChannel) {
        size += body.length;
        if (size > limits.outputBytes)
          return end({ kind: "lost", why: `more than ${limits.outputBytes} bytes of output` });
        chunks[channel - 1]?.push(body);
      } else if (channel === statusChannel) end(outcomeOf(body.toString("utf8"), chunks));
    });
    socket.on("unexpected-response", (_request, response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () =>
        end({
          kind: "refused",
          why: refusalOf(response.statusCode ?? 0, Buffer.concat(parts).toString("utf8")),
        }),
      );
    });
    socket.on("error", (error) => end({ kind: opened ? "lost" : "refused", why: error.message }));
    socket.on("close", (code) => end({ kind: "lost", why: `the session closed (${code}) without a status` }));
  });
}

function refusalOf(code: number, body: string): string {
  try {
    return `HTTP ${code}: ${(JSON.parse(body) as { message?: string }).message ?? ""}`;
  } catch {
    return `HTTP ${code}`;
  }
}

type Status = {
  status?: string;
  reason?: string;
  message?: string;
  details?: { causes?: { reason?: string; message?: string }[] };
};

/** The status frame: success, an exit code, or a failure that says nothing about the command. */
function outcomeOf(text: string, chunks: readonly Buffer[][]): ExecOutcome {
  const [stdout = "", stderr = ""] = chunks.map((parts) => Buffer.concat(parts).toString("utf8"));
  let status: Status;
  try {
    status = JSON.parse(text) as Status;
  } catch {
    return { kind: "lost", why: "the status frame is no JSON" };
  }
  if (status.status === "Success") return { kind: "exited", code: 0, stdout, stderr };
  const cause = status.details?.causes?.find(({ reason }) => reason === "ExitCode")?.message;
  if (cause !== undefined && /^\d+$/.test(cause))
    return { kind: "exited", code: Number(cause), stdout, stderr };
  const why = status.message ?? status.reason ?? "failure without a reason";
  return /container not found|executable file not found|not running/.test(why)
    ? { kind: "refused", why }
    : { kind: "lost", why };
}

/** Waits for a place, per pod and overall, first come first served. */
function gate({ perPod, overall }: ExecLimits): (pod: string) => Promise<() => void> {
  const busy = new Map<string, number>();
  let total = 0;
  const waiting: { pod: string; enter: () => void }[] = [];
  const free = (pod: string) => total < overall && (busy.get(pod) ?? 0) < perPod;
  const enter = (pod: string): (() => void) => {
    total += 1;
    busy.set(pod, (busy.get(pod) ?? 0) + 1);
    return () => {
      total -= 1;
      busy.set(pod, (busy.get(pod) ?? 1) - 1);
      const index = waiting.findIndex((other) => free(other.pod));
      if (index >= 0) waiting.splice(index, 1)[0]?.enter();
    };
  };
  return (pod) =>
    new Promise((resolve) => {
      if (free(pod)) resolve(enter(pod));
      else waiting.push({ pod, enter: () => resolve(enter(pod)) });
    });
}
