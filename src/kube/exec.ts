/**
 * Exec over WebSocket: v5.channel.k8s.io, or v4 for a call without stdin. Only a status frame ends a session with a
 * known result; a socket that just goes away is `lost` (observed: kubernetes-observed §2; protocol: foundation §8).
 */
import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import type { ExecOutcome, PodRef, Pods } from "../controllers/shell.ts";
import type { Access } from "./access.ts";
import { type ExecOutput, outcomeOf, refusalOf } from "./exec-status.ts";
import { realTimers, type Timers } from "./timers.ts";

export type ExecLimits = {
  readonly container: string;
  /** From dialling to the open socket. */
  readonly handshakeMs: number;
  /** From dialling to the status frame. */
  readonly sessionMs: number;
  readonly pingMs: number;
  /** Without a frame or pong for so long the peer is taken for dead. Generous: a server busy with stdin sends none. */
  readonly deadMs: number;
  /** Both streams together. */
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
const v5 = "v5.channel.k8s.io";
const v4 = "v4.channel.k8s.io";
/** Bytes of stdin in one frame. */
const frameBytes = 32 * 1024;
/** Of a refused upgrade's body we read so much. */
const refusalBytes = 64 * 1024;

/** `rest` gives address and credentials, fresh for each session. */
export function podsOver(
  rest: { readonly access: () => Promise<Access> },
  limits: ExecLimits,
  timers: Timers = realTimers,
): Pods {
  const admit = gate(limits);
  return {
    async exec(pod, argv, stdin) {
      const leave = await admit(pod.uid);
      try {
        return await session(await rest.access(), pod, argv, Buffer.from(stdin, "utf8"), limits, timers);
      } catch (error) {
        // Credentials or the URL could not be made: nothing was dialled.
        return { kind: "refused", why: (error as Error).message };
      } finally {
        leave();
      }
    },
  };
}

function dial(access: Access, pod: PodRef, argv: readonly string[], stdin: boolean, container: string) {
  const query = new URLSearchParams({ container, stdin: String(stdin), stdout: "true", stderr: "true" });
  for (const word of argv) query.append("command", word);
  const path = `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}/pods/${encodeURIComponent(pod.name)}/exec`;
  const url = `${access.server.replace(/^http/, "ws")}${path}?${query}`;
  const options = { headers: access.headers, perMessageDeflate: false, ...access.tls };
  return new WebSocket(url, [v5, v4], options);
}

function session(
  access: Access,
  pod: PodRef,
  argv: readonly string[],
  stdin: Buffer,
  limits: ExecLimits,
  timers: Timers,
): Promise<ExecOutcome> {
  return new Promise((resolve) => {
    const socket = dial(access, pod, argv, stdin.length > 0, limits.container);
    const output: ExecOutput = { stdout: [], stderr: [], bytes: 0 };
    let ended = false;
    const end = (outcome: ExecOutcome): void => {
      if (ended) return;
      ended = true;
      for (const stop of watchers) stop();
      resolve(outcome);
      socket.terminate();
    };
    const lose = (why: string): void => end({ kind: "lost", why });
    const alive = heartbeat(socket, limits, timers, lose);
    const handshake = timers.after(limits.handshakeMs, () =>
      lose(`no answer to the upgrade within ${limits.handshakeMs} ms`),
    );
    const deadline = timers.after(limits.sessionMs, () => lose(`no end within ${limits.sessionMs} ms`));
    const watchers = [handshake, deadline, alive.stop];
    socket.on("open", () => {
      handshake();
      alive.start();
      if (stdin.length > 0 && socket.protocol !== v5)
        return end({ kind: "refused", why: `the server offers only ${v4}, which cannot close stdin` });
      if (stdin.length > 0) sendStdin(socket, stdin);
    });
    socket.on("pong", alive.heard);
    socket.on("message", (data: Buffer) => {
      alive.heard();
      const body = data.subarray(1);
      if (data[0] === statusChannel) return end(outcomeOf(body.toString("utf8"), output));
      if (data[0] !== stdoutChannel && data[0] !== stderrChannel) return;
      output.bytes += body.length;
      if (output.bytes > limits.outputBytes) return lose(`more than ${limits.outputBytes} bytes of output`);
      (data[0] === stdoutChannel ? output.stdout : output.stderr).push(body);
    });
    socket.on("unexpected-response", (_request, response) => readRefusal(response, end));
    // Before the socket is open only a peer that could not be reached is sure to have begun nothing.
    socket.on("error", (error) =>
      end({ kind: neverReached(error) ? "refused" : "lost", why: error.message }),
    );
    socket.on("close", (code) => lose(`the session closed (${code}) without a status`));
  });
}

function sendStdin(socket: WebSocket, stdin: Buffer): void {
  for (let from = 0; from < stdin.length; from += frameBytes)
    socket.send(Buffer.concat([Buffer.from([stdinChannel]), stdin.subarray(from, from + frameBytes)]));
  socket.send(Buffer.from([closeChannel, stdinChannel]));
}

function neverReached(error: Error): boolean {
  const { code } = error as { code?: string };
  return code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "EHOSTUNREACH";
}

/** The body of a refused upgrade carries the sentence of RBAC or of an admission policy. */
function readRefusal(response: IncomingMessage, end: (outcome: ExecOutcome) => void): void {
  const parts: Buffer[] = [];
  let size = 0;
  const finish = (): void => end(refusalOf(response.statusCode ?? 0, Buffer.concat(parts).toString("utf8")));
  response.on("data", (part: Buffer) => {
    size += part.length;
    if (size > refusalBytes) finish();
    else parts.push(part);
  });
  response.on("end", finish);
  response.on("error", finish);
}

/** Pings, and calls `lose` when nothing was heard for too long: a dropped idle connection tells nobody. */
function heartbeat(
  socket: WebSocket,
  { pingMs, deadMs }: ExecLimits,
  timers: Timers,
  lose: (why: string) => void,
): { start: () => void; heard: () => void; stop: () => void } {
  let last = 0;
  let cancel = (): void => {};
  const beat = (): void => {
    if (timers.now() - last >= deadMs) return lose(`nothing heard for ${deadMs} ms`);
    socket.ping();
    cancel = timers.after(pingMs, beat);
  };
  const heard = (): void => {
    last = timers.now();
  };
  const start = (): void => {
    heard();
    cancel = timers.after(pingMs, beat);
  };
  return { start, heard, stop: () => cancel() };
}

/** Waits for a place, per pod and overall, first come first served. */
function gate({ perPod, overall }: ExecLimits): (pod: string) => Promise<() => void> {
  const busy = new Map<string, number>();
  let total = 0;
  const waiting: { pod: string; enter: () => void }[] = [];
  const free = (pod: string): boolean => total < overall && (busy.get(pod) ?? 0) < perPod;
  const enter = (pod: string): (() => void) => {
    total += 1;
    busy.set(pod, (busy.get(pod) ?? 0) + 1);
    return () => {
      total -= 1;
      const left = (busy.get(pod) ?? 1) - 1;
      if (left === 0) busy.delete(pod);
      else busy.set(pod, left);
      // One place became free, so at most one can enter: the first whose pod has room.
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
