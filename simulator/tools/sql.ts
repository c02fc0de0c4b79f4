/** The runner's fixed SQL questions, answered from the world's databases as the mysql client prints them. */
import { binlogFile, type tablesOf } from "../mysql.ts";
import { answerChunks } from "./chunks.ts";
import { bad, ok, quick } from "./tool.ts";

export const sql = quick(({ world, host, args }) => {
  const { mysql } = host;
  if (!mysql.up)
    return bad(
      1,
      "",
      "ERROR 2002 (HY000): Can't connect to local server through socket '/run/mysqld/mysqld.sock' (111)\n",
    );
  const [question, first, second] = args;
  switch (question) {
    case "read-only":
      return ok(`${mysql.readOnly ? 1 : 0}\n`);
    case "tracking":
      return tracking(mysql, first ?? "");
    case "shard-channels":
      return mysql.schemas.has(first ?? "")
        ? ok(`${(mysql.channelRows.get(first ?? "") ?? 1) > 1 ? 3 : 0}\n`)
        : bad(1, "", `ERROR 1049 (42000): Unknown database '${first}'\n`);
    case "heartbeat":
      return heartbeat(mysql, first ?? "");
    case "schemas":
      return ok(
        [...mysql.schemas].map(([name, tables]) => `${name}\t${tables === "empty" ? 0 : 5}\n`).join(""),
      );
    case "server": {
      const values = {
        server_id: mysql.serverId,
        log_bin: 1,
        binlog_format: mysql.format,
        auto_increment_increment: mysql.increment,
        auto_increment_offset: mysql.offset,
        binlog_expire_logs_seconds: mysql.expireSeconds,
        version: mysql.version ?? "10.11.19-MariaDB-log",
      };
      return ok(
        Object.entries(values)
          .map(([key, value]) => `${key}\t${value}\n`)
          .join(""),
      );
    }
    case "findings":
      return ok(told(mysql.findings.filter(({ kind }) => kind !== "reader")));
    case "readers":
      return ok(told(mysql.findings.filter(({ kind }) => kind === "reader").map(({ name }) => who(name))));
    case "size":
      return ok(`${mysql.bytes ?? 1_000_000_000}\n`);
    case "oldest-transaction":
      return ok(`${mysql.oldestTransaction}\n`);
    case "binlog-position":
      return ok(`${binlogFile}\t${mysql.position}\n`);
    case "accounts":
      return ok(
        ["replication", "application"]
          .map((role) => `${role}\t${mysql.accounts ? "present" : "absent"}\n`)
          .join(""),
      );
    case "logged-tracking":
      return ok(
        `${mysql.log.filter((entry) => entry.kind === "tracking" && first === binlogFile && entry.position > Number(second)).length}\n`,
      );
    default:
      return answerChunks(world, host, args) ?? bad(24, "", `unknown question ${question}\n`);
  }
});

const told = (all: readonly { kind: string; name: string }[]): string =>
  all.map(({ kind, name }) => `${kind}\t${name}\n`).join("");
/** A reader of the log, written `user@host`. */
const who = (name: string) => ({ kind: name.split("@")[0] ?? "", name: name.split("@")[1] ?? "" });

/** A row that was reloaded brings the times of where it came from; this world keeps none. */
function heartbeat(mysql: Parameters<typeof tablesOf>[0], schema: string) {
  const known = mysql.schemas.get(schema);
  if (known === undefined || known === "empty") return tracking(mysql, schema);
  const { name, at = 0, lagMs = 0 } = known.heartbeat ?? { name: null };
  return ok(name === null ? "" : `${name}\t${Math.floor(at / 1000)}\t${lagMs}\n`);
}

function tracking(mysql: Parameters<typeof tablesOf>[0], schema: string) {
  const known = mysql.schemas.get(schema);
  if (known === undefined) return bad(1, "", `ERROR 1049 (42000): Unknown database '${schema}'\n`);
  if (known === "empty")
    return bad(1, "", `ERROR 1146 (42S02): Table '${schema}.trep_commit_seqno' doesn't exist\n`);
  const { commit, heartbeat } = known;
  const lines: string[] = [];
  for (let task = 0; commit !== null && task < (mysql.channelRows.get(schema) ?? 1); task += 1)
    lines.push(
      [
        "commit",
        task,
        commit.seqno,
        0,
        1,
        commit.sourceId,
        commit.epoch,
        commit.eventId,
        commit.shardId,
      ].join("\t"),
    );
  if (heartbeat !== null)
    lines.push(
      ["heartbeat", heartbeat.seqno ?? "NULL", heartbeat.eventId ?? "NULL", heartbeat.name ?? "NULL"].join(
        "\t",
      ),
    );
  return ok(lines.map((line) => `${line}\n`).join(""));
}
