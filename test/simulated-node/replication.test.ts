/**
 * The simulated node with a real MariaDB and the real runner: rows cross between sites exactly once, services stop at a
 * heartbeat, and the second product gives way to the new shape without a row lost or doubled.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readSpace } from "../../src/tungsten/node.ts";
import type { ReplicatorStatus, TrackingRows } from "../../src/tungsten/reading.ts";
import { readCount, readTracking } from "../../src/tungsten/sql.ts";
import { readThlInfo } from "../../src/tungsten/thl.ts";
import { allOnline, iniOf, type Product, secrets, servicesOf } from "./estate.ts";
import { missingProgram, type RealNodes, release, startNodes, until } from "./nodes.ts";
import { newRunner, type Runner, sha256 } from "./runner.ts";

const sites = { nyc: ["nyc-0", "nyc-1"], london: ["london-0", "london-1"] } as const;
type SiteName = keyof typeof sites;
const names = Object.values(sites).flat();
const primaries = ["nyc-0", "london-0"] as const;
const replicas = ["nyc-1", "london-1"] as const;
const siteOf = (name: string): SiteName => (name.startsWith("nyc") ? "nyc" : "london");
const otherOf = (name: string): SiteName => (name.startsWith("nyc") ? "london" : "nyc");

const missing = missingProgram();
if (missing !== undefined) console.warn(`skipped: ${missing} is not installed (Debian: mariadb-server)`);

(missing === undefined ? describe : describe.skip)("two sites of two simulated nodes", () => {
  let nodes: RealNodes;
  let runner: Runner;
  const writers: ChildProcess[] = [];

  const services = (name: string, product: Product) => servicesOf(runner, name, product);
  const everywhere = async (
    test: (name: string) => boolean | Promise<boolean>,
    on: readonly string[] = names,
  ) => (await Promise.all(on.map(test))).every((yes) => yes);
  const online = (product: Product, count: number) => allOnline(runner, names, product, count);
  const rows = async (name: string, schema: string): Promise<TrackingRows> => {
    const reading = readTracking(await runner.ask(name, `sql tracking ${schema}`));
    if (!("read" in reading) || reading.read === "absent") throw new Error(`${schema} of ${name} is absent`);
    return reading.read;
  };
  const arrived = (heartbeat: string) =>
    until(`heartbeat ${heartbeat} on every node`, () =>
      everywhere(
        async (name) => (await rows(name, `tungsten_${otherOf(name)}`)).heartbeat?.name === heartbeat,
      ),
    );
  /** Writes through the connector of a site until it is stopped; a refused write is tried again under the same number. */
  const startWriter = (site: SiteName, from: number): void => {
    const script = `n=${from}; while :; do mariadb --no-defaults -h ${nodes.address(sites[site][0])} -P 3306 -uapp -papp --connect-timeout=5 -e "INSERT INTO shop.sales (site, n) VALUES ('${site}', $n)" 2>/dev/null && n=$((n+1)); sleep 0.1; done`;
    writers.push(spawn("bash", ["-c", script], { stdio: "ignore", detached: true }));
  };
  const stopWriters = (): void => {
    for (const { pid } of writers.splice(0)) if (pid !== undefined) process.kill(-pid, "SIGKILL");
  };
  const content = (name: string): string =>
    nodes.sql(
      name,
      "SELECT site, COUNT(*), COUNT(DISTINCT n), MIN(n), MAX(n) FROM shop.sales GROUP BY site ORDER BY site",
    );
  const settled = async (): Promise<void> => {
    await until("the same rows on every node", () => new Set(names.map(content)).size === 1).catch(
      (error: Error) => {
        throw new Error(`${error.message}: ${JSON.stringify(names.map(content))}`);
      },
    );
    for (const line of content("nyc-0").trim().split("\n")) {
      const [site, count, distinct, first, last] = line.split("\t");
      expect({ site, count, last }).toEqual({
        site,
        count: distinct,
        last: String(Number(first) + Number(count) - 1),
      });
    }
    const sums = names.map((name) => nodes.sql(name, "CHECKSUM TABLE shop.sales"));
    expect(new Set(sums).size).toBe(1);
  };

  beforeAll(async () => {
    nodes = await startNodes(names);
    runner = newRunner(nodes, secrets);
  });
  afterAll(async () => {
    stopWriters();
    await nodes?.stop();
  });

  test("install, and rows written at one site arrive on every node exactly once", async () => {
    const ini = iniOf(sites, "MSAA");
    await runner.all(names, "accounts");
    await runner.all(names, `publish-ini ${sha256(ini)}`, ini);
    await runner.all(names, `tpm cluster ${release} install`);
    await runner.all(names, "startall cluster");
    await online("cluster", 1);
    await runner.all(names, `tpm crossSite ${release} install`);
    await runner.all(primaries, "replicator crossSite start");
    await runner.all(replicas, "replicator crossSite start");
    await online("crossSite", 1);
    nodes.sql(
      "nyc-0",
      "CREATE DATABASE shop; CREATE TABLE shop.sales (id INT PRIMARY KEY AUTO_INCREMENT, site VARCHAR(8), n INT, note BLOB)",
    );
    await until("the table on every node", () =>
      names.every(
        (name) =>
          nodes
            .sql(name, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'shop'")
            .trim() === "1",
      ),
    );
    for (const site of ["nyc", "london"] as const)
      nodes.sql(
        `${site}-0`,
        `SET @n = 0; BEGIN; ${Array.from({ length: 50 }, (_, n) => `INSERT INTO shop.sales (site, n, note) VALUES ('${site}', ${n}, UNHEX('00270A5C${n % 10}F'))`).join("; ")}; COMMIT; UPDATE shop.sales SET note = CONCAT(note, ';''') WHERE site = '${site}' AND n % 7 = 0`,
      );
    await settled();
    expect(content("london-1")).toBe("london\t50\t50\t0\t49\nnyc\t50\t50\t0\t49\n");
  });

  test("each node tells what was written to its logs, by the files that are there", async () => {
    for (const name of names) {
      const told = readSpace(await runner.ask(name, "space"));
      if ("unreadable" in told) throw new Error(told.unreadable);
      const logs = told.read.flatMap((volume) => volume.logs);
      expect(logs.map((log) => log.name)).toEqual([
        "binlog",
        `cluster:${siteOf(name)}`,
        `crossSite:${otherOf(name)}_${siteOf(name)}`,
      ]);
      const binlog = nodes.sql(name, "SHOW BINARY LOGS").trim().split("\n");
      const bytes = binlog.reduce((sum, line) => sum + Number(line.split("\t")[1]), 0);
      for (const { written } of logs) expect(written?.bytes).toBeGreaterThan(0);
      expect(logs[0]?.written?.bytes).toBeLessThanOrEqual(bytes);
    }
  });

  test("a row and its position are one transaction, and a reader that is killed goes on where its row says", async () => {
    startWriter("nyc", 50);
    startWriter("london", 50);
    const apart = (): string =>
      nodes.sql(
        "london-1",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT; SELECT seqno - (SELECT COUNT(*) FROM shop.sales WHERE site = 'nyc' AND n >= 50) FROM tungsten_nyc.trep_commit_seqno",
      );
    const newest = (name: string, site: SiteName): number =>
      Number(nodes.sql(name, `SELECT MAX(n) FROM shop.sales WHERE site = '${site}'`));
    const seen = new Set<string>();
    for (const name of ["london-1", "nyc-1", "london-0"]) {
      const before = newest(name, "nyc");
      await until(`${name} applies`, () => {
        seen.add(apart());
        return newest(name, "nyc") > before + 5;
      });
      nodes.killServer(name);
      await runner.run(name, "startall cluster");
      await runner.run(name, "replicator crossSite start");
    }
    await online("crossSite", 1);
    stopWriters();
    await settled();
    seen.add(apart());
    expect(seen.size).toBe(1);
  });

  test("what cannot be applied stops the service with the server's words; nothing is left out afterwards", async () => {
    const note = "SET sql_log_bin = 0; INSERT INTO shop.sales VALUES (900001, 'stray', 0, NULL)";
    nodes.sql("london-1", note);
    nodes.sql("nyc-0", "INSERT INTO shop.sales VALUES (900001, 'once', 0, NULL)");
    let status: ReplicatorStatus | undefined;
    await until("OFFLINE:ERROR", async () => {
      [status] = await services("london-1", "crossSite");
      return status?.state === "OFFLINE:ERROR" && status.pendingExceptionMessage !== null;
    });
    expect(status?.pendingError).toMatch(
      /^Event application failed: seqno=\d+ fragno=0 message=.*Duplicate entry '900001'/,
    );
    nodes.sql("london-1", "SET sql_log_bin = 0; DELETE FROM shop.sales WHERE site = 'stray'");
    await runner.run("london-1", "trepctl crossSite -service nyc online");
    await online("crossSite", 1);
    await settled();
  });

  test("a service that rests while its database restarts connects anew", async () => {
    const trepctl = (verb: string) => runner.run("nyc-1", `trepctl cluster -service nyc ${verb}`);
    // Under AUTOMATIC a manager would bring the service back by itself.
    await runner.run("nyc-0", "cctrl", "set policy maintenance\n");
    await trepctl("offline");
    await until("nyc OFFLINE:NORMAL", async () => {
      const [status] = await services("nyc-1", "cluster");
      return status?.state === "OFFLINE:NORMAL";
    });
    await nodes.stopDatabase("nyc-1");
    await nodes.startDatabase("nyc-1");
    nodes.sql("nyc-1", "SET GLOBAL read_only = 1");
    // For a second it may hold its database for stopped still, and refuse.
    await until("nyc asked to go online", () =>
      trepctl("online").then(
        () => true,
        () => false,
      ),
    );
    nodes.sql(
      "nyc-0",
      "INSERT INTO shop.sales (site, n) SELECT 'nyc', MAX(n) + 1 FROM shop.sales WHERE site = 'nyc'",
    );
    let state: unknown;
    await until("the row, or an error", async () => {
      state = (await services("nyc-1", "cluster"))[0]?.state;
      return state === "OFFLINE:ERROR" || content("nyc-1") === content("nyc-0");
    });
    expect(state).not.toBe("OFFLINE:ERROR");
    await settled();
    await runner.run("nyc-0", "cctrl", "set policy automatic\n");
  });

  test("what two managers are told at once counts for both", async () => {
    await runner.run("nyc-0", "cctrl", "set policy maintenance\n");
    const both = (verb: string) =>
      Promise.all([
        runner.run("nyc-0", "cctrl", `set force true\ndatasource nyc-0 ${verb}\n`),
        runner.run("nyc-1", "cctrl", `set force true\ndatasource nyc-1 ${verb}\n`),
      ]);
    for (const [verb, state] of [
      ["offline", "OFFLINE"],
      ["online", "ONLINE"],
    ] as const) {
      await both(verb);
      for (const name of ["nyc-0", "nyc-1"])
        expect((await runner.ask(name, "cctrl ls")).stdout).toMatch(
          new RegExp(`nyc-0\\(master:${state}[^]*nyc-1\\(slave:${state}`),
        );
    }
    await runner.run("nyc-0", "cctrl", "set policy automatic\n");
  });

  /** Clients of the other site write: a reader that needs what only the new, shorter log once held would not go on. */
  test("tprovision copies a primary's datadir; the replica goes on at the positions of the copy", async () => {
    const next = nodes.sql("london-0", "SELECT MAX(n) + 1 FROM shop.sales WHERE site = 'london'").trim();
    startWriter("london", Number(next));
    nodes.sql("nyc-1", "SET sql_log_bin = 0; DELETE FROM shop.sales WHERE n % 3 = 0");
    const said = await nodes.must("nyc-1", "opt/continuent/tungsten/tungsten-replicator/scripts/tprovision", [
      "-s",
      "nyc-0",
      "-m",
      "xtrabackup",
    ]);
    expect(said).toMatch(/NOTE {2}>> nyc-1 >> Command successfully completed\n$/);
    stopWriters();
    nodes.sql(
      "nyc-0",
      "INSERT INTO shop.sales (site, n) SELECT 'nyc', MAX(n) + 1 FROM shop.sales WHERE site = 'nyc'",
    );
    await settled();
    expect(nodes.sql("nyc-1", "SELECT @@global.read_only, @@server_id").trim()).toBe("1\t102");
  });

  test("MSAA gives way to CAA while clients write: nothing lost, nothing double, nothing logged but heartbeats", async () => {
    const start = nodes.sql("nyc-0", "SELECT MAX(n) + 1 FROM shop.sales WHERE site = 'nyc'").trim();
    const startLondon = nodes
      .sql("london-0", "SELECT MAX(n) + 1 FROM shop.sales WHERE site = 'london'")
      .trim();
    startWriter("nyc", Number(start));
    startWriter("london", Number(startLondon));
    const service = (name: string): string => `crossSite -service ${otherOf(name)}`;
    const each = (on: readonly string[], command: (name: string) => string) =>
      Promise.all(on.map((name) => runner.run(name, command(name))));

    await Promise.all(primaries.map((name) => runner.run(name, "cctrl", "set policy maintenance\n")));
    await each(names, (name) => `trepctl ${service(name)} offline-deferred -at-heartbeat tu-stop-1`);
    await each(primaries, (name) => `trepctl cluster -service ${siteOf(name)} heartbeat -name tu-stop-1`);
    await until("OFFLINE:NORMAL at the heartbeat", () =>
      everywhere(async (name) => {
        const [status] = await services(name, "crossSite");
        const { commits, heartbeat } = await rows(name, `tungsten_${otherOf(name)}`);
        return (
          status?.state === "OFFLINE:NORMAL" &&
          heartbeat?.name === "tu-stop-1" &&
          heartbeat.seqno === commits[0]?.seqno
        );
      }),
    );
    const stopped = new Map<string, TrackingRows["commits"][number]>();
    for (const name of names) {
      const [row] = (await rows(name, `tungsten_${otherOf(name)}`)).commits;
      if (row !== undefined) stopped.set(name, row);
    }
    expect(stopped.get("nyc-0")).toEqual(stopped.get("nyc-1"));
    expect(stopped.get("london-0")).toEqual(stopped.get("london-1"));

    await each(names, (name) => `keep-position ${otherOf(name)} position-${name}`);
    await each(names, () => "hold crossSite");
    await each(names, () => "replicator crossSite stop");
    await each(names, (name) => `dump-schema tungsten_${otherOf(name)} dump-${name}`);
    await each(names, () => "keep-read-only read-only");
    await each(names, () => "tpm crossSite installed uninstall --i-am-sure");
    const emptied = await Promise.all(names.map((name) => runner.ask(name, "sql schemas")));
    expect(emptied.map(({ stdout }) => /^tungsten_\w+\t0$/m.test(stdout))).toEqual(names.map(() => true));
    expect(nodes.sql("london-1", "SELECT @@global.read_only").trim()).toBe("0");
    await each(names, () => "put-read-only read-only");
    expect(nodes.sql("london-1", "SELECT @@global.read_only").trim()).toBe("1");
    for (const name of names) {
      const files = (await runner.ask(name, "files")).stdout;
      const sum = new RegExp(`^dump-${name}\\t\\d+\\t(\\w{64})$`, "m").exec(files)?.[1] ?? "";
      await runner.run(name, `restore-schema dump-${name} ${sum}`);
      expect((await rows(name, `tungsten_${otherOf(name)}`)).commits[0]).toEqual(stopped.get(name));
    }

    const ini = iniOf(sites, "CAA");
    await runner.all(names, `publish-ini ${sha256(ini)}`, ini);
    await each(names, () => "manager stop");
    await each(primaries, () => `tpm cluster ${release} update --replace-release`);
    await until("the new services of the primaries have begun", () =>
      everywhere(async (name) => {
        const all = await services(name, "cluster");
        return all.some(
          (each) =>
            each.service === `${siteOf(name)}_from_${otherOf(name)}` &&
            each.state === "ONLINE" &&
            (each.maximumStoredSeqno ?? 0) > 0,
        );
      }, primaries),
    );
    await each(replicas, () => `tpm cluster ${release} update --replace-release`);
    await each(names, () => "manager start");
    await online("cluster", 2);
    await each(primaries, (name) => `trepctl cluster -service ${siteOf(name)} heartbeat -name tu-proof-1`);
    await arrived("tu-proof-1");
    for (const name of names) {
      const info = readThlInfo(
        await runner.ask(name, `thl cluster -service ${siteOf(name)}_from_${otherOf(name)} info`),
      );
      expect("read" in info && info.read.min).toBe((stopped.get(name)?.seqno ?? -2) + 1);
    }
    await Promise.all(primaries.map((name) => runner.run(name, "cctrl", "set policy automatic\n")));
    stopWriters();
    await settled();
    for (const name of names) {
      const logged = readCount(await runner.ask(name, "sql logged-tracking mysql-bin.000001 4"));
      expect("read" in logged && logged.read).toBe(0);
    }
    expect((await runner.ask("nyc-0", "cctrl composite-ls global")).stdout).toMatch(
      /london\(composite master:ONLINE/,
    );
  });
});
