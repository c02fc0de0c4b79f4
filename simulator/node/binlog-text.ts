/**
 * Reads what mariadb-binlog prints, transaction by transaction: the SQL that repeats each, where it ends, and whether it is
 * a heartbeat. The text was looked at on MariaDB 10.11 with `--verbose --skip-annotate-row-events`.
 */
import type { Extracted, Statements } from "../state.ts";
import { delimiter, statement } from "./session.ts";

export const eventIdAt = (file: string, position: number): string =>
  `${file}:${String(position).padStart(16, "0")};-1`;

/** File and position of an event id. */
export function placeOf(eventId: string): { file: string; position: number } {
  const match = /^(.+):(\d+);/.exec(eventId);
  return { file: match?.[1] ?? "", position: Number(match?.[2] ?? 4) };
}

type Group = {
  statements: string[];
  /** Between START TRANSACTION and COMMIT; a single DDL has neither. */
  open: boolean;
  shard: string;
  heartbeat: Map<string, string> | null;
};

export type BinlogReader = {
  /** Takes one line; returns the transaction it completes. */
  readonly line: (line: string) => Extracted | undefined;
};

const header = /^#\d{6}\s+\d+:\d\d:\d\d server id \d+\s+end_log_pos (\d+)(?: CRC32 0x[0-9a-f]+)?\s+(.*)$/;
/** Settings of a session that hold for the statements behind them, printed only when they change. */
const context = /^(SET @@session\.[a-z_]+|SET TIMESTAMP|use |\/\*!\\C)/i;
/** Numbers of the source's own, without meaning for a reader that logs nothing. */
const ignored = /^(\/\*M?!\d* ?SET @@|SET @@session\.pseudo_thread_id|ROLLBACK$|DELIMITER)/;

const newGroup = (): Group => ({ statements: [], open: false, shard: "#UNKNOWN", heartbeat: null });

/** A reader that begins in this file. */
export function newBinlogReader(startFile: string): BinlogReader {
  let file = startFile;
  let position = 0;
  let format = "";
  let describes = false;
  let text = "";
  let begun = false;
  let settings = new Map<string, string>();
  let group = newGroup();

  const finished = (standalone: boolean): Extracted => {
    const { statements, shard, heartbeat } = group;
    const rowsOnly = statements.every((each) => each.startsWith("BINLOG '"));
    const sql = [...(rowsOnly ? [] : settings.values()), ...statements].map(statement).join("");
    // A heartbeat comes from a primary without the reader's columns; a row that has them was put there by a reload.
    const name = heartbeat?.get("@2") === "NULL" ? unquoted(heartbeat.get("@8")) : null;
    const entry: Statements = { kind: "statements", format, sql, standalone, shard, heartbeat: name };
    group = newGroup();
    return { eventId: eventIdAt(file, position), entry };
  };

  const take = (sql: string): Extracted | undefined => {
    if (describes && sql.startsWith("BINLOG '")) {
      format = sql;
      describes = false;
    } else if (/^(START TRANSACTION|BEGIN)$/.test(sql)) group.open = true;
    else if (/^(COMMIT|XA COMMIT)/.test(sql)) return finished(false);
    else if (ignored.test(sql)) {
      if (group.open && sql === "ROLLBACK") return finished(false);
    } else if (context.test(sql)) settings.set(context.exec(sql)?.[0] ?? "", sql);
    else {
      group.statements.push(sql);
      if (!group.open && !sql.startsWith("SET ")) return finished(true);
    }
    return undefined;
  };

  const comment = (line: string): void => {
    const match = header.exec(line);
    if (match === null) {
      noteHeartbeat(group, line);
      return;
    }
    const [, end = "0", what = ""] = match;
    const rotated = /^Rotate to (\S+)\s+pos: (\d+)/.exec(what);
    if (rotated !== null) {
      file = rotated[1] ?? file;
      return;
    }
    if (Number(end) > 0) position = Number(end);
    if (what.startsWith("Start: binlog")) {
      describes = true;
      settings = new Map();
    }
    const mapped = /^Table_map: `([^`]+)`\./.exec(what);
    if (mapped !== null && group.shard === "#UNKNOWN") group.shard = mapped[1] ?? group.shard;
  };

  const line = (raw: string): Extracted | undefined => {
    if (text === "" && (raw === "" || raw.startsWith("#"))) {
      begun ||= raw.startsWith("# at ");
      comment(raw);
      return undefined;
    }
    if (!begun) return undefined;
    text += text === "" ? raw : `\n${raw}`;
    if (!text.endsWith(delimiter)) return undefined;
    const sql = text.slice(0, -delimiter.length).trimEnd();
    text = "";
    return take(sql);
  };
  return { line };
}

const unquoted = (text: string | undefined): string | null =>
  text === undefined ? null : text.replace(/^'([\s\S]*)'$/, "$1");

/** Keeps the values that `--verbose` shows of a heartbeat table's new row. */
function noteHeartbeat(group: Group, line: string): void {
  if (/^### (INSERT INTO|UPDATE) /.test(line))
    group.heartbeat = /`tungsten_[^`]+`\.`heartbeat`$/.test(line) ? new Map() : null;
  const value = /^### {3}(@\d+)=(.*)$/.exec(line);
  if (value?.[1] !== undefined) group.heartbeat?.set(value[1], value[2] ?? "");
}
