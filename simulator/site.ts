/** The virtual world's clients, and the way its connectors give them to the primary. */
import { admission, setConnector, setManager } from "./managers.ts";
import { connectorsAt, emit, type Host, hostOf, hostsOf, type Site, type World } from "./model.ts";
import { commitRow } from "./mysql.ts";
import { letsApplicationsIn } from "./tools/accounts.ts";
import { onHost } from "./virtual.ts";

/**
 * Where a client of this site gets its write: a host, or that the connectors hold or refuse it. A pod whose connector is
 * held is not Ready and out of the Service.
 */
export function routeWrite(world: World, site: Site): Host | "held" | "refused" {
  const hosts = hostsOf(world, site.name);
  const managed = hosts.some(
    (host) => host.up && host.manager.running && admission(world.now, host.connector, null) === "open",
  );
  const goneSince = managed ? null : Math.max(...hosts.map((host) => host.manager.since));
  const takes = (those: readonly Host[], since: number | null) =>
    those
      .filter((host) => host.up && !host.volume.holds.has("connector"))
      .map((host) => (letsApplicationsIn(host) ? admission(world.now, host.connector, since) : "refused"));
  // A connector on a host of its own needs a manager only, whatever the nodes' connectors do.
  const led = hosts.some((host) => host.up && host.manager.running);
  const admitted = [
    ...takes(hosts, goneSince),
    ...takes(connectorsAt(world, site.name), led ? null : goneSince),
  ];
  if (!admitted.includes("open")) return admitted.includes("held") ? "held" : "refused";
  const primary = hostOf(world, activeOf(world, site).primary);
  return primary.up && primary.mysql.up && !primary.mysql.readOnly ? primary : "refused";
}

/** A passive site's connectors write at the active one, and so do those of a site that knows itself failed. */
function activeOf(world: World, site: Site): Site {
  const sites = [...world.sites.values()];
  const failed = site.compositeOut?.[site.dataservice] !== undefined;
  const other = sites.find(({ name, relaySource }) => name !== site.name && relaySource === undefined);
  return (
    sites.find(({ dataservice }) => dataservice === site.relaySource) ?? (failed ? (other ?? site) : site)
  );
}

/** Clients write all the time; only what was acknowledged has to survive. */
export function stepClients(world: World, site: Site, elapsed: number): void {
  const { client } = site;
  client.due += (client.rate * elapsed) / 1000;
  while (client.due >= 1) {
    client.due -= 1;
    const route = routeWrite(world, site);
    if (typeof route === "string") {
      client.refused += 1;
      continue;
    }
    const tx = `${site.name}:${client.next}`;
    client.next += 1;
    commitRow(world, route, tx, site.name);
    client.acknowledged.push(tx);
    client.longestGap = Math.max(client.longestGap, world.now - client.lastAck);
    client.lastAck = world.now;
  }
}

/** The primary's MySQL goes away or comes back. */
export function setMysql(world: World, host: Host, up: boolean): void {
  host.mysql.up = up && host.mysql.hollow !== true;
  emit(world, { kind: "fault", what: `mysql of ${host.name} ${up ? "up" : "down"}` });
}

/** The entrypoint starts what is not held. */
export function startDaemons(world: World, host: Host): void {
  if (!host.volume.holds.has("manager")) onHost(world, host, setManager(world, host, true));
  if (!host.volume.holds.has("connector")) setConnector(world, host, true);
}
