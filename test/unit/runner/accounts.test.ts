/** Accounts by the real script against a real MariaDB: made, given another password beside the one they have, dropped; and user.map. */
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readAccountsState } from "../../../src/tungsten/accounts.ts";
import type { MarkerState } from "../../../src/tungsten/invocation.ts";
import { type Database, noDatabase, startDatabase } from "./database.ts";
import { newNode, type RunnerNode } from "./node.ts";

const userMap = "opt/continuent/tungsten/tungsten-connector/conf/user.map";
const odd = `p'a"s\\s$$&w\`ord%`;
const exitOf = (state: MarkerState) => (state.state === "exited" ? state.output.exitCode : state);

if (noDatabase !== undefined) console.warn(`skipped: ${noDatabase}`);
(noDatabase === undefined ? describe : describe.skip)("accounts", () => {
  let node: RunnerNode;
  let database: Database;
  const secrets = (values: Record<string, string>) => {
    for (const [name, value] of Object.entries(values)) node.put(`etc/tungsten-secrets/${name}`, value);
  };
  const state = () => {
    const told = readAccountsState(node.ask("accounts-state"));
    if ("unreadable" in told) throw new Error(told.unreadable);
    return told.read;
  };
  const letsIn = (user: string, password: string): boolean => {
    node.put("try.cnf", `[client]\nuser=${user}\npassword="${password.replaceAll("\\", "\\\\")}"\n`);
    return database.tries(join(node.root, "try.cnf"));
  };
  const does = async (verb: string) => exitOf(await node.run(`accounts ${verb}`));

  beforeAll(() => {
    node = newNode();
    secrets({
      "replication-user": "repl",
      "replication-password": odd,
      "application-user": "app_user",
      "application-password": "first",
      "ini-version": "0000000000f1\n",
    });
    node.put(userMap, "# head\napp_user first nyc\nsomebody else nyc\n@script /opt/x\n");
    database = startDatabase(node);
  });
  afterAll(() => {
    database?.stop();
    node?.remove();
  });

  test("the two accounts are made, without a word in the binary log", async () => {
    expect(state()).toEqual({ secret: "0000000000f1.none", database: false, map: true, settled: true });
    const before = database.position();
    expect(await does("change")).toBe(0);
    expect(state()).toEqual({ secret: "0000000000f1.none", database: true, map: true, settled: true });
    expect(database.position()).toBe(before);
    expect(letsIn("repl", odd)).toBe(true);
    expect(existsSync(join(node.root, "opt/tungsten-operator/users"))).toBe(false);
  });

  test("further users reach the database, then user.map, whose other lines stay", async () => {
    secrets({ users: `report\t${odd}\nshop\tsesame\n`, "users-version": "0000000000a1" });
    expect(state()).toEqual({
      secret: "0000000000f1.0000000000a1",
      database: false,
      map: false,
      settled: true,
    });
    expect(await does("settle")).toBe(3);
    expect(await does("change")).toBe(0);
    expect(letsIn("report", odd)).toBe(true);
    expect(database.sql("SHOW GRANTS FOR shop@'%'")).not.toMatch(/SUPER|ALL PRIVILEGES/);
    expect(state()).toMatchObject({ database: true, map: false });
    expect(await does("map")).toBe(0);
    expect(node.file(userMap)).toBe(
      `# head\napp_user first nyc\nsomebody else nyc\n@script /opt/x\nreport ${odd} nyc\nshop sesame nyc\n`,
    );
    expect(state()).toEqual({
      secret: "0000000000f1.0000000000a1",
      database: true,
      map: true,
      settled: true,
    });
  });

  test("a changed password is good beside the former one until it is settled", async () => {
    secrets({
      "application-password": "second",
      users: "shop\topen\nreport\tplain\n",
      "users-version": "0000000000a2",
    });
    expect(state()).toMatchObject({ database: false, map: false });
    expect(await does("change")).toBe(0);
    expect(await does("change")).toBe(0);
    expect(["first", "second"].map((word) => letsIn("app_user", word))).toEqual([true, true]);
    secrets({ "application-password": "third" });
    expect(await does("change")).toBe(0);
    expect(["first", "second", "third"].map((word) => letsIn("app_user", word))).toEqual([true, true, true]);
    secrets({ "application-password": "second" });
    expect(["sesame", "open", "wrong"].map((word) => letsIn("shop", word))).toEqual([true, true, false]);
    expect(state()).toMatchObject({ database: true, map: false, settled: false });
    expect(await does("settle")).toBe(3);
    expect(await does("map")).toBe(0);
    expect(await does("settle")).toBe(0);
    expect(state()).toEqual({
      secret: "0000000000f1.0000000000a2",
      database: true,
      map: true,
      settled: true,
    });
    expect(["sesame", "open"].map((word) => letsIn("shop", word))).toEqual([false, true]);
    expect(["first", "second"].map((word) => letsIn("app_user", word))).toEqual([false, true]);
  });

  test("a user that the Secret names no more leaves user.map, then the database; an account of others is never dropped", async () => {
    database.sql("SET sql_log_bin = 0; CREATE USER stranger@'%' IDENTIFIED BY 'mine'");
    secrets({ users: "stranger\tours\n", "users-version": "0000000000a3" });
    expect(await does("change")).toBe(0);
    expect(letsIn("shop", "open")).toBe(true);
    expect(await does("map")).toBe(0);
    expect(node.file(userMap)).toBe(
      "# head\napp_user second nyc\nsomebody else nyc\n@script /opt/x\nstranger ours nyc\n",
    );
    expect(state()).toMatchObject({ map: true, settled: false });
    expect(await does("settle")).toBe(0);
    expect(letsIn("shop", "open")).toBe(false);
    expect(node.file("opt/tungsten-operator/users")).toBe("");
    secrets({ users: "", "users-version": "0000000000a4" });
    for (const verb of ["change", "map", "settle"]) expect(await does(verb)).toBe(0);
    expect(letsIn("stranger", "ours")).toBe(true);
    expect(node.file(userMap)).not.toContain("stranger");
    expect(state()).toEqual({
      secret: "0000000000f1.0000000000a4",
      database: true,
      map: true,
      settled: true,
    });
  });

  test("a server that lets nobody in at present says nothing of a password, and none is changed on its word", async () => {
    const limited = (count: number) =>
      database.sql(`SET sql_log_bin = 0; ALTER USER app_user@'%' WITH MAX_CONNECTIONS_PER_HOUR ${count}`);
    const hash = () =>
      database.sql(
        "SELECT JSON_VALUE(priv, '$.authentication_string') FROM mysql.global_priv WHERE user = 'app_user'",
      );
    const before = hash();
    limited(1);
    letsIn("app_user", "second");
    expect(letsIn("app_user", "second")).toBe(false);
    expect(node.ask("accounts-state")).toMatchObject({ exitCode: 1, stdout: "" });
    expect(await does("change")).toBe(1);
    limited(0);
    expect(hash()).toBe(before);
    expect(state()).toMatchObject({ database: true, settled: true });
  });

  test("a server that takes the connection and never says a word is left after a while", () => {
    const hung = newNode({ QUERY_SECONDS: "1" });
    hung.put("etc/tungsten-secrets/application-user", "app_user");
    hung.put("run/mysqld/.keep", "");
    const server = createServer().listen(join(hung.root, "run/mysqld/mysqld.sock"));
    try {
      expect(hung.ask("sql accounts").exitCode).toBe(124);
    } finally {
      server.close();
      hung.remove();
    }
  });

  test("passwords and names that are equal as numbers only are different ones", async () => {
    const lines = "# head\n1 other nyc\napp_user 1e2 nyc\n";
    node.put(userMap, lines);
    secrets({ "application-password": "1e2" });
    expect(await does("change")).toBe(0);
    expect(state()).toMatchObject({ map: true });
    secrets({ "application-password": "100" });
    expect(state()).toMatchObject({ database: false, map: false });
    expect(await does("change")).toBe(0);
    expect(await does("settle")).toBe(3);
    expect(await does("map")).toBe(0);
    expect(node.file(userMap)).toBe(lines.replace("1e2", "100"));
    secrets({ "application-user": "01" });
    node.put(userMap, "1 other nyc\n01 100 nyc\n");
    expect(state()).toMatchObject({ map: true });
    secrets({ "application-user": "app_user" });
  });

  test("another version of the Secret than the one meant is refused; a stopped server tells nothing", async () => {
    expect(await node.run("accounts change", "", ["secret-is 0000000000f1.0000000000a3"])).toMatchObject({
      state: "refused",
    });
    database.stop();
    expect(node.ask("accounts-state").exitCode).toBe(1);
  });
});

describe("a line whose service the text knows no more", () => {
  const texts = {
    composite:
      "[nyc]\nmembers=nyc-0,nyc-1\nconnectors=nyc-0,nyc-1\n[rio]\nmembers=rio-0\n[global]\ncomposite-datasources=nyc,rio\n",
    alone: "[defaults]\nuser=tungsten\n[nyc]\nmembers=nyc-0,nyc-1\nconnectors=nyc-0,nyc-1,nyc-connector-0\n",
  };
  const said = async (text: string | undefined, lines: string): Promise<string> => {
    const node = newNode();
    for (const [name, value] of Object.entries({
      "replication-user": "repl",
      "replication-password": odd,
      "application-user": "app_user",
      "application-password": "first",
      users: "report\tplain\n",
    }))
      node.put(`etc/tungsten-secrets/${name}`, value);
    if (text !== undefined) node.put("opt/tungsten-operator/ini/tungsten.ini", text);
    node.put(userMap, lines);
    expect(exitOf(await node.run("accounts map"))).toBe(0);
    const told = readAccountsState(node.ask("accounts-state"));
    expect(told).toMatchObject({ read: { map: true } });
    const file = node.file(userMap);
    node.remove();
    return file;
  };

  test.each<[string, string | undefined, string, string]>([
    ["of a composite that the site has left", texts.alone, "global rio", "nyc"],
    ["of a composite that it is in", texts.composite, "global rio", "global rio"],
    ["of its own while it is in one", texts.composite, "nyc", "nyc"],
    ["of another composite than the one it is in", texts.composite, "former", "global"],
    ["where no text lies there", undefined, "global", "global"],
    ["where the text is that of other hosts", "[rio]\nmembers=rio-0\n", "global", "global"],
  ])("%s", async (_what, text, before, after) => {
    expect(await said(text, `app_user first ${before}\nsomebody else global\n`)).toBe(
      `app_user first ${after}\nsomebody else global\nreport plain ${after}\n`,
    );
  });
});

describe("a host that runs only a connector", () => {
  test("tells its user.map, that it has no database, and no account of one", async () => {
    const node = newNode();
    for (const [name, value] of Object.entries({
      "replication-user": "repl",
      "replication-password": odd,
      "application-user": "app_user",
      "application-password": "first",
      users: "report\tplain\n",
      "users-version": "0000000000a1",
    }))
      node.put(`etc/tungsten-secrets/${name}`, value);
    node.put(userMap, "app_user first nyc\n");
    const state = () => {
      const told = readAccountsState(node.ask("accounts-state"));
      if ("unreadable" in told) throw new Error(told.unreadable);
      return told.read;
    };
    const before = { secret: "none.0000000000a1", database: false, map: false, settled: true };
    expect(node.ask("accounts-state").stdout).toContain("database=none\n");
    expect(state()).toEqual(before);
    expect(exitOf(await node.run("accounts map"))).toBe(0);
    expect(node.file(userMap)).toBe("app_user first nyc\nreport plain nyc\n");
    expect(state()).toEqual({ ...before, map: true });
    // A data directory says that there is, or was, a database: then its silence tells nothing.
    node.put("opt/mysql/data/ibdata1", "");
    expect(node.ask("accounts-state").exitCode).toBe(1);
    node.remove();
  });
});
