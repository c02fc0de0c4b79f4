/**
 * A dump of a tracking schema, read back. mysqldump of an emptied schema exits 0 with a well-formed file without rows,
 * so only the rows themselves prove a dump (tungsten-observed-conversion §2; transcript conv-2-dump-tungsten_alpha).
 * What is read is what a reload would bring: a table that the dump does not drop and create again is refused.
 */
import {
  type CommitRow,
  type HeartbeatRow,
  integerFrom,
  linesOf,
  type Reading,
  read,
  type TrackingRows,
  unreadable,
} from "./reading.ts";

export type TrackingDump = { readonly schema: string; readonly rows: TrackingRows };

type Value = string | null;
type Row = ReadonlyMap<string, Value>;

/** `(1,'a''b','c\'d',NULL),(…)` as rows of raw values; undefined for anything else than tuples joined by commas. */
function tuplesOf(text: string): readonly (readonly Value[])[] | undefined {
  const rows: Value[][] = [];
  let at = 0;
  while (at < text.length) {
    const tuple = tupleAt(text, at);
    if (tuple === undefined) return undefined;
    rows.push(tuple.values);
    at = blanksAt(text, tuple.end);
    if (at === text.length) return rows;
    if (text[at] !== ",") return undefined;
    at = blanksAt(text, at + 1);
  }
  return undefined;
}

function tupleAt(text: string, start: number): { values: Value[]; end: number } | undefined {
  const values: Value[] = [];
  let at = start;
  do {
    const value = text[at + 1] === "'" ? quotedAt(text, at + 1) : wordAt(text, at + 1);
    if (value === undefined || (at === start && text[at] !== "(")) return undefined;
    values.push(value.value);
    at = value.end;
  } while (text[at] === ",");
  return text[at] === ")" ? { values, end: at + 1 } : undefined;
}

const blanksAt = (text: string, start: number): number => {
  let at = start;
  while (text[at] === "\n" || text[at] === " ") at += 1;
  return at;
};

/** NULL, a number, or the hexadecimal form that --hex-blob writes. */
function wordAt(text: string, start: number): { value: Value; end: number } | undefined {
  const pattern = /NULL|0x[0-9A-Fa-f]+|-?\d+(?:\.\d+)?/y;
  pattern.lastIndex = start;
  const [word] = pattern.exec(text) ?? [];
  return word === undefined ? undefined : { value: word === "NULL" ? null : word, end: start + word.length };
}

function quotedAt(text: string, start: number): { value: string; end: number } | undefined {
  const parts: string[] = [];
  for (let at = start + 1; at < text.length; at += 1) {
    const doubled = text[at] === "'" && text[at + 1] === "'";
    if (text[at] === "\\" || doubled) {
      at += 1;
      parts.push(text[at] ?? "");
    } else if (text[at] === "'") return { value: parts.join(""), end: at + 1 };
    else parts.push(text[at] ?? "");
  }
  return undefined;
}

/** The columns a reload creates, in order; undefined when it would not drop and create the table. */
function columnsOf(lines: readonly string[], table: string): readonly string[] | undefined {
  const from = lines.indexOf(`CREATE TABLE \`${table}\` (`);
  const to = lines.findIndex((line, index) => index > from && line.startsWith(")"));
  if (from < 0 || to < 0 || !lines.slice(0, from).includes(`DROP TABLE IF EXISTS \`${table}\`;`))
    return undefined;
  return lines
    .slice(from + 1, to)
    .map((line) => /^\s*`([^`]+)` /.exec(line)?.[1])
    .filter((name) => name !== undefined);
}

/** Every row of a table by column names; undefined when one statement or row is not understood. */
function rowsOf(lines: readonly string[], table: string): readonly Row[] | undefined {
  const head = `INSERT INTO \`${table}\``;
  const rows: Row[] = [];
  const columns = columnsOf(lines, table);
  for (const [index, line] of lines.entries()) {
    if (!line.startsWith(head)) continue;
    const end = lines.findIndex((text, at) => at >= index && text.endsWith(";"));
    const statement = lines.slice(index, end + 1).join("\n");
    const tuples = /^ VALUES\s/.test(statement.slice(head.length))
      ? tuplesOf(statement.slice(head.length + " VALUES".length, -1).trim())
      : undefined;
    if (end < 0 || tuples === undefined || columns === undefined) return undefined;
    if (tuples.some((tuple) => tuple.length !== columns.length)) return undefined;
    for (const tuple of tuples) rows.push(new Map(columns.map((name, at) => [name, tuple[at] ?? null])));
  }
  return rows;
}

function commitFrom(row: Row): CommitRow | undefined {
  const [taskId, seqno, fragno, epoch] = ["task_id", "seqno", "fragno", "epoch_number"].map((name) =>
    integerFrom(row.get(name)),
  );
  const [sourceId, eventId, last] = [row.get("source_id"), row.get("eventid"), row.get("last_frag")];
  if (taskId === undefined || seqno === undefined || fragno === undefined || epoch === undefined)
    return undefined;
  if (sourceId == null || eventId == null || (last !== "0" && last !== "1")) return undefined;
  const shardId = row.get("shard_id") ?? "";
  return { taskId, seqno, fragno, lastFrag: last === "1", sourceId, epoch, eventId, shardId };
}

/** On a primary seqno and eventid are NULL. */
function heartbeatFrom(row: Row): HeartbeatRow | undefined {
  const seqno = row.get("seqno");
  const number = integerFrom(seqno);
  if (seqno === undefined || (seqno !== null && number === undefined)) return undefined;
  return { seqno: number ?? null, eventId: row.get("eventid") ?? null, name: row.get("name") ?? null };
}

/** Reads schema, commit rows and heartbeat row; refuses what is cut short, empty, or of several schemas. */
export function readTrackingDump(text: string): Reading<TrackingDump> {
  const lines = linesOf(text);
  const used = lines.map((line) => /^USE `([^`]+)`;$/.exec(line)?.[1]).filter((name) => name !== undefined);
  const [schema] = used;
  if (schema === undefined || used.length !== 1)
    return unreadable(`the dump holds ${used.length} schemas, not one`);
  if (!/^-- Dump completed\b/.test(lines.findLast((line) => line !== "") ?? ""))
    return unreadable("the dump does not end with its completion line: it was cut short");
  const commits = rowsOf(lines, "trep_commit_seqno");
  if (commits === undefined)
    return unreadable("the dump's commit rows are not understood, or their table is not made");
  if (commits.length === 0) return unreadable("the dump holds no commit row: the schema was emptied");
  const whole = commits.map(commitFrom).filter((row) => row !== undefined);
  if (whole.length !== commits.length) return unreadable("a commit row of the dump is incomplete");
  const beats = rowsOf(lines, "heartbeat");
  const [beat] = beats ?? [];
  const heartbeat = beat === undefined ? null : heartbeatFrom(beat);
  if (beats === undefined || beats.length > 1 || heartbeat === undefined)
    return unreadable("the dump's heartbeat row is not understood");
  return read({ schema, rows: { commits: whole, heartbeat } });
}
