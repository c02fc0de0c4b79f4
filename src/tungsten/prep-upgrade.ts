/**
 * tungsten_prep_upgrade: the vendor's own tool of the conversion, in `tools/` of the unpacked package ([source],
 * convert-msaa-to-caa; closed, no reference page). Its outputs are not known. Only what the page tells is relied on: the
 * name under which `--get` saves a position. What the file holds is [inferred]: dsctl's row or its set command.
 * `--restore` is left out: it takes the database password as an argument.
 */
import { readPosition, readPositionCommand, type SetPosition } from "./dsctl.ts";
import type { ToolOutput } from "./invocation.ts";
import { type Reading, read, unreadable } from "./reading.ts";

export type PrepUpgradeStep = "--offline" | "--get" | "--dump";

/** One act for one remote service: arm, save the position, or dump its tracking schema. */
export const prepUpgrade = (serviceName: string, step: PrepUpgradeStep): readonly string[] => [
  "tungsten_prep_upgrade",
  "--service",
  serviceName,
  step,
];
/** Stops the whole cross-site replicator. */
export const prepUpgradeStop: readonly string[] = ["tungsten_prep_upgrade", "--stop"];

/** Name of the file that `--get` says it saved for a service, e.g. `position-nyc-20261121231511.txt`, without its folder. */
export function readSavedPosition(output: ToolOutput, serviceName: string): Reading<string> {
  const names = [...output.stdout.matchAll(/\bposition-([a-z0-9_]{1,64})-(\d{14})\.txt\b/g)]
    .filter((match) => match[1] === serviceName)
    .map((match) => match[0]);
  const [only] = new Set(names);
  if (output.exitCode !== 0) return unreadable(`tungsten_prep_upgrade exited ${output.exitCode}`);
  return only === undefined || new Set(names).size !== 1
    ? unreadable(`it names no one file with the position of ${serviceName}`)
    : read(only);
}

/** What such a file holds. Several channels, or none, are no position to go on from. */
export function readPositionFile(text: string): Reading<SetPosition> {
  const output = { exitCode: 0, stdout: text, stderr: "" };
  const command = readPositionCommand(output);
  if ("read" in command) return command;
  const rows = readPosition(output);
  if ("unreadable" in rows) return unreadable("it is neither a row nor a command of dsctl");
  const [row] = rows.read;
  if (row === undefined || rows.read.length !== 1)
    return unreadable(`it holds ${rows.read.length} rows, not one`);
  const { seqno, epoch, eventId, sourceId } = row;
  return read({ seqno, epoch, eventId, sourceId });
}
