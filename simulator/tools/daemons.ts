/** The control scripts: start when up exits 1, stop when down exits 0, start returns before the port answers. Transcripts replicator-*. */
import { emit, type Host, type ProductName, siteOf, type World } from "../model.ts";
import { startReplicator, stopReplicator } from "../replicator.ts";
import { bad, ok, type Tool } from "./tool.ts";

const title = { replicator: "Replicator", manager: "Manager", connector: "Connector" } as const;
type Daemon = keyof typeof title;

const absent = (path: string) => bad(127, "", `${path}: No such file or directory\n`);

export const replicator: Tool = function* ({ world, host, args }) {
  const product: ProductName = args[0] === "crossSite" ? "crossSite" : "cluster";
  const verb = args[1] ?? "";
  if (host.volume.installed[product] === undefined) return absent("tungsten-replicator/bin/replicator");
  const process = host.replicators[product];
  if (verb === "status") return status(world, "replicator", process?.pid);
  if (verb === "stop") {
    if (process === undefined)
      return ok("Stopping Tungsten Replicator Service...\nTungsten Replicator Service is not running.\n");
    yield 2000;
    stopReplicator(world, host, product);
    return ok(
      "Stopping Tungsten Replicator Service...\nWaiting for Tungsten Replicator Service to exit...\nStopped Tungsten Replicator Service.\n",
    );
  }
  if (process !== undefined) return bad(1, "Replicator is already started\n");
  yield 1000;
  startReplicator(world, host, product, verb === "start-offline");
  return ok(
    `Starting Tungsten Replicator Service...\nWaiting for Tungsten Replicator Service.\nrunning: PID:${host.replicators[product]?.pid ?? 0}\n`,
  );
};

/** Texts of manager and connector have no transcript: they vary by seed as the vendor's pages do. */
function status(world: World, daemon: Daemon, pid: number | undefined) {
  const name = `Tungsten ${title[daemon]} Service`;
  if (pid === undefined) return bad(1, `${name} is not running.\n`);
  const variants = [`PID: ${pid}, Java:STARTED`, `PID:${pid}, Wrapper:STARTED, Java:STARTED`];
  return ok(`${name} is running: ${variants[daemon === "replicator" ? 0 : world.variant % 2]}\n`);
}

const daemonTool = (daemon: "manager" | "connector"): Tool =>
  function* ({ world, host, args }) {
    const [verb] = args;
    const state = host[daemon];
    if (host.volume.installed.cluster === undefined) return absent(`tungsten-${daemon}/bin/${daemon}`);
    if (verb === "status") return status(world, daemon, state.running ? 4000 + host.ordinal : undefined);
    const name = `Tungsten ${title[daemon]} Service`;
    if (verb === "stop") {
      if (!state.running) return ok(`Stopping ${name}...\n${name} is not running.\n`);
      yield 2000;
      setDaemon(world, host, daemon, false);
      return ok(`Stopping ${name}...\nStopped ${name}.\n`);
    }
    if (state.running) return bad(1, `${title[daemon]} is already started\n`);
    yield 3000;
    setDaemon(world, host, daemon, true);
    return ok(`Starting ${name}...\nWaiting for ${name}......\nrunning: PID:${4000 + host.ordinal}\n`);
  };

export function setDaemon(world: World, host: Host, daemon: "manager" | "connector", running: boolean): void {
  if (host[daemon].running === running) return;
  host[daemon] = { running, since: world.now };
  if (daemon === "manager" && running) host.mysql.readOnly = siteOf(world, host.site).primary !== host.name;
  emit(world, { kind: "process", host: host.name, what: daemon, verb: running ? "start" : "stop" });
}

export const manager = daemonTool("manager");
export const connector = daemonTool("connector");

/** Starts whatever of a product is not up yet, as `startall` and an install with start-and-report do. */
export function startAll(world: World, host: Host, product: ProductName): void {
  startReplicator(world, host, product);
  if (product !== "cluster") return;
  setDaemon(world, host, "manager", true);
  setDaemon(world, host, "connector", true);
}

/** Each script in turn, whatever the one before said; text of all, exit code of the last ([doc-code], tungsten-cli §3). */
const each = (tools: readonly (readonly [Tool, readonly string[]])[]): Tool =>
  function* (call) {
    let out = "";
    let code = 0;
    for (const [tool, args] of tools) {
      const result = yield* tool({ ...call, args });
      out += result.out;
      code = result.code;
    }
    return bad(code, out);
  };

const forProduct = (cluster: Tool, crossSite: Tool): Tool =>
  function* (call) {
    return yield* (call.args[0] === "crossSite" ? crossSite : cluster)(call);
  };

export const startall = forProduct(
  each([
    [replicator, ["cluster", "start"]],
    [manager, ["start"]],
    [connector, ["start"]],
  ]),
  each([[replicator, ["crossSite", "start"]]]),
);
export const stopall = forProduct(
  each([
    [connector, ["stop"]],
    [manager, ["stop"]],
    [replicator, ["cluster", "stop"]],
  ]),
  each([[replicator, ["crossSite", "stop"]]]),
);
