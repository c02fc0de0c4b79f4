/** dsctl get: the position a service resumes from, readable with the replicator down. Transcripts dsctl-*, conv-*dsctl*. */
import type { ToolOutput } from "./invocation.ts";
import { type CommitRow, type Reading, read, unreadable } from "./reading.ts";

const rowFrom = (value: unknown): CommitRow | undefined => {
  if (typeof value !== "object" || value === null) return undefined;
  const row = value as Readonly<Record<string, unknown>>;
  const { seqno, epoch_number: epoch, eventid: eventId, source_id: sourceId, task_id: taskId } = row;
  if (typeof seqno !== "number" || typeof epoch !== "number" || typeof taskId !== "number") return undefined;
  if (typeof eventId !== "string" || typeof sourceId !== "string") return undefined;
  const lastFrag = row.last_frag === true || row.last_frag === "1";
  const fragno = typeof row.fragno === "number" ? row.fragno : 0;
  return { taskId, seqno, fragno, lastFrag, sourceId, epoch, eventId, shardId: String(row.shard_id ?? "") };
};

/** A JSON array with one object for each apply channel; an empty array is a service that never committed. */
export function readPosition(output: ToolOutput): Reading<readonly CommitRow[]> {
  if (output.exitCode !== 0)
    return unreadable(`dsctl exited ${output.exitCode}: ${output.stderr.trim().slice(0, 120)}`);
  try {
    const list: unknown = JSON.parse(output.stdout);
    if (!Array.isArray(list)) return unreadable("dsctl printed no JSON array");
    const rows = list.map(rowFrom).filter((row) => row !== undefined);
    return rows.length === list.length
      ? read(rows)
      : unreadable("a row of dsctl lacks seqno, epoch or event id");
  } catch {
    return unreadable("dsctl printed no JSON");
  }
}
