/** The world's clock: time passes in ticks, in which clients write, services move, managers watch and tools go on. */
import { emit, type Host, type ToolProcess, type ToolResult, type World } from "./model.ts";
import { startReplicator, stepService } from "./replicator.ts";
import { stepClients, stepManagers } from "./site.ts";

const tickMs = 250;

/** Lets virtual time pass. */
export function advance(world: World, ms: number): void {
  const end = world.now + ms;
  while (world.now < end) {
    const elapsed = Math.min(tickMs, end - world.now);
    world.now += elapsed;
    for (const site of world.sites.values()) stepClients(world, site, elapsed);
    for (const host of world.hosts.values()) if (host.up) stepHost(world, host);
    for (const site of world.sites.values()) stepManagers(world, site);
  }
}

function stepHost(world: World, host: Host): void {
  for (const replicator of Object.values(host.replicators))
    for (const service of replicator.services.values()) stepService(world, host, service);
  for (const tool of [...host.tools]) if (world.now >= tool.wakeAt) stepTool(world, host, tool);
}

/** Runs a tool up to its next sleep, or to its end. */
export function stepTool(world: World, host: Host, tool: ToolProcess): void {
  const next = tool.steps.next();
  if (next.done === true) {
    host.tools = host.tools.filter((other) => other !== tool);
    tool.finished(next.value);
    return;
  }
  tool.wakeAt = world.now + next.value * host.slowness;
}

/** Starts a tool as a process of the host; what is quick ends at once. */
export function spawn(
  world: World,
  host: Host,
  argv: readonly string[],
  steps: Generator<number, ToolResult, void>,
  finished: (result: ToolResult) => void,
): number {
  world.nextPid += 1;
  const tool: ToolProcess = { pid: world.nextPid, argv, steps, wakeAt: world.now, finished };
  host.tools.push(tool);
  stepTool(world, host, tool);
  return tool.pid;
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
  host.mysql.up = true;
  host.joined = host.volume.ini !== null && host.secretReady;
  const { installed, holds } = host.volume;
  if (installed.cluster === undefined) return;
  for (const product of ["cluster", "crossSite"] as const)
    if (!holds.has(product)) startReplicator(world, host, product);
  host.manager = { running: !holds.has("manager"), since: world.now };
  host.connector = { running: true, since: world.now };
}
