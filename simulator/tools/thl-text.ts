/** How `thl` prints events and the log: list, list -headers, -json, info, index. Transcripts thl-*, conv-*-thl-*. */
import type { LogEntry, ThlEvent } from "../model.ts";

/** 2026-11-21 22:10:51.0, the time of the commit at its source. */
export const stamp = (at: number): string =>
  new Date(at).toISOString().replace("T", " ").replace(/\..*$/, ".0");

const file = "thl.data.0000000001";
/** About 830 bytes an event. */
const sizeOf = (log: readonly ThlEvent[]): string => `${(log.length / 1200).toFixed(2)} MB`;

/** `events` is max − min, as the tool prints it: one too few. */
export function infoText(directory: string, log: readonly ThlEvent[]): string {
  const [first] = log;
  const last = log.at(-1);
  const written = stamp(last?.at ?? 0).replace(/\.0$/, "");
  return lines([
    `log directory = ${directory}/`,
    "log files = 1",
    `logs size = ${sizeOf(log)}`,
    `min seq# = ${first?.seqno ?? -1}`,
    `max seq# = ${last?.seqno ?? -1}`,
    `events = ${first === undefined || last === undefined ? 0 : last.seqno - first.seqno}`,
    `oldest file = ${file} (${sizeOf(log)}, ${written})`,
    `newest file = ${file} (${sizeOf(log)}, ${written})`,
  ]);
}

export const indexText = (log: readonly ThlEvent[]): string =>
  `LogIndexEntry ${file}(${log[0]?.seqno ?? -1}:${log.at(-1)?.seqno ?? -1})\n\n`;

export const jsonText = (events: readonly ThlEvent[]): string => `[\n${events.map(jsonOf).join(",\n")}\n]\n`;

const jsonOf = (event: ThlEvent): string =>
  `{\n"seqno": ${event.seqno},\n"epoch": ${event.epoch},\n"frag": 0,\n"lastFrag": true,\n"time": "${stamp(event.entry.at)}",\n"eventId": "${event.eventId}",\n"sourceId": "${event.sourceId}",\n"comments": ""\n}`;

export const headersText = (events: readonly ThlEvent[]): string =>
  events.map((event) => lines(headers(event))).join("");

export const eventsText = (events: readonly ThlEvent[], service: string, schema: string): string =>
  events.map((event) => lines([...headers(event), ...body(event, service, schema), ""])).join("");

const headers = (event: ThlEvent): readonly string[] => [
  `SEQ# = ${event.seqno} / FRAG# = 0 (last frag)`,
  `- TIME = ${stamp(event.entry.at)}`,
  `- EPOCH# = ${event.epoch}`,
  `- EVENTID = ${event.eventId}`,
  `- SOURCEID = ${event.sourceId}`,
];

function body({ entry, seqno }: ThlEvent, service: string, schema: string): readonly string[] {
  const { metadata, action, into, table, columns } = written(entry, service, schema);
  return [
    `- METADATA = [mysql_server_id=11;gtid_domain_id=0;gtid_seqno=${seqno};dbms_type=mysql;tz_aware=true;${metadata}]`,
    "- TYPE = com.continuent.tungsten.replicator.event.ReplDBMSEvent",
    "- OPTIONS = [foreign_key_checks = 1, unique_checks = 1, time_zone = '+00:00', ##charset = UTF-8]",
    "- SQL(0) =",
    ` - ACTION = ${action}`,
    ` - SCHEMA = ${into}`,
    ` - TABLE = ${table}`,
    " - ROW# = 0",
    ...columns.map((value, index) => `  - COL(${index + 1}: ) = ${value}`),
    ...(action === "UPDATE" ? ["  - KEY(1: ) = 1"] : []),
  ];
}

function written(entry: LogEntry, service: string, schema: string) {
  if (entry.kind === "heartbeat") {
    const metadata = `is_metadata=true;service=${service};shard=#UNKNOWN;heartbeat=${entry.name}`;
    const columns = ["1", "NULL", "NULL", stamp(entry.at), "NULL", "NULL", "1", "[B@51016012"];
    return { metadata, action: "UPDATE", into: schema, table: "heartbeat", columns };
  }
  const metadata = `service=${service};shard=shop`;
  if (entry.kind === "tracking") {
    const columns = ["0", String(entry.rows.commit?.seqno ?? -1)];
    return { metadata, action: "INSERT", into: entry.schema, table: "trep_commit_seqno", columns };
  }
  return { metadata, action: "INSERT", into: "shop", table: "t", columns: [entry.tx, stamp(entry.at)] };
}

const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join("");
