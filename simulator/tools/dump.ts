/** mysqldump of a tracking schema and its reload: the dump's text is parsed again on reload, as a real one would be. */

import { sha256 } from "../checksum.ts";
import { springTrap } from "../faults.ts";
import { emit, type World } from "../model.ts";
import { putTracking } from "../mysql.ts";
import { ask } from "../outside.ts";
import type { TrackingTables } from "../state.ts";
import { dumpText } from "./dump-text.ts";
import { bad, ok, type RunnerTool } from "./tool.ts";

export const dumpSchema: RunnerTool = function* ({ world, host, args }) {
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
  yield* ask("sleep", 300);
  const text = dumpText(schema, tables, host.name, world.now);
  if (springTrap(world, host, "disk-full")) return bad(5, "", "mariadb-dump: Got errno 28 on write\n");
  const short = springTrap(world, host, "dump-short");
  host.volume.kept.set(name, short ? text.slice(0, Math.floor(text.length / 2)) : text);
  emit(world, { kind: "dump", host: host.name, schema, name });
  return ok();
};

export const restoreSchema: RunnerTool = function* ({ world, host, args }) {
  const [name = "", checksum] = args;
  const text = host.volume.kept.get(name);
  if (text === undefined || sha256(text) !== checksum)
    return bad(3, "", `${name} is not the file that was verified\n`);
  if (!host.mysql.up) return bad(1, "", "ERROR 2002 (HY000): Can't connect to local server\n");
  yield* ask("sleep", 300);
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

export function parseDump(text: string): { schema: string; tables: TrackingTables } {
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
