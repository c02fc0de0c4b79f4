/** Lines for the person who waits: at once and with the time, past jest, which keeps its own report for the end. */
import { writeSync } from "node:fs";

const started = Date.now();

export function say(line: string): void {
  const seconds = Math.round((Date.now() - started) / 1000);
  writeSync(2, `${String(seconds).padStart(5)} s  ${line}\n`);
}
