/** tprovision of a relay from another site, on simulated nodes with a real MariaDB and the real runner. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { allOnline, iniOf, secrets } from "./estate.ts";
import { missingProgram, type RealNodes, release, startNodes, until } from "./nodes.ts";
import { newRunner, type Runner, sha256 } from "./runner.ts";

const sites = { nyc: ["nyc-0", "nyc-1"], london: ["london-0"] };
const names = Object.values(sites).flat();

const missing = missingProgram();
if (missing !== undefined) console.warn(`skipped: ${missing} is not installed (Debian: mariadb-server)`);

(missing === undefined ? describe : describe.skip)("a site that joins as a passive one", () => {
  let nodes: RealNodes;
  let runner: Runner;
  const rows = (name: string): string => nodes.sql(name, "SELECT n FROM shop.sales ORDER BY n");
  const write = (n: number): string => nodes.sql("nyc-0", `INSERT INTO shop.sales VALUES (${n})`);
  const settled = (on: readonly string[]): Promise<void> =>
    until(`the same rows on ${on.join(", ")}`, () => new Set(on.map(rows)).size === 1);

  beforeAll(async () => {
    nodes = await startNodes(names);
    runner = newRunner(nodes, secrets);
    const ini = iniOf(sites, "CAP");
    await runner.all(names, "accounts");
    await runner.all(names, `publish-ini ${sha256(ini)}`, ini);
    await runner.all(sites.nyc, `tpm cluster ${release} install`);
    await runner.all(sites.nyc, "startall cluster");
    await allOnline(runner, sites.nyc, "cluster", 1);
    nodes.sql("nyc-0", "CREATE DATABASE shop; CREATE TABLE shop.sales (n INT PRIMARY KEY)");
    for (const n of [1, 2, 3]) write(n);
    const tables = "SELECT 1 FROM information_schema.tables WHERE table_schema = 'shop'";
    await until("the table on nyc-1", () => nodes.sql("nyc-1", tables) !== "");
    await settled(sites.nyc);
  });
  afterAll(() => nodes?.stop());

  test("its relay takes the data of the active site's replica, and goes on where that one stood", async () => {
    await runner.all(sites.london, `tpm cluster ${release} install`);
    await runner.run("london-0", "replicator cluster start-offline");
    await runner.run("london-0", "manager start");
    await until("a manager of london-0", async () =>
      (await runner.ask("london-0", "cctrl ls")).stdout.includes("london-0("),
    );
    await runner.run("london-0", "cctrl", "set policy maintenance\n");
    const tool = "opt/continuent/tungsten/tungsten-replicator/scripts/tprovision";
    const said = await nodes.must("london-0", tool, ["-s", "nyc-1", "-m", "xtrabackup"]);
    expect(said).toMatch(/NOTE {2}>> london-0 >> Command successfully completed\n$/);
    write(4);
    await settled(names);
    await allOnline(runner, sites.london, "cluster", 1);
    expect(rows("london-0")).toBe("1\n2\n3\n4\n");
  });
});
