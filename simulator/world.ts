/** The world's clock: time passes in ticks, in which clients write, services move, managers watch and tools go on. */
import { setConnector, supervise } from "./managers.ts";
import { emit, type Host, hostsOf, type Site, type ToolProcess, type World } from "./model.ts";
import { answered, type Steps } from "./outside.ts";
import { startReplicator, stepService } from "./replicator.ts";
import { startDaemons, stepClients } from "./site.ts";
import type { Service, ToolResult } from "./state.ts";
import { onHost, outsideOf } from "./virtual.ts";

const tickMs = 250;

/** Lets virtual time pass. */
export function advance(world: World, ms: number): void {
  const end = world.now + ms;
  while (world.now < end) {
    const elapsed = Math.min(tickMs, end - world.now);
    world.now += elapsed;
    for (const site of world.sites.values()) stepClients(world, site, elapsed);
    for (const host of [...world.hosts.values(), ...world.connectors.values()])
      if (host.up) stepHost(world, host);
    for (const site of world.sites.values()) if (world.now >= site.lookAt) lookAround(world, site);
  }
}

const lookMs = 1000;

/** The site's first running manager is its coordinator. */
function lookAround(world: World, site: Site): void {
  site.lookAt = world.now + lookMs;
  const coordinator = hostsOf(world, site.name).find((host) => host.up && host.manager.running);
  if (coordinator === undefined) site.faultSince = null;
  else onHost(world, coordinator, supervise(world, coordinator));
}

/** Offline and without anything due. */
const rests = ({ state, recoverAt }: Service): boolean =>
  state === "OFFLINE:NORMAL" || (state === "OFFLINE:ERROR" && recoverAt === 0);

function stepHost(world: World, host: Host): void {
  for (const replicator of Object.values(host.replicators))
    for (const service of replicator.services.values())
      if (!rests(service)) onHost(world, host, stepService(world, host, service));
  for (const tool of [...host.tools]) if (world.now >= tool.wakeAt) stepTool(world, host, tool);
}

/** Runs a tool up to its next sleep, or to its end. */
export function stepTool(world: World, host: Host, tool: ToolProcess): void {
  const outside = outsideOf(world, host);
  let next = tool.steps.next();
  while (next.done !== true) {
    const [what, words] = next.value;
    if (what === "sleep") {
      tool.wakeAt = world.now + words[0] * host.slowness;
      return;
    }
    next = tool.steps.next(answered(outside, next.value));
  }
  host.tools = host.tools.filter((other) => other !== tool);
  tool.finished(next.value);
}

/** Starts a tool as a process of the host; what is quick ends at once. */
export function spawn(
  world: World,
  host: Host,
  argv: readonly string[],
  steps: Steps<ToolResult>,
  born: (pid: number) => void,
  finished: (result: ToolResult) => void,
): void {
  const tool: ToolProcess = { pid: world.newPid(), argv, steps, wakeAt: world.now, finished };
  host.tools.push(tool);
  born(tool.pid);
  stepTool(world, host, tool);
}

/** Every process of the container dies; its root file system is new; the volume stays. The entrypoint starts what is not held. */
export function restartContainer(world: World, host: Host): void {
  stopContainer(world, host);
  startContainer(world, host);
}

export function stopContainer(world: World, host: Host): void {
  emit(world, { kind: "fault", what: `container of ${host.name} ends` });
  host.up = false;
  host.tools = [];
  host.replicators = {};
  host.manager = { running: false, since: world.now };
  host.connector = { running: false, since: world.now };
  host.mysql.up = false;
  host.joined = false;
}

export function startContainer(world: World, host: Host, podUid = host.podUid): void {
  host.podUid = podUid;
  host.life += 1;
  host.up = true;
  host.mysql.up = host.mysql.hollow !== true && !host.volume.holds.has("database");
  host.mysql.started = host.mysql.mounted;
  host.joined = host.volume.ini !== null && host.secretReady;
  if (host.joined) host.joinedSecret = new Map(host.secret);
  const { installed, holds, unfinished } = host.volume;
  if (installed.cluster === undefined) return;
  if (installed.cluster.connectorOnly === true) {
    if (unfinished.cluster === undefined && !holds.has("connector")) setConnector(world, host, true);
    return;
  }
  for (const product of ["cluster", "crossSite"] as const)
    if (!holds.has(product) && unfinished[product] === undefined) startReplicator(world, host, product);
  if (unfinished.cluster === undefined) startDaemons(world, host);
}
