/** A site's managers, connectors and clients: policies, failover after 20 to 30 seconds, connections held and refused. */
import { emit, type Host, hostOf, hostsOf, type Site, type World } from "./model.ts";
import { commitRow, tablesOf } from "./mysql.ts";
import { goOnline, lastOf } from "./replicator.ts";

/** The coordinator is the first manager that runs. */
export const coordinatorOf = (world: World, site: Site): Host | undefined =>
  hostsOf(world, site.name).find((host) => host.up && host.manager.running);

const resumeAfterMs = 10_000;
const failoverAfterMs = 25_000;

/** Under AUTOMATIC a manager brings offline local services back and fails over; otherwise it only looks on. */
export function stepManagers(world: World, site: Site): void {
  const coordinator = coordinatorOf(world, site);
  if (coordinator === undefined || site.policy !== "AUTOMATIC") {
    site.faultSince = null;
    return;
  }
  for (const host of hostsOf(world, site.name)) {
    if (!host.up || !host.manager.running) continue;
    for (const service of host.replicators.cluster?.services.values() ?? [])
      if (service.state.startsWith("OFFLINE") && world.now - service.since > resumeAfterMs && host.mysql.up)
        goOnline(world, host, service, {});
  }
  const primary = hostOf(world, site.primary);
  if (primary.up && primary.mysql.up) {
    site.faultSince = null;
    return;
  }
  site.faultSince ??= world.now;
  if (world.now - site.faultSince >= failoverAfterMs) failOver(world, site);
}

/** Promotes the most advanced replica; the old primary's datasource is shunned. */
export function failOver(world: World, site: Site, to?: string): void {
  const candidates = hostsOf(world, site.name).filter(
    (host) => host.name !== site.primary && host.up && host.mysql.up,
  );
  const schema = `tungsten_${site.dataservice}`;
  const seqno = (host: Host) => tablesOf(host.mysql, schema)?.commit?.seqno ?? -1;
  candidates.sort((a, b) => seqno(b) - seqno(a) || a.ordinal - b.ordinal);
  const next = candidates.find((host) => to === undefined || host.name === to);
  if (next === undefined) return;
  const before = hostOf(world, site.primary);
  emit(world, { kind: "primary", site: site.name, from: before.name, to: next.name });
  site.primary = next.name;
  site.shunned.add(before.name);
  site.shunned.delete(next.name);
  site.faultSince = null;
  before.mysql.readOnly = true;
  next.mysql.readOnly = false;
  for (const host of hostsOf(world, site.name)) {
    const service = host.replicators.cluster?.services.get(site.dataservice);
    if (service !== undefined && host.up && host.mysql.up) {
      lastOf(host, service);
      goOnline(world, host, service, {});
    }
  }
}

const refuseAfterMs = 30_000;

/** Where a client of this site gets its write: a host, or that the connectors hold or refuse it. */
export function routeWrite(world: World, site: Site): Host | "held" | "refused" {
  const connectors = hostsOf(world, site.name).filter(
    (host) => host.up && host.connector.running && world.now >= host.connector.since,
  );
  if (connectors.length === 0) return "refused";
  const managed = connectors.some((host) => host.manager.running);
  if (!managed) {
    const since = Math.max(...hostsOf(world, site.name).map((host) => host.manager.since));
    return world.now - since > refuseAfterMs ? "refused" : "held";
  }
  const primary = hostOf(world, site.primary);
  return primary.up && primary.mysql.up && !primary.mysql.readOnly ? primary : "refused";
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
  host.mysql.up = up;
  emit(world, { kind: "fault", what: `mysql of ${host.name} ${up ? "up" : "down"}` });
}
