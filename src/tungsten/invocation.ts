/**
 * One run of a tool on a node, as data. A query changes nothing and may be asked at any time; a command changes
 * something and leaves a marker on the node. Both travel to the runner (docs/reference/runner-protocol.md), which
 * knows a fixed list of tools and never executes a script it was sent.
 */

/** Which of the two Tungsten products on a node: the cluster (/opt/continuent) or MSAA's second one (/opt/replicator). */
export type Product = "cluster" | "crossSite";

/** Asks without changing anything. `argv[0]` is the runner's name for the tool, see the protocol page. */
export type Query = {
  /** Unique within one observe round; the reply carries it back. */
  readonly id: string;
  readonly argv: readonly string[];
};

/** May the command be begun again when its outcome is unknown? */
export type Repeat = "safe" | "once";

/** A second look, on the node and in the same script, directly before the tool runs. If it fails the marker ends `refused`. */
export type Precheck = { readonly argv: readonly string[] };

export type Command = {
  readonly argv: readonly string[];
  /** Fed to the tool; never secret (secrets are files on the node). */
  readonly stdin?: string;
  /**
   * SHA-256 of a text that is fed to the tool and that nobody prints: the shell has it from an object that a person named.
   * It stands in neither plan nor journal, and the node compares the checksum too.
   */
  readonly stdinSha256?: string;
  /** How long the tool may run before its outcome counts as unknown; it is not killed by the operator. */
  readonly deadlineSeconds: number;
  readonly repeat: Repeat;
  readonly prechecks?: readonly Precheck[];
};

/** What a tool printed and how it ended. The exit code of a Tungsten tool is evidence, never proof. */
export type ToolOutput = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

/** The fate of one command, as its marker directory on the node tells it. */
export type MarkerState =
  | { readonly state: "absent" }
  /** Claimed a moment ago in this container life, the tool has no pid yet. */
  | { readonly state: "starting" }
  | { readonly state: "running"; readonly beganAt: number }
  | {
      readonly state: "exited";
      readonly output: ToolOutput;
      readonly beganAt: number;
      readonly endedAt: number;
    }
  /** The second live check objected: nothing was run. */
  | { readonly state: "refused"; readonly reason: string }
  /** Claimed and never given a pid, and by now nobody can give it one: it provably never ran. */
  | { readonly state: "unbegun" }
  /** It ran and its end was not seen: a killed container, a process that is gone. The outcome is unknown. */
  | { readonly state: "interrupted" };
