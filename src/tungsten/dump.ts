/**
 * A dump of a tracking schema, read back. mysqldump of an emptied schema exits 0 with a well-formed file without rows,
 * so only the rows themselves prove a dump (tungsten-observed-conversion §2; transcript conv-2-dump-tungsten_alpha).
 */
import {
  type CommitRow,
  type HeartbeatRow,
  type Reading,
  read,
  type TrackingRows,
  unreadable,
} from "./reading.ts";

export type TrackingDump = { readonly schema: string; readonly rows: TrackingRows };

/** Splits `(1,'a''b','c\'d',NULL),(…)` into rows of raw values; undefined when the text ends inside one. */
function tuplesOf(text: string): readonly (readonly (string | null)[])[] | undefined {
  const rows: (string | null)[][] = [];
  let row: (string | null)[] | undefined;
  let at = 0;
  while (at < text.length) {
    const char = text[at];
    if (char === "(" && row === undefined) row = [];
    else if (char === ")" && row !== undefined) {
      rows.push(row);
      row = undefined;
    } else if (char === "'" && row !== undefined) {
      const quoted = quotedAt(text, at);
      if (quoted === undefined) return undefined;
      row.push(quoted.value);
      at = quoted.end;
    } else if (row !== undefined && char !== "," && char?.trim() !== "") {
      const word = /^[^,)\s]+/.exec(text.slice(at))?.[0] ?? "";
      row.push(word === "NULL" ? null : word);
      at += Math.max(word.length - 1, 0);
    }
    at += 1;
  }
  return row === undefined ? rows : undefined;
}

function quotedAt(text: string, start: number): { value: string; end: number } | undefined {
  let value = "";
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === "\\") {
      value += text[at + 1] ?? "";
      at += 1;
    } else if (text[at] === "'" && text[at + 1] === "'") {
      value += "'";
      at += 1;
    } else if (text[at] === "'") return { value, end: at };
    else value += text[at];
  }
  return undefined;
}

const insertsInto = (text: string, table: string): string =>
  [...text.matchAll(new RegExp(`^INSERT INTO \`${table}\` VALUES\\s*([\\s\\S]*?);$`, "gm"))]
    .map((match) => match[1] ?? "")
    .join(",");

function commitFrom(values: readonly (string | null)[]): CommitRow | undefined {
  const [taskId, seqno, fragno, lastFrag, sourceId, epoch, eventId, , , shardId] = values;
  if (seqno == null || epoch == null || sourceId == null || eventId == null || !/^\d+$/.test(seqno))
    return undefined;
  return {
    taskId: Number(taskId),
    seqno: Number(seqno),
    fragno: Number(fragno),
    lastFrag: lastFrag === "1",
    sourceId,
    epoch: Number(epoch),
    eventId,
    shardId: shardId ?? "",
  };
}

function heartbeatFrom(values: readonly (string | null)[]): HeartbeatRow {
  const [, seqno, eventId, , , , , name] = values;
  return { seqno: seqno == null ? null : Number(seqno), eventId: eventId ?? null, name: name ?? null };
}

/** Reads schema, commit rows and heartbeat row; refuses what is cut short, empty, or of several schemas. */
export function readTrackingDump(text: string): Reading<TrackingDump> {
  const used = [...text.matchAll(/^USE `([^`]+)`;/gm)].map((match) => match[1] ?? "");
  const [schema] = used;
  if (schema === undefined || used.length !== 1)
    return unreadable(`the dump holds ${used.length} schemas, not one`);
  if (!/^-- Dump completed/m.test(text))
    return unreadable("the dump does not end with its completion line: it was cut short");
  const commits = tuplesOf(insertsInto(text, "trep_commit_seqno"))?.map(commitFrom);
  if (commits === undefined || commits.length === 0)
    return unreadable("the dump holds no commit row: the schema was emptied");
  const whole = commits.filter((row) => row !== undefined);
  if (whole.length !== commits.length) return unreadable("a commit row of the dump is incomplete");
  const heartbeats = tuplesOf(insertsInto(text, "heartbeat"))?.map(heartbeatFrom) ?? [];
  return read({ schema, rows: { commits: whole, heartbeat: heartbeats[0] ?? null } });
}
