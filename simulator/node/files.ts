/** Writing files so that nobody sees half of one. */
import { renameSync, writeFileSync } from "node:fs";

/** By rename; readable by its owner only. */
export function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.part`, text, { mode: 0o600 });
  renameSync(`${path}.part`, path);
}
