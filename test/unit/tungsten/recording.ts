/** Recorded outputs as a tool would give them: the first line of a file tells command and exit code, the rest is what it printed. */
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { ToolOutput } from "../../../src/tungsten/invocation.ts";

const folder = resolve(import.meta.dirname, "../../transcripts");

export const recordings: readonly string[] = readdirSync(folder).sort();

/** A line that the recorder wrote where stderr begins. */
const stderrMark = "# --- stderr ---\n";

export function recorded(file: string): ToolOutput {
  const text = readFileSync(`${folder}/${file}`, "utf8");
  const head = text.slice(0, text.indexOf("\n"));
  const exitCode = /^# command: .* ; exit code: (\d+)(?: ; node: .*)?$/.exec(head)?.[1];
  if (exitCode === undefined) throw new Error(`${file} has no head that tells its exit code`);
  const [stdout = "", ...rest] = text.slice(head.length + 1).split(stderrMark);
  return { exitCode: Number(exitCode), stdout, stderr: rest.join(stderrMark) };
}

/** What a tool printed at exit 0. */
export const printed = (stdout: string): ToolOutput => ({ exitCode: 0, stdout, stderr: "" });
