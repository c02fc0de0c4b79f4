/** Every query and command that reaches the database, by the real script against a real MariaDB, read by our readers. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readTrackingDump } from "../../../src/tungsten/dump.ts";
import type { MarkerState } from "../../../src/tungsten/invocation.ts";
import { readBackup, readIni, readServerFile } from "../../../src/tungsten/node.ts";
import type { Reading } from "../../../src/tungsten/reading.ts";
import {
  readArrival,
  readBinlogPosition,
  readCount,
  readFindings,
  readReadOnly,
  readSchemas,
  readServerSettings,
  readTracking,
} from "../../../src/tungsten/sql.ts";
import { type Database, noDatabase, startDatabase } from "./database.ts";
import { newNode, type RunnerNode, sha256 } from "./node.ts";

const password = `p'a"s\\s$$&w\`ord%`;
const ini = "[defaults]\nuser=tungsten\nreplication-password=@{replication-password}\n";
const tracking = `
  CREATE DATABASE tungsten_london;
  CREATE TABLE tungsten_london.trep_commit_seqno (task_id INT PRIMARY KEY, seqno BIGINT, fragno SMALLINT, last_frag CHAR(1),
    source_id VARCHAR(128), epoch_number BIGINT, eventid VARCHAR(128), applied_latency INT, update_timestamp TIMESTAMP,
    shard_id VARCHAR(128), extract_timestamp TIMESTAMP);
  CREATE TABLE tungsten_london.heartbeat (id BIGINT PRIMARY KEY, seqno BIGINT, eventid VARCHAR(128), source_tstamp TIMESTAMP,
    target_tstamp TIMESTAMP, lag_millis BIGINT, salt BIGINT, name VARCHAR(128));
  INSERT INTO tungsten_london.trep_commit_seqno VALUES
    (0, 7, 0, '1', 'london-0', 0, 'mysql-bin.000002:0000000000002055;-1', 0, NOW(), '#UNKNOWN', NOW());
  INSERT INTO tungsten_london.heartbeat VALUES (1, NULL, NULL, NOW(), NULL, NULL, 1, 'MASTER_ONLINE');`;

const known = <T>(reading: Reading<T>): T => {
  if ("unreadable" in reading) throw new Error(reading.unreadable);
  return reading.read;
};
const exitOf = (state: MarkerState) => (state.state === "exited" ? state.output.exitCode : state);

if (noDatabase !== undefined) console.warn(`skipped: ${noDatabase}`);
(noDatabase === undefined ? describe : describe.skip)("the runner and a real MariaDB", () => {
  let node: RunnerNode;
  let database: Database;

  beforeAll(async () => {
    node = newNode();
    for (const [name, value] of Object.entries({
      "replication-user": "repl",
      "replication-password": password,
      "application-user": "app_user",
      "application-password": "a",
    }))
      node.put(`etc/tungsten-secrets/${name}`, value);
    database = startDatabase(node);
    database.sql(`SET sql_log_bin = 0; ${tracking}`);
  });
  afterAll(() => {
    database?.stop();
    node?.remove();
  });

  test("accounts are made without a word in the binary log, and again without harm", async () => {
    const before = database.position();
    expect(exitOf(await node.run("accounts"))).toBe(0);
    expect(exitOf(await node.run("accounts"))).toBe(0);
    expect(database.position()).toBe(before);
    expect(database.sql("SHOW GRANTS FOR repl@'%'")).toMatch(/ALL PRIVILEGES ON \*\.\*.*WITH GRANT OPTION/);
    expect(database.sql("SHOW GRANTS FOR app_user@'%'")).not.toMatch(/SUPER|ALL PRIVILEGES/);
  });

  test("a published ini is joined with passwords of any make, and the client logs in with them", async () => {
    expect(exitOf(await node.run(`publish-ini ${sha256(ini)}`, ini))).toBe(0);
    expect(node.file("etc/tungsten/tungsten.ini")).toBe(
      `[defaults]\nuser=tungsten\nreplication-password=${password}\n`,
    );
    expect(known(readIni(node.ask("ini")))).toMatchObject({ published: sha256(ini), joined: true });
    expect(known(readReadOnly(node.ask("sql read-only")))).toBe(false);
  });

  test("the server tells its settings, and the file its own", () => {
    expect(known(readServerSettings(node.ask("sql server")))).toMatchObject({
      serverId: "100",
      logBin: "1",
      binlogFormat: "ROW",
      autoIncrementIncrement: "4",
      autoIncrementOffset: "2",
      binlogExpireSeconds: expect.any(Number),
      version: expect.stringContaining("MariaDB"),
    });
    expect(Object.fromEntries(known(readServerFile(node.ask("my-cnf"))))).toEqual({
      "server-id": "100",
      "log-bin": "mysql-bin",
      "binlog-format": "ROW",
      "auto-increment-increment": "4",
      "auto-increment-offset": "2",
    });
    expect(known(readBinlogPosition(node.ask("sql binlog-position"))).file).toBe("mysql-bin.000001");
  });

  test("tracking rows are read; a schema without tables, or none, is an error and no position", () => {
    const rows = known(readTracking(node.ask("sql tracking tungsten_london")));
    expect(rows).toMatchObject({
      commits: [{ seqno: 7, sourceId: "london-0", eventId: "mysql-bin.000002:0000000000002055;-1" }],
      heartbeat: { name: "MASTER_ONLINE", seqno: null },
    });
    database.sql("SET sql_log_bin = 0; CREATE DATABASE tungsten_empty");
    expect(node.ask("sql tracking tungsten_empty")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("1146"),
    });
    expect(node.ask("sql tracking tungsten_nothing").exitCode).toBe(1);
    expect(known(readTracking(node.ask("sql tracking tungsten_empty")))).toBe("absent");
    expect([...known(readSchemas(node.ask("sql schemas")))].sort()).toEqual([
      ["tungsten_empty", 0],
      ["tungsten_london", 2],
    ]);
  });

  test("read_only is kept once, and put back", async () => {
    database.sql("SET GLOBAL read_only = 1");
    expect(exitOf(await node.run("keep-read-only ro"))).toBe(0);
    database.sql("SET GLOBAL read_only = 0");
    expect(exitOf(await node.run("keep-read-only ro"))).toBe(0);
    expect(node.ask("file ro").stdout).toBe("1\n");
    expect(exitOf(await node.run("put-read-only ro"))).toBe(0);
    expect(known(readReadOnly(node.ask("sql read-only")))).toBe(true);
    expect((await node.run("hold cluster", "", ["writable yes"])).state).toBe("refused");
    expect(exitOf(await node.run("hold cluster", "", ["writable no"]))).toBe(0);
    database.sql("SET GLOBAL read_only = 0");
    expect(exitOf(await node.run("put-read-only never-kept"))).toBe(1);
  });

  test("a dump is written once, restored without a word in the binary log, and can be restored again", async () => {
    const rows = () => node.ask("sql tracking tungsten_london").stdout;
    const before = rows();
    expect(exitOf(await node.run("dump-schema tungsten_london dump-1"))).toBe(0);
    const text = node.ask("file dump-1").stdout;
    expect(known(readTrackingDump(text))).toMatchObject({ schema: "tungsten_london" });
    expect(exitOf(await node.run("dump-schema tungsten_london dump-1"))).toBe(3);
    expect(exitOf(await node.run("dump-schema tungsten_nothing dump-2"))).not.toBe(0);
    expect(node.ask("file dump-2").exitCode).toBe(1);
    database.sql(
      "SET sql_log_bin = 0; DROP TABLE tungsten_london.trep_commit_seqno, tungsten_london.heartbeat",
    );
    const position = database.position();
    expect(exitOf(await node.run(`restore-schema dump-1 ${sha256("another")}`))).toBe(3);
    expect(node.ask("sql tracking tungsten_london").exitCode).toBe(1);
    expect(exitOf(await node.run(`restore-schema dump-1 ${sha256(text)}`))).toBe(0);
    expect(exitOf(await node.run(`restore-schema dump-1 ${sha256(text)}`))).toBe(0);
    expect(rows()).toBe(before);
    expect(database.position()).toBe(position);
  });

  test("a person's statements run in one transaction, once, without a word in the binary log", async () => {
    database.sql(
      "CREATE DATABASE mend; CREATE TABLE mend.t (id INT PRIMARY KEY); INSERT INTO mend.t VALUES (1), (2)",
    );
    const rows = () => database.sql("SELECT GROUP_CONCAT(id ORDER BY id) FROM mend.t").trim();
    const apply = async (name: string, text: string, sum = sha256(text)) =>
      exitOf(await node.run(`apply-sql ${name} ${sum}`, text));
    const position = database.position();
    const text = "-- ticket 4711\nDELETE FROM mend.t WHERE id = 1;\nINSERT INTO mend.t VALUES (3), (4);\n";
    expect(await apply("sql-1", text)).toBe(0);
    expect(rows()).toBe("2,3,4");
    expect(node.ask("file sql-1").stdout).toBe(`sha256=${sha256(text)}\nlog_bin=0\n`);
    expect(await apply("sql-1", text)).toBe(3);
    expect(await apply("sql-2", "DELETE FROM mend.t WHERE id = 2; INSERT INTO mend.t VALUES (3);")).not.toBe(
      0,
    );
    for (const [wrong, sum] of [
      ["DELETE FROM mend.t;", sha256("another")],
      ["SET SESSION sql_log_bin = 1; DELETE FROM mend.t;"],
      ["set @@Sql_Log_Bin=1;DELETE FROM mend.t;"],
      ["\\! touch /tmp/escaped\nDELETE FROM mend.t;"],
      ["source /etc/passwd\nDELETE FROM mend.t;"],
      ["DELETE FROM mend.t"],
    ] as const)
      expect([wrong, await apply("sql-3", wrong, sum)]).toEqual([wrong, 3]);
    expect(node.ask("file sql-3").exitCode).toBe(1);
    expect(rows()).toBe("2,3,4");
    expect(database.position()).toBe(position);
    database.sql("DROP DATABASE mend");
  });

  test("the last heartbeat is told with its time", () => {
    database.sql(
      "SET sql_log_bin = 0; CREATE DATABASE tungsten_rome; CREATE TABLE tungsten_rome.heartbeat LIKE tungsten_london.heartbeat",
    );
    expect(readArrival(node.ask("sql heartbeat tungsten_rome"))).toEqual({
      unreadable: "no heartbeat has arrived yet",
    });
    expect(known(readArrival(node.ask("sql heartbeat tungsten_nothing")))).toBeNull();
    database.sql(
      "SET sql_log_bin = 0; INSERT INTO tungsten_rome.heartbeat VALUES (1, 9, 'e', FROM_UNIXTIME(1795000000), FROM_UNIXTIME(1795000012), 369, 1, 'mine')",
    );
    expect(known(readArrival(node.ask("sql heartbeat tungsten_rome")))).toEqual({
      name: "mine",
      at: 1795000012,
      lagMillis: 369,
    });
    database.sql(
      "SET sql_log_bin = 0; UPDATE tungsten_rome.heartbeat SET target_tstamp = NULL, lag_millis = NULL",
    );
    expect(known(readArrival(node.ask("sql heartbeat tungsten_rome")))).toEqual({
      name: "mine",
      at: 1795000000,
      lagMillis: 0,
    });
    database.sql("SET sql_log_bin = 0; DROP DATABASE tungsten_rome");
  });

  test("the commit row is looked at in the same breath as the command", async () => {
    const row = "tracking-is tungsten_london 7 mysql-bin.000002:0000000000002055;-1";
    expect(exitOf(await node.run("hold cluster", "", [row]))).toBe(0);
    for (const other of [
      "tracking-is tungsten_london 8 mysql-bin.000002:0000000000002055;-1",
      "tracking-is tungsten_london 7 mysql-bin.000003:0000000000002055;-1",
      "tracking-is tungsten_nothing 7 mysql-bin.000002:0000000000002055;-1",
    ])
      expect((await node.run("hold cluster", "", [other])).state).toBe("refused");
  });

  test("events that touch a tracking schema are counted by the binary log itself", () => {
    const [file, position] = database.position().split("\t");
    const count = () => known(readCount(node.ask(`sql logged-tracking ${file} ${position?.trim()}`)));
    expect(count()).toBe(0);
    database.sql(
      "CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1)",
    );
    database.sql("UPDATE tungsten_london.heartbeat SET name = 'x'");
    database.sql("SET sql_log_bin = 0; UPDATE tungsten_london.trep_commit_seqno SET seqno = 8");
    expect(count()).toBe(0);
    database.sql("UPDATE tungsten_london.trep_commit_seqno SET seqno = 7");
    expect(count()).toBe(1);
    database.sql("USE tungsten_london; create table scratch (id int primary key); drop table scratch");
    expect(count()).toBe(3);
    expect(node.ask("sql logged-tracking mysql-bin.000099 4").exitCode).not.toBe(0);
  });

  test("findings name what row-based replication of several writers cannot carry", () => {
    database.sql(`
      CREATE TABLE shop.nokey (a INT); CREATE TABLE shop.myisam (a INT PRIMARY KEY) ENGINE = MyISAM;
      CREATE TRIGGER shop.trg BEFORE INSERT ON shop.t FOR EACH ROW SET NEW.id = NEW.id;
      CREATE EVENT shop.evt ON SCHEDULE EVERY 1 YEAR DO SELECT 1;
      XA START 'left'; INSERT INTO shop.t VALUES (5); XA END 'left'; XA PREPARE 'left';`);
    const found = known(readFindings(node.ask("sql findings"))).map(({ kind, name }) => `${kind} ${name}`);
    expect(found.sort()).toEqual([
      "event shop.evt",
      "nokey shop.nokey",
      "nontransactional shop.myisam",
      "trigger shop.trg",
      "xa left",
    ]);
    database.sql("XA ROLLBACK 'left'");
    expect(node.ask("sql oldest-transaction")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^\d+\n$/),
    });
  });

  test("only an empty schema is dropped, without a word in the binary log", async () => {
    database.sql(
      "SET sql_log_bin = 0; CREATE DATABASE tungsten_nyc_from_london; CREATE TABLE tungsten_nyc_from_london.t (a INT); INSERT INTO tungsten_nyc_from_london.t VALUES (1)",
    );
    const before = database.position();
    expect(exitOf(await node.run("drop-schema tungsten_nyc_from_london"))).toBe(3);
    database.sql(
      "SET sql_log_bin = 0; DROP TABLE tungsten_nyc_from_london.t; CREATE PROCEDURE tungsten_nyc_from_london.p() SELECT 1",
    );
    const things = () => known(readSchemas(node.ask("sql schemas"))).get("tungsten_nyc_from_london");
    expect(things()).toBe(1);
    expect(exitOf(await node.run("drop-schema tungsten_nyc_from_london"))).toBe(3);
    database.sql(
      "SET sql_log_bin = 0; DROP PROCEDURE tungsten_nyc_from_london.p; CREATE TABLE tungsten_nyc_from_london.t (a INT)",
    );
    expect(things()).toBe(1);
    expect(exitOf(await node.run("drop-schema tungsten_nyc_from_london"))).toBe(0);
    expect(known(readSchemas(node.ask("sql schemas"))).has("tungsten_nyc_from_london")).toBe(false);
    expect(database.position()).toBe(before);
  });

  test("a backup is physical, prepared, recorded, and no longer verified when a byte is missing", async () => {
    expect(known(readBackup(node.ask("backup b1")))).toBeNull();
    expect(exitOf(await node.run("backup b1"))).toBe(0);
    expect(statSync(join(node.root, "backups/b1")).mode & 0o777).toBe(0o700);
    const first = known(readBackup(node.ask("backup b1")));
    expect(first).toMatchObject({
      verified: true,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      lsn: expect.stringMatching(/^\d+$/),
    });
    expect(exitOf(await node.run("backup b1"))).toBe(0);
    expect(known(readBackup(node.ask("backup b1")))).toEqual(first);
    node.put("backups/b1/ibdata1", "short");
    expect(known(readBackup(node.ask("backup b1")))).toMatchObject({ verified: false });
  });

  test("a server that is down leaves every answer unknown, and every command undone", async () => {
    expect(database.service("stop").code).toBe(0);
    for (const query of [
      "read-only",
      "server",
      "schemas",
      "findings",
      "oldest-transaction",
      "binlog-position",
    ])
      expect([query, node.ask(`sql ${query}`).exitCode]).not.toEqual([query, 0]);
    for (const command of [
      "accounts",
      "keep-read-only other",
      "dump-schema tungsten_london dump-3",
      "backup b2",
    ])
      expect([command, exitOf(await node.run(command))]).not.toEqual([command, 0]);
    expect(node.ask("file dump-3").exitCode).toBe(1);
    expect(node.ask("file other").exitCode).toBe(1);
    expect((await node.run("hold cluster", "", ["writable yes"])).state).toBe("refused");
    expect(database.service("start").code).toBe(0);
  });
});
