/** The data-safety invariants by their number, watched while a world moves (A, B) and judged at the end (E). */
import { type Host, hostsOf, type World, type WorldEvent } from "../../simulator/model.ts";
import { tablesOf } from "../../simulator/mysql.ts";
import { judge } from "../../simulator/oracle.ts";
import { readConfiguration } from "../../simulator/tools/ini.ts";

export type Violation = { readonly n: number; readonly what: string };

export type Watch = {
  readonly violations: Violation[];
  readonly commands: string[];
  /** Judges the end of a successful conversion. */
  readonly end: (interruptionSeconds: number) => void;
};

const sourcesOf = (world: World, host: Host): string[] =>
  [...world.sites.keys()].filter((name) => name !== host.site);
const schemaOf = (world: World, source: string): string => `tungsten_${world.sites.get(source)?.dataservice}`;
const keptSeqno = (host: Host, source: string): number | undefined => {
  const file = [...host.volume.kept].find(
    ([name]) => name.startsWith("position-") && name.endsWith(`-${source}.json`),
  );
  const seqno = /"seqno":\s*(-?\d+)|-seqno (-?\d+)/.exec(file?.[1] ?? "");
  return seqno === null ? undefined : Number(seqno[1] ?? seqno[2]);
};
const dumpedSeqno = (host: Host, source: string): number | undefined => {
  const dumps = [...host.volume.kept].filter(
    ([name]) => name.startsWith("dump-") && name.endsWith(`-${source}.sql`),
  );
  const seqnos = dumps
    .map(([, text]) => /INTO `trep_commit_seqno` VALUES\n\(0,(\d+),/.exec(text)?.[1])
    .filter((seqno) => seqno !== undefined);
  return seqnos.length === 0 ? undefined : Number(seqnos.at(-1));
};

/** The one heartbeat that the vendor's tool arms for, in every round. */
const vendorsName = "offline_for_upg";
const ours = (name: string): boolean => name.startsWith("tu-") || name === vendorsName;
const stops = (name: string | null | undefined): boolean =>
  name === vendorsName || /^tu-[0-9a-f]+-\d+$/.test(name ?? "");

/** Options of a service that decide which rows it writes, and whether they go on from there; what they are in its configuration. */
const propertyOf: ReadonlyMap<string, string> = new Map([
  ["svc-applier-filters", "replicator.stage.q-to-dbms.filters"],
  ["log-slave-updates", "replicator.log.slave.updates"],
]);

/** What fell over less than a look ago nobody can know; what has been down for longer must have been seen. */
const blindMs = 3000;
const justStarted = (world: World, host: Host): boolean => world.now - host.connector.since < blindMs;

/** Watches a world from now on. `goingBack` says that an abort or revert was asked for: services may come back then. */
export function watchWorld(world: World, goingBack: () => boolean = () => false): Watch {
  const violations: Violation[] = [];
  const commands: string[] = [];
  const policyBefore = new Map([...world.sites].map(([name, site]) => [name, site.policy]));
  const fences = new Map<string, bigint>();
  const stopNames = new Map<string, Set<string>>();
  const broken = (n: number, what: string): void => {
    if (violations.length < 50) violations.push({ n, what });
  };
  const site = (host: string) => world.sites.get(world.hosts.get(host)?.site ?? "");
  const everyReader = (test: (host: Host, source: string) => boolean): boolean =>
    [...world.hosts.values()].every((host) => sourcesOf(world, host).every((source) => test(host, source)));

  const stopped = (host: Host, source: string): boolean => {
    const rows = tablesOf(host.mysql, schemaOf(world, source));
    return stops(rows?.heartbeat?.name) && rows?.heartbeat?.seqno === rows?.commit?.seqno;
  };

  const onHeartbeat = ({ host, name, onPrimary }: Extract<WorldEvent, { kind: "heartbeat" }>): void => {
    if (!ours(name)) return;
    if (!onPrimary) broken(7, `heartbeat ${name} was sent on ${host}, which is no primary`);
    if (stops(name)) {
      const armed = everyReader((reader, source) => {
        const service = reader.replicators.crossSite?.services.get(
          world.sites.get(source)?.dataservice ?? "",
        );
        return (
          justStarted(world, reader) ||
          service?.stopAt === name ||
          tablesOf(reader.mysql, schemaOf(world, source))?.heartbeat?.name === name
        );
      });
      if (!armed) broken(6, `heartbeat ${name} was sent on ${host} before every service was armed`);
      const names = stopNames.get(host) ?? new Set();
      if (names.has(name) && name !== vendorsName) broken(7, `heartbeat ${name} was sent twice on ${host}`);
      stopNames.set(host, names.add(name));
    }
  };

  const byCommand = (host: Host, words: RegExp): boolean =>
    host.tools.some(({ argv }) => words.test(argv.join(" ")));

  const onProcess = ({ host: name, what, verb }: Extract<WorldEvent, { kind: "process" }>): void => {
    const host = world.hosts.get(name);
    if (host === undefined || goingBack()) return;
    if (
      verb === "stop" &&
      what === "crossSite replicator" &&
      (byCommand(host, /^replicator crossSite stop$/) || byCommand(host, /^prep-upgrade \S+ stop$/))
    ) {
      if (!everyReader(stopped))
        broken(8, `${name} stopped its cross-site replicator before every service stood at the heartbeat`);
      if (!everyReader((reader, source) => keptSeqno(reader, source) !== undefined))
        broken(11, `${name} stopped its cross-site replicator before all positions were kept`);
      if (
        !everyReader(
          (reader, source) =>
            keptSeqno(reader, source) === tablesOf(reader.mysql, schemaOf(world, source))?.commit?.seqno,
        )
      )
        broken(9, "a kept position is not the applied one");
      if (!host.volume.holds.has("crossSite"))
        broken(12, `${name} stopped its cross-site replicator without holding it`);
    }
    if (verb === "stop" && byCommand(host, /^manager stop/) && site(name)?.policy !== "MAINTENANCE")
      broken(33, `the manager of ${name} was stopped under ${site(name)?.policy}`);
    if (verb === "start" && what === "manager" && byCommand(host, /^manager start/)) {
      const inis = new Set([...world.hosts.values()].map((each) => each.volume.ini));
      if (inis.size > 1) broken(21, "managers start while nodes have different inis");
      if (
        [...world.hosts.values()].some(
          (each) =>
            !each.volume.installed.cluster?.services.some((service) => service.name.includes("_from_")),
        )
      )
        broken(42, "managers start before every node is updated");
    }
  };

  const onTpm = ({ host: name, product, verb, when }: Extract<WorldEvent, { kind: "tpm" }>): void => {
    const host = world.hosts.get(name);
    if (host === undefined || when !== "begin" || goingBack()) return;
    if (site(name)?.policy !== "MAINTENANCE")
      broken(33, `tpm ${verb} on ${name} under ${site(name)?.policy}`);
    if (product === "crossSite" && verb === "uninstall") {
      if (!everyReader((reader, source) => dumpedSeqno(reader, source) !== undefined))
        broken(13, `${name} uninstalls before every dump exists`);
      if (!everyReader((reader, source) => dumpedSeqno(reader, source) === keptSeqno(reader, source)))
        broken(13, `${name} uninstalls while a dump differs from its kept position`);
    }
    if (product === "cluster" && verb === "update") {
      const primary = site(name)?.primary;
      const { clusters } = readConfiguration(host.volume.ini ?? "", "cluster");
      if (clusters.get(site(name)?.dataservice ?? "")?.master !== primary)
        broken(18, `${name} updates with another master= than ${primary}`);
      const first =
        host.volume.installed.cluster?.services.every((service) => !service.name.includes("_from_")) === true;
      for (const source of sourcesOf(world, host))
        if (first && tablesOf(host.mysql, schemaOf(world, source))?.commit?.seqno !== keptSeqno(host, source))
          broken(14, `${name} updates while the row of ${source} is not the kept one`);
      if (host.name !== primary && !host.mysql.readOnly) broken(19, `${name} updates with read_only cleared`);
    }
  };

  /** 51, of our own: a service of the composite is up as the ini's section of its name says, or not at all. */
  const watchOptions = (host: Host, name: string): void => {
    const has = host.replicators.cluster?.services.get(name)?.properties ?? {};
    const section = readConfiguration(host.volume.ini ?? "", "cluster").sections.get(name);
    const lines = [
      ...(section?.get("property")?.split("\n") ?? []),
      ...[...propertyOf].flatMap(([option, property]) =>
        section?.has(option) === true ? [`${property}=${section.get(option)}`] : [],
      ),
    ];
    const missing = lines.filter(
      (line) => has[line.slice(0, line.indexOf("="))] !== line.slice(line.indexOf("=") + 1),
    );
    if (missing.length > 0) broken(51, `${name} of ${host.name} is ONLINE without ${missing.join(", ")}`);
  };

  const onState = ({ host: name, product, to, service }: Extract<WorldEvent, { kind: "state" }>): void => {
    const host = world.hosts.get(name);
    if (host === undefined || goingBack() || to !== "ONLINE") return;
    if (product === "cluster") watchOptions(host, service);
    const held =
      host.volume.holds.has("crossSite") &&
      sourcesOf(world, host).every((source) => keptSeqno(host, source) !== undefined);
    if (product === "crossSite" && held)
      broken(12, `${service} of ${name} went ONLINE after its position was captured`);
  };

  const onCommand = ({ host: name, key, fence, argv }: Extract<WorldEvent, { kind: "command" }>): void => {
    const words = argv.join(" ");
    if (commands.includes(key)) broken(44, `${key} was begun twice`);
    commands.push(key);
    if (fence < (fences.get(name) ?? 0n))
      broken(44, `${name} served fence ${fence} after ${fences.get(name)}`);
    fences.set(name, fence);
    const caa =
      world.hosts
        .get(name)
        ?.volume.installed.cluster?.services.some((each) => each.name.includes("_from_")) === true;
    if (caa && words.startsWith("trepctl crossSite")) broken(23, `${name}: ${words} on a composite node`);
  };

  const onPolicy = ({ site: name, policy }: Extract<WorldEvent, { kind: "policy" }>): void => {
    if (policy !== "AUTOMATIC") return;
    const isOff = (host: Host): boolean =>
      Object.values(host.replicators).some((replicator) =>
        [...replicator.services.values()].some(
          ({ state, since }) => state !== "ONLINE" && world.now - since > blindMs,
        ),
      );
    const out = hostsOf(world, name).find(
      (host) => !justStarted(world, host) && (host.replicators.cluster === undefined || isOff(host)),
    );
    if (out !== undefined && !goingBack())
      broken(34, `${name} returned to AUTOMATIC while ${out.name} is not online`);
  };

  /** Uninstalling drops them, as the real one does; nothing else may. */
  const onDropped = ({ host: name, schema }: Extract<WorldEvent, { kind: "tracking-dropped" }>): void => {
    const host = world.hosts.get(name);
    if (host !== undefined && !byCommand(host, /^tpm crossSite installed uninstall/))
      broken(17, `${schema} of ${name} was dropped`);
  };

  world.listeners.push((event) => {
    if (event.kind === "heartbeat") onHeartbeat(event);
    else if (event.kind === "process") onProcess(event);
    else if (event.kind === "tpm") onTpm(event);
    else if (event.kind === "state") onState(event);
    else if (event.kind === "command") onCommand(event);
    else if (event.kind === "policy") onPolicy(event);
    else if (event.kind === "tracking-dropped") onDropped(event);
    else if (event.kind === "log" && event.entry.kind === "tracking")
      broken(5, `a tracking write was logged on ${event.host}`);
    else if (event.kind === "restore" && event.logged) broken(15, `a reload was logged on ${event.host}`);
    else if (event.kind === "force" && !(event.epochError && event.sameEvent))
      broken(37, `${event.service} of ${event.host} was forced without text or proof`);
  });

  const end = (interruptionSeconds: number): void => {
    const { missing, doubled, outOfOrder } = judge(world);
    if (missing.length > 0) broken(1, `missing: ${missing.slice(0, 3).join(", ")}`);
    if (doubled.length > 0) broken(2, `doubled: ${doubled.slice(0, 3).join(", ")}`);
    if (outOfOrder > 0) broken(2, `${outOfOrder} rows out of order`);
    const data = new Set([...world.hosts.values()].map((host) => [...host.mysql.rows.keys()].sort().join()));
    if (data.size > 1) broken(4, "nodes hold different rows");
    for (const host of world.hosts.values()) {
      if (host.volume.installed.crossSite !== undefined || host.replicators.crossSite !== undefined)
        broken(42, `${host.name} still has the second product`);
      const services = [...(host.replicators.cluster?.services.values() ?? [])];
      if (services.length !== world.sites.size) broken(39, `${host.name} runs ${services.length} services`);
      for (const service of services)
        if (service.state !== "ONLINE") broken(39, `${service.name} of ${host.name} is ${service.state}`);
      if (!host.manager.running || !host.connector.running)
        broken(40, `${host.name} lacks its manager or connector`);
      if (host.mysql.readOnly !== (world.sites.get(host.site)?.primary !== host.name))
        broken(19, `read_only of ${host.name} is ${host.mysql.readOnly}`);
      for (const source of sourcesOf(world, host)) {
        const service = `${world.sites.get(host.site)?.dataservice}_from_${world.sites.get(source)?.dataservice}`;
        const first = host.volume.thl.get(`cluster/${service}`)?.[0]?.seqno;
        if (first !== (keptSeqno(host, source) ?? -2) + 1)
          broken(16, `${service} of ${host.name} begins at ${first}, kept was ${keptSeqno(host, source)}`);
        if (tablesOf(host.mysql, schemaOf(world, source)) === undefined)
          broken(17, `${schemaOf(world, source)} of ${host.name} is gone`);
      }
    }
    for (const [name, { policy, client }] of world.sites) {
      if (policy !== policyBefore.get(name))
        broken(40, `${name} has policy ${policy}, before was ${policyBefore.get(name)}`);
      if (client.longestGap > interruptionSeconds * 1000)
        broken(
          36,
          `${name}'s clients waited ${client.longestGap / 1000} s, the plan says ${interruptionSeconds}`,
        );
    }
  };
  return { violations, commands, end };
}
