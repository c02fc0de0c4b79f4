/** thl: what a transaction history log holds. Works with the replicator down. Transcripts thl-*, conv-*thl*. */
import type { ToolOutput } from "./invocation.ts";
import { type Reading, read, type ThlHeader, type ThlRange, unreadable } from "./reading.ts";

/** `thl info`: a log without events prints -1, or no such lines at all. */
export function readThlInfo(output: ToolOutput): Reading<ThlRange> {
  if (output.exitCode !== 0)
    return unreadable(`thl exited ${output.exitCode}: ${output.stdout.trim().slice(0, 120)}`);
  if (!/^log directory = /m.test(output.stdout)) return unreadable("thl info printed no log directory");
  const number = (label: string): number | null => {
    const match = new RegExp(`^${label} seq# = (-?\\d+)`, "m").exec(output.stdout);
    return match?.[1] === undefined || Number(match[1]) < 0 ? null : Number(match[1]);
  };
  return read({ min: number("min"), max: number("max") });
}

/** `thl list -headers -json`; a sequence number that is not there reads as an empty list. */
export function readThlHeaders(output: ToolOutput): Reading<readonly ThlHeader[]> {
  if (/Unable to find sequence number/.test(output.stdout + output.stderr)) return read([]);
  if (output.exitCode !== 0)
    return unreadable(`thl exited ${output.exitCode}: ${output.stdout.trim().slice(0, 120)}`);
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
  const { seqno, epoch, eventId, sourceId } = value as Readonly<Record<string, unknown>>;
  if (typeof seqno !== "number" || typeof epoch !== "number") return undefined;
  return typeof eventId === "string" && typeof sourceId === "string"
    ? { seqno, epoch, eventId, sourceId }
    : undefined;
}

/** `thl list -headers` as text: blocks that begin with `SEQ# =`. */
export function readThlHeadersText(output: ToolOutput): Reading<readonly ThlHeader[]> {
  if (output.exitCode !== 0)
    return unreadable(`thl exited ${output.exitCode}: ${output.stdout.trim().slice(0, 120)}`);
  const headers: ThlHeader[] = [];
  for (const block of output.stdout.split(/^(?=SEQ# = )/m).filter((part) => part.startsWith("SEQ# = "))) {
    const field = (label: string) => new RegExp(`^- ${label} = (.*)$`, "m").exec(block)?.[1];
    const [seqno, epoch] = [/^SEQ# = (\d+)/.exec(block)?.[1], field("EPOCH#")];
    const [eventId, sourceId] = [field("EVENTID"), field("SOURCEID")];
    if (seqno === undefined || epoch === undefined || eventId === undefined || sourceId === undefined)
      return unreadable("a block of thl list is incomplete");
    headers.push({ seqno: Number(seqno), epoch: Number(epoch), eventId, sourceId });
  }
  return headers.length > 0 ? read(headers) : unreadable("thl list printed no event");
}
