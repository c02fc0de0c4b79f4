/**
 * The younger procedures on real pods, one after the other over one estate whose clients go on writing: a switch, a
 * replica made anew, changed options, a changed my.cnf, a site reset from another, all sites reset. After each of them
 * every acknowledged row is on every node exactly once and all tables are equal.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { type Cluster, startCluster } from "../../local/cluster.ts";
import { createTable, startClients } from "../../local/pods/clients.ts";
import { installOperator } from "../../local/pods/operator.ts";
import { dataFaultsOf } from "../../local/pods/oracle.ts";
import { nodeImage, provideSimulatedNode } from "../../local/pods/simulated-node.ts";
import { until } from "../../local/processes.ts";
import * as estates from "./estate.ts";
import { keepEvidence } from "./evidence.ts";
import { say } from "./progress.ts";
import { askFor, followRequest, sampleNamed } from "./request.ts";
import { makeSshSecret } from "./ssh-keys.ts";

const minutes = 60_000;
const estate: estates.Estate = { namespace: "younger", sites: ["nyc", "london"], nodesPerSite: 3 };

describe("procedures of an MSAA estate on real pods", () => {
  let cluster: Cluster;
  let finished = true;

  beforeAll(async () => {
    cluster = await startCluster(say);
    await provideSimulatedNode(cluster);
    await installOperator(cluster, say);
    await kubectl("create", "namespace", estate.namespace);
    await makeSshSecret(kubectl);
    await estates.installEstate(cluster, estate);
    await createTable(estates.nodesOf(cluster, estate), estates.clientSitesOf(estate), "keyed");
  }, 20 * minutes);
  afterEach(async () => {
    if (!finished) say(`what was seen is kept in ${await keepEvidence(cluster)}`);
  }, 2 * minutes);
  afterAll(() => cluster?.stop(), 2 * minutes);

  const kubectl = (...args: string[]): Promise<string> => estates.inNamespace(cluster, estate, ...args);

  /** Clients write at both sites while it runs; afterwards what they were promised is everywhere. */
  async function underLoad(run: () => Promise<void>): Promise<void> {
    finished = false;
    const sites = estates.clientSitesOf(estate);
    const clients = await startClients({ cluster, namespace: estate.namespace, sites, image: nodeImage });
    await run();
    await estates.pause(3);
    const written = await clients.stop();
    expect(await dataFaultsOf(estates.nodesOf(cluster, estate), written)).toEqual([]);
    finished = true;
  }

  /** Asks for a request of config/samples and sees it through. */
  async function asked(sample: string, block: string, more: object): Promise<void> {
    const object = sampleNamed(sample, estate);
    const spec = { ...object.spec } as Record<string, object>;
    spec[block] = { ...spec[block], ...more };
    await askFor(cluster, estate, { ...object, spec });
    await followRequest(cluster, estate, object.metadata.name, 8);
  }

  /** Edits a site and waits until it tells this condition True for the new generation. */
  async function edited(site: string, patch: object, condition: string): Promise<void> {
    await kubectl("patch", "tc", site, "--type=merge", "--patch", JSON.stringify({ spec: patch }));
    let last = "";
    await until(`${condition} of ${site}`, 8 * 60, async () => {
      const { metadata, status } = JSON.parse(await kubectl("get", "tc", site, "-o", "json"));
      const all: { type: string; status: string; message: string; observedGeneration: number }[] =
        status?.conditions ?? [];
      const found = all.find(({ type }) => type === condition);
      if (found !== undefined && found.message !== last) say(found.message.slice(0, 160));
      last = found?.message ?? "";
      await estates.pause(2);
      return found?.status === "True" && found.observedGeneration === metadata.generation;
    });
  }

  const story: readonly (readonly [string, () => Promise<void>])[] = [
    ["Switch: nyc-1 becomes the primary", () => asked("switch", "switch", { to: "nyc-1" })],
    [
      "FixReplication: a replica is made anew from another",
      () =>
        asked("fix-reprovision", "fixReplication", {
          nodes: ["nyc-0"],
          reprovision: { donor: "nyc-2", method: "xtrabackup" },
        }),
    ],
    [
      "changed options reach every node",
      () => edited("london", { options: { "thl-log-retention": "6d" } }, "ConfigurationApplied"),
    ],
    [
      "a changed my.cnf restarts every database",
      () =>
        edited(
          "london",
          { mysql: { settings: { max_connections: "177" } }, changes: { dataserver: "Automatic" } },
          "DatabaseCurrent",
        ),
    ],
    ["ResetSite: nyc from london", () => asked("reset-site", "resetSite", { drainSeconds: 3 })],
    ["ResetAllSites", () => asked("reset-all-sites", "resetAllSites", { drainSeconds: 3 })],
  ];
  test.each(story)("%s", (_what, run) => underLoad(run), 12 * minutes);
});
