/** A node for the real runner: a folder with the vendor's tools faked, and the script with its paths pointed there. */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { runnerScript } from "../../../src/runner/script.ts";
import type { MarkerState, ToolOutput } from "../../../src/tungsten/invocation.ts";
import { readMarker } from "../../../src/tungsten/node.ts";
import { readReply } from "../../../src/tungsten/runner.ts";

export const podUid = "pod-1";
export type Answered = { readonly code: number; readonly stdout: string; readonly stderr: string };

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
export const measured = (text: string): readonly [string, string] => [
  String(Buffer.byteLength(text)),
  sha256(text),
];

/** A line of shell that a test plants before a place of the script; the anchor must stand there exactly once. */
export type Plant = { readonly anchor: string; readonly line: string };

export type RunnerNode = {
  readonly root: string;
  readonly call: (argv: readonly string[], stdin: string) => Answered;
  /** `start` with a payload; `plant` goes into this call's copy of the script, and so into its supervisor's. */
  readonly start: (key: string, payload: string, options?: { fence?: string; plant?: Plant }) => Answered;
  /** The same, several at once. */
  readonly startTogether: (key: string, payload: string, times: number) => Promise<readonly Answered[]>;
  readonly observe: (...queries: string[]) => Answered;
  readonly marker: (key: string) => string;
  /** Starts a command and waits for its end. */
  readonly run: (command: string, stdin?: string, checks?: readonly string[]) => Promise<MarkerState>;
  /** One query's outcome. */
  readonly ask: (query: string) => ToolOutput;
  readonly file: (path: string) => string;
  readonly put: (path: string, text: string, mode?: number) => void;
  readonly remove: () => void;
};

function scriptFor(
  root: string,
  plant: Plant | undefined,
  constants: Readonly<Record<string, string>>,
): string {
  let text = runnerScript();
  for (const [name, value] of Object.entries({ ROOT: root, ...constants })) {
    const line = new RegExp(`^readonly ${name}=.*$`, "m");
    if (!line.test(text)) throw new Error(`the script has no constant ${name}`);
    text = text.replace(line, `readonly ${name}=${JSON.stringify(value)}`);
  }
  if (plant === undefined) return text;
  const parts = text.split(plant.anchor);
  if (parts.length !== 2) throw new Error(`the anchor stands ${parts.length - 1} times: ${plant.anchor}`);
  return parts.join(`${plant.line}\n${plant.anchor}`);
}

/** Makes the folder. Fakes print what they were asked and count their runs in `runs`. `programs` is looked into before PATH. */
export function newNode(
  constants: Readonly<Record<string, string>> = {},
  programs: string | undefined = undefined,
): RunnerNode {
  const root = mkdtempSync(join(tmpdir(), "tungsten-operator-runner-"));
  const put = (path: string, text: string, mode = 0o600): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode });
  };
  const fake = `#!/bin/bash
name=$(basename "$0")
echo "$name $*" >>"$RUNS"
if [[ -e $FAKES/$name ]]; then source "$FAKES/$name"; fi
`;
  for (const product of ["continuent", "replicator"]) {
    const tree = `opt/${product}/tungsten`;
    for (const name of ["trepctl", "thl", "dsctl", "replicator"])
      put(`${tree}/tungsten-replicator/bin/${name}`, fake, 0o755);
    put(`${tree}/tools/tpm`, fake, 0o755);
  }
  for (const name of ["manager", "cctrl"])
    put(`opt/continuent/tungsten/tungsten-manager/bin/${name}`, fake, 0o755);
  put("opt/continuent/tungsten/tungsten-connector/bin/connector", fake, 0o755);
  put("opt/continuent/software/tungsten-clustering-8.0.4-132/tools/tpm", fake, 0o755);
  put("fakes/.keep", "");
  put("backups/.keep", "");
  put("etc/tungsten-secrets/replication-user", "tungsten");
  put("etc/tungsten-secrets/replication-password", "pa$$'&word");
  put("runs", "");
  const environment = {
    ...process.env,
    POD_UID: podUid,
    RUNS: join(root, "runs"),
    FAKES: join(root, "fakes"),
    POD_NAME: "nyc-0",
    ...(programs !== undefined && { PATH: `${programs}:${process.env.PATH}` }),
  };
  put("runner", scriptFor(root, undefined, constants), 0o755);
  const callWith = (script: string, argv: readonly string[], stdin: string): Answered => {
    const ran = spawnSync("bash", [join(root, script), ...argv], {
      input: stdin,
      encoding: "utf8",
      env: environment,
    });
    return { code: ran.status ?? -1, stdout: ran.stdout, stderr: ran.stderr };
  };
  const call = (argv: readonly string[], stdin: string): Answered => callWith("runner", argv, stdin);
  const observe = (...queries: string[]): Answered => {
    const text = queries.map((query, index) => `q${index}\t${query.split(" ").join("\t")}\n`).join("");
    return call(["observe", podUid, ...measured(text)], text);
  };
  let runs = 0;
  const result: RunnerNode = {
    root,
    call,
    observe,
    put,
    startTogether: (key, payload, times) => {
      const one = () =>
        new Promise<Answered>((done) => {
          const argv = [join(root, "runner"), "start", podUid, "5", key, ...measured(payload)];
          const child = spawn("bash", argv, { env: environment });
          let [stdout, stderr] = ["", ""];
          child.stdout.on("data", (data) => {
            stdout += data;
          });
          child.stderr.on("data", (data) => {
            stderr += data;
          });
          child.once("close", (code) => done({ code: code ?? -1, stdout, stderr }));
          child.stdin.end(payload);
        });
      return Promise.all(Array.from({ length: times }, one));
    },
    start: (key, payload, { fence = "5", plant } = {}) => {
      const script =
        plant === undefined ? "runner" : `runner-${sha256(plant.anchor + plant.line).slice(0, 8)}`;
      if (plant !== undefined) put(script, scriptFor(root, plant, constants), 0o755);
      return callWith(script, ["start", podUid, fence, key, ...measured(payload)], payload);
    },
    marker: (key) =>
      /^== q0 0 \d+ \d+\n([\s\S]*)\n== end 1\n$/.exec(observe(`marker ${key}`).stdout)?.[1] ?? "",
    ask: (query) => {
      const reply = readReply(observe(query).stdout);
      const output = "read" in reply ? reply.read.outputs.get("q0") : undefined;
      if (output === undefined) throw new Error(`${query} was not answered`);
      return output;
    },
    run: async (command, stdin, checks) => {
      runs += 1;
      const key = `run-${runs}`;
      const state = () => {
        const told = readMarker(result.ask(`marker ${key}`));
        if ("unreadable" in told) throw new Error(told.unreadable);
        return told.read;
      };
      result.start(key, payloadOf(command, stdin, checks));
      await eventually(`the end of ${command}`, () => !["starting", "running"].includes(state().state));
      return state();
    },
    file: (path) => readFileSync(join(root, path), "utf8"),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
  return result;
}

/** A command's payload. */
export const payloadOf = (command: string, stdin = "", checks: readonly string[] = []): string =>
  [
    `command\t${command.split(" ").join("\t")}`,
    ...checks.map((check) => `check\t${check.split(" ").join("\t")}`),
    "limit\t60",
    "",
    stdin,
  ].join("\n");

/** Asks again until the probe says yes; the bound is generous, the answer usually immediate. */
export async function eventually(what: string, probe: () => boolean): Promise<void> {
  for (let n = 0; n < 200; n += 1) {
    if (probe()) return;
    await setTimeout(50);
  }
  throw new Error(`${what} did not come about`);
}
