/**
 * The control scripts of replicator, manager and connector. Transcripts replicator-*; the texts of manager and connector
 * have none and are read by the same shape ([inferred]) and the word PID, as the vendor's own monitors do ([doc-code],
 * tungsten-cli §3). What start and stop print is no fact: `start` returns before the port answers, `stop` exits 0 always.
 */
import type { ToolOutput } from "./invocation.ts";
import { linesOf, type ProcessState, type Reading, read, unreadable } from "./reading.ts";

/** `… is running: PID: 12, Java:STARTED`, in releases with the Tanuki wrapper `PID:12, Wrapper:STARTED, Java:STARTED`. */
const running = /\bis running: PID: ?\d+((?:, [A-Za-z]+: ?[A-Z_]+)*)$/;
const stopped = /\bis not running\.$/;
/** The runner's sentence and the shell's for a script that is not there. */
const missing = /^(?:.*: )?\S*(?:replicator|manager|connector): (?:No such file or directory|not found)$/;

/** `status` of a control script. A component that is up in any state but STARTED is not called running. */
export function readDaemonStatus(output: ToolOutput): Reading<ProcessState> {
  const lines = linesOf(`${output.stdout}\n${output.stderr}`)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (output.exitCode === 127 || lines.some((line) => missing.test(line)))
    return output.stdout.trim() === "" ? read("absent") : read(unrecognised(lines));
  const up = lines.map((line) => running.exec(line)).filter((match) => match !== null);
  const down = lines.filter((line) => stopped.test(line));
  const [only] = up;
  if (down.length > 0 && up.length === 0 && output.exitCode !== 0) return read("stopped");
  if (only !== undefined && up.length === 1 && down.length === 0 && output.exitCode === 0) {
    const parts = (only[1] ?? "").split(", ").filter((part) => part !== "");
    if (parts.every((part) => /: ?STARTED$/.test(part))) return read("running");
  }
  return lines.length === 0 ? unreadable("the control script printed nothing") : read(unrecognised(lines));
}

const unrecognised = (lines: readonly string[]) => ({ unrecognised: lines[0]?.slice(0, 120) ?? "" });
