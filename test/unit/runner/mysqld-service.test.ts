/** The node's database service against a real MariaDB: it starts, stops, comes back from a kill, and makes no empty server. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Database, layDatabase, noDatabase } from "./database.ts";
import { eventually, newNode, type RunnerNode } from "./node.ts";

if (noDatabase !== undefined) console.warn(`skipped: ${noDatabase}`);
(noDatabase === undefined ? describe : describe.skip)("mysqld-service", () => {
  let node: RunnerNode;
  let database: Database;
  const path = (name: string) => join(node.root, name);
  const pid = () => node.file("run/mysqld/running").split(" ")[0] ?? "";
  const kill = (target: string) => spawnSync("kill", ["-KILL", target]);
  const told = (what: string, of: string) =>
    spawnSync("ps", ["-o", `${what}=`, "-p", of], { encoding: "utf8" }).stdout.trim();
  /** A zombie waits for an init that reaps; it runs no more. */
  const lives = (of: string) => !["", "Z"].includes(told("stat", of).slice(0, 1));

  beforeAll(() => {
    node = newNode();
    database = layDatabase(node);
  });
  afterAll(() => {
    database?.stop();
    node?.remove();
  });

  test("nothing starts before there is a datadir, and initialising it leaves no logged event", () => {
    expect(database.service("start")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("no database"),
    });
    expect(database.service("initialise")).toMatchObject({ code: 0 });
    expect(existsSync(path("opt/mysql/data/mysql-bin.000001"))).toBe(false);
    expect(database.service("status")).toMatchObject({ code: 3, stdout: "mysqld is stopped\n" });
  });

  test("it starts, says so, and a second start is no harm", () => {
    expect(database.service("start")).toMatchObject({ code: 0, stdout: `mysqld runs, pid ${pid()}\n` });
    const first = pid();
    expect(database.service("start")).toMatchObject({ code: 0 });
    expect(pid()).toBe(first);
    expect(database.service("status")).toMatchObject({
      code: 0,
      stdout: `mysqld is running, pid ${first}\n`,
    });
    expect(database.sql("SELECT @@server_id, @@datadir")).toBe(`100\t${path("opt/mysql/data/")}\n`);
  });

  test("the file that tpm reads is the one it started with, the operator's lines last", () => {
    expect(node.file("etc/tungsten/my.cnf")).toMatch(
      /\[client\][\s\S]*datadir=[\s\S]*\[mysqld\]\nserver-id=100\n/,
    );
  });

  test("killed, it comes back; stopped, it does not", async () => {
    const first = pid();
    kill(first);
    await eventually("another mysqld", () => existsSync(path("run/mysqld/running")) && pid() !== first);
    await eventually("its answer", () => database.service("status").stdout.endsWith(`pid ${pid()}\n`));
    const second = pid();
    expect(database.service("stop")).toMatchObject({ code: 0 });
    expect(lives(second)).toBe(false);
    expect(database.service("stop")).toMatchObject({ code: 0 });
    expect(database.service("status").code).toBe(3);
  });

  test("it is driven by the words of service, systemctl and init scripts, and knows no other service", () => {
    mkdirSync(path("links"), { recursive: true });
    for (const name of ["service", "systemctl", "mysql"])
      symlinkSync(path("usr/local/bin/mysqld-service"), path(`links/${name}`));
    const as = (name: string, ...words: string[]) => {
      const ran = spawnSync(path(`links/${name}`), words, { encoding: "utf8", env: { POD_NAME: "nyc-0" } });
      return { code: ran.status, said: ran.stdout + ran.stderr };
    };
    expect(as("service", "mysql", "start").code).toBe(0);
    expect(as("systemctl", "--no-pager", "is-active", "mysqld.service")).toEqual({
      code: 0,
      said: "active\n",
    });
    expect(as("systemctl", "restart", "mariadb").code).toBe(0);
    expect(as("mysql", "status").code).toBe(0);
    expect(as("service", "cron", "restart")).toMatchObject({
      code: 5,
      said: expect.stringContaining("«cron»"),
    });
    expect(as("systemctl", "daemon-reload").code).toBe(5);
    expect(as("mysql", "enable").code).toBe(2);
    expect(as("service", "mysqld", "stop").code).toBe(0);
  });

  test("a server whose keeper was killed is still seen, and still stopped", () => {
    expect(database.service("start").code).toBe(0);
    const server = pid();
    kill(told("ppid", server));
    expect(database.service("status")).toMatchObject({ code: 0, stdout: expect.stringContaining(server) });
    expect(database.service("start").code).toBe(0);
    expect(pid()).toBe(server);
    expect(database.service("stop").code).toBe(0);
    expect(lives(server)).toBe(false);
  });

  test("a server that refuses to start is told with its own words", () => {
    const own = node.file("etc/tungsten-my-cnf/nyc-0.cnf");
    node.put("etc/tungsten-my-cnf/nyc-0.cnf", `${own}no-such-option=1\n`);
    expect(database.service("start")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/did not start: .*(no-such-option|Aborting)/),
    });
    rmSync(path("etc/tungsten-my-cnf/nyc-0.cnf"));
    expect(database.service("start")).toMatchObject({ code: 6, stderr: expect.stringContaining("witness") });
    node.put("etc/tungsten-my-cnf/nyc-0.cnf", own);
  });

  test("a datadir that was there and is empty now is not made anew", () => {
    renameSync(path("opt/mysql/data"), path("opt/mysql/gone"));
    expect(database.service("initialise")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("half done"),
    });
    expect(existsSync(path("opt/mysql/data"))).toBe(false);
    expect(database.service("start").code).toBe(1);
    renameSync(path("opt/mysql/gone"), path("opt/mysql/data"));
    expect(database.service("initialise").code).toBe(0);
    expect(database.service("start").code).toBe(0);
  });
});
