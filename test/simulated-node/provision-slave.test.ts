/** tungsten_provision_slave of a release before 7, on simulated nodes with a real MariaDB and the real runner: beside what runs, and with everything stopped as the legacy reset runs it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readThlInfo } from "../../src/tungsten/thl.ts";
import { allOnline, iniOf, type Product, secrets, servicesOf } from "./estate.ts";
import { missingProgram, type RealNodes, startNodes, until } from "./nodes.ts";
import { newRunner, type Runner, sha256 } from "./runner.ts";

const sites = { nyc: ["nyc-0", "nyc-1"], london: ["london-0"] };
const names = Object.values(sites).flat();
const old = "5.4.1-3";
const again = "tungsten_provision_slave --source nyc-0 --xtrabackup";
const said = /NOTE {2}>> nyc-1 >> Command successfully completed\n$/;

const missing = missingProgram();
if (missing !== undefined) console.warn(`skipped: ${missing} is not installed (Debian: mariadb-server)`);

(missing === undefined ? describe : describe.skip)("tungsten_provision_slave on a replica", () => {
  let nodes: RealNodes;
  let runner: Runner;
  const rows = (name: string): string => nodes.sql(name, "SELECT site, n FROM shop.sales ORDER BY site, n");
  const settled = () =>
    until("the same rows on every node", () => new Set(names.map(rows)).size === 1).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(names.map(rows))}`);
    });
  const write = (site: keyof typeof sites, n: number): string =>
    nodes.sql(`${site}-0`, `INSERT INTO shop.sales VALUES ('${site}', ${n})`);
  const drift = (): string => nodes.sql("nyc-1", "SET sql_log_bin = 0; DELETE FROM shop.sales");

  beforeAll(async () => {
    nodes = await startNodes(names, old);
    runner = newRunner(nodes, secrets);
    const ini = iniOf(sites, "MSAA");
    await runner.all(names, "accounts");
    await runner.all(names, `publish-ini ${sha256(ini)}`, ini);
    await runner.all(names, `tpm cluster ${old} install`);
    await runner.all(names, "startall cluster");
    await allOnline(runner, names, "cluster", 1);
    await runner.all(names, `tpm crossSite ${old} install`);
    await runner.all(names, "replicator crossSite start");
    await allOnline(runner, names, "crossSite", 1);
    nodes.sql(
      "nyc-0",
      "CREATE DATABASE shop; CREATE TABLE shop.sales (site VARCHAR(8), n INT, PRIMARY KEY (site, n))",
    );
    await until("the table on every node", () =>
      names.every((name) => nodes.sql(name, "SHOW DATABASES LIKE 'shop'") !== ""),
    );
    for (const n of [1, 2, 3]) for (const site of ["nyc", "london"] as const) write(site, n);
    await settled();
  });
  afterAll(() => nodes?.stop());

  /** Under MAINTENANCE nobody but the operator brings a service back that has met an error meanwhile. */
  const broughtOnline = (product: Product): Promise<void> =>
    until(
      `${product} services ONLINE`,
      async () => {
        let all = true;
        for (const name of names)
          for (const { service, state } of await servicesOf(runner, name, product)) {
            all &&= state === "ONLINE";
            if (String(state).startsWith("OFFLINE"))
              await runner.ask(name, `trepctl ${product} -service ${service} online`);
          }
        return all;
      },
      100,
    );

  test("it is the tool of this release, and tprovision is not", () => {
    const scripts = join(nodes.root("nyc-1"), "opt/continuent/tungsten/tungsten-replicator/scripts");
    const there = ["tungsten_provision_slave", "tprovision"].map((name) => existsSync(join(scripts, name)));
    expect(there).toEqual([true, false]);
  });

  test("beside a running replicator: the data are the source's, service and datasource are back", async () => {
    drift();
    expect(await runner.run("nyc-1", again)).toMatch(said);
    write("nyc", 4);
    await settled();
    expect(nodes.sql("nyc-1", "SELECT @@global.read_only").trim()).toBe("1");
    expect((await runner.ask("nyc-0", "cctrl ls")).stdout).not.toContain("SHUNNED");
    await allOnline(runner, names, "crossSite", 1);
  });

  test("with everything stopped it leaves everything stopped, its log empty, and the node goes on at the copy's positions", async () => {
    await runner.run("nyc-0", "cctrl", "set policy maintenance\n");
    for (const product of ["crossSite", "cluster"]) await runner.run("nyc-1", `stopall ${product}`);
    drift();
    write("nyc", 5);
    write("london", 4);
    expect(await runner.run("nyc-1", again)).toMatch(said);
    for (const product of ["cluster", "crossSite"])
      expect((await runner.ask("nyc-1", `replicator ${product} status`)).stdout).toMatch(/not running/);
    const log = readThlInfo(await runner.ask("nyc-1", "thl cluster -service nyc info"));
    expect("read" in log && log.read.max).toBeNull();
    // The other site read from this replica, and looks for another one a while before it takes the primary. Its log is short now.
    await until("the row at the other site", () => rows("london-0").includes("nyc\t5"), 90);
    await runner.run("nyc-1", "manager start");
    for (const product of ["cluster", "crossSite"]) {
      await runner.run("nyc-1", `replicator ${product} start`);
      await broughtOnline(product as Product);
    }
    write("nyc", 6);
    write("london", 5);
    await settled();
    await runner.run("nyc-0", "cctrl", "set policy automatic\n");
  }, 300_000);

  test("a node is no source for itself, nor is one whose replicator is down", async () => {
    await expect(runner.run("nyc-1", "tungsten_provision_slave --source nyc-1 --xtrabackup")).rejects.toThrow(
      /resolves to the local node/,
    );
    await runner.run("london-0", "stopall cluster");
    await expect(
      runner.run("nyc-1", "tungsten_provision_slave --source london-0 --xtrabackup"),
    ).rejects.toThrow(/The replicator process is not running/);
    expect(rows("nyc-1")).toBe(rows("nyc-0"));
  });
});
