/** A person's shell on a simulated node: a line is split into words, the tool runs as a process of the host, time passes until it ends. */
import type { Host, ProductName, ToolResult, World } from "../model.ts";
import { cctrl } from "../tools/cctrl.ts";
import { connector, manager, replicator, startall, stopall } from "../tools/daemons.ts";
import { dsctl, thl } from "../tools/logs.ts";
import { multiTrepctl } from "../tools/multi-trepctl.ts";
import type { Tool } from "../tools/tool.ts";
import { tpm } from "../tools/tpm.ts";
import { trepctl } from "../tools/trepctl.ts";
import { advance, spawn } from "../world.ts";
import { mysql, mysqldump } from "./mysql-client.ts";
import type { Said } from "./stage.ts";

/** A tpm of the unpacked package installs; the installed one uninstalls and is asked. */
const fromPackage = ["validate", "install", "update"];

type Start = (
  host: Host,
  product: ProductName,
  words: readonly string[],
) => readonly [Tool, readonly string[]];
const ofProduct =
  (tool: Tool): Start =>
  (_host, product, words) => [tool, [product, ...words]];
const plain =
  (tool: Tool): Start =>
  (_host, _product, words) => [tool, words];

const starts: Readonly<Record<string, Start>> = {
  trepctl: ofProduct(trepctl),
  thl: ofProduct(thl),
  dsctl: ofProduct(dsctl),
  replicator: (_host, product, words) => [replicator, [product, words.join("-")]],
  startall: ofProduct(startall),
  stopall: ofProduct(stopall),
  multi_trepctl: plain(multiTrepctl),
  manager: plain(manager),
  connector: plain(connector),
  cctrl: plain(cctrl),
  mysql: plain(mysql),
  mysqldump: plain(mysqldump),
  tpm: (host, product, words) => {
    const [release = ""] = host.volume.software;
    return [tpm, [product, fromPackage.includes(words[0] ?? "") ? release : "installed", ...words]];
  },
};

/** Words of a line; single and double quotes hold blanks together. */
const wordsOf = (line: string): readonly string[] =>
  [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? "",
  );

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
  const [name = "", ...words] = wordsOf(line);
  const begin = starts[name];
  if (begin === undefined) return { line, code: 127, out: "", err: `sh: 1: ${name}: not found\n` };
  const [tool, args] = begin(host, product, words);
  let result: ToolResult | undefined;
  spawn(world, host, [name, ...args], tool({ world, host, args, stdin }), (ended) => {
    result = ended;
  });
  const end = world.now + patienceMs;
  while (result === undefined && world.now < end) advance(world, 250);
  return { line, ...(result ?? { code: -1, out: "", err: "" }) };
}
