/** Where the demo plays: its estate, operator and clients, by whichever way this machine has. */

export type Counted = { readonly lines: readonly string[]; readonly exact: boolean };
export type Gap = { readonly site: string; readonly seconds: number };

export type Stage = {
  readonly kubectl: (args: readonly string[], input?: string) => Promise<string>;
  /** A kubeconfig file of an administrator. */
  readonly kubeconfig: () => string;
  /** How much longer everything takes here than on a stand-in for nodes. */
  readonly patience: number;
  /** Starts the operator; says what runs. */
  readonly startOperator: () => Promise<string>;
  /** Kills it without warning; says what was killed. */
  readonly killOperator: () => Promise<string>;
  /** Clients at every site begin to write; says how. */
  readonly startClients: () => Promise<string>;
  /** They end; how long each site's went without an answer, at most. */
  readonly stopClients: () => Promise<readonly Gap[]>;
  /** The topology as the nodes have it, whatever the objects say. */
  readonly topology: () => Promise<readonly string[]>;
  /** The oracle's word: every acknowledged row on every node, exactly once. */
  readonly count: () => Promise<Counted>;
  readonly stop: () => Promise<void>;
};

export const namespace = "estate";

/** Lines of a topology: a site, and below it its nodes with what is installed where. */
export const siteLines = (
  site: { readonly name: string; readonly primary: string; readonly policy: string },
  nodes: readonly { readonly name: string; readonly products: readonly string[] }[],
): readonly string[] => [
  `  ${site.name}   primary ${site.primary}, policy ${site.policy}`,
  ...nodes.map((node) => `    ${node.name.padEnd(10)} ${node.products.join("   ")}`),
];

/** One line a site: how many rows each of its nodes has. */
export const rowLine = (
  site: string,
  nodes: readonly { readonly name: string; readonly rows: number }[],
): string => `  rows on ${site.padEnd(23)}${nodes.map(({ name, rows }) => `${name} ${rows}`).join("   ")}`;
