/**
 * The harness proves itself: two plain databases that replicate from each other, clients at both, and an oracle that
 * says yes, and says no to each thing that can go wrong.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Cluster, startCluster } from "../../local/cluster.ts";
import { type ClientSite, createTable, startClients } from "../../local/pods/clients.ts";
import { acknowledgedBy, longestInterruption, type Written } from "../../local/pods/judge.ts";
import { faultsOf, type LogMarks, markLogs } from "../../local/pods/oracle.ts";
import { type NodeSet, sql } from "../../local/pods/sql.ts";
import { until } from "../../local/processes.ts";
import { plainImage, plainSite, providePlain } from "./plain.ts";
import { say } from "./progress.ts";

const namespace = "default";
const site = (name: string): ClientSite => ({
  name,
  host: `${name}-connector`,
  port: 3306,
  secret: `${name}-tungsten`,
});

describe("clients and oracle", () => {
  let cluster: Cluster | undefined;
  let nodes: NodeSet;
  let written: readonly Written[] = [];
  let marks: LogMarks;

  beforeAll(async () => {
    cluster = await startCluster(say);
    nodes = { cluster, namespace, pods: ["alpha-0", "beta-0"] };
    await providePlain(cluster);
    for (const [index, name] of ["alpha", "beta"].entries())
      await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(plainSite(name, 1, index + 1)));
    for (const name of ["alpha", "beta"])
      await cluster.kubectl(["rollout", "status", `statefulset/${name}`, "--timeout=120s"]);
    for (const [reader, source] of [
      ["alpha", "beta"],
      ["beta", "alpha"],
    ])
      await sql(
        nodes,
        `${reader}-0`,
        `CHANGE MASTER TO MASTER_HOST='${source}-0.${source}-nodes', MASTER_PORT=13306, MASTER_USER='tungsten', MASTER_PASSWORD='replicates', MASTER_SSL=0, MASTER_CONNECT_RETRY=1; START SLAVE;`,
      );
    await createTable(nodes, [site("alpha")], "keyless");
    marks = await markLogs(nodes);
  }, 900_000);
  afterAll(() => cluster?.stop(), 60_000);

  const faults = (): Promise<readonly string[]> => faultsOf(nodes, written, marks, 1);
  /** Does something to one node alone, outside its binary log unless told otherwise. */
  const meddle = (statements: string, logged = false): Promise<string> =>
    sql(nodes, "beta-0", `${logged ? "" : "SET SESSION sql_log_bin = 0; "}${statements}`);

  test("rows written at both sites while a database restarts are on both nodes exactly once", async () => {
    const up = cluster as Cluster;
    const clients = await startClients({
      cluster: up,
      namespace,
      sites: [site("alpha"), site("beta")],
      image: plainImage,
    });
    await up.kubectl(["delete", "pod", "beta-0"]);
    await up.kubectl(["rollout", "status", "statefulset/beta", "--timeout=60s"]);
    await up.kubectl(["wait", "--for=condition=Ready", "pod/beta-0", "--timeout=60s"]);
    await until("clients that went on", 60, async () =>
      (await clients.soFar()).every((each) => acknowledgedBy(each) > 5),
    );
    written = await clients.stop();
    for (const each of written)
      say(
        `client of ${each.site}: ${acknowledgedBy(each)} rows, longest interruption ${longestInterruption(each)} ms`,
      );
    expect(await faultsOf(nodes, written, marks)).toEqual([]);
  }, 300_000);

  test.each([
    [
      "a row that is missing",
      "DELETE FROM e2e.written WHERE site = 'alpha' AND n = 1",
      /lacks row alpha 1,.*\n.*checksum/,
    ],
    ["and put back", "INSERT INTO e2e.written SELECT 'alpha', 1, '2000-01-01'", /^checksum of e2e.written/],
  ])(
    "%s",
    async (_name, statements, said) => {
      await meddle(statements);
      expect((await faults()).join("\n")).toMatch(said);
    },
    60_000,
  );

  test("a row that is there twice", async () => {
    await meddle("INSERT INTO e2e.written SELECT * FROM e2e.written WHERE site = 'beta' AND n = 1");
    expect(await faults()).toContain("beta-0 has row beta 1 2 times");
  }, 60_000);

  test("heartbeats may be logged, nothing else of Tungsten's", async () => {
    await meddle(
      "CREATE DATABASE tungsten_beta; CREATE TABLE tungsten_beta.heartbeat (n INT); CREATE TABLE tungsten_beta.trep_commit_seqno (n INT)",
    );
    await meddle("INSERT INTO tungsten_beta.heartbeat VALUES (1)", true);
    expect((await faults()).filter((fault) => fault.includes("binary log"))).toEqual([]);
    await meddle("INSERT INTO tungsten_beta.trep_commit_seqno VALUES (1)", true);
    expect(await faults()).toContain(
      "beta-0 has in its binary log: INSERT INTO tungsten_beta.trep_commit_seqno",
    );
  }, 60_000);
});
