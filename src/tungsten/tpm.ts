/** tpm: how to run it and how to read its messages. Transcripts tpm-*, conv-*install*, conv-*uninstall*. Silent without --tty. */
import type { Product, ToolOutput } from "./invocation.ts";
import { endsWhole, linesOf, type Reading, read, unreadable } from "./reading.ts";
import { withoutSecrets } from "./secrets.ts";

export const tpmValidate = (product: Product, release: string) =>
  ["tpm", product, release, "validate"] as const;
export const tpmInstall = (product: Product, release: string) =>
  ["tpm", product, release, "install"] as const;
export const tpmUpdate = (
  product: Product,
  release: string,
  { keepConnectors = false }: { readonly keepConnectors?: boolean } = {},
): readonly string[] => [
  "tpm",
  product,
  release,
  "update",
  "--replace-release",
  ...(keepConnectors ? ["--no-connectors"] : []),
];
/** Starts the connector that an update with --no-connectors has left on the former release. */
export const tpmPromoteConnector = ["tpm", "cluster", "installed", "promote-connector"] as const;
/** From the installed tree (tungsten-config §7.2); `-y`: it asks nothing. */
export const tpmPostProcess = ["tpm", "cluster", "installed", "post-process", "-y"] as const;
/** From the installed tree: the unpacked package finds no configuration to uninstall. */
export const tpmUninstall = (product: Product) =>
  ["tpm", product, "installed", "uninstall", "--i-am-sure"] as const;

/**
 * From the installed tree: takes out whatever service no ini names any more. Which of an update and of this the tool wants
 * for that depends on its release; done first it serves both. Positions stay unless they are to go.
 */
export const tpmDeleteService = (product: Product, keepsPosition: boolean): readonly string[] => [
  "tpm",
  product,
  "installed",
  "delete-service",
  "--i-am-sure",
  ...(keepsPosition ? ["--keep-position"] : []),
];

export type TpmMessage = {
  readonly level: "ERROR" | "WARN" | "NOTE";
  readonly host: string | null;
  /** Free of secrets: tpm quotes options in some messages. */
  readonly text: string;
  /** Class of the validation check, e.g. HostsFileCheck: what `skip-validation-check` takes. */
  readonly check: string | null;
};

const messagePattern = /^(ERROR|WARN|NOTE)\s*>> (?:([A-Za-z0-9._-]+) >> )?(.*)$/;
/** How the classes of tungsten-config appendix A end. */
const checkPattern = /\s*\(([A-Z][A-Za-z]+(?:Check|Exist|Release|Installation|Symlink|Commands|Path))\)\s*$/;
/** A rejected value is told over several lines; the message among them is what counts ([transcript] tpm-update-host…). */
const detailPattern = /^> (Message|Argument|Prompt Class): /;
const longestLine = 4000;

/** Every ERROR, WARN and NOTE line once; a line repeated with its check's name replaces the one without. */
export function readTpmMessages(output: ToolOutput): readonly TpmMessage[] {
  const found = new Map<string, TpmMessage>();
  for (const line of linesOf(`${output.stdout}\n${output.stderr}`)) {
    const match = messagePattern.exec(line.slice(0, longestLine).trim());
    const detail = detailPattern.exec(match?.[3] ?? "");
    if (match?.[3] === undefined || (detail !== null && detail[1] !== "Message")) continue;
    const level = match[1] as TpmMessage["level"];
    const words = match[3].slice(detail?.[0].length ?? 0);
    const check = checkPattern.exec(words);
    const text = withoutSecrets(words.slice(0, check?.index).trim());
    const key = `${level} ${match[2] ?? ""} ${text}`;
    const before = found.get(key);
    found.set(key, { level, host: match[2] ?? null, text, check: check?.[1] ?? before?.check ?? null });
  }
  return [...found.values()];
}

/** Live tpm processes of the host, one line each. */
export function readTpmProcesses(output: ToolOutput): Reading<readonly string[]> {
  if (output.exitCode !== 0 || !endsWhole(output.stdout))
    return unreadable(`the process list exited ${output.exitCode}, or is cut off`);
  return read(linesOf(output.stdout).filter((line) => line.trim() !== ""));
}

/** `tpm query version`: one line, `8.0.4-132` or `5.2.1`. */
export function readVersion(output: ToolOutput): Reading<string> {
  const line = output.stdout.trim();
  return output.exitCode === 0 && endsWhole(output.stdout) && /^\d+(\.\d+)+(-\d+)?$/.test(line)
    ? read(line)
    : unreadable("no version line");
}
