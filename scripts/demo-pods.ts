/** The demo on real pods: a real kubelet, a real MariaDB in every node, the operator by Helm, clients through the connectors. Tungsten's tools are simulated. */
import { type Cluster, prepareCluster, removeRemains, startCluster } from "../local/cluster.ts";
import { type ClientSite, type Clients, createTable, startClients, table } from "../local/pods/clients.ts";
import { acknowledgedBy, longestInterruption, type Written } from "../local/pods/judge.ts";
import { type InstalledOperator, installOperator } from "../local/pods/operator.ts";
import { faultsOf, type LogMarks, markLogs } from "../local/pods/oracle.ts";
import { nodeImage, provideSimulatedNode } from "../local/pods/simulated-node.ts";
import { inPod, type NodeSet, sql } from "../local/pods/sql.ts";
import { until } from "../local/processes.ts";
import { findHelm } from "../local/tools.ts";
import { type Counted, namespace, rowLine, type Stage, siteLines } from "./demo-stage.ts";

type SiteObject = {
  metadata: { name: string };
  spec: { nodes: number; connector?: { port?: number } };
  status?: { primary?: string; policy?: string };
};

const podsOf = ({ metadata: { name }, spec }: SiteObject): readonly string[] =>
  Array.from({ length: spec.nodes }, (_, index) => `${name}-${index}`);
const clientSite = ({ metadata: { name }, spec }: SiteObject): ClientSite => ({
  name,
  host: `${name}-connector`,
  port: spec.connector?.port ?? 3306,
  secret: `${name}-tungsten`,
});

/** What is installed on a node, and the services its replicators tell. */
const productsScript = `for home in /opt/continuent /opt/replicator; do
  [[ -x $home/tungsten/tungsten-replicator/bin/trepctl ]] || continue
  release=$(basename "$(readlink "$home/tungsten")")
  echo "$home $(echo "$release" | sed -e "s/^tungsten-[a-z]*-//" -e "s/_pid[0-9]*$//"): $("$home/tungsten/tungsten-replicator/bin/trepctl" services 2>/dev/null | awk '/^serviceName/ {print $3}' | paste -sd' ')"
done`;

/** The cluster is up, images are built and known to it; returns before the operator is installed. */
export async function podsStage(report: (line: string) => void): Promise<Stage> {
  await prepareCluster(report);
  await findHelm(report);
  const cluster = await startCluster(report);
  try {
    await provideSimulatedNode(cluster);
    return stageOn(cluster, report);
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

function stageOn(cluster: Cluster, report: (line: string) => void): Stage {
  let operator: InstalledOperator | undefined;
  let killed = "";
  let clients: Clients | undefined;
  let written: readonly Written[] = [];
  let marks: LogMarks = new Map();
  const sites = async (): Promise<readonly SiteObject[]> =>
    JSON.parse(await cluster.kubectl(["get", "tc", "-n", namespace, "-o", "json"])).items as SiteObject[];
  const nodes = async (): Promise<NodeSet> => ({ cluster, namespace, pods: (await sites()).flatMap(podsOf) });
  return {
    kubectl: cluster.kubectl,
    kubeconfig: () => cluster.kubeconfig,
    patience: 4,
    startOperator: async () => {
      operator ??= await installOperator(cluster, report);
      const { leader } = operator;
      let pod = "";
      await until("an operator that leads", 90, async () => {
        pod = await leader();
        return pod !== killed;
      });
      return `the operator runs, pod ${pod} leads`;
    },
    killOperator: async () => {
      killed = (await operator?.killLeader()) ?? "";
      return `pod ${killed}, without grace`;
    },
    startClients: async () => {
      const clientSites = (await sites()).map(clientSite);
      await createTable(await nodes(), clientSites, "keyed");
      marks = await markLogs(await nodes());
      clients = await startClients({ cluster, namespace, sites: clientSites, image: nodeImage });
      return "a client at every site writes through its connector's Service, and goes on doing so";
    },
    stopClients: async () => {
      written = (await clients?.stop()) ?? [];
      return written.map((each) => ({ site: each.site, seconds: longestInterruption(each) / 1000 }));
    },
    topology: async () => {
      const set = await nodes();
      const products = new Map<string, readonly string[]>();
      for (const pod of set.pods)
        products.set(pod, (await inPod(set, pod, productsScript)).trim().split("\n"));
      return (await sites()).flatMap((site) =>
        siteLines(
          {
            name: site.metadata.name,
            primary: site.status?.primary ?? "?",
            policy: site.status?.policy ?? "?",
          },
          podsOf(site).map((name) => ({ name, products: products.get(name) ?? [] })),
        ),
      );
    },
    count: async () => countOn(await sites(), await nodes(), written, marks),
    stop: async () => {
      await cluster.stop();
      await removeRemains();
    },
  };
}

async function countOn(
  sites: readonly SiteObject[],
  nodes: NodeSet,
  written: readonly Written[],
  marks: LogMarks,
): Promise<Counted> {
  const faults = await faultsOf(nodes, written, marks);
  const rows = new Map<string, number>();
  for (const pod of nodes.pods) rows.set(pod, Number(await sql(nodes, pod, `SELECT COUNT(*) FROM ${table}`)));
  const acknowledged = written.reduce((sum, each) => sum + acknowledgedBy(each), 0);
  const unanswered = written.flatMap(({ attempts }) => attempts).length - acknowledged;
  return {
    exact: faults.length === 0 && acknowledged > 0,
    lines: [
      `  rows acknowledged to clients   ${acknowledged} (${unanswered} more were tried without an answer: each is everywhere or nowhere)`,
      ...sites.map((site) =>
        rowLine(
          site.metadata.name,
          podsOf(site).map((name) => ({ name, rows: rows.get(name) ?? 0 })),
        ),
      ),
      faults.length === 0
        ? "  every table has the same CHECKSUM on all nodes; no binary log holds anything of Tungsten's own but heartbeats"
        : faults
            .slice(0, 20)
            .map((fault) => `  ${fault}`)
            .join("\n"),
    ],
  };
}
