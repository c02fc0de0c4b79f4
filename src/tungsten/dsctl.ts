/** dsctl: the position a service resumes from, readable with the replicator down. Transcripts dsctl-*, conv-*dsctl*. */
import type { ToolOutput } from "./invocation.ts";
import {
  type CommitRow,
  integerFrom,
  integerOf,
  linesOf,
  type Reading,
  read,
  unreadable,
} from "./reading.ts";

const refusal = <T>(output: ToolOutput): Reading<T> =>
  unreadable(`dsctl exited ${output.exitCode}: ${linesOf(output.stderr.trim())[0]?.slice(0, 120) ?? ""}`);

function rowFrom(value: unknown): CommitRow | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const row = value as Readonly<Record<string, unknown>>;
  const { eventid: eventId, source_id: sourceId, shard_id: shard, last_frag: last } = row;
  const [seqno, epoch, taskId, fragno] = [row.seqno, row.epoch_number, row.task_id, row.fragno].map(
    integerOf,
  );
  if (seqno === undefined || epoch === undefined || taskId === undefined || fragno === undefined)
    return undefined;
  if (typeof eventId !== "string" || typeof sourceId !== "string") return undefined;
  if (typeof last !== "boolean" && last !== "0" && last !== "1") return undefined;
  const lastFrag = last === true || last === "1";
  return { taskId, seqno, fragno, lastFrag, sourceId, epoch, eventId, shardId: String(shard ?? "") };
}

/** `get`: a JSON array with one object for each apply channel; an empty array is a service that never committed. */
export function readPosition(output: ToolOutput): Reading<readonly CommitRow[]> {
  if (output.exitCode !== 0) return refusal(output);
  try {
    const list: unknown = JSON.parse(output.stdout);
    if (!Array.isArray(list)) return unreadable("dsctl printed no JSON array");
    const rows = list.map(rowFrom).filter((row) => row !== undefined);
    if (rows.length !== list.length) return unreadable("a row of dsctl is incomplete");
    const tasks = new Set(rows.map(({ taskId }) => taskId));
    return tasks.size === rows.length ? read(rows) : unreadable("dsctl tells a channel twice");
  } catch {
    return unreadable("dsctl printed no JSON");
  }
}

/** What `dsctl set` takes, and nothing besides. */
export type SetPosition = Pick<CommitRow, "seqno" | "epoch" | "eventId" | "sourceId">;

const commandPattern =
  /^dsctl (?:-service \S+ )?set -seqno (-?\d+) -epoch (\d+) -event-id "([^"]*)" -source-id "([^"]*)"$/;

/** `get -ascmd`: the matching `dsctl set …` line. One line for one channel; several channels have no such command. */
export function readPositionCommand(output: ToolOutput): Reading<SetPosition> {
  if (output.exitCode !== 0) return refusal(output);
  const match = commandPattern.exec(output.stdout.trim());
  const [seqno, epoch] = [integerFrom(match?.[1]), integerFrom(match?.[2])];
  const [eventId, sourceId] = [match?.[3], match?.[4]];
  if (seqno === undefined || epoch === undefined || eventId === undefined || sourceId === undefined)
    return unreadable("dsctl printed no set command");
  return read({ seqno, epoch, eventId, sourceId });
}

/** A kept position: rows as `get` prints them, or the one that a set command tells (what tungsten_prep_upgrade saves is not documented). */
export function readKeptPosition(output: ToolOutput): Reading<readonly SetPosition[]> {
  const command = readPositionCommand(output);
  return "read" in command ? read([command.read]) : readPosition(output);
}
