/** The control scripts: start when up exits 1, stop when down exits 0, start returns before the port answers. Transcripts replicator-*. */
import { setConnector, setManager } from "../managers.ts";
import type { Ambient } from "../model.ts";
import { ask, type Steps } from "../outside.ts";
import { startReplicator, stopReplicator } from "../replicator.ts";
import type { Node, ToolResult } from "../state.ts";
import { bad, type Call, ok, type Tool } from "./tool.ts";

const title = { replicator: "Replicator", manager: "Manager", connector: "Connector" } as const;
type Daemon = keyof typeof title;

const absent = (path: string) => bad(127, "", `${path}: No such file or directory\n`);

/** `replicator start | start offline | stop | status`. */
export const replicator: Tool = function* ({ ambient, node, product, args }) {
  const [verb = "", how] = args;
  const installed = node.volume.installed[product];
  if (installed === undefined || installed.connectorOnly === true)
    return absent("tungsten-replicator/bin/replicator");
  const process = node.replicators[product];
  if (verb === "status") return status(ambient, "replicator", process?.pid);
  if (verb === "stop") {
    if (process === undefined)
      return ok("Stopping Tungsten Replicator Service...\nTungsten Replicator Service is not running.\n");
    yield* ask("sleep", 2000);
    yield* stopReplicator(ambient, node, product);
    return ok(
      "Stopping Tungsten Replicator Service...\nWaiting for Tungsten Replicator Service to exit...\nStopped Tungsten Replicator Service.\n",
    );
  }
  if (verb !== "start") return usage("replicator");
  if (process !== undefined) return bad(1, "Replicator is already started\n");
  yield* ask("sleep", 1000);
  startReplicator(ambient, node, product, how === "offline");
  return ok(
    `Starting Tungsten Replicator Service...\nWaiting for Tungsten Replicator Service.\nrunning: PID:${node.replicators[product]?.pid ?? 0}\n`,
  );
};

const usage = (daemon: Daemon): ToolResult =>
  bad(
    1,
    `Usage: ${daemon} { console | start | stop | restart | condrestart | status | install | remove | dump }\n`,
  );

/** Texts of manager and connector have no transcript: they vary by seed as the vendor's pages do. */
function status(ambient: Ambient, daemon: Daemon, pid: number | undefined): ToolResult {
  const name = `Tungsten ${title[daemon]} Service`;
  if (pid === undefined) return bad(1, `${name} is not running.\n`);
  const variants = [`PID: ${pid}, Java:STARTED`, `PID:${pid}, Wrapper:STARTED, Java:STARTED`];
  return ok(`${name} is running: ${variants[daemon === "replicator" ? 0 : ambient.variant % 2]}\n`);
}

const daemonTool = (daemon: "manager" | "connector"): Tool =>
  function* ({ ambient, node, args }) {
    const [verb] = args;
    const { running } = node[daemon];
    const pid = 4000 + node.ordinal;
    const { cluster } = node.volume.installed;
    if (cluster === undefined || (cluster.connectorOnly === true && daemon === "manager"))
      return absent(`tungsten-${daemon}/bin/${daemon}`);
    if (verb === "status") return status(ambient, daemon, running ? pid : undefined);
    const name = `Tungsten ${title[daemon]} Service`;
    if (verb === "stop") {
      if (!running) return ok(`Stopping ${name}...\n${name} is not running.\n`);
      yield* ask("sleep", 2000);
      yield* setDaemon(ambient, node, daemon, false);
      return ok(`Stopping ${name}...\nStopped ${name}.\n`);
    }
    if (verb !== "start") return usage(daemon);
    if (running) return bad(1, `${title[daemon]} is already started\n`);
    yield* ask("sleep", 3000);
    yield* setDaemon(ambient, node, daemon, true);
    return ok(`Starting ${name}...\nWaiting for ${name}......\nrunning: PID:${pid}\n`);
  };

function* setDaemon(
  ambient: Ambient,
  node: Node,
  daemon: "manager" | "connector",
  running: boolean,
): Steps<void> {
  if (daemon === "manager") yield* setManager(ambient, node, running);
  else setConnector(ambient, node, running);
}

export const manager = daemonTool("manager");
export const connector = daemonTool("connector");

/** Starts whatever of a product is not up yet, as an install with start-and-report does. */
export function* startAll({ ambient, node, product }: Call): Steps<void> {
  if (node.volume.installed[product]?.connectorOnly === true) return setConnector(ambient, node, true);
  startReplicator(ambient, node, product);
  if (product === "crossSite") return;
  yield* setManager(ambient, node, true);
  setConnector(ambient, node, true);
}

/** Each script in turn, whatever the one before said: text of all, exit code of the last ([doc-code], tungsten-cli §3). */
const each = (name: string, verb: "start" | "stop", order: readonly Daemon[]): Tool =>
  function* (call) {
    const installed = call.node.volume.installed[call.product];
    if (installed === undefined) return absent(`cluster-home/bin/${name}`);
    let out = "";
    let code = 0;
    const configured = (daemon: Daemon): boolean =>
      installed.connectorOnly === true
        ? daemon === "connector"
        : call.product === "cluster" || daemon === "replicator";
    for (const daemon of order.filter(configured)) {
      const result = yield* { replicator, manager, connector }[daemon]({ ...call, args: [verb] });
      out += result.out;
      code = result.code;
    }
    return bad(code, out);
  };

export const startall = each("startall", "start", ["replicator", "manager", "connector"]);
export const stopall = each("stopall", "stop", ["connector", "manager", "replicator"]);
