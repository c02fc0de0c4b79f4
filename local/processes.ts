/** Child processes that never outlive us: each runs under a watchdog that kills it when our end of its stdin closes. */
import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";
import { createServer } from "node:net";

export type Child = {
  readonly name: string;
  readonly pid: () => number;
  readonly exited: Promise<number>;
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>;
  readonly alive: () => boolean;
};

/** Reads until end of file (our death), then kills the program; ends with the program's own code. */
const watchdog =
  'exec 3<&0; "$@" </dev/null & child=$!; echo "$child" >&4; (cat <&3 >/dev/null; kill -KILL "$child" 2>/dev/null) & guard=$!; wait "$child"; code=$?; kill "$guard" 2>/dev/null; exit "$code"';

/** Starts a program with its output in a file. */
export async function startChild(
  name: string,
  command: string,
  args: readonly string[],
  logFile: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Child> {
  const log = openSync(logFile, "a");
  const process_: ChildProcess = spawn("bash", ["-c", watchdog, name, command, ...args], {
    stdio: ["pipe", log, log, "ignore", "pipe"],
    env: { ...process.env, ...env },
    detached: true,
  });
  const pid = await new Promise<number>((resolve, reject) => {
    process_.once("error", reject);
    process_.stdio[4]?.once("data", (chunk: Buffer) => resolve(Number(chunk.toString().trim())));
    process_.once("exit", () => reject(new Error(`${name} did not start; see ${logFile}`)));
  });
  let ended = false;
  const exited = new Promise<number>((resolve) => {
    process_.once("exit", (code) => {
      ended = true;
      resolve(code ?? 1);
    });
  });
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
    if (ended) return;
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    const late = setTimeout(() => process_.stdin?.end(), 15_000);
    await exited;
    clearTimeout(late);
  };
  return { name, pid: () => pid, exited, stop, alive: () => !ended };
}

/** A port that is free right now on the loopback interface. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address !== null
          ? resolve(address.port)
          : reject(new Error("no port")),
      );
    });
  });
}

/** Asks again until `probe` says yes; gives up with a sentence that says what was waited for. */
export async function until(what: string, seconds: number, probe: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    if (await probe().catch(() => false)) return;
    await new Promise((wake) => setTimeout(wake, 200));
  }
  throw new Error(`${what} did not come about within ${seconds} s`);
}

/** As `until`, but gives up at once when the program that is to bring it about has ended. */
export async function untilOf(
  child: Child,
  what: string,
  seconds: number,
  probe: () => Promise<boolean>,
): Promise<void> {
  const ended = (): boolean => !child.alive();
  await until(what, seconds, async () => ended() || probe());
  if (ended()) throw new Error(`${child.name} ended before there was ${what}`);
}

/** Things that were begun and have to be ended in the opposite order, even when one of them fails to begin. */
export type Endings = {
  readonly add: (end: () => unknown) => void;
  readonly run: () => Promise<void>;
};

export function endings(): Endings {
  const ends: (() => unknown)[] = [];
  return {
    add: (end) => void ends.push(end),
    run: async () => {
      for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end();
    },
  };
}
