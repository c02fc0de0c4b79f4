/** Tables read in chunks by the real runner over a real MariaDB: which tables there are, where they are cut, what their rows sum up to. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Database, noDatabase, startDatabase } from "./database.ts";
import { eventually, newNode, type RunnerNode } from "./node.ts";

const hex = (text: string): string => Buffer.from(text, "utf8").toString("hex");
const textOf = (word: string | undefined): string => Buffer.from(word ?? "", "hex").toString("utf8");

const tables = `
  CREATE DATABASE shop; CREATE DATABASE tungsten_nyc; CREATE DATABASE \`it's "odd"\`;
  USE shop;
  CREATE TABLE shop.orders (id INT PRIMARY KEY, what VARCHAR(40), price DECIMAL(8,2), at TIMESTAMP NULL, note TEXT);
  INSERT INTO shop.orders SELECT seq * 2, CONCAT('order ', seq), seq / 7, FROM_UNIXTIME(1700000000 + seq), NULL
    FROM seq_1_to_100;
  CREATE TABLE shop.pairs (tenant VARCHAR(20) CHARACTER SET latin1, n BIGINT UNSIGNED, raw VARBINARY(8), v FLOAT,
    PRIMARY KEY (tenant, n, raw));
  INSERT INTO shop.pairs SELECT ELT(1 + seq % 3, 'bücher', '', 'Zoo'), seq DIV 3, UNHEX(LPAD(HEX(seq), 4, '0')), seq / 3
    FROM seq_1_to_60;
  CREATE TABLE shop.log (line VARCHAR(20));
  INSERT INTO shop.log VALUES ('a'), ('a'), (NULL);
  CREATE TABLE shop.moods (mood ENUM('good', 'bad') PRIMARY KEY);
  CREATE VIEW shop.cheap AS SELECT * FROM shop.orders;
  CREATE TABLE tungsten_nyc.heartbeat (id INT PRIMARY KEY);
  CREATE TABLE \`it's "odd"\`.\`a\`\`b c\` (\`k\`\`y\` DATETIME PRIMARY KEY, body LONGBLOB);
  INSERT INTO \`it's "odd"\`.\`a\`\`b c\` VALUES ('2026-01-02 03:04:05', 'x'), ('2026-01-03 00:00:00', NULL);
`;

if (noDatabase !== undefined) console.warn(`skipped: ${noDatabase}`);
(noDatabase === undefined ? describe : describe.skip)("a real MariaDB", () => {
  let node: RunnerNode;
  let database: Database;
  /** Looked into before PATH. */
  const programs = mkdtempSync(join(tmpdir(), "tungsten-operator-programs-"));
  const sql = (text: string): string => database.sql(text);

  beforeAll(() => {
    node = newNode({}, programs);
    node.put("etc/tungsten/client.cnf", `[client]\nuser=${userInfo().username}\n`);
    database = startDatabase(node);
    sql(tables);
  }, 60_000);
  afterAll(() => {
    database?.stop();
    node?.remove();
    rmSync(programs, { recursive: true });
  });

  /** Exit code, stdout and stderr of one question. */
  const ask = (question: string): { code: number; out: string; err: string } => {
    const { stdout, stderr, code } = node.observe(`sql ${question}`);
    if (code !== 0) return { code, out: stdout, err: stderr };
    const [, rc = "", out = "0"] = /^== q0 (\d+) (\d+) \d+\n/.exec(stdout) ?? [];
    const body = stdout.slice(stdout.indexOf("\n") + 1).replace(/\n== end 1\n$/, "");
    const bytes = Buffer.from(body, "utf8");
    return {
      code: Number(rc),
      out: bytes.subarray(0, Number(out)).toString("utf8"),
      err: bytes.subarray(Number(out)).toString("utf8"),
    };
  };

  /** Walks a table in cuts of so many rows; returns the sums from cut to cut. */
  function walk(table: string, rows: number): readonly string[] {
    const name = `${hex("shop")} ${hex(table)}`;
    const sums: string[] = [];
    for (let from = "start"; from !== "end"; ) {
      const [to = ""] = ask(`boundary ${name} ${rows} 5 ${from}`).out.trim().split("\t");
      expect(to).toMatch(/^(end|[nxb])/);
      sums.push(ask(`chunk ${name} 5 ${from} ${to}`).out.trim());
      from = to;
    }
    return sums;
  }
  const countOf = (sums: readonly string[]): number =>
    sums.reduce((total, line) => total + Number(line.split("\t")[0]), 0);

  test("tables come one after the other, views, tracking schemas and the server's own left out", () => {
    const seen: string[] = [];
    for (let question = "next-table start"; ; ) {
      const { code, out } = ask(question);
      expect(code).toBe(0);
      if (out === "") break;
      const [schema, table, key, structure] = out.trim().split("\t");
      expect(structure).toMatch(/^[0-9a-f]{32}$/);
      seen.push(`${textOf(schema)}.${textOf(table)} ${key}`);
      question = `next-table after ${schema} ${table}`;
    }
    expect(seen).toEqual([
      `it's "odd".a\`b c x`,
      "shop.log none",
      "shop.moods ?",
      "shop.orders n",
      "shop.pairs x,n,b",
    ]);
  });

  test("chunks cover every row once, whatever their size", () => {
    expect(ask(`boundary ${hex("shop")} ${hex("orders")} 30 5 start`).out).toBe("n60\n");
    expect(ask(`boundary ${hex("shop")} ${hex("orders")} 30 5 n180`).out).toBe("end\tn200\n");
    expect(ask(`boundary ${hex("shop")} ${hex("orders")} 30 5 n200`).out).toBe("end\n");
    expect(ask(`boundary ${hex("shop")} ${hex("pairs")} 99 5 start`).out).toMatch(
      /^end\tx5a6f6f,n\d+,b003b\n$/,
    );
    for (const rows of [40, 100, 5000]) expect(countOf(walk("orders", rows))).toBe(100);
    expect(walk("orders", 30)).toHaveLength(4);
    for (const rows of [7, 60]) expect(countOf(walk("pairs", rows))).toBe(60);
  });

  test("any change of a row changes the sum of its chunk and of no other", () => {
    const name = `${hex("shop")} ${hex("orders")}`;
    const sums = () => [ask(`chunk ${name} 5 n60 n120`).out, ask(`chunk ${name} 5 n120 end`).out];
    const before = sums();
    for (const change of ["what = 'x'", "price = price + 0.01", "at = at + INTERVAL 1 SECOND", "note = ''"]) {
      sql(`UPDATE shop.orders SET ${change} WHERE id = 100`);
      expect(sums().map((sum, index) => sum === before[index])).toEqual([false, true]);
      sql("REPLACE INTO shop.orders SELECT 100, 'order 50', 50 / 7, FROM_UNIXTIME(1700000050), NULL");
    }
    expect(sums()).toEqual(before);
  });

  test("names with quotes and backticks, and keys of text and bytes, are only ever data", () => {
    const odd = `${hex(`it's "odd"`)} ${hex("a`b c")}`;
    expect(ask(`boundary ${odd} 1 5 start`).out).toBe(`x${hex("2026-01-02 03:04:05")}\n`);
    expect(ask(`chunk ${odd} 5 x${hex("2026-01-02 03:04:05")} end`).out).toMatch(/^1\t\d+\t0\n$/);
    const [first = ""] = [ask(`boundary ${hex("shop")} ${hex("pairs")} 1 5 start`).out.trim()];
    expect(first).toMatch(/^x,n\d+,b[0-9a-f]{4}$/);
  });

  test("a table without a key is read whole, doubles count, and not when it is too long", () => {
    const log = `${hex("shop")} ${hex("log")}`;
    const whole = ask(`whole ${log} 3 5`).out;
    expect(whole).toMatch(/^3\t\d+\t0\n$/);
    expect(ask(`whole ${log} 2 5`).out).toBe("more\n");
    sql("INSERT INTO shop.log VALUES ('a'), ('a')");
    expect(ask(`whole ${log} 9 5`).out).not.toBe(whole);
    sql("DELETE FROM shop.log LIMIT 2");
    expect(ask(`chunk ${log} 5 start end`)).toMatchObject({
      code: 1,
      err: expect.stringContaining("no key"),
    });
  });

  test("a structure that differs shows without reading a row", () => {
    const structure = () => ask(`next-table after ${hex("shop")} ${hex("moods")}`).out.split("\t")[3];
    const before = structure();
    sql("ALTER TABLE shop.orders MODIFY note TEXT CHARACTER SET utf16");
    expect(structure()).not.toBe(before);
    sql("ALTER TABLE shop.orders MODIFY note TEXT");
  });

  test("a command over an empty database is refused where a table of a user is, or none can be read", async () => {
    const refusal = async () => {
      const state = await node.run("hold database", "", ["no-tables"]);
      return state.state === "refused" ? state.reason : state.state;
    };
    expect(await refusal()).toBe("the database holds a user's table");
    const client = "etc/tungsten/client.cnf";
    node.put(client, "[client]\nuser=nobody\n");
    expect(await refusal()).toBe("it cannot be read what the database holds");
    node.put(client, `[client]\nuser=${userInfo().username}\n`);
  });

  test("on a node that no account has been told of yet the owner of the server asks", () => {
    const client = join(node.root, "etc/tungsten/client.cnf");
    const text = readFileSync(client, "utf8");
    rmSync(client);
    expect(ask("schemas")).toMatchObject({ code: 0, out: "tungsten_nyc\t1\n" });
    expect(textOf(ask("next-table start").out.split("\t")[1])).toBe("a`b c");
    // Who is let in without a right sees an empty server.
    sql("CREATE USER ''@localhost");
    writeFileSync(join(programs, "id"), "#!/bin/bash\necho visitor\n", { mode: 0o755 });
    for (const question of ["schemas", "next-table start"])
      expect(ask(question)).toMatchObject({
        code: 1,
        out: "",
        err: expect.stringMatching(/may not read all/),
      });
    rmSync(join(programs, "id"));
    sql("DROP USER ''@localhost");
    writeFileSync(client, text);
  });

  test("the server itself ends a chunk that takes too long", async () => {
    const holding = spawn("mariadb", [
      "--no-defaults",
      `--user=${userInfo().username}`,
      `--socket=${node.root}/run/mysqld/mysqld.sock`,
      "--execute=LOCK TABLES shop.orders WRITE; SELECT SLEEP(6)",
    ]);
    await eventually("the lock", () => / SLEEP/.test(sql("SHOW FULL PROCESSLIST")));
    const { code, err } = ask(`chunk ${hex("shop")} ${hex("orders")} 1 start end`);
    holding.kill();
    expect(code).not.toBe(0);
    expect(err).toMatch(/max_statement_time/);
  });

  test("the data has a size, and who else reads the binary log has a name", async () => {
    expect(ask("size").out).toMatch(/^\d{4,}\n$/);
    expect(ask("readers")).toMatchObject({ code: 0, out: "" });
    const feed = spawn("mariadb-binlog", [
      "--no-defaults",
      `--user=${userInfo().username}`,
      `--socket=${node.root}/run/mysqld/mysqld.sock`,
      "--read-from-remote-server",
      "--stop-never",
      "mysql-bin.000001",
    ]);
    await eventually("a reader", () => ask("readers").out === `${userInfo().username}\tlocalhost\n`);
    feed.kill();
  });

  test.each([
    ["a missing table", `chunk ${hex("shop")} ${hex("gone")} 5 start end`, 1],
    ["a cut of another key", `chunk ${hex("shop")} ${hex("orders")} 5 n1,n2 end`, 24],
  ])("%s is no empty chunk", (_name, question, code) => {
    expect(ask(question)).toMatchObject({ code, out: "" });
  });

  test.each([
    "chunk shop orders 5 start end",
    `chunk ${hex("shop")} ${hex("orders")} 99 start end`,
    `chunk ${hex("shop")} ${hex("orders")} 5 start n1;drop`,
    `chunk ${hex("shop")} ${hex("orders")} 5 end end`,
    `boundary ${hex("shop")} abc 10 5 start`,
    `whole ${hex("shop")} ${hex("log")} 0 5`,
  ])("refuses sql %s", (question) => {
    expect(ask(question).code).toBe(24);
  });
});

(noDatabase === undefined ? describe : describe.skip)("a real MariaDB that nobody has written to", () => {
  let node: RunnerNode;
  let database: Database;
  const data = () => join(node.root, "opt/mysql/data");
  const client = "etc/tungsten/client.cnf";
  const owner = `[client]\nuser=${userInfo().username}\n`;

  beforeAll(() => {
    node = newNode();
    node.put(client, owner);
    database = startDatabase(node);
  }, 60_000);
  afterAll(() => {
    database?.stop();
    node?.remove();
  });

  const refusal = async (check: string) => {
    const state = await node.run("hold database", "", [check]);
    return state.state === "refused" ? state.reason : state.state;
  };
  /** The same at rest; the server is started again behind it. */
  const atRest = async () => {
    database.service("stop");
    const said = await refusal("no-table-files");
    expect(database.service("start")).toMatchObject({ code: 0 });
    return said;
  };

  test("is as it was made, with accounts and Tungsten's own schemas, running and at rest", async () => {
    database.sql(
      "CREATE USER somebody@'%'; CREATE DATABASE tungsten_nyc; CREATE TABLE tungsten_nyc.t (id INT)",
    );
    database.sql("CREATE DATABASE test");
    expect(await refusal("no-tables")).toBe("exited");
    expect(await atRest()).toBe("exited");
    database.sql("DROP DATABASE test");
  });

  const shared = "SET GLOBAL innodb_file_per_table = 0";
  const apart = "SET GLOBAL innodb_file_per_table = 1";

  test.each([
    ["a table", "CREATE TABLE shop.t (id INT)", "table"],
    ["one that keeps its versions", "CREATE TABLE shop.t (id INT) WITH SYSTEM VERSIONING", "table"],
    ["one of another engine", "CREATE TABLE shop.t (id INT) ENGINE=MyISAM", "table"],
    ["a sequence", "CREATE SEQUENCE shop.s", "sequence"],
    ["a view", "CREATE VIEW shop.v AS SELECT 1", "view"],
    ["a routine", "CREATE PROCEDURE shop.p() SELECT 1", "routine"],
    ["an event", "CREATE EVENT shop.e ON SCHEDULE EVERY 1 DAY DO SELECT 1", "event"],
    ["nothing yet", "SELECT 1", "schema"],
  ])("a user's schema with %s is seen while it runs", async (_words, statement, kind) => {
    database.sql(`CREATE DATABASE shop; ${statement}`);
    expect(await refusal("no-tables")).toBe(`the database holds a user's ${kind}`);
    database.sql("DROP DATABASE shop");
  });

  test("and at rest, whatever tablespace its table lies in, and without one", async () => {
    const elsewhere = join(node.root, "opt/mysql/elsewhere");
    mkdirSync(elsewhere);
    for (const statement of [
      `${shared}; CREATE TABLE shop.t (id INT) ENGINE=InnoDB; ${apart}`,
      `CREATE TABLE shop.t (id INT) ENGINE=InnoDB DATA DIRECTORY='${elsewhere}'`,
      "CREATE EVENT shop.e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    ]) {
      database.sql(`CREATE DATABASE shop; ${statement}`);
      expect(await atRest()).toBe("the data directory holds the schema «shop» of a user");
      database.sql("DROP DATABASE shop");
    }
  });

  test("a schema that differs from one of the server's in a letter is a user's", async () => {
    database.sql("CREATE DATABASE Mysql; CREATE TABLE Mysql.t (id INT)");
    expect(await refusal("no-tables")).toBe("the database holds a user's table");
    database.sql("DROP DATABASE Mysql");
  });

  test.each([
    ["nothing", ""],
    ["tables, but no events", "GRANT SELECT ON *.* TO visitor@localhost"],
    ["all of one schema", "GRANT ALL ON shop.* TO visitor@localhost"],
  ])("an account that may read %s takes nothing for empty", async (_words, grant) => {
    database.sql(`CREATE USER visitor@localhost; ${grant}`);
    node.put(client, "[client]\nuser=visitor\n");
    expect(await refusal("no-tables")).toBe("it cannot be read what the database holds");
    node.put(client, owner);
    database.sql("DROP USER visitor@localhost");
  });

  test("a shared tablespace that tables have left behind is told at rest", async () => {
    const size = () => statSync(join(data(), "ibdata1")).size;
    const made = size();
    database.sql(`${shared}; CREATE DATABASE shop; USE shop; CREATE TABLE shop.t (v LONGBLOB);
      INSERT INTO shop.t SELECT REPEAT('x', 1000000) FROM seq_1_to_15; DROP DATABASE shop; ${apart}`);
    expect(size()).toBeGreaterThan(made);
    expect(await atRest()).toMatch(/the data directory holds «ibdata1», which has grown since it was made/);
  });
});
