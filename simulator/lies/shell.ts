/** A person's shell on a simulated node: a line is split into words, the tool runs as a process of the host, time passes until it ends. */
import type { Host, World } from "../model.ts";
import type { Steps } from "../outside.ts";
import type { ProductName, ToolResult } from "../state.ts";
import { cctrl } from "../tools/cctrl.ts";
import { connector, manager, replicator, startall, stopall } from "../tools/daemons.ts";
import { dsctl, thl } from "../tools/logs.ts";
import type { RunnerTool, Tool } from "../tools/tool.ts";
import { tpm } from "../tools/tpm.ts";
import { trepctl } from "../tools/trepctl.ts";
import { advance, spawn } from "../world.ts";
import { multiTrepctl } from "./multi-trepctl.ts";
import { mysql, mysqldump } from "./mysql-client.ts";
import type { Said } from "./stage.ts";

const vendors: Readonly<Record<string, Tool>> = {
  trepctl,
  thl,
  dsctl,
  replicator,
  manager,
  connector,
  startall,
  stopall,
  cctrl,
  tpm,
};
const others: Readonly<Record<string, RunnerTool>> = { multi_trepctl: multiTrepctl, mysql, mysqldump };

/** A tpm of the unpacked package validates, installs and updates; the installed one does the rest. */
const fromPackage = ["validate", "install", "update"];

/** Words of a line; single and double quotes hold blanks together. */
const wordsOf = (line: string): readonly string[] =>
  [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? "",
  );

function stepsOf(
  world: World,
  host: Host,
  product: ProductName,
  [name = "", ...args]: readonly string[],
  stdin: string,
): Steps<ToolResult> | undefined {
  const tool = vendors[name];
  if (tool === undefined) return others[name]?.({ world, host, args, stdin });
  const [release = null] = host.volume.software;
  const unpacked = name === "tpm" && fromPackage.includes(args[0] ?? "") ? release : null;
  return tool({ ambient: world, node: host, product, unpacked, args, stdin });
}

const longestMs = 3_600_000;

/** Runs one line; gives up waiting after `patienceMs`, with exit code -1. A name no PATH knows is 127, aliases among them. */
export function run(
  world: World,
  host: Host,
  product: ProductName,
  line: string,
  stdin = "",
  patienceMs = longestMs,
): Said {
  const words = wordsOf(line);
  const steps = stepsOf(world, host, product, words, stdin);
  if (steps === undefined) return { line, code: 127, out: "", err: `sh: 1: ${words[0]}: not found\n` };
  let result: ToolResult | undefined;
  spawn(
    world,
    host,
    words,
    steps,
    () => {},
    (ended) => {
      result = ended;
    },
  );
  const end = world.now + patienceMs;
  while (result === undefined && world.now < end) advance(world, 250);
  return { line, ...(result ?? { code: -1, out: "", err: "" }) };
}
