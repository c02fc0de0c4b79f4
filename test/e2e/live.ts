/**
 * An estate on real pods whose clients go on writing while something is done to it. After each of these things every
 * acknowledged row is on every node exactly once, and all tables are equal.
 */
import { afterAll, afterEach, beforeAll, expect } from "@jest/globals";
import { type Cluster, startCluster } from "../../local/cluster.ts";
import { createTable, startClients } from "../../local/pods/clients.ts";
import type { Written } from "../../local/pods/judge.ts";
import { installOperator } from "../../local/pods/operator.ts";
import { dataFaultsOf } from "../../local/pods/oracle.ts";
import {
  type NodeImage,
  nodeImage,
  provideSimulatedNode,
  sampleRelease,
} from "../../local/pods/simulated-node.ts";
import type { NodeSet } from "../../local/pods/sql.ts";
import { until } from "../../local/processes.ts";
import * as estates from "./estate.ts";
import { keepEvidence } from "./evidence.ts";
import { say } from "./progress.ts";
import { askFor, type Condition, type Disturbance, followRequest, sampleNamed } from "./request.ts";
import { makeSshSecret } from "./ssh-keys.ts";

const minutes = 60_000;

export type Live = {
  /** In the namespace of the estate. */
  readonly kubectl: (...args: string[]) => Promise<string>;
  readonly apply: (object: object) => Promise<unknown>;
  /** Makes a further image of the simulated node, as a user brings the packages of another release. */
  readonly provideNode: (image: NodeImage) => Promise<void>;
  /** Clients write at these sites, and rows are counted on these pods; both may change between two things. */
  readonly sites: string[];
  readonly pods: string[];
  /** The pods that rows are counted on, to ask their databases something. */
  readonly nodes: () => NodeSet;
  readonly underLoad: (run: () => Promise<void>) => Promise<void>;
  /** Asks for a request of config/samples and sees it through; others do something at its steps. */
  readonly asked: (
    sample: string,
    block: string,
    more: object,
    meanwhile?: readonly Disturbance[],
  ) => Promise<void>;
  /** Edits a site and waits until it tells this condition for the new generation: True, or what else is wanted. */
  readonly edited: (site: string, patch: object, type: string, wanted?: Wanted) => Promise<void>;
  readonly told: (site: string, type: string, wanted?: Wanted) => Promise<void>;
};
type Wanted = (condition: Condition) => boolean;
const isTrue: Wanted = ({ status }) => status === "True";

/** Made before the first test of the file, taken down behind the last one. */
export function liveEstate(estate: estates.Estate): Live {
  let cluster: Cluster;
  let finished = true;
  let round = 0;
  /** Of all rounds: what was promised in an earlier one is still there. */
  const written: Written[] = [];
  const sites = [...estate.sites];
  const pods = estate.sites.flatMap((site) => estates.podsOf(site, estate.nodesPerSite));
  const nodes = (): NodeSet => ({ cluster, namespace: estate.namespace, pods });
  const kubectl = (...args: string[]): Promise<string> => estates.inNamespace(cluster, estate, ...args);

  beforeAll(async () => {
    cluster = await startCluster(say);
    await provideSimulatedNode(cluster, {
      name: nodeImage,
      releases: [estate.release ?? sampleRelease],
    });
    await installOperator(cluster, say);
    await kubectl("create", "namespace", estate.namespace);
    await makeSshSecret(kubectl);
    await estates.installEstate(cluster, estate);
    await createTable(estates.nodesOf(cluster, estate), estate.sites.map(estates.clientSite), "keyed");
  }, 20 * minutes);
  afterEach(async () => {
    if (!finished) say(`what was seen is kept in ${await keepEvidence(cluster)}`);
  }, 2 * minutes);
  afterAll(() => cluster?.stop(), 2 * minutes);

  async function told(site: string, type: string, wanted: Wanted = isTrue): Promise<void> {
    let last = "";
    await until(`${type} of ${site}`, 8 * 60, async () => {
      const { metadata, status } = JSON.parse(await kubectl("get", "tc", site, "-o", "json"));
      const all: (Condition & { observedGeneration: number })[] = status?.conditions ?? [];
      const found = all.find((each) => each.type === type);
      if (found !== undefined && found.message !== last) say(found.message.slice(0, 160));
      last = found?.message ?? "";
      await estates.pause(2);
      return found !== undefined && wanted(found) && found.observedGeneration === metadata.generation;
    });
  }

  return {
    kubectl,
    apply: (object) => cluster.kubectl(["apply", "-f", "-"], JSON.stringify(object)),
    provideNode: (image) => provideSimulatedNode(cluster, image),
    sites,
    pods,
    nodes,
    async underLoad(run) {
      finished = false;
      const { namespace } = estate;
      round += 1;
      const clients = await startClients({
        cluster,
        namespace,
        sites: sites.map(estates.clientSite),
        image: nodeImage,
        behind: round * 100_000,
      });
      try {
        await run();
        await estates.pause(3);
      } finally {
        written.push(...(await clients.stop()));
      }
      expect(await dataFaultsOf(nodes(), written)).toEqual([]);
      finished = true;
    },
    async asked(sample, block, more, meanwhile) {
      const object = sampleNamed(sample, estate);
      const spec = { ...object.spec } as Record<string, object>;
      spec[block] = { ...spec[block], ...more };
      const manual: object = { ...spec, approval: "Manual" };
      await askFor(cluster, estate, { ...object, spec: manual });
      await followRequest(cluster, estate, object.metadata.name, 11, meanwhile);
    },
    async edited(site, patch, type, wanted) {
      await kubectl("patch", "tc", site, "--type=merge", "--patch", JSON.stringify({ spec: patch }));
      await told(site, type, wanted);
    },
    told,
  };
}
