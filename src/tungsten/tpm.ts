/** tpm: how to run it and how to read its messages. Transcripts tpm-*, conv-*install*, conv-*uninstall*. Silent without --tty. */
import type { Product, ToolOutput } from "./invocation.ts";
import { type Reading, read, unreadable } from "./reading.ts";

export const tpmValidate = (product: Product, release: string) =>
  ["tpm", product, release, "validate"] as const;
export const tpmInstall = (product: Product, release: string) =>
  ["tpm", product, release, "install"] as const;
export const tpmUpdate = (product: Product, release: string) =>
  ["tpm", product, release, "update", "--replace-release"] as const;
/** From the installed tree: the unpacked package finds no configuration to uninstall. */
export const tpmUninstall = (product: Product) =>
  ["tpm", product, "installed", "uninstall", "--i-am-sure"] as const;

export type TpmMessage = {
  readonly level: "ERROR" | "WARN" | "NOTE";
  readonly host: string | null;
  readonly text: string;
  /** Class of the validation check, e.g. HostsFileCheck. */
  readonly check: string | null;
};

const messagePattern = /^(ERROR|WARN|NOTE)\s*>> (?:([A-Za-z0-9._-]+) >> )?(.*)$/;

/** Words that look like a secret's value are masked: tpm quotes options in some messages. */
const masked = (text: string): string =>
  text.replace(/((?:password|pass|secret)\S*\s*[=:]\s*)\S+/gi, "$1***");

/** Every ERROR, WARN and NOTE line once; a line repeated with its check's name replaces the one without. */
export function readTpmMessages(output: ToolOutput): readonly TpmMessage[] {
  const found = new Map<string, TpmMessage>();
  for (const line of `${output.stdout}\n${output.stderr}`.split("\n")) {
    const match = messagePattern.exec(line.trim());
    if (match?.[1] === undefined || match[3] === undefined) continue;
    const check = /\s*\(([A-Z][A-Za-z]+(?:Check|Exist|Release|Installation|Symlink))\)\s*$/.exec(match[3]);
    const text = masked(check === null ? match[3].trim() : match[3].slice(0, check.index).trim());
    const key = `${match[1]} ${match[2] ?? ""} ${text}`;
    const level = match[1] as TpmMessage["level"];
    const before = found.get(key);
    found.set(key, { level, host: match[2] ?? null, text, check: check?.[1] ?? before?.check ?? null });
  }
  return [...found.values()];
}

/** Live tpm processes of the host, one line each. */
export function readTpmProcesses(output: ToolOutput): Reading<readonly string[]> {
  if (output.exitCode !== 0) return unreadable(`the process list exited ${output.exitCode}`);
  return read(output.stdout.split("\n").filter((line) => line.trim() !== ""));
}

/** `tpm query version`: one line, `8.0.4-132` or `5.2.1`. */
export function readVersion(output: ToolOutput): Reading<string> {
  const line = output.stdout.trim();
  return output.exitCode === 0 && /^\d+(\.\d+)+(-\d+)?$/.test(line)
    ? read(line)
    : unreadable("no version line");
}
