/** The data-safety invariants, by their numbers, over a change of an installed site: watched while it moves, judged at its end. */
import { type Host, hostsOf, type World, type WorldEvent } from "../../simulator/model.ts";
import { judge } from "../../simulator/oracle.ts";
import { readConfiguration } from "../../simulator/tools/ini.ts";
import type { Violation } from "./invariants.ts";
import type { Scene } from "./scene.ts";

export type ChangeWatch = {
  readonly violations: Violation[];
  readonly commands: string[];
  /** Judges the end of a change that succeeded; clients may have waited so long in all. */
  readonly end: (interruptionSeconds: number) => void;
};

/** What fell over less than a look ago nobody can know. */
const blindMs = 3000;

/** `own`: only the site's own service counts, because those of other sites come and go with them. */
const isOff = (world: World, host: Host, own = false): boolean =>
  Object.values(host.replicators).some((replicator) =>
    [...replicator.services.values()].some(
      ({ name, state, since }) =>
        state !== "ONLINE" &&
        world.now - since > blindMs &&
        !(own && name !== world.sites.get(host.site)?.dataservice),
    ),
  );

const busy = (host: Host): boolean =>
  host.tools.some(({ argv }) => argv[0] === "tpm" && argv[3] === "update");

/**
 * `moves`: the change moves the primary itself, by a switch. `only`: the one site it reaches; all of them otherwise. `joins`:
 * nodes that come into service by it, `leaves`: nodes that go out of it. `fresh`: a site all of whose nodes join, filled from
 * another one; `relayed`: only its head is, and the others from it. `sideBySide`: sites may be updated at the same time.
 * `together`: so they are, and services wait for each other until all are done. `uninstalls`: positions go with a product
 * and come back, which somebody else judges.
 */
export function watchChange(
  scene: Scene,
  {
    moves = false,
    only,
    joins = [],
    leaves = [],
    fresh,
    relayed = false,
    sideBySide = false,
    together = false,
    uninstalls = false,
  }: {
    readonly moves?: boolean;
    readonly only?: string;
    readonly joins?: readonly string[];
    readonly leaves?: readonly string[];
    readonly fresh?: string;
    readonly relayed?: boolean;
    readonly sideBySide?: boolean;
    readonly together?: boolean;
    readonly uninstalls?: boolean;
  } = {},
): ChangeWatch {
  const { world } = scene;
  const violations: Violation[] = [];
  const commands: string[] = [];
  const fences = new Map<string, bigint>();
  const primaries = new Map([...world.sites].map(([name, { primary }]) => [name, primary]));
  const policies = new Map([...world.sites].map(([name, { policy }]) => [name, policy]));
  for (const { client } of world.sites.values()) Object.assign(client, { longestGap: 0, lastAck: world.now });
  let failedOver = false;
  const broken = (n: number, what: string): void => {
    if (violations.length < 50) violations.push({ n, what });
  };
  /** Not in service: it has not come in yet, or goes out. */
  const aside = (name: string): boolean =>
    (joins.includes(name) && !whole.has(name)) || leaves.includes(name);
  const whole = new Set<string>();
  const begun = new Set<string>();
  const siteOf = (host: Host) => world.sites.get(host.site);

  const onCommand = ({ host: name, key, fence, argv }: Extract<WorldEvent, { kind: "command" }>): void => {
    if (commands.includes(key)) broken(44, `${key} was begun twice`);
    commands.push(key);
    if (fence < (fences.get(name) ?? 0n))
      broken(44, `${name} served fence ${fence} after ${fences.get(name)}`);
    fences.set(name, fence);
    if (argv.join(" ") === "database stop") onServerStop(name);
    if (argv.join(" ").includes(world.canary)) broken(47, `${name}: a secret stands in a command`);
  };

  const onTpm = ({ host: name, product, verb, when }: Extract<WorldEvent, { kind: "tpm" }>): void => {
    const host = world.hosts.get(name);
    if (host === undefined || when !== "begin" || verb !== "update") return;
    const site = siteOf(host);
    if (site?.policy !== "MAINTENANCE") broken(33, `tpm update on ${name} under ${site?.policy}`);
    const near = sideBySide || together ? hostsOf(world, host.site) : [...world.hosts.values()];
    const other = near.find((each) => each !== host && busy(each));
    if (other !== undefined) broken(27, `${name} is updated while ${other.name} is`);
    const off = hostsOf(world, host.site).find(
      (each) =>
        each !== host &&
        !aside(each.name) &&
        (each.replicators.cluster === undefined || isOff(world, each, sideBySide)),
    );
    if (off !== undefined && !together && host.name === site?.primary)
      broken(27, `${name}, the primary, is updated while ${off.name} is not online`);
    const { clusters } = readConfiguration(host.volume.ini ?? "", product);
    if (clusters.get(site?.dataservice ?? "")?.master !== site?.primary)
      broken(18, `${name} is updated with another master= than ${site?.primary}`);
    const told = hostsOf(world, host.site).filter(({ name: each }) => !leaves.includes(each));
    if (new Set(told.map((each) => each.volume.ini)).size > 1)
      broken(21, `${name} is updated while its neighbours have another ini`);
    if ((name !== site?.primary || site.relaySource !== undefined) && !host.mysql.readOnly)
      broken(19, `${name} is updated with read_only cleared`);
  };

  /** A server that an operator stops: never the primary's, never beside another one that is away, never one that serves. */
  const onServerStop = (name: string): void => {
    const host = world.hosts.get(name);
    const site = host && siteOf(host);
    if (host === undefined || site === undefined || (joins.includes(name) && aside(name))) return;
    if (site.policy !== "MAINTENANCE") broken(33, `the database of ${name} was stopped under ${site.policy}`);
    if (site.primary === name) broken(26, `the database of ${name}, the primary, was stopped`);
    if (site.out?.[name]?.startsWith("SHUNNED") !== true)
      broken(35, `the database of ${name} was stopped while clients could read from it`);
    const away = hostsOf(world, host.site).find((each) => each !== host && !each.mysql.up);
    if (away !== undefined) broken(27, `the database of ${name} was stopped while that of ${away.name} was`);
  };

  /** A pod that an operator deletes: as a server that it stops, and only once that is stopped. */
  const onPodStop = (name: string): void => {
    onServerStop(name);
    if (world.hosts.get(name)?.mysql.up === true)
      broken(28, `the pod of ${name} was deleted while its database ran`);
  };

  const onPolicy = ({ site: name, policy }: Extract<WorldEvent, { kind: "policy" }>): void => {
    if (policy !== "AUTOMATIC") return;
    const out = hostsOf(world, name).find(
      (host) =>
        !leaves.includes(host.name) &&
        world.now - host.connector.since > blindMs &&
        (host.replicators.cluster === undefined ||
          isOff(world, host) ||
          siteOf(host)?.shunned.has(host.name) ||
          siteOf(host)?.out?.[host.name] !== undefined),
    );
    if (out !== undefined) broken(34, `${name} returned to AUTOMATIC while ${out.name} is not online`);
  };

  /**
   * Only a node that joins is emptied, by a node of its own site; what it holds before that nobody may read or write. What
   * somebody wrote there all the same is theirs, unless a copy was begun over it before.
   */
  const onCopied = ({ host: name, from, when }: Extract<WorldEvent, { kind: "copied" }>): void => {
    const site = world.hosts.get(name)?.site;
    const rows = world.hosts.get(name)?.mysql.rows.size ?? 0;
    if (joins.includes(name) && when === "begin" && rows > 0 && !begun.has(name))
      broken(24, `${name} is emptied, and somebody has written ${rows} rows there`);
    begun.add(name);
    if (!joins.includes(name) || (site !== fresh && world.sites.get(site ?? "")?.primary === name))
      broken(24, `${name} is emptied, which is not to be filled`);
    const inside = site !== fresh || (relayed && world.sites.get(site ?? "")?.primary !== name);
    if ((world.hosts.get(from)?.site === site) !== inside) broken(25, `${name} is filled from ${from}`);
    if (when === "end") whole.add(name);
  };
  const onJoining = (name: string, what: string): void => {
    if (joins.includes(name) && !whole.has(name)) broken(30, `${what} of ${name} before it was filled`);
  };
  const gone = new Set<string>();
  const onLeaving = ({ host: name, verb }: Extract<WorldEvent, { kind: "datasource" }>): void => {
    if (verb === "shun" && leaves.includes(name)) gone.add(name);
  };
  const onStop = (name: string, what: string): void => {
    if (leaves.includes(name) && !gone.has(name))
      broken(35, `${what} of ${name} stops while clients may read there`);
  };

  world.listeners.push((event) => {
    if (event.kind === "copied") onCopied(event);
    else if (event.kind === "state" && event.to === "ONLINE")
      onJoining(event.host, `${event.service} is ONLINE`);
    else if (event.kind === "process" && event.what === "connector" && event.verb === "start")
      onJoining(event.host, "the connector starts");
    else if (event.kind === "datasource" && event.verb === "online")
      onJoining(event.host, "the datasource is ONLINE");
    else if (event.kind === "datasource") onLeaving(event);
    else if (event.kind === "process" && event.what !== "mysqld" && event.verb === "stop")
      onStop(event.host, event.what);
    if (event.kind === "command") onCommand(event);
    else if (event.kind === "tpm") onTpm(event);
    else if (event.kind === "process" && event.what === "mysqld" && event.verb === "stop")
      onServerStop(event.host);
    else if (event.kind === "process" && event.what === "pod") onPodStop(event.host);
    else if (event.kind === "policy") onPolicy(event);
    else if (event.kind === "primary") failedOver ||= world.sites.get(event.site)?.policy === "AUTOMATIC";
    else if (event.kind === "log" && event.entry.kind === "tracking")
      broken(5, `a tracking write was logged on ${event.host}`);
    else if (event.kind === "force") broken(37, `${event.service} of ${event.host} was forced`);
    else if (event.kind === "tracking-dropped" && !uninstalls)
      broken(17, `${event.schema} of ${event.host} was dropped`);
  });

  const end = (interruptionSeconds: number): void => {
    const { missing, doubled, outOfOrder } = judge(world);
    if (missing.length > 0) broken(1, `missing: ${missing.slice(0, 3).join(", ")}`);
    if (doubled.length > 0) broken(2, `doubled: ${doubled.slice(0, 3).join(", ")}`);
    if (outOfOrder > 0) broken(2, `${outOfOrder} rows out of order`);
    for (const [name, { primary, policy, client }] of world.sites) {
      if (!primaries.has(name)) continue;
      if (primary !== primaries.get(name) && !moves && !failedOver)
        broken(20, `the primary of ${name} was moved to ${primary}`);
      if (policy !== policies.get(name)) broken(40, `${name} has policy ${policy}`);
      if (client.longestGap > interruptionSeconds * 1000)
        broken(36, `${name}'s clients waited ${client.longestGap / 1000} s`);
    }
    const inis = new Set<string | null>();
    for (const host of world.hosts.values())
      if (!leaves.includes(host.name) && (only === undefined || host.site === only)) endOf(host, inis);
    for (const name of leaves) if (world.hosts.has(name)) broken(48, `the pod of ${name} is still there`);
    for (const name of joins) if (!world.hosts.has(name)) broken(48, `there is no pod of ${name}`);
    if (inis.size > 1) broken(42, "nodes were configured from different texts");
  };

  const endOf = (host: Host, inis: Set<string | null>): void => {
    for (const [product, ini] of Object.entries(host.volume.installedIni)) {
      inis.add(ini);
      const running = [...(host.replicators[product as "cluster"]?.services.values() ?? [])];
      const wanted = host.volume.installed[product as "cluster"]?.services.length;
      if (running.length !== wanted) broken(39, `${product} of ${host.name} runs ${running.length} services`);
      for (const { name, state } of running)
        if (state !== "ONLINE") broken(39, `${name} of ${host.name} is ${state}`);
    }
    if (!host.manager.running || !host.connector.running)
      broken(40, `${host.name} lacks its manager or connector`);
    if (host.connector.old === true) broken(42, `the connector of ${host.name} runs the release of before`);
    const site = siteOf(host);
    const writes = site?.primary === host.name && site.relaySource === undefined;
    if (host.mysql.readOnly === writes) broken(19, `read_only of ${host.name} is ${host.mysql.readOnly}`);
    if (siteOf(host)?.shunned.has(host.name) || siteOf(host)?.out?.[host.name] !== undefined)
      broken(40, `${host.name} is shunned`);
  };
  return { violations, commands, end };
}
