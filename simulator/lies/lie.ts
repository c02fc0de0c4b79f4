/** A lie as data: what a tool says, what is true, the client who believes it and the look that does not. */
import type { Said, Stage, StageShape } from "./stage.ts";

export type Shown = {
  /** The output in question, as it came out of the simulated tool. */
  readonly said: Said;
  /** Which line of it speaks, by its beginning; without, the first. */
  readonly line?: string;
  /** Three answers to the row's question: the world's own, the naive client's, the careful look's. */
  readonly truth: string;
  readonly naive: string;
  readonly careful: string;
};

export type Lie = {
  readonly name: string;
  readonly tool: Tool;
  /** Sections of the references: `observed §3.2`, `conversion §4b`, `cli §0.7`. */
  readonly cites: readonly string[];
  /** What is said, and what is true, in one sentence. */
  readonly lie: string;
  /** What both clients want to know. */
  readonly asks: string;
  /** How the naive client finds its answer. */
  readonly naive: string;
  /** What the careful one looks at instead. */
  readonly careful: string;
  /** The estate it is shown in, where two sites of two nodes are not enough. */
  readonly stage?: StageShape;
  readonly show: (stage: Stage) => Shown;
};

export const tools = [
  "replicator",
  "trepctl online and offline",
  "trepctl status",
  "stopping at a heartbeat",
  "replication",
  "trepctl reset",
  "thl and dsctl",
  "mysqldump and mysql",
  "tpm",
  "tpm uninstall",
  "cctrl and the rest",
] as const;
export type Tool = (typeof tools)[number];

/** A lie that cannot be shown live here, and why not. */
export type Untold = { readonly cites: string; readonly lie: string; readonly why: string };
