/** thl and dsctl: both read the disk and the database, so they work with the replicator down. */
import { type ProductName, siteOf, type ThlEvent } from "../model.ts";
import { tablesOf } from "../mysql.ts";
import { thlKey } from "../replicator.ts";
import { bad, ok, quick } from "./tool.ts";

const stamp = (at: number): string => new Date(at).toISOString().replace("T", " ").replace(/\..*$/, ".0");

const header = (event: ThlEvent): string =>
  `{\n"seqno": ${event.seqno},\n"epoch": ${event.epoch},\n"frag": 0,\n"lastFrag": true,\n"time": "${stamp(event.at)}",\n"eventId": "${event.eventId}",\n"sourceId": "${event.sourceId}",\n"comments": ""\n}`;

/** `thl PRODUCT -service S info | list -last|-seqno N -headers -json`. */
export const thl = quick(({ host, args }) => {
  const product: ProductName = args[0] === "crossSite" ? "crossSite" : "cluster";
  const name = args[2] ?? "";
  const installed = host.volume.installed[product];
  if (!installed?.services.some((service) => service.name === name))
    return bad(
      1,
      `Unable to read the properties file: static-${name}.properties (No such file or directory)\n`,
    );
  const log = host.volume.thl.get(thlKey(product, name)) ?? [];
  const [first] = log;
  const last = log.at(-1);
  if (args[3] === "info") {
    const home = product === "cluster" ? "/opt/continuent" : "/opt/replicator";
    const lines = [
      `log directory = ${home}/thl/${name}/`,
      "log files = 1",
      `logs size = ${(log.length / 1200).toFixed(2)} MB`,
      `min seq# = ${first?.seqno ?? -1}`,
      `max seq# = ${last?.seqno ?? -1}`,
      `events = ${first === undefined || last === undefined ? 0 : last.seqno - first.seqno}`,
    ];
    return ok(`${lines.join("\n")}\n`);
  }
  const wanted = args.includes("-seqno") ? Number(args[args.indexOf("-seqno") + 1]) : last?.seqno;
  const event = log.find((candidate) => candidate.seqno === wanted);
  if (event === undefined) return bad(1, `Unable to find sequence number: ${wanted ?? -1}\n`);
  return ok(`[\n${header(event)}\n]\n`);
});

/** `dsctl PRODUCT -service S get`. */
export const dsctl = quick(({ world, host, args }) => {
  const product: ProductName = args[0] === "crossSite" ? "crossSite" : "cluster";
  const service = host.volume.installed[product]?.services.find(({ name }) => name === args[2]);
  if (service === undefined) return bad(2, "", `Unable to find the configuration of service ${args[2]}\n`);
  if (!host.mysql.up) return bad(3, "", "Unable to connect to the database\n");
  const commit = tablesOf(host.mysql, `tungsten_${siteOf(world, service.source).dataservice}`)?.commit;
  return ok(`${dsctlRow(commit)}\n`);
});

export function dsctlRow(
  commit:
    | { seqno: number; epoch: number; eventId: string; sourceId: string; shardId: string }
    | null
    | undefined,
): string {
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
