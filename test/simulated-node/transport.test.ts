/** Replicators with TLS, on simulated nodes with a real MariaDB and the real runner: what has it and what has not do not talk to each other. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readClusterView } from "../../src/tungsten/cctrl.ts";
import { certificateFor } from "../certificates.ts";
import { allOnline, iniOf, secrets, servicesOf } from "./estate.ts";
import { keytool, missingProgram, type RealNodes, release, startNodes, until } from "./nodes.ts";
import { newRunner, type Runner, sha256 } from "./runner.ts";

const sites = { nyc: ["nyc-0", "nyc-1"], london: ["london-0"] };
const names = Object.values(sites).flat();
const products = ["cluster", "crossSite"] as const;
const password = "Sesame1234";
const plain = iniOf(sites, "MSAA");
const secured = iniOf(sites, "MSAA", [
  "java-keystore-path=/etc/tungsten/keystore.jks",
  "java-keystore-password=@{java-keystore-password}",
  "java-truststore-path=/etc/tungsten/truststore.ts",
  "java-truststore-password=@{java-keystore-password}",
  "java-mysql-alias=mysql",
  "thl-ssl=true",
]);

const missing = missingProgram();
if (missing !== undefined) console.warn(`skipped: ${missing} is not installed (Debian: mariadb-server)`);

(missing === undefined ? describe : describe.skip)("two sites whose replicators have TLS", () => {
  let nodes: RealNodes;
  let runner: Runner;

  const services = (name: string, product: (typeof products)[number]) => servicesOf(runner, name, product);
  /** Where services of a node read, and could read from; a primary reads its own database. */
  const addresses = async (name: string): Promise<readonly string[]> => {
    const told = await Promise.all(products.map((product) => services(name, product)));
    return told
      .flat()
      .flatMap(({ masterConnectUri, pipelineSource }) => [masterConnectUri, pipelineSource])
      .flatMap((uri) => (uri ?? "nothing").split(","))
      .filter((uri) => !uri.startsWith("jdbc:"));
  };
  const publish = (on: readonly string[], ini: string): Promise<void> =>
    runner.all(on, `publish-ini ${sha256(ini)}`, ini);
  const update = (name: string) => runner.run(name, `tpm cluster ${release} update --replace-release`);
  const rows = (name: string): string => nodes.sql(name, "SELECT n FROM shop.sales ORDER BY n").trim();
  const write = (n: number): string => nodes.sql("nyc-0", `INSERT INTO shop.sales VALUES (${n})`);
  const secure = async (name: string): Promise<readonly boolean[]> => {
    const view = readClusterView(await runner.ask(name, "cctrl ls"));
    return "read" in view ? view.read.datasources.map(({ ssl }) => ssl === true) : [];
  };

  beforeAll(async () => {
    nodes = await startNodes(names);
    runner = newRunner(nodes, {
      ...secrets,
      ...certificateFor("nodes"),
      "java-keystore-password": password,
    });
  });
  afterAll(() => nodes?.stop());

  test("go online over thls, within the site and between sites", async () => {
    await runner.all(names, "accounts");
    await publish(names, secured);
    await runner.all(names, `tpm cluster ${release} install`);
    await runner.all(names, "startall cluster");
    await allOnline(runner, names, "cluster", 1);
    await runner.all(names, `tpm crossSite ${release} install`);
    await runner.all(names, "replicator crossSite start");
    await allOnline(runner, names, "crossSite", 1);
    nodes.sql("nyc-0", "CREATE DATABASE shop; CREATE TABLE shop.sales (n INT PRIMARY KEY)");
    write(1);
    for (const name of names) {
      await until(`the row on ${name}`, () => {
        try {
          return rows(name) === "1";
        } catch {
          return false;
        }
      });
      const told = await addresses(name);
      expect(told.length).toBeGreaterThanOrEqual(3);
      expect(told.filter((uri) => !uri.startsWith("thls://"))).toEqual([]);
    }
    const configured = "opt/continuent/tungsten/tungsten-replicator/conf/static-nyc.properties";
    expect(readFileSync(join(nodes.root("nyc-1"), configured), "utf8")).toMatch(/connect\.uri=thls:/);
    expect(await secure("nyc-0")).toEqual([true, true]);
    expect(await secure("london-0")).toEqual([true]);
  });

  test("every node has made its stores of the mounted certificate", () => {
    for (const name of names) {
      const listed = (store: string): string =>
        execFileSync(
          keytool,
          ["-list", "-v", "-keystore", join(nodes.root(name), "etc/tungsten", store), "-storepass", password],
          { encoding: "utf8" },
        );
      expect(listed("keystore.jks").match(/^Alias name: .*$/gm)).toEqual([
        "Alias name: mysql",
        "Alias name: tls",
      ]);
      expect(listed("truststore.ts")).toContain("Owner: CN=authority of nodes");
    }
  });

  test("a replica without TLS reads from nobody until it has it again", async () => {
    await runner.run("nyc-0", "cctrl", "set policy maintenance\n");
    await publish(["nyc-1"], plain);
    await update("nyc-1");
    const searching = async (product: (typeof products)[number]): Promise<boolean> => {
      const [status] = await services("nyc-1", product);
      return status?.state === "GOING-ONLINE:SYNCHRONIZING";
    };
    await until("the replica finds no source", () => searching("cluster"));
    write(2);
    await until("the row at the other site", () => rows("london-0") === "1\n2");
    expect(await searching("cluster")).toBe(true);
    expect(rows("nyc-1")).toBe("1");
    expect((await addresses("nyc-1")).filter((uri) => uri.startsWith("thl://"))).toEqual([
      "thl://nyc-0:2112/",
    ]);
    expect(await secure("nyc-0")).toEqual([true, false]);
    await publish(["nyc-1"], secured);
    await update("nyc-1");
    await until("the row on the replica", () => rows("nyc-1") === "1\n2");
    await allOnline(runner, names, "cluster", 1);
    expect(await secure("nyc-0")).toEqual([true, true]);
    await runner.run("nyc-0", "cctrl", "set policy automatic\n");
  });
});
