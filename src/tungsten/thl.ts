/** thl: what a transaction history log holds. Works with the replicator down. Transcripts thl-*, conv-*thl*. */
import type { ToolOutput } from "./invocation.ts";
import {
  endsWhole,
  integerFrom,
  integerOf,
  linesOf,
  type Reading,
  read,
  type ThlHeader,
  type ThlRange,
  unreadable,
} from "./reading.ts";

const refusal = <T>(output: ToolOutput): Reading<T> =>
  unreadable(`thl exited ${output.exitCode}: ${linesOf(output.stdout.trim())[0]?.slice(0, 120) ?? ""}`);

/** `thl info`: a log without events prints -1 for both ends ([inferred]); lines that are missing make it unreadable. */
export function readThlInfo(output: ToolOutput): Reading<ThlRange> {
  if (output.exitCode !== 0) return refusal(output);
  const lines = linesOf(output.stdout);
  const valueAt = (label: string): string | undefined => {
    const found = lines.filter((line) => line.startsWith(`${label} = `));
    return found.length === 1 ? found[0]?.slice(label.length + 3).trim() : undefined;
  };
  const [min, max, events] = [valueAt("min seq#"), valueAt("max seq#"), valueAt("events")].map(integerFrom);
  if (valueAt("log directory") === undefined) return unreadable("thl info printed no log directory");
  if (min === undefined || max === undefined || events === undefined || !endsWhole(output.stdout))
    return unreadable("thl info printed no range of sequence numbers");
  if (min < 0 && max < 0) return read({ min: null, max: null });
  return min < 0 || min > max
    ? unreadable(`thl info printed a range that cannot be: ${min} to ${max}`)
    : read({ min, max });
}

/** `thl list -headers -json`; a sequence number that is not there reads as an empty list. */
export function readThlHeaders(output: ToolOutput): Reading<readonly ThlHeader[]> {
  if (output.exitCode !== 0)
    return /^Unable to find sequence number: -?\d+$/m.test(output.stdout) ? read([]) : refusal(output);
  try {
    const list: unknown = JSON.parse(output.stdout);
    if (!Array.isArray(list)) return unreadable("thl list printed no JSON array");
    const headers = list.map(headerFrom).filter((header) => header !== undefined);
    return headers.length === list.length ? read(headers) : unreadable("a header of thl list is incomplete");
  } catch {
    return unreadable("thl list printed no JSON");
  }
}

function headerFrom(value: unknown): ThlHeader | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { eventId, sourceId, ...rest } = value as Readonly<Record<string, unknown>>;
  const [seqno, epoch] = [integerOf(rest.seqno), integerOf(rest.epoch)];
  if (seqno === undefined || epoch === undefined) return undefined;
  return typeof eventId === "string" && typeof sourceId === "string"
    ? { seqno, epoch, eventId, sourceId }
    : undefined;
}

/**
 * `thl list -headers` as text: blocks of five lines. A listing with bodies is refused: a user's statement in it could
 * hold lines that look like a header.
 */
export function readThlHeadersText(output: ToolOutput): Reading<readonly ThlHeader[]> {
  if (output.exitCode !== 0) return refusal(output);
  const headers = output.stdout
    .replaceAll("\r\n", "\n")
    .split(/^(?=SEQ# = )/m)
    .map(headerOf);
  const whole = headers.filter((header) => header !== undefined);
  return whole.length === headers.length
    ? read(whole)
    : unreadable("thl list printed more or less than headers");
}

/** Values may hold anything but a line break. */
const headerLines =
  /^SEQ# = (\d+) \/ FRAG# = \d+(?: \(last frag\))?\n- TIME = [^\n]*\n- EPOCH# = (\d+)\n- EVENTID = ([^\n]*)\n- SOURCEID = ([^\n]*)\n\n*$/;

function headerOf(block: string): ThlHeader | undefined {
  const match = headerLines.exec(block);
  const [seqno, epoch] = [integerFrom(match?.[1]), integerFrom(match?.[2])];
  const [eventId, sourceId] = [match?.[3], match?.[4]];
  if (seqno === undefined || epoch === undefined || eventId === undefined || sourceId === undefined)
    return undefined;
  return { seqno, epoch, eventId, sourceId };
}
