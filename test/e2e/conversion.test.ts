/**
 * The whole product as users install it, on real pods: the operator by Helm, the estate of config/samples, clients
 * writing through the connectors all the time, and the conversion from MSAA to CAA. Afterwards every acknowledged row is
 * on every node exactly once, and no secret value can be read outside Secrets. E2E_FORM=short runs one conversion of two
 * sites with two nodes each.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { type Cluster, startCluster } from "../../local/cluster.ts";
import { createTable, startClients } from "../../local/pods/clients.ts";
import { acknowledgedBy, longestInterruption, type Written } from "../../local/pods/judge.ts";
import { type InstalledOperator, installOperator } from "../../local/pods/operator.ts";
import { faultsOf, markLogs } from "../../local/pods/oracle.ts";
import { nodeImage, provideSimulatedNode } from "../../local/pods/simulated-node.ts";
import { everyDisturbance } from "./disturb.ts";
import * as estates from "./estate.ts";
import { keepEvidence } from "./evidence.ts";
import { say } from "./progress.ts";
import { askFor, conversionOf, type Disturbance, followRequest, type Request } from "./request.ts";
import { secretsSeen } from "./secrets.ts";

const minutes = 60_000;
const short = process.env.E2E_FORM === "short";
const everySite = ["nyc", "london", "tokyo"];

describe("MSAA to CAA on real pods", () => {
  let cluster: Cluster;
  let operator: InstalledOperator;
  let finished = true;

  beforeAll(async () => {
    cluster = await startCluster(say);
    await provideSimulatedNode(cluster);
    operator = await installOperator(cluster, say);
  }, 12 * minutes);
  afterEach(async () => {
    if (!finished) say(`what was seen is kept in ${await keepEvidence(cluster)}`);
  }, 2 * minutes);
  afterAll(() => cluster?.stop(), 2 * minutes);

  /** Install, write, convert, judge. */
  async function converted(
    estate: estates.Estate,
    limit: number,
    disturbances: readonly Disturbance[],
  ): Promise<void> {
    finished = false;
    const nodes = estates.nodesOf(cluster, estate);
    await estates.installEstate(cluster, estate);
    const sites = estate.sites.map(estates.clientSite);
    await createTable(nodes, sites, "keyless");
    const marks = await markLogs(nodes);
    const clients = await startClients({
      cluster,
      namespace: estate.namespace,
      sites,
      image: nodeImage,
    });
    say(`clients write at ${estate.sites.join(", ")}, and go on doing so`);
    const request = await askFor(cluster, estate, conversionOf(estate));
    await followRequest(cluster, estate, "to-caa", limit, disturbances);
    await estates.pause(3);
    const written = await clients.stop();
    judgeInterruptions(written, request);
    expect(await faultsOf(nodes, written, marks)).toEqual([]);
    say("every acknowledged row is on every node exactly once");
    expect(await secretsSeen(cluster, estate.namespace)).toEqual([]);
    finished = true;
  }

  test(
    "clients write throughout; every row they were promised is everywhere exactly once",
    async () => {
      const estate = short
        ? { namespace: "estate", sites: everySite.slice(0, 2), nodesPerSite: 2 }
        : { namespace: "estate", sites: everySite, nodesPerSite: 3 };
      await converted(estate, 15, []);
      await estates.removeEstate(cluster, estate);
    },
    24 * minutes,
  );

  (short ? test.skip : test)(
    "the same while the operator is killed, a node pod deleted and exec connections cut",
    async () => {
      const estate = { namespace: "disturbed", sites: everySite, nodesPerSite: 3 };
      await converted(estate, 15, everyDisturbance(cluster, operator, estate));
      await estates.removeEstate(cluster, estate);
    },
    24 * minutes,
  );
});

/** No client was kept out for longer than the plan said before anybody approved it. */
function judgeInterruptions(written: readonly Written[], request: Request): void {
  for (const each of written) {
    const longest = longestInterruption(each) / 1000;
    const promised = request.status?.plan?.interruption.find(({ site }) => site === each.site)?.seconds ?? 0;
    const acknowledged = acknowledgedBy(each);
    say(
      `client of ${each.site}: ${acknowledged} rows, longest interruption ${longest.toFixed(1)} s (plan: up to ${promised} s)`,
    );
    expect(acknowledged).toBeGreaterThan(20);
    expect(longest).toBeLessThanOrEqual(promised);
  }
}
