/** The demo on any machine: a real Kubernetes API, the operator as a process, and a stand-in for nodes with a simulated world behind it. */
import { type Operator, type Stand, startStand } from "../local/estate.ts";
import { type Counted, rowLine, type Stage, siteLines } from "./demo-stage.ts";

type NodeState = { readonly name: string; readonly rows: number; readonly products: readonly string[] };
type SiteState = {
  readonly name: string;
  readonly primary: string;
  readonly policy: string;
  readonly longestGapSeconds: number;
  readonly nodes: readonly NodeState[];
};
type Oracle = {
  readonly written: number;
  readonly missing: readonly string[];
  readonly doubled: readonly string[];
  readonly outOfOrder: number;
};

const settings = {
  POLL_MS: "400",
  IDLE_MS: "2000",
  HEALTH_MS: "10000",
  LEASE_MS: "6000",
  LEASE_RENEW_BY_MS: "4000",
  LEASE_RETRY_MS: "1000",
};
const rowsPerSecond = 5;

/** `cluster 8.0.4-132: nyc` as where it lies on the node. */
const placed = (product: string): string =>
  product.replace(/^cluster /, "/opt/continuent ").replace(/^crossSite /, "/opt/replicator ");

async function sitesOf(stand: Stand): Promise<readonly SiteState[]> {
  const { sites } = (await stand.world("/state")) as { sites: readonly SiteState[] };
  return [...sites].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function count(stand: Stand): Promise<Counted> {
  const sites = await sitesOf(stand);
  const { written, missing, doubled, outOfOrder } = (await stand.world("/oracle")) as unknown as Oracle;
  const right = missing.length + doubled.length + outOfOrder === 0;
  return {
    exact: right && sites.every(({ nodes }) => nodes.every(({ rows }) => rows === written)),
    lines: [
      `  rows acknowledged to clients   ${written}`,
      ...sites.map(({ name, nodes }) => rowLine(name, nodes)),
      `  missing ${missing.length}, doubled ${doubled.length}, out of order ${outOfOrder}`,
    ],
  };
}

/** Everything but the operator and the clients is up when this returns. */
export async function standInStage(report: (line: string) => void): Promise<Stage> {
  report(
    "bringing up etcd, kube-apiserver and kube-controller-manager (built from Go modules the first time)",
  );
  const stand = await startStand(report, { seed: 2, hurry: 0.25 });
  let operator: Operator | undefined;
  const pid = (): number => operator?.child.pid() ?? 0;
  return {
    kubectl: stand.plane.kubectl,
    kubeconfig: () => stand.plane.kubeconfig("you", stand.plane.adminToken),
    patience: 1,
    startOperator: async () => {
      operator = await stand.startOperator(settings);
      return `the operator runs, process ${pid()}`;
    },
    killOperator: async () => {
      const killed = pid();
      process.kill(killed, "SIGKILL");
      await operator?.child.exited;
      return `SIGKILL, process ${killed}`;
    },
    startClients: async () => {
      await stand.world("/clients", { rate: rowsPerSecond });
      return `clients write ${rowsPerSecond} rows a second at every site, and go on doing so`;
    },
    stopClients: async () => {
      const sites = await sitesOf(stand);
      await stand.world("/clients", { rate: 0 });
      return sites.map(({ name, longestGapSeconds }) => ({ site: name, seconds: longestGapSeconds }));
    },
    topology: async () =>
      (await sitesOf(stand)).flatMap((site) =>
        siteLines(
          site,
          site.nodes.map(({ name, products }) => ({ name, products: products.map(placed) })),
        ),
      ),
    count: () => count(stand),
    stop: stand.stop,
  };
}
