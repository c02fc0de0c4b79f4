/** What the demo prints of the estate: its topology before and after, and every row counted at the end. */
import type { Stand } from "../local/estate.ts";

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

export async function sitesOf(stand: Stand): Promise<readonly SiteState[]> {
  const { sites } = (await stand.world("/state")) as { sites: readonly SiteState[] };
  return [...sites].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `cluster 8.0.4-132: nyc` as where it lies on the node. */
const placed = (product: string): string =>
  product.replace(/^cluster /, "/opt/continuent ").replace(/^crossSite /, "/opt/replicator ");

/** The topology as the nodes have it, whatever the objects say. */
export async function topologyLines(stand: Stand): Promise<readonly string[]> {
  return (await sitesOf(stand)).flatMap(({ name, primary, policy, nodes }) => [
    `  ${name}   primary ${primary}, policy ${policy}`,
    ...nodes.map((node) => `    ${node.name.padEnd(10)} ${node.products.map(placed).join("   ")}`),
  ]);
}

export type Counted = { readonly lines: readonly string[]; readonly exact: boolean };

/** The oracle's word: every acknowledged row on every node, exactly once and in order. */
export async function countRows(stand: Stand): Promise<Counted> {
  const sites = await sitesOf(stand);
  const { written, missing, doubled, outOfOrder } = (await stand.world("/oracle")) as unknown as Oracle;
  const nodes = sites.flatMap((site) => site.nodes);
  const exact =
    missing.length === 0 &&
    doubled.length === 0 &&
    outOfOrder === 0 &&
    nodes.every(({ rows }) => rows === written);
  return {
    exact,
    lines: [
      `  rows acknowledged to clients   ${written}`,
      ...sites.map(
        ({ name, nodes: own }) =>
          `  rows on ${name.padEnd(23)}${own.map((node) => `${node.name} ${node.rows}`).join("   ")}`,
      ),
      `  missing ${missing.length}, doubled ${doubled.length}, out of order ${outOfOrder}`,
    ],
  };
}
