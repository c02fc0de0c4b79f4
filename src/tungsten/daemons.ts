/**
 * The control scripts of replicator, manager and connector. Transcripts replicator-*; the texts of manager and connector
 * have none and are read by the word PID, as the vendor's own monitors do ([doc-code], tungsten-cli §3).
 */
import type { ToolOutput } from "./invocation.ts";
import { type ProcessState, type Reading, read, unreadable } from "./reading.ts";

/** `… is running: PID: 12, Java:STARTED` · `… is running: PID:12, Wrapper:STARTED, Java:STARTED` · `… is not running.` */
export function readDaemonStatus(output: ToolOutput): Reading<ProcessState> {
  const text = `${output.stdout}\n${output.stderr}`;
  if (output.exitCode === 127 || /No such file or directory|not found/.test(text)) return read("absent");
  if (/is not running/.test(text)) return read("stopped");
  if (output.exitCode === 0 && /is running: PID: ?\d+/.test(text)) return read("running");
  const line = text.trim().split("\n")[0] ?? "";
  return line === ""
    ? unreadable("the control script printed nothing")
    : read({ unrecognised: line.slice(0, 120) });
}
