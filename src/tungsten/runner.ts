/** The operator's end of the runner protocol (docs/reference/runner-protocol.md): calls as words, payloads and replies as text. */
import type { Command, Query, ToolOutput } from "./invocation.ts";
import { type Reading, read, unreadable } from "./reading.ts";

const runner = "/etc/runner/runner";

export const observeArguments = (podUid: string, bytes: number, sha256: string): readonly string[] => [
  runner,
  "observe",
  podUid,
  String(bytes),
  sha256,
];

export const startArguments = (podUid: string, fence: string, key: string, bytes: number, sha256: string) => [
  runner,
  "start",
  podUid,
  fence,
  key,
  String(bytes),
  sha256,
];

export const encodeQueries = (queries: readonly Query[]): string =>
  queries.map(({ id, argv }) => `${[id, ...argv].join("\t")}\n`).join("");

/** Header lines, an empty line, the tool's stdin. */
export function encodeCommand(command: Command): string {
  const checks = (command.prechecks ?? []).map(({ argv }) => `check\t${argv.join("\t")}\n`);
  const head = `command\t${command.argv.join("\t")}\n${checks.join("")}limit\t${command.deadlineSeconds}\n`;
  return `${head}\n${command.stdin ?? ""}`;
}

export type Reply = { readonly outputs: ReadonlyMap<string, ToolOutput>; readonly complete: boolean };

/** Blocks `== ID RC OUTLEN ERRLEN`, lengths in bytes. Blocks that came whole are given; `complete` tells whether all did. */
export function readReply(stdout: string): Reading<Reply> {
  const bytes = new TextEncoder().encode(stdout);
  const text = new TextDecoder();
  const outputs = new Map<string, ToolOutput>();
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(10, at);
    if (end < 0) break;
    const line = text.decode(bytes.subarray(at, end));
    const last = /^== end (\d+)$/.exec(line);
    if (last !== null) return read({ outputs, complete: Number(last[1]) === outputs.size });
    const head = /^== ([A-Za-z0-9._-]{1,64}) (-?\d+) (\d+) (\d+)$/.exec(line);
    if (head === null) return unreadable(`not a reply of the runner: «${line.slice(0, 80)}»`);
    const [out, err] = [Number(head[3]), Number(head[4])];
    const from = end + 1;
    if (from + out + err > bytes.length) break;
    outputs.set(head[1] ?? "", {
      exitCode: Number(head[2]),
      stdout: text.decode(bytes.subarray(from, from + out)),
      stderr: text.decode(bytes.subarray(from + out, from + out + err)),
    });
    at = from + out + err + 1;
  }
  return outputs.size > 0
    ? read({ outputs, complete: false })
    : unreadable("the runner's reply is empty or cut short");
}

const refusals: Readonly<Record<number, string>> = {
  20: "the pod is another instance than the one meant",
  21: "the payload did not arrive whole",
  22: "the node has seen a higher fence: another operator leads",
  23: "it does not know this verb or tool",
  24: "a word breaks the pattern its tool demands",
};

/** Why the runner served nothing; null when it served, or when the code is not its own. */
export const readRefusal = (code: number): string | null =>
  code === 0 ? null : (refusals[code] ?? `it ended with ${code}, which is none of its codes`);
