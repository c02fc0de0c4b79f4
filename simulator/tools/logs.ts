/** thl and dsctl: both read the disk and the database, so they work with the replicator down. */
import { ask, type LogEnds, type ThlHeader } from "../outside.ts";
import { logOf } from "../replicator.ts";
import type { Commit } from "../state.ts";
import { bad, homeOf, ok, type Tool } from "./tool.ts";

const stamp = (at: number): string => new Date(at).toISOString().replace("T", " ").replace(/\..*$/, ".0");

const header = (event: ThlHeader): string =>
  `{\n"seqno": ${event.seqno},\n"epoch": ${event.epoch},\n"frag": 0,\n"lastFrag": true,\n"time": "${stamp(event.at)}",\n"eventId": "${event.eventId}",\n"sourceId": "${event.sourceId}",\n"comments": ""\n}`;

const info = (directory: string, ends: LogEnds): string => {
  const events = ends === null ? 0 : ends.last.seqno - ends.first.seqno;
  const lines = [
    `log directory = ${directory}/`,
    "log files = 1",
    `logs size = ${((events + (ends === null ? 0 : 1)) / 1200).toFixed(2)} MB`,
    `min seq# = ${ends?.first.seqno ?? -1}`,
    `max seq# = ${ends?.last.seqno ?? -1}`,
    `events = ${events}`,
  ];
  return `${lines.join("\n")}\n`;
};

/** `thl -service S info | list -last|-seqno N -headers -json`. */
export const thl: Tool = function* ({ node, product, args }) {
  const [, name = "", command, ...options] = args;
  if (!node.volume.installed[product]?.services.some((service) => service.name === name))
    return bad(
      1,
      `Fatal error: Replicator static properties does not exist or is invalid: ${homeOf(product)}/tungsten/tungsten-replicator/conf/static-${name}.properties\n`,
    );
  const log = logOf({ product, name });
  const ends = yield* ask("thlEnds", log);
  if (command === "info") return ok(info(`${homeOf(product)}/thl/${name}`, ends));
  const wanted = options.includes("-seqno")
    ? Number(options[options.indexOf("-seqno") + 1])
    : ends?.last.seqno;
  const event = wanted === undefined ? undefined : yield* ask("thlAt", log, wanted);
  if (event === undefined) return bad(1, `Unable to find sequence number: ${wanted ?? -1}\n`);
  return ok(`[\n${header(event)}\n]\n`);
};

/** `dsctl -service S get`. */
export const dsctl: Tool = function* ({ node, product, args }) {
  const service = node.volume.installed[product]?.services.find(({ name }) => name === args[1]);
  if (service === undefined) return bad(2, "", `Unable to find the configuration of service ${args[1]}\n`);
  const schema = `tungsten_${service.source}`;
  if (!(yield* ask("databaseUp")))
    return bad(
      3,
      "",
      `Unable to connect to DBMS: url=jdbc:mysql:thin://${node.name}:13306/${schema}?noPrepStmtCache=true user=tungsten\n`,
    );
  const tables = yield* ask("tracking", schema);
  return ok(`${dsctlRow(tables === undefined || tables === "empty" ? null : tables.commit)}\n`);
};

/** The row as dsctl prints it; an empty array where there is none. */
export function dsctlRow(commit: Commit | null | undefined): string {
  if (commit === null || commit === undefined) return "[]";
  return JSON.stringify([
    {
      extract_timestamp: "2026-11-21 23:15:11.0",
      eventid: commit.eventId,
      fragno: 0,
      last_frag: true,
      seqno: commit.seqno,
      update_timestamp: "2026-11-21 23:15:11.0",
      shard_id: commit.shardId,
      applied_latency: 0,
      epoch_number: commit.epoch,
      task_id: 0,
      source_id: commit.sourceId,
    },
  ]);
}
