/** What a simulated tool is: words and stdin in, a generator that asks its surroundings, text and an exit code out. */
import type { Ambient, Host, World } from "../model.ts";
import type { Steps } from "../outside.ts";
import type { Node, ProductName, ToolResult } from "../state.ts";

/** One run of a vendor's tool; alike in the virtual world and on a real node. */
export type Call = {
  readonly ambient: Ambient;
  readonly node: Node;
  /** Whose installed tree, or unpacked package, the tool lies in. */
  readonly product: ProductName;
  /** Release of the unpacked package it was run from; null: run from the installed tree. */
  readonly unpacked: string | null;
  readonly args: readonly string[];
  readonly stdin: string;
};
export type Tool = (call: Call) => Steps<ToolResult>;

/** A question or act of the runner's own: only the twin in the virtual world has it, a real node has the real runner. */
export type RunnerCall = {
  readonly world: World;
  readonly host: Host;
  readonly args: readonly string[];
  readonly stdin: string;
};
export type RunnerTool = (call: RunnerCall) => Steps<ToolResult>;

export const ok = (out = "", err = ""): ToolResult => ({ code: 0, out, err });
export const bad = (code: number, out = "", err = ""): ToolResult => ({ code, out, err });

/** A tool of the runner that ends at once. */
export const quick = (run: (call: RunnerCall) => ToolResult): RunnerTool =>
  // biome-ignore lint/correctness/useYield: a tool that asks nothing
  function* quickTool(call) {
    return run(call);
  };

/** The word behind an option; `*` where it is the last word, undefined where it is not there. */
export const behind = (options: readonly string[], option: string): string | undefined =>
  options.includes(option) ? (options[options.indexOf(option) + 1] ?? "*") : undefined;

/** The home directory of a product. */
export const homeOf = (product: ProductName): string =>
  product === "cluster" ? "/opt/continuent" : "/opt/replicator";

/** Where a service's log lies; that of the second product under its section's name. */
export const thlFolder = (product: ProductName, name: string, dataservice: string): string =>
  `${homeOf(product)}/thl/${product === "crossSite" ? `${name}_${dataservice}` : name}`;

/** Where a product's replicator serves its logs. */
export const thlPort = (product: ProductName): number => (product === "cluster" ? 2112 : 2113);
