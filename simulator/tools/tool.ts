/** What every simulated tool is: words and stdin in, a generator that sleeps, text and an exit code out. */
import type { Host, ToolResult, World } from "../model.ts";

export type Call = {
  readonly world: World;
  readonly host: Host;
  readonly args: readonly string[];
  readonly stdin: string;
};

export type Tool = (call: Call) => Generator<number, ToolResult, void>;

export const ok = (out = "", err = ""): ToolResult => ({ code: 0, out, err });
export const bad = (code: number, out = "", err = ""): ToolResult => ({ code, out, err });

/** A tool that ends at once. */
export const quick = (run: (call: Call) => ToolResult): Tool =>
  // biome-ignore lint/correctness/useYield: a tool that never sleeps
  function* quickTool(call) {
    return run(call);
  };
