/** mysqldump of a tracking schema and its reload: the dump's text is parsed again on reload, as a real one would be. */

import { sha256 } from "../checksum.ts";
import { springTrap } from "../faults.ts";
import { emit, type TrackingTables, type World } from "../model.ts";
import { putTracking } from "../mysql.ts";
import { bad, ok, type Tool } from "./tool.ts";

const quoted = (value: string | number | null): string =>
  value === null ? "NULL" : typeof value === "number" ? String(value) : `'${value}'`;

/** As mysqldump makes a table anew, columns in the order of the recorded dump. */
const creation = (table: string, columns: string): string =>
  [
    `DROP TABLE IF EXISTS \`${table}\`;`,
    `CREATE TABLE \`${table}\` (`,
    columns
      .split(" ")
      .map((column) => `  \`${column}\` varchar(128) DEFAULT NULL`)
      .join(",\n"),
    ") ENGINE=InnoDB;",
  ].join("\n");

const heartbeatTable = creation(
  "heartbeat",
  "id seqno eventid source_tstamp target_tstamp lag_millis salt name",
);
const commitTable = creation(
  "trep_commit_seqno",
  "task_id seqno fragno last_frag source_id epoch_number eventid applied_latency update_timestamp shard_id extract_timestamp",
);

/** A well-formed dump exists of an emptied schema too: it has no INSERT, and that is the trap. */
export function dumpText(schema: string, tables: TrackingTables | "empty", host: string): string {
  const inserts: string[] = [];
  if (tables !== "empty") {
    const { heartbeat, commit } = tables;
    inserts.push(heartbeatTable);
    if (heartbeat !== null)
      inserts.push(
        `INSERT INTO \`heartbeat\` VALUES\n(1,${quoted(heartbeat.seqno)},${quoted(heartbeat.eventId)},'2026-11-21 23:15:11','2026-11-21 23:15:11',369,2,${quoted(heartbeat.name)});`,
      );
    inserts.push(commitTable);
    if (commit !== null)
      inserts.push(
        `INSERT INTO \`trep_commit_seqno\` VALUES\n(0,${commit.seqno},0,'1',${quoted(commit.sourceId)},${commit.epoch},${quoted(commit.eventId)},0,'2026-11-21 23:15:11',${quoted(commit.shardId)},'2026-11-21 23:15:11');`,
      );
  }
  const head = [
    "/*M!999999\\- enable the sandbox mode */ ",
    "-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB",
    "--",
    `-- Host: ${host}    Database: ${schema}`,
    "",
  ];
  return [
    ...head,
    `CREATE DATABASE /*!32312 IF NOT EXISTS*/ \`${schema}\`;`,
    "",
    `USE \`${schema}\`;`,
    "",
    ...inserts,
    "-- Dump completed on 2026-11-24 12:00:00",
    "",
  ].join("\n");
}

export const dumpSchema: Tool = function* ({ world, host, args }) {
  const [schema = "", name = ""] = args;
  if (host.volume.kept.has(name)) return bad(3, "", `${name} exists; a dump is never overwritten\n`);
  if (!host.mysql.up) return bad(2, "", 'mariadb-dump: Got error: 2002: "Can\'t connect to local server"\n');
  const tables = host.mysql.schemas.get(schema);
  if (tables === undefined)
    return bad(
      2,
      "",
      `mariadb-dump: Got error: 1049: "Unknown database '${schema}'" when selecting the database\n`,
    );
  yield 300;
  const text = dumpText(schema, tables, host.name);
  if (springTrap(world, host, "disk-full")) return bad(5, "", "mariadb-dump: Got errno 28 on write\n");
  const short = springTrap(world, host, "dump-short");
  host.volume.kept.set(name, short ? text.slice(0, Math.floor(text.length / 2)) : text);
  emit(world, { kind: "dump", host: host.name, schema, name });
  return ok();
};

export const restoreSchema: Tool = function* ({ world, host, args }) {
  const [name = "", checksum] = args;
  const text = host.volume.kept.get(name);
  if (text === undefined || sha256(text) !== checksum)
    return bad(3, "", `${name} is not the file that was verified\n`);
  if (!host.mysql.up) return bad(1, "", "ERROR 2002 (HY000): Can't connect to local server\n");
  yield 300;
  const parsed = parseDump(text);
  restore(world, host.name, parsed.schema, parsed.tables, false);
  return ok();
};

/** `logged` is what a reload without `sql_log_bin=0` would be. */
export function restore(
  world: World,
  hostName: string,
  schema: string,
  tables: TrackingTables,
  logged: boolean,
): void {
  const host = world.hosts.get(hostName);
  if (host === undefined) return;
  putTracking(world, host, schema, tables, logged);
  emit(world, { kind: "restore", host: hostName, schema, logged });
}

function parseDump(text: string): { schema: string; tables: TrackingTables } {
  const schema = /USE `([^`]+)`/.exec(text)?.[1] ?? "";
  const commit =
    /INTO `trep_commit_seqno` VALUES\n\(0,(-?\d+),0,'1','([^']*)',(-?\d+),'([^']*)',0,'[^']*','([^']*)'/.exec(
      text,
    );
  const heartbeat =
    /INTO `heartbeat` VALUES\n\(1,(NULL|\d+),(NULL|'[^']*'),'[^']*','[^']*',\d+,\d+,(NULL|'[^']*')\)/.exec(
      text,
    );
  const word = (value: string | undefined) =>
    value === undefined || value === "NULL" ? null : value.replaceAll("'", "");
  return {
    schema,
    tables: {
      commit:
        commit === null
          ? null
          : {
              seqno: Number(commit[1]),
              sourceId: commit[2] ?? "",
              epoch: Number(commit[3]),
              eventId: commit[4] ?? "",
              shardId: commit[5] ?? "",
            },
      heartbeat:
        heartbeat === null
          ? null
          : {
              seqno: heartbeat[1] === "NULL" ? null : Number(heartbeat[1]),
              eventId: word(heartbeat[2]),
              name: word(heartbeat[3]),
            },
    },
  };
}
