/** The database of a real node: tracking schemas as tables, events applied with their position in one transaction. */
import type { ApplyFault } from "../outside.ts";
import { commitOf } from "../replicator.ts";
import type { Commit, HeartbeatRow, ThlEvent, TrackingTables } from "../state.ts";
import { eventIdAt } from "./binlog-text.ts";
import { type Access, DatabaseError, newSession, quoted, type Session, statement } from "./session.ts";

const unknownDatabase = 1049;
const unknownTable = 1146;
/** Lock wait timeout, deadlock: the same again may well succeed. */
const passing = [1205, 1213];
const mostTries = 5;

/** How long an answer about the server's being up is good for. */
const freshMs = 1000;

export type Database = {
  readonly up: () => Promise<boolean>;
  readonly value: (sql: string) => Promise<string>;
  readonly run: (sql: string) => Promise<void>;
  readonly tracking: (schema: string) => Promise<TrackingTables | "empty" | undefined>;
  readonly prepareTracking: (schema: string, commit: Commit) => Promise<void>;
  readonly dropTracking: (schema: string) => Promise<void>;
  readonly setCommit: (schema: string, commit: Commit) => Promise<void>;
  readonly insertCommit: (schema: string, commit: Commit) => Promise<void>;
  readonly writeHeartbeat: (schema: string, name: string, logged: boolean) => Promise<void>;
  readonly present: () => Promise<string>;
  readonly apply: (schema: string, events: readonly ThlEvent[]) => Promise<ApplyFault | null>;
  readonly close: () => void;
};

/** One session for questions, one for each service that applies. */
export function newDatabase(access: () => Access): Database {
  const questions = newSession(access);
  const appliers = new Map<string, Session>();
  const formats = new Map<string, string>();
  let looked = { at: 0, up: false };
  const run = async (sql: string): Promise<void> => void (await questions.run(sql));
  const value = async (sql: string): Promise<string> =>
    (await questions.run(statement(sql)))[0]?.join("\t") ?? "";
  const up = async (): Promise<boolean> => {
    if (Date.now() - looked.at < freshMs) return looked.up;
    const answers = await questions.run(statement("SELECT 1")).then(
      () => true,
      () => false,
    );
    looked = { at: Date.now(), up: answers };
    return answers;
  };
  const applierOf = (schema: string): Session => {
    const known = appliers.get(schema) ?? newSession(access);
    appliers.set(schema, known);
    return known;
  };
  /** A service that goes online connects anew: the session of before may have lost its server meanwhile. */
  const leaveSession = (schema: string): void => {
    appliers.get(schema)?.close();
    appliers.delete(schema);
    formats.delete(schema);
  };
  const applyOnce = async (
    schema: string,
    events: readonly ThlEvent[],
  ): Promise<DatabaseError | undefined> => {
    let format = formats.get(schema) ?? "";
    let sql = "";
    for (const event of events) {
      if (event.entry.kind === "statements" && event.entry.format !== format) {
        format = event.entry.format;
        sql += statement(format);
      }
      sql += transactionOf(schema, event);
    }
    formats.set(schema, format);
    try {
      await applierOf(schema).run(sql);
      return undefined;
    } catch (error) {
      formats.delete(schema);
      if (error instanceof DatabaseError) return error;
      throw error;
    }
  };
  /** After an error the row tells where the next try begins. */
  const apply = async (schema: string, events: readonly ThlEvent[]): Promise<ApplyFault | null> => {
    let due = events;
    for (let tries = 1; ; tries += 1) {
      const error = await applyOnce(schema, due);
      if (error === undefined) return null;
      const rows = await rowsOf(questions, schema);
      const applied = rows === undefined || rows === "empty" ? -1 : (rows.commit?.seqno ?? -1);
      due = events.filter(({ seqno }) => seqno > applied);
      if (!passing.includes(error.code) || tries === mostTries) return faultOf(due, error);
    }
  };
  return {
    up,
    value,
    run,
    apply,
    tracking: (schema) => rowsOf(questions, schema),
    prepareTracking: (schema, commit) => {
      leaveSession(schema);
      return run(tablesSql(schema) + statement(commitSql(schema, commit, "IGNORE")));
    },
    dropTracking: (schema) =>
      run(tables.map(([name]) => statement(`DROP TABLE IF EXISTS \`${schema}\`.${name}`)).join("")),
    setCommit: (schema, commit) => run(statement(commitSql(schema, commit))),
    insertCommit: (schema, commit) => run(tablesSql(schema) + loggedSql(commitSql(schema, commit, "INSERT"))),
    writeHeartbeat: (schema, name, logged) => run(heartbeatSql(schema, name, logged)),
    present: async () => {
      const [file = "", position = "4"] = (await value("SHOW MASTER STATUS")).split("\t");
      return eventIdAt(file, Number(position));
    },
    close: () => {
      for (const session of [questions, ...appliers.values()]) session.close();
    },
  };
}

/** The server names the statement that failed; it belongs to the first event that the row does not tell of. */
const faultOf = ([failed]: readonly ThlEvent[], error: DatabaseError): ApplyFault => ({
  seqno: failed?.seqno ?? -1,
  eventId: failed?.eventId ?? "NONE",
  text: `java.sql.SQLException: ${error.message}`,
});

/** An event and the row that tells of it, in one transaction; DDL commits by itself, so its row follows. */
function transactionOf(schema: string, event: ThlEvent): string {
  const { entry } = event;
  const commit = statement(commitSql(schema, commitOf(event)));
  if (entry.kind !== "statements") throw new Error(`event ${event.seqno} holds no statements`);
  if (entry.standalone) return entry.sql + commit;
  const change = entry.heartbeat === null ? entry.sql : statement(arrivedSql(schema, event, entry.heartbeat));
  return statement("BEGIN") + change + commit + statement("COMMIT");
}

async function rowsOf(session: Session, schema: string): Promise<TrackingTables | "empty" | undefined> {
  try {
    const rows = await session.run(
      statement(
        `SELECT 'commit', seqno, epoch_number, eventid, source_id, shard_id, UNIX_TIMESTAMP(extract_timestamp) FROM \`${schema}\`.trep_commit_seqno WHERE task_id = 0`,
      ) + statement(`SELECT 'heartbeat', seqno, eventid, name FROM \`${schema}\`.heartbeat WHERE id = 1`),
    );
    const commit = rows.find(([kind]) => kind === "commit");
    const heartbeat = rows.find(([kind]) => kind === "heartbeat");
    return {
      commit: commit === undefined ? null : commitFrom(commit),
      heartbeat: heartbeat === undefined ? null : heartbeatFrom(heartbeat),
    };
  } catch (error) {
    if (error instanceof DatabaseError && error.code === unknownDatabase) return undefined;
    if (error instanceof DatabaseError && error.code === unknownTable) return "empty";
    throw error;
  }
}

const commitFrom = ([
  ,
  seqno,
  epoch,
  eventId = "",
  sourceId = "",
  shardId,
  written,
]: readonly string[]): Commit => ({
  seqno: Number(seqno),
  epoch: Number(epoch),
  eventId,
  sourceId,
  shardId: orNull(shardId) ?? "",
  writtenAt: Number(orNull(written) ?? 0) * 1000,
});
const orNull = (text: string | undefined): string | null =>
  text === undefined || text === "NULL" ? null : text;
const heartbeatFrom = ([, seqno, eventId, name]: readonly string[]): HeartbeatRow => ({
  seqno: orNull(seqno) === null ? null : Number(seqno),
  eventId: orNull(eventId),
  name: orNull(name),
});

/** Columns as in the transcripts sql-tungsten_alpha.* and conv-2-dump. */
const tables = [
  [
    "consistency",
    "db char(64) NOT NULL, tbl char(64) NOT NULL, id int NOT NULL, row_offset int NOT NULL, row_limit int NOT NULL, this_crc char(40), this_cnt int, master_crc char(40), master_cnt int, ts timestamp NULL, method char(32), PRIMARY KEY (db, tbl, id)",
  ],
  [
    "heartbeat",
    "id bigint NOT NULL, seqno bigint, eventid varchar(128), source_tstamp timestamp NULL, target_tstamp timestamp NULL, lag_millis bigint, salt bigint, name varchar(128), PRIMARY KEY (id)",
  ],
  [
    "trep_commit_seqno",
    "task_id int NOT NULL, seqno bigint, fragno smallint, last_frag char(1), source_id varchar(128), epoch_number bigint, eventid varchar(128), applied_latency int, update_timestamp timestamp NULL, shard_id varchar(128), extract_timestamp timestamp NULL, PRIMARY KEY (task_id)",
  ],
  [
    "trep_shard",
    "shard_id varchar(128) NOT NULL, master varchar(128), critical tinyint, PRIMARY KEY (shard_id)",
  ],
  ["trep_shard_channel", "shard_id varchar(128) NOT NULL, channel int, PRIMARY KEY (shard_id)"],
] as const;

const tablesSql = (schema: string): string =>
  [
    `CREATE DATABASE IF NOT EXISTS \`${schema}\``,
    ...tables.map(
      ([name, columns]) =>
        `CREATE TABLE IF NOT EXISTS \`${schema}\`.${name} (${columns}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3`,
    ),
  ]
    .map(statement)
    .join("");

function commitSql(schema: string, commit: Commit, how: "UPDATE" | "INSERT" | "IGNORE" = "UPDATE"): string {
  const { seqno, epoch, eventId, sourceId, shardId, writtenAt } = commit;
  const values = {
    seqno,
    fragno: 0,
    last_frag: "1",
    source_id: sourceId,
    epoch_number: epoch,
    eventid: eventId,
    applied_latency: 0,
    shard_id: shardId === "" ? null : shardId,
  };
  const set = `${Object.entries(values)
    .map(([column, value]) => `${column} = ${quoted(value)}`)
    .join(
      ", ",
    )}, update_timestamp = NOW(), extract_timestamp = FROM_UNIXTIME(${Math.floor((writtenAt ?? Date.now()) / 1000)})`;
  const insert = `INSERT ${how === "IGNORE" ? "IGNORE " : ""}INTO \`${schema}\`.trep_commit_seqno SET task_id = 0, ${set}`;
  return how === "UPDATE" ? `${insert} ON DUPLICATE KEY UPDATE ${set}` : insert;
}

const heartbeatUpsert = (schema: string, set: string): string =>
  `INSERT INTO \`${schema}\`.heartbeat SET id = 1, ${set} ON DUPLICATE KEY UPDATE ${set}`;

/** As its own server writes it; the salt makes each one a change. */
function heartbeatSql(schema: string, name: string, logged: boolean): string {
  const salt = Math.floor(Math.random() * 1e15);
  const set = `seqno = NULL, eventid = NULL, source_tstamp = NOW(), target_tstamp = NULL, lag_millis = NULL, salt = ${salt}, name = ${quoted(name)}`;
  const sql = heartbeatUpsert(schema, set);
  return logged ? loggedSql(sql) : statement(sql);
}

/** Everything else a session does is unlogged. */
const loggedSql = (sql: string): string =>
  ["SET SESSION sql_log_bin = 1", sql, "SET SESSION sql_log_bin = 0"].map(statement).join("");

/** As a reader fills it in on arrival. */
function arrivedSql(schema: string, { seqno, eventId, writtenAt }: ThlEvent, name: string): string {
  const source = `FROM_UNIXTIME(${Math.floor(writtenAt / 1000)})`;
  return heartbeatUpsert(
    schema,
    `seqno = ${seqno}, eventid = ${quoted(eventId)}, source_tstamp = ${source}, target_tstamp = NOW(), lag_millis = ${Math.max(0, Date.now() - writtenAt)}, salt = 0, name = ${quoted(name)}`,
  );
}
