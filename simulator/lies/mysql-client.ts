/** mysql and mysqldump as a person types them: a handful of statements, a reload from stdin, a dump to stdout. */
import { binlogFile, tablesOf, updateRow } from "../mysql.ts";
import { parseDump, restore } from "../tools/dump.ts";
import { dumpText, headOnly } from "../tools/dump-text.ts";
import { bad, ok, quick, type RunnerCall } from "../tools/tool.ts";

const down =
  "ERROR 2002 (HY000): Can't connect to local server through socket '/run/mysqld/mysqld.sock' (111)\n";

/** `mysql -e STATEMENT`, or a reload of what comes on stdin: logged unless `--init-command` says otherwise. */
export const mysql = quick((call) => {
  const { world, host, args, stdin } = call;
  if (!host.mysql.up) return bad(1, "", down);
  if (args[0] === "-e") return statement(call, args[1] ?? "");
  const { schema, tables } = parseDump(stdin);
  restore(world, host.name, schema, tables, !args.some((word) => word.includes("sql_log_bin=0")));
  return ok();
});

function statement({ world, host }: RunnerCall, text: string) {
  const server = host.mysql;
  const line = (...cells: readonly (string | number)[]) => ok(`${cells.join("\t")}\n`);
  const counter = /^SELECT n FROM shop\.counter WHERE origin='(\w+)'$/.exec(text)?.[1];
  if (counter !== undefined) return line(server.lastOfOrigin.get(counter) ?? 0);
  const count = /^SELECT COUNT\(\*\) FROM shop\.t WHERE origin='(\w+)'$/.exec(text)?.[1];
  if (count !== undefined) {
    const rows = [...server.rows].filter(([tx]) => tx.startsWith(`${count}:`));
    return line(rows.reduce((sum, [, times]) => sum + times, 0));
  }
  const row = /^SELECT v FROM shop\.t WHERE id='([\w:]+)'$/.exec(text)?.[1];
  if (row !== undefined) return server.rows.has(row) ? line(server.updated.has(row) ? "new" : "old") : ok("");
  const updated = /^UPDATE shop\.t SET v='new' WHERE id='([\w:]+)'$/.exec(text)?.[1];
  if (updated !== undefined) {
    updateRow(world, host, updated);
    return ok();
  }
  const heartbeat = /^SELECT name FROM (\w+)\.heartbeat$/.exec(text)?.[1];
  if (heartbeat !== undefined) return line(tablesOf(server, heartbeat)?.heartbeat?.name ?? "NULL");
  if (text === "SHOW MASTER STATUS") return line(binlogFile, server.position);
  if (text === "SELECT @@read_only") return line(server.readOnly ? 1 : 0);
  if (text === "SHOW DATABASES") return ok([...server.schemas.keys()].map((name) => `${name}\n`).join(""));
  return bad(1, "", "ERROR 1064 (42000): You have an error in your SQL syntax\n");
}

/** `mysqldump --databases SCHEMA`. Of a schema that is not there it prints the head of a dump before it fails. */
export const mysqldump = quick(({ world, host, args }) => {
  const schema = args.at(-1) ?? "";
  if (!host.mysql.up) return bad(2, "", 'mariadb-dump: Got error: 2002: "Can\'t connect to local server"\n');
  const tables = host.mysql.schemas.get(schema);
  return tables === undefined
    ? bad(2, headOnly(schema, host.name), `mariadb-dump: Got error: 1049: "Unknown database '${schema}'"\n`)
    : ok(dumpText(schema, tables, host.name, world.now));
});
