/** The runner's fixed SQL questions, tab-separated as the mysql client prints them; see the runner protocol. */
import type { ToolOutput } from "./invocation.ts";
import {
  type CommitRow,
  endsWhole,
  integerFrom,
  linesOf,
  type Reading,
  read,
  type TrackingRows,
  unreadable,
} from "./reading.ts";

/** Rows as words; a last row without its end may hold half a word. */
const rowsOf = (output: ToolOutput): Reading<readonly (readonly string[])[]> => {
  if (output.exitCode !== 0)
    return unreadable(
      `mysql exited ${output.exitCode}: ${linesOf(output.stderr.trim())[0]?.slice(0, 120) ?? ""}`,
    );
  if (!endsWhole(output.stdout)) return unreadable("the last row of mysql's answer is cut off");
  return read(
    linesOf(output.stdout)
      .filter((line) => line !== "")
      .map((line) => line.split("\t")),
  );
};

/** Whether the accounts of the mounted Secret exist: one line each for the replication and the application account. */
export function readAccounts(output: ToolOutput): Reading<"present" | "absent"> {
  const rows = rowsOf(output);
  if ("unreadable" in rows) return rows;
  const roles = new Map(rows.read.map(([role, word]) => [role, word]));
  const words = [roles.get("replication"), roles.get("application")];
  if (words.some((word) => word !== "present" && word !== "absent"))
    return unreadable("an account is not told");
  return read(words.includes("absent") ? "absent" : "present");
}

/** `@@global.read_only`. */
export function readReadOnly(output: ToolOutput): Reading<boolean> {
  const word = output.stdout.trim();
  if (output.exitCode === 0 && (word === "0" || word === "1")) return read(word === "1");
  return unreadable(output.exitCode === 0 ? "neither 0 nor 1" : `mysql exited ${output.exitCode}`);
}

const unlessNull = (word: string): string | null => (word === "NULL" ? null : word);

function commitFrom(words: readonly string[]): CommitRow | undefined {
  const [, task, seq, frag, last, sourceId, epochWord, eventId, shardId] = words;
  const [taskId, seqno, fragno, epoch] = [task, seq, frag, epochWord].map(integerFrom);
  if (taskId === undefined || seqno === undefined || fragno === undefined || epoch === undefined)
    return undefined;
  if (sourceId === undefined || eventId === undefined || shardId === undefined || words.length !== 9)
    return undefined;
  if ([sourceId, eventId].includes("NULL") || (last !== "0" && last !== "1")) return undefined;
  const lastFrag = last === "1";
  return { taskId, seqno, fragno, lastFrag, sourceId, epoch, eventId, shardId: unlessNull(shardId) ?? "" };
}

function heartbeatFrom(words: readonly string[]): TrackingRows["heartbeat"] | undefined {
  const [, seqno, eventId, name] = words;
  if (seqno === undefined || eventId === undefined || name === undefined || words.length !== 4)
    return undefined;
  const number = seqno === "NULL" ? null : integerFrom(seqno);
  return number === undefined
    ? undefined
    : { seqno: number, eventId: unlessNull(eventId), name: unlessNull(name) };
}

/** The last heartbeat that a node has: its name, when it arrived (seconds since the epoch, by the node's clock), its way in milliseconds. */
export type Arrival = { readonly name: string; readonly at: number; readonly lagMillis: number };

/** null: the schema or its tables are not there (errors 1049, 1146). Before the first one there is nothing to read. */
export function readArrival(output: ToolOutput): Reading<Arrival | null> {
  if (output.exitCode !== 0 && /^ERROR (1049|1146)\b/m.test(output.stderr)) return read(null);
  const rows = rowsOf(output);
  if ("unreadable" in rows) return rows;
  const [row, second] = rows.read;
  if (row === undefined) return unreadable("no heartbeat has arrived yet");
  const [name = "", at, lag] = [row[0], integerFrom(row[1]), integerFrom(row[2])];
  return second === undefined &&
    row.length === 3 &&
    name !== "" &&
    at !== undefined &&
    at > 0 &&
    lag !== undefined
    ? read({ name, at, lagMillis: lag })
    : unreadable("the heartbeat row is incomplete");
}

/** Commit rows and heartbeat row of a tracking schema; "absent" when schema or tables are not there (errors 1049, 1146). */
export function readTracking(output: ToolOutput): Reading<TrackingRows | "absent"> {
  if (output.exitCode !== 0 && /^ERROR (1049|1146)\b/m.test(output.stderr)) return read("absent");
  const rows = rowsOf(output);
  if ("unreadable" in rows) return rows;
  const beats = rows.read.filter(([kind]) => kind === "heartbeat").map(heartbeatFrom);
  const commits = rows.read
    .filter(([kind]) => kind !== "heartbeat")
    .map((words) => (words[0] === "commit" ? commitFrom(words) : undefined));
  const whole = commits.filter((row) => row !== undefined);
  const tasks = new Set(whole.map(({ taskId }) => taskId));
  const [heartbeat = null] = beats;
  if (whole.length !== commits.length || beats.includes(undefined))
    return unreadable("a tracking row could not be read");
  if (tasks.size !== whole.length || beats.length > 1) return unreadable("a tracking row comes twice");
  return read({ commits: whole, heartbeat });
}

/** All `tungsten_*` schemas with the number of things in them: tables, routines, events. */
export function readSchemas(output: ToolOutput): Reading<ReadonlyMap<string, number>> {
  const rows = rowsOf(output);
  if ("unreadable" in rows) return rows;
  const schemas = new Map<string, number>();
  for (const [name, word, ...more] of rows.read) {
    const tables = integerFrom(word);
    if (name === undefined || tables === undefined || tables < 0 || more.length > 0)
      return unreadable("a schema is told without the number of things in it");
    schemas.set(name, tables);
  }
  return read(schemas);
}

export type ServerSettings = {
  readonly serverId: string;
  readonly logBin: string;
  readonly binlogFormat: string;
  readonly autoIncrementIncrement: string;
  readonly autoIncrementOffset: string;
  readonly version: string;
  /** 0 keeps them for ever; null: the server did not say. */
  readonly binlogExpireSeconds: number | null;
};

/** `@@global` of the running server, one `KEY<TAB>VALUE` a line. */
export function readServerSettings(output: ToolOutput): Reading<ServerSettings> {
  const rows = rowsOf(output);
  if ("unreadable" in rows) return rows;
  const values = new Map(rows.read.map(([key, value]) => [key ?? "", value ?? ""]));
  const [serverId, logBin, binlogFormat, increment, offset, version] = [
    "server_id",
    "log_bin",
    "binlog_format",
    "auto_increment_increment",
    "auto_increment_offset",
    "version",
  ].map((key) => values.get(key));
  if (serverId === undefined || logBin === undefined || binlogFormat === undefined || version === undefined)
    return unreadable("the server's settings are incomplete");
  if (increment === undefined || offset === undefined)
    return unreadable("the server's auto-increment settings are missing");
  return read({
    serverId,
    binlogFormat,
    autoIncrementIncrement: increment,
    autoIncrementOffset: offset,
    logBin,
    version,
    binlogExpireSeconds: integerFrom(values.get("binlog_expire_logs_seconds")) ?? null,
  });
}

/** `name` is schema and object, or what is being done for `xa` and `ddl`. */
export type DatabaseFinding = { readonly kind: string; readonly name: string };

/** One `KIND<TAB>NAME` a line; a kind nobody has heard of is kept. */
export function readFindings(output: ToolOutput): Reading<readonly DatabaseFinding[]> {
  const rows = rowsOf(output);
  if ("unreadable" in rows) return rows;
  const findings = rows.read.map(([kind, ...name]) => ({ kind: kind ?? "", name: name.join(" ") }));
  return findings.every(({ kind, name }) => kind !== "" && name !== "")
    ? read(findings)
    : unreadable("a finding is told without its name");
}

export type LogReader = { readonly user: string; readonly host: string };

/** Who reads the binary log and is none of ours. */
export function readReaders(output: ToolOutput): Reading<readonly LogReader[]> {
  const rows = rowsOf(output);
  if ("unreadable" in rows) return rows;
  const readers = rows.read.map(([user = "", host = ""]) => ({ user, host }));
  return readers.every(({ user, host }) => user !== "" && host !== "")
    ? read(readers)
    : unreadable("a reader of the binary log is told without its name");
}

/** Where the binary log ends now. */
export function readBinlogPosition(
  output: ToolOutput,
): Reading<{ readonly file: string; readonly position: string }> {
  const rows = rowsOf(output);
  if ("unreadable" in rows) return rows;
  const [file, position] = rows.read[0] ?? [];
  return file === undefined || position === undefined || !/^\d+$/.test(position) || rows.read.length > 1
    ? unreadable("no binary log position")
    : read({ file, position });
}

/** One whole number, not below zero. */
export function readCount(output: ToolOutput): Reading<number> {
  const whole = output.exitCode === 0 && /\n$/.test(output.stdout);
  const count = whole ? integerFrom(output.stdout.trim()) : undefined;
  return count === undefined || count < 0 ? unreadable(`no number: exit ${output.exitCode}`) : read(count);
}
