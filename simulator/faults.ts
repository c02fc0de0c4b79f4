/** Faults: traps that bite on the next fitting occasion, and blows that fall at once. Each is named, seeded and enumerable. */
import { failOver } from "./managers.ts";
import { emit, type Host, hostOf, hostsOf, type Site, siteOf, type Trap, type World } from "./model.ts";
import { fail, killReplicator } from "./replicator.ts";
import { setMysql } from "./site.ts";
import type { ThlEvent } from "./state.ts";
import { onHost } from "./virtual.ts";
import { restartContainer } from "./world.ts";

/** True when a trap of this kind was due on this host; it bites once. */
export function springTrap(world: World, host: Host, at: Trap["at"]): boolean {
  const index = world.traps.findIndex((trap) => trap.at === at && trap.host === host.name);
  const trap = world.traps[index];
  if (trap === undefined) return false;
  if (trap.after > 0) {
    trap.after -= 1;
    return false;
  }
  world.traps.splice(index, 1);
  emit(world, { kind: "fault", what: `${at} on ${host.name}` });
  return true;
}

export const blows = [
  "restart-container",
  "kill-tools",
  "replicator-killed",
  "service-error",
  "mysql-down",
  "mysql-up",
  "slow",
  "lagging",
  "logs-rebuilt",
  "logs-purged",
  "link-cut",
  "link-mended",
  "primary-moved",
] as const;
export type Blow = (typeof blows)[number];

/** The logs of a site's own service on all its nodes: rebuilt with the same events under other epochs, or cut short. */
function changeLogs(
  world: World,
  { name, dataservice }: Site,
  change: (log: readonly ThlEvent[]) => readonly ThlEvent[],
): void {
  for (const { volume } of hostsOf(world, name)) {
    const key = `cluster/${dataservice}`;
    volume.thl.set(key, [...change(volume.thl.get(key) ?? [])]);
  }
}

/** Whose process carries the services of other sites. */
const carrier = (world: World) => (world.composite === true ? "cluster" : "crossSite");

/** Strikes a host, or its site. */
export function strike(world: World, blow: Blow, hostName: string): void {
  const host = hostOf(world, hostName);
  const site = siteOf(world, host.site);
  emit(world, { kind: "fault", what: `${blow} on ${hostName}` });
  switch (blow) {
    case "restart-container":
      return restartContainer(world, host);
    case "kill-tools":
      host.tools = [];
      return;
    case "replicator-killed":
      killReplicator(world, host, carrier(world));
      return;
    case "service-error": {
      const carried = [...(host.replicators[carrier(world)]?.services.values() ?? [])];
      const service = carried.find(({ source }) => source !== site.dataservice);
      if (service !== undefined && !service.state.startsWith("OFFLINE"))
        fail(world, host, service, "Connection reset");
      return;
    }
    case "mysql-down":
      return setMysql(world, host, false);
    case "mysql-up":
      return setMysql(world, host, true);
    case "slow":
      host.slowness = 4;
      return;
    case "lagging":
      host.lagMs = 15 * 60_000;
      return;
    case "logs-rebuilt":
      return changeLogs(world, site, (log) => log.map((event) => ({ ...event, epoch: event.epoch + 1000 })));
    case "logs-purged":
      return changeLogs(world, site, (log) => log.slice(-3));
    case "link-cut": {
      const other = [...world.sites.keys()].find((name) => name !== site.name);
      if (other !== undefined) world.cuts.add([site.name, other].sort().join("|"));
      return;
    }
    case "link-mended":
      world.cuts.clear();
      return;
    case "primary-moved":
      return onHost(world, host, failOver(world, host));
  }
}
