/** How `thl` prints events and the log: list, list -headers, -json, info, index. Transcripts thl-*, conv-*-thl-*. */
import type { LogEnds, ThlHeader } from "../outside.ts";
import type { ThlEvent } from "../state.ts";

/** 2026-11-21 22:10:51.0, the time of the commit at its source. */
export const stamp = (at: number): string =>
  new Date(at).toISOString().replace("T", " ").replace(/\..*$/, ".0");

const file = "thl.data.0000000001";
const seqnosOf = (ends: LogEnds): readonly [number, number] => [
  ends?.first.seqno ?? -1,
  ends?.last.seqno ?? -1,
];

/** `events` is max − min, as the tool prints it: one too few. An event is about 830 bytes. */
export function infoText(directory: string, ends: LogEnds): string {
  const [min, max] = seqnosOf(ends);
  const size = `${(ends === null ? 0 : (max - min + 1) / 1200).toFixed(2)} MB`;
  const written = stamp(ends?.last.at ?? 0).replace(/\.0$/, "");
  return lines([
    `log directory = ${directory}/`,
    "log files = 1",
    `logs size = ${size}`,
    `min seq# = ${min}`,
    `max seq# = ${max}`,
    `events = ${max - min}`,
    `oldest file = ${file} (${size}, ${written})`,
    `newest file = ${file} (${size}, ${written})`,
  ]);
}

export const indexText = (ends: LogEnds): string => `LogIndexEntry ${file}(${seqnosOf(ends).join(":")})\n\n`;

export const jsonText = (events: readonly ThlHeader[]): string => `[\n${events.map(jsonOf).join(",\n")}\n]\n`;

const jsonOf = (event: ThlHeader): string =>
  `{\n"seqno": ${event.seqno},\n"epoch": ${event.epoch},\n"frag": 0,\n"lastFrag": true,\n"time": "${stamp(event.writtenAt)}",\n"eventId": "${event.eventId}",\n"sourceId": "${event.sourceId}",\n"comments": ""\n}`;

export const headersText = (events: readonly ThlHeader[]): string =>
  events.map((event) => lines(headers(event))).join("");

export const eventsText = (events: readonly ThlEvent[], service: string, schema: string): string =>
  events.map((event) => lines([...headers(event), ...body(event, service, schema), ""])).join("");

const headers = (event: ThlHeader): readonly string[] => [
  `SEQ# = ${event.seqno} / FRAG# = 0 (last frag)`,
  `- TIME = ${stamp(event.writtenAt)}`,
  `- EPOCH# = ${event.epoch}`,
  `- EVENTID = ${event.eventId}`,
  `- SOURCEID = ${event.sourceId}`,
];

function body(event: ThlEvent, service: string, schema: string): readonly string[] {
  const { metadata, sql } = written(event, service, schema);
  return [
    `- METADATA = [mysql_server_id=11;gtid_domain_id=0;gtid_seqno=${event.seqno};dbms_type=mysql;tz_aware=true;${metadata}]`,
    "- TYPE = com.continuent.tungsten.replicator.event.ReplDBMSEvent",
    "- OPTIONS = [foreign_key_checks = 1, unique_checks = 1, time_zone = '+00:00', ##charset = UTF-8]",
    ...sql,
  ];
}

function written({ entry, writtenAt }: ThlEvent, service: string, schema: string) {
  const shard = (name: string) => `service=${service};shard=${name}`;
  switch (entry.kind) {
    case "heartbeat": {
      const columns = ["1", "NULL", "NULL", stamp(writtenAt), "NULL", "NULL", "1", "[B@51016012"];
      const sql = [...row("UPDATE", schema, "heartbeat", columns), "  - KEY(1: ) = 1"];
      return { metadata: `is_metadata=true;${shard("#UNKNOWN")};heartbeat=${entry.name}`, sql };
    }
    case "tracking": {
      const columns = ["0", String(entry.rows.commit?.seqno ?? -1)];
      const sql = row("INSERT", entry.schema, "trep_commit_seqno", columns);
      return { metadata: shard(entry.schema), sql };
    }
    case "statements":
      return { metadata: shard(entry.shard), sql: [`- SQL(0) = ${entry.sql}`] };
    default: {
      const action = entry.kind === "update" ? "UPDATE" : "INSERT";
      return { metadata: shard("shop"), sql: row(action, "shop", "t", [entry.tx, stamp(writtenAt)]) };
    }
  }
}

const row = (
  action: string,
  schema: string,
  table: string,
  columns: readonly string[],
): readonly string[] => [
  "- SQL(0) =",
  ` - ACTION = ${action}`,
  ` - SCHEMA = ${schema}`,
  ` - TABLE = ${table}`,
  " - ROW# = 0",
  ...columns.map((value, index) => `  - COL(${index + 1}: ) = ${value}`),
];

const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join("");
