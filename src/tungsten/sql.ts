/** The runner's fixed SQL questions, tab-separated as the mysql client prints them; see the runner protocol. */
import type { ToolOutput } from "./invocation.ts";
import { type CommitRow, type Reading, read, type TrackingRows, unreadable } from "./reading.ts";

const rowsOf = (output: ToolOutput): Reading<readonly (readonly string[])[]> =>
  output.exitCode === 0
    ? read(
        output.stdout
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => line.split("\t")),
      )
    : unreadable(
        `mysql exited ${output.exitCode}: ${output.stderr.trim().split("\n")[0]?.slice(0, 120) ?? ""}`,
      );

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

const integer = (text: string | undefined): number | undefined =>
  text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;

function commitFrom(words: readonly string[]): CommitRow | undefined {
  const [, task, seq, frag, last, sourceId, epochWord, eventId, shardId] = words;
  const [taskId, seqno, fragno, epoch] = [integer(task), integer(seq), integer(frag), integer(epochWord)];
  if (taskId === undefined || seqno === undefined || fragno === undefined || epoch === undefined)
    return undefined;
  if (sourceId === undefined || eventId === undefined || shardId === undefined) return undefined;
  return { taskId, seqno, fragno, lastFrag: last === "1", sourceId, epoch, eventId, shardId };
}

/** Commit rows and heartbeat row of a tracking schema; "absent" when schema or tables are not there (errors 1049, 1146). */
export function readTracking(output: ToolOutput): Reading<TrackingRows | "absent"> {
  if (output.exitCode !== 0 && /ERROR (1049|1146)\b/.test(output.stderr)) return read("absent");
  const rows = rowsOf(output);
  if ("unreadable" in rows) return rows;
  const commits: CommitRow[] = [];
  let heartbeat: TrackingRows["heartbeat"] = null;
  for (const words of rows.read) {
    if (words[0] === "heartbeat" && words.length >= 4) {
      const none = (word: string | undefined) => (word === undefined || word === "NULL" ? null : word);
      const seqno = none(words[1]);
      heartbeat = {
        seqno: seqno === null ? null : Number(seqno),
        eventId: none(words[2]),
        name: none(words[3]),
      };
      continue;
    }
    const commit = words[0] === "commit" ? commitFrom(words) : undefined;
    if (commit === undefined) return unreadable("a tracking row could not be read");
    commits.push(commit);
  }
  return read({ commits, heartbeat });
}

/** All `tungsten_*` schemas with their number of tables. */
export function readSchemas(output: ToolOutput): Reading<ReadonlyMap<string, number>> {
  const rows = rowsOf(output);
  if ("unreadable" in rows) return rows;
  return read(new Map(rows.read.map(([name, tables]) => [name ?? "", Number(tables ?? "0")])));
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

export function readServerSettings(output: ToolOutput): Reading<ServerSettings> {
  const rows = rowsOf(output);
  if ("unreadable" in rows) return rows;
  const values = new Map(rows.read.map(([key, value]) => [key ?? "", value ?? ""]));
  const value = (key: string) => values.get(key);
  const [serverId, binlogFormat] = [value("server_id"), value("binlog_format")];
  const [increment, offset] = [value("auto_increment_increment"), value("auto_increment_offset")];
  if (serverId === undefined || binlogFormat === undefined || increment === undefined || offset === undefined)
    return unreadable("the server's settings are incomplete");
  return read({
    serverId,
    binlogFormat,
    autoIncrementIncrement: increment,
    autoIncrementOffset: offset,
    logBin: value("log_bin") ?? "",
    version: value("version") ?? "",
    binlogExpireSeconds: /^\d+$/.test(value("binlog_expire_logs_seconds") ?? "")
      ? Number(value("binlog_expire_logs_seconds"))
      : null,
  });
}

export type DatabaseFinding = { readonly kind: string; readonly name: string };

export function readFindings(output: ToolOutput): Reading<readonly DatabaseFinding[]> {
  const rows = rowsOf(output);
  if ("unreadable" in rows) return rows;
  return read(rows.read.map(([kind, name]) => ({ kind: kind ?? "", name: name ?? "" })));
}

export function readBinlogPosition(
  output: ToolOutput,
): Reading<{ readonly file: string; readonly position: string }> {
  const rows = rowsOf(output);
  if ("unreadable" in rows) return rows;
  const [file, position] = rows.read[0] ?? [];
  return file === undefined || position === undefined
    ? unreadable("no binary log position")
    : read({ file, position });
}

/** One whole number. */
export function readCount(output: ToolOutput): Reading<number> {
  const count = output.exitCode === 0 ? integer(output.stdout.trim()) : undefined;
  return count === undefined ? unreadable(`no number: exit ${output.exitCode}`) : read(count);
}
