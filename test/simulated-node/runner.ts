/** The real runner on a simulated node without a container: the script with its root pointed there. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runnerScript } from "../../src/runner/script.ts";
import type { ToolOutput } from "../../src/tungsten/invocation.ts";
import { readMarker } from "../../src/tungsten/node.ts";
import { readReply } from "../../src/tungsten/runner.ts";
import { type RealNodes, until } from "./nodes.ts";

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

export type Runner = {
  readonly ask: (name: string, query: string) => Promise<ToolOutput>;
  /** Runs a command to its end; throws unless it exits 0. */
  readonly run: (name: string, command: string, stdin?: string) => Promise<string>;
  /** The same on several nodes at once. */
  readonly all: (names: readonly string[], command: string, stdin?: string) => Promise<void>;
};

/** How a command ended, as its marker's state tells it; undefined while it runs. */
function endIn(marker: ToolOutput, what: string): ToolOutput | undefined {
  const state = readMarker(marker);
  if ("unreadable" in state) throw new Error(state.unreadable);
  if (state.read.state === "exited") return state.read.output;
  if (state.read.state === "running" || state.read.state === "starting") return undefined;
  throw new Error(`${what} is ${state.read.state}`);
}

const words = (line: string): string => line.split(" ").join("\t");

/** Mounts the script and the Secret's files as a pod would have them. */
export function newRunner(nodes: RealNodes, secrets: Readonly<Record<string, string>>): Runner {
  let keys = 0;
  for (const name of nodes.names) {
    const folder = join(nodes.root(name), "etc/tungsten-secrets");
    mkdirSync(folder, { recursive: true });
    for (const [file, text] of Object.entries(secrets)) writeFileSync(join(folder, file), text);
    const script = runnerScript().replace(/^readonly ROOT=.*$/m, `readonly ROOT=${nodes.root(name)}`);
    writeFileSync(join(nodes.root(name), "runner"), script, { mode: 0o755 });
  }
  const call = (name: string, argv: readonly string[], stdin: string): Promise<string> =>
    new Promise((done, failed) => {
      const environment = { ...nodes.environment(name), POD_UID: name, POD_NAME: name };
      const child = spawn("bash", [join(nodes.root(name), "runner"), ...argv], { env: environment });
      let out = "";
      let err = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        out += text;
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        err += text;
      });
      child.once("close", (code) =>
        code === 0 ? done(out) : failed(new Error(`${argv[0]}: ${code} ${err}`)),
      );
      child.stdin.on("error", () => {});
      child.stdin.end(stdin);
    });
  const measured = (text: string): readonly string[] => [String(Buffer.byteLength(text)), sha256(text)];
  const ask = async (name: string, query: string): Promise<ToolOutput> => {
    const payload = `q\t${words(query)}\n`;
    const reply = readReply(await call(name, ["observe", name, ...measured(payload)], payload));
    const output = "read" in reply ? reply.read.outputs.get("q") : undefined;
    if (output === undefined) throw new Error(`${name}: no answer to ${query}`);
    return output;
  };
  const run = async (name: string, command: string, stdin = ""): Promise<string> => {
    keys += 1;
    const key = `key-${keys}`;
    const payload = `command\t${words(command)}\nlimit\t600\n\n${stdin}`;
    const began = await call(name, ["start", name, "1", key, ...measured(payload)], payload);
    let ended = endIn({ exitCode: 0, stdout: began, stderr: "" }, `${name}: ${command}`);
    await until(`the end of ${command} on ${name}`, async () => {
      ended ??= endIn(await ask(name, `marker ${key}`), `${name}: ${command}`);
      return ended !== undefined;
    });
    if (ended?.exitCode !== 0) throw new Error(`${name}: ${command}: ${JSON.stringify(ended)}`);
    return ended.stdout;
  };
  const all = async (names: readonly string[], command: string, stdin?: string): Promise<void> => {
    await Promise.all(names.map((name) => run(name, command, stdin)));
  };
  return { ask, run, all };
}
