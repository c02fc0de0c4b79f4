/**
 * The control scripts of replicator, manager and connector. Transcripts replicator-*; the texts of manager and connector
 * have none and are read by the same shape ([inferred]) and the word PID, as the vendor's own monitors do ([doc-code],
 * tungsten-cli §3). What start and stop print is no fact: `start` returns before the port answers, `stop` exits 0 always.
 */
import type { ToolOutput } from "./invocation.ts";
import { linesOf, type ProcessState, type Reading, read, unreadable } from "./reading.ts";

/** `… is running: PID: 12, Java:STARTED`, in releases with the Tanuki wrapper `PID:12, Wrapper:STARTED, Java:STARTED`. */
const running = /^[\w ]+ is running: PID: ?\d+((?:, [A-Za-z]+: ?[A-Z_]+)*)$/;
const stopped = /^[\w ]+ is not running\.$/;
/** The runner's sentence and the shell's for a script that is not there. */
const missing = /^(?:.*: )?\S*(?:replicator|manager|connector): (?:No such file or directory|not found)$/;
/** The answer, and room for a warning before it. */
const mostLines = 3;

const wordsOf = (text: string): readonly string[] =>
  linesOf(text)
    .map((line) => line.trim())
    .filter((line) => line !== "");

/** `status` of a control script. A component that is up in any state but STARTED is not called running. */
export function readDaemonStatus(output: ToolOutput): Reading<ProcessState> {
  const [lines, noise] = [wordsOf(output.stdout), wordsOf(output.stderr)];
  if (lines.length === 0 && (output.exitCode === 127 || noise.some((line) => missing.test(line))))
    return read("absent");
  const ups = lines.map((line) => running.exec(line)?.[1]).filter((parts) => parts !== undefined);
  const downs = lines.filter((line) => stopped.test(line));
  if (lines.length <= mostLines && ups.length + downs.length === 1) {
    if (downs.length === 1 && output.exitCode !== 0) return read("stopped");
    const parts = ups[0]?.split(", ").filter((part) => part !== "");
    if (output.exitCode === 0 && parts?.every((part) => /: ?STARTED$/.test(part))) return read("running");
  }
  const [line] = [...lines, ...noise];
  return line === undefined
    ? unreadable("the control script printed nothing")
    : read({ unrecognised: line.slice(0, 120) });
}
