/** The invariants that speak of resets by their number, watched while a world moves and judged at the end. */
import { type Host, hostsOf, type WorldEvent } from "../../simulator/model.ts";
import { tablesOf } from "../../simulator/mysql.ts";
import { judge } from "../../simulator/oracle.ts";
import type { Watch } from "./invariants.ts";
import { watchEngine } from "./run-invariants.ts";
import type { Scene } from "./scene.ts";

export type ResetSites = { readonly failed: string; readonly definitive: string };

/** Copies begin from a node that is whole: one of the definitive site, or one this run has copied. */
export function watchReset(
  scene: Scene,
  { failed, definitive }: ResetSites,
  goingBack: () => boolean = () => false,
): Watch {
  const { world } = scene;
  const violations: { n: number; what: string }[] = [];
  const commands: string[] = [];
  const broken = (n: number, what: string): void => {
    if (violations.length < 50) violations.push({ n, what });
  };
  const made = new Set<string>();
  const begun = new Set<string>();
  const copied = new Map<string, number>();
  const fences = new Map<string, bigint>();
  const rows = new Map<string, number>();
  const policyBefore = new Map([...world.sites].map(([name, site]) => [name, site.policy]));
  const known = new Set([...world.sites.values()].flatMap(({ client }) => client.acknowledged));
  const site = (host: Host) => world.sites.get(host.site);
  const inFailed = hostsOf(world, failed);
  const service = world.sites.get(failed)?.dataservice ?? "";
  const composite = inFailed.every(({ volume }) => volume.installed.crossSite === undefined);
  /** By which a host reads another dataservice, and where that log lies. */
  const readerOf = (host: Host, source: string): string =>
    composite ? `cluster/${site(host)?.dataservice}_from_${source}` : `crossSite/${source}`;
  const healthy = [...world.hosts.values()].filter((host) => host.site !== failed);
  const engine = watchEngine(scene, broken);
  let destroyed = false;

  /** Usable by the managers' word and in fact. */
  const usable = (host: Host): boolean =>
    host.up && host.mysql.up && site(host)?.out?.[host.name] === undefined;

  const onCommand = ({ host: name, key, fence, argv }: Extract<WorldEvent, { kind: "command" }>): void => {
    const words = argv.join(" ");
    const host = world.hosts.get(name);
    if (host === undefined) return;
    if (commands.includes(key)) broken(44, `${key} was begun twice`);
    commands.push(key);
    if (fence < (fences.get(name) ?? 0n)) broken(44, `${name} served a lower fence`);
    fences.set(name, fence);
    const reset = /^trepctl (\S+) -service (\S+) reset -(all|thl)/.exec(words);
    if (reset !== null && host.site !== failed && `${reset[1]}/${reset[2]}` !== readerOf(host, service))
      broken(24, `${name}: ${words}`);
    if (reset !== null && host.site !== failed) beforeReset(host, words);
    if (/^(copy-datadir|tprovision|tungsten_provision_slave)/.test(words) && host.site !== failed)
      broken(24, `${name}: ${words}`);
    if (
      /^(copy-datadir|tprovision|tungsten_provision_slave|trepctl \S+ -service \S+ reset -all|database stop|snapshot)/.test(
        words,
      )
    )
      destructive(host, words);
  };

  const destructive = (host: Host, words: string): void => {
    if (goingBack()) return;
    if (site(host)?.policy !== "MAINTENANCE")
      broken(33, `${host.name}: ${words} under ${site(host)?.policy}`);
    if (inFailed.some((each) => each.connector.running && each.connector.closed !== true && each.up))
      broken(28, `${host.name}: ${words} while a connector of ${failed} takes clients`);
    if (words === "database stop" && host.site !== failed) {
      if (site(host)?.primary === host.name) broken(26, `the database of primary ${host.name} is stopped`);
      if (site(host)?.out?.[host.name]?.startsWith("SHUNNED") !== true)
        broken(26, `the database of ${host.name} is stopped before it is shunned`);
    }
  };

  /** Healthy nodes must not differ, and what goes must lie somewhere else. */
  const beforeReset = (host: Host, words: string): void => {
    const seqnos = new Set(healthy.map((each) => tablesOf(each.mysql, `tungsten_${service}`)?.commit?.seqno));
    if (!destroyed && seqnos.size > 1)
      broken(1, `${host.name}: ${words} while healthy nodes stand at ${[...seqnos].join(", ")}`);
    if (
      inFailed.some(({ volume }) => ![...volume.backups.values()].some((state) => /verified=yes/.test(state)))
    )
      broken(28, `${host.name}: ${words} before ${failed} was copied away`);
    const led = inFailed.find((each) => site(each)?.out?.[each.name]?.startsWith("SHUNNED") !== true);
    if (composite && led !== undefined)
      broken(35, `${host.name}: ${words} while connectors of other sites may lead to ${led.name}`);
    destroyed = true;
  };

  const onCopied = ({ host: name, from, when }: Extract<WorldEvent, { kind: "copied" }>): void => {
    const [host, source] = [world.hosts.get(name), world.hosts.get(from)];
    if (host === undefined || source === undefined) return;
    if (when === "end") {
      made.add(name);
      for (const other of world.sites.values())
        copied.set(
          `${name} ${other.dataservice}`,
          tablesOf(host.mysql, `tungsten_${other.dataservice}`)?.commit?.seqno ?? -1,
        );
      return;
    }
    begun.add(name);
    made.delete(name);
    if (source.site !== definitive && !(source.site === failed && made.has(from)))
      broken(25, `${name} is copied from ${from}`);
    if (source.site === definitive && site(source)?.primary === from)
      broken(26, `${name} is copied from ${from}, the primary`);
    const primary = site(host)?.primary ?? "";
    if (name !== primary && !made.has(primary)) broken(29, `${name} is copied before its primary ${primary}`);
    if (host.mysql.up) broken(28, `${name} is copied over while its database runs`);
  };

  const onState = ({
    host: name,
    product,
    service: which,
    to,
  }: Extract<WorldEvent, { kind: "state" }>): void => {
    const host = world.hosts.get(name);
    if (host === undefined || to !== "ONLINE") return;
    if (host.site === failed && begun.has(name) && !made.has(name))
      broken(30, `${which} of ${name} is ONLINE before its copy is whole`);
    if (host.site === failed && destroyed && product === "cluster" && !made.has(name))
      broken(30, `${which} of ${name} is ONLINE over data that were not copied`);
  };

  const onPolicy = ({ site: name, policy }: Extract<WorldEvent, { kind: "policy" }>): void => {
    if (policy !== "AUTOMATIC" || goingBack()) return;
    const out = hostsOf(world, name).filter(
      (host) =>
        site(host)?.out?.[host.name] !== undefined ||
        (host.site === failed && destroyed && !made.has(host.name)),
    );
    if (out.length > 0)
      broken(34, `${name} returned to AUTOMATIC while ${out.map((host) => host.name).join()} is out`);
  };

  const onRouter = ({ host: name, closed }: Extract<WorldEvent, { kind: "router" }>): void => {
    if (closed || !destroyed) return;
    const open = inFailed.find((host) => !made.has(host.name) || !usable(host));
    if (open !== undefined) broken(35, `the connector of ${name} is online while ${open.name} is not whole`);
  };

  const watchRows = (): void => {
    for (const host of healthy)
      for (const source of world.sites.values()) {
        if (source.name === failed) continue;
        const key = `${host.name} ${source.dataservice}`;
        const seqno = tablesOf(host.mysql, `tungsten_${source.dataservice}`)?.commit?.seqno;
        if (seqno !== undefined && seqno < (rows.get(key) ?? -1))
          broken(3, `${key} went from ${rows.get(key)} back to ${seqno}`);
        if (seqno !== undefined) rows.set(key, seqno);
      }
  };

  world.listeners.push((event) => {
    if (event.kind === "command") onCommand(event);
    else if (event.kind === "copied") onCopied(event);
    else if (event.kind === "state") onState(event);
    else if (event.kind === "policy") onPolicy(event);
    else if (event.kind === "router") onRouter(event);
    else if (event.kind === "log" && event.entry.kind === "tracking")
      broken(5, `a tracking write was logged on ${event.host}`);
    else if (event.kind === "log" && event.entry.kind === "row" && !goingBack()) {
      const host = world.hosts.get(event.host);
      if (
        host?.site === failed &&
        destroyed &&
        (!made.has(host.name) || inFailed.some((each) => !made.has(each.name)))
      )
        broken(35, `${event.host} took a client's write before its site was whole`);
    }
    if (event.kind === "state" || event.kind === "database") watchRows();
    if (event.kind === "database" && !event.up) {
      const left = hostsOf(world, definitive).filter(usable);
      if (left.length < Math.min(2, hostsOf(world, definitive).length - 1))
        broken(27, `${definitive} is left with ${left.length} usable nodes`);
    }
  });

  const end = (_interruption: number): void => {
    engine();
    const { missing, doubled, outOfOrder } = judge(world);
    if (missing.length > 0) broken(1, `missing: ${missing.slice(0, 3).join(", ")}`);
    if (doubled.length > 0) broken(2, `doubled: ${doubled.slice(0, 3).join(", ")}`);
    if (outOfOrder > 0) broken(2, `${outOfOrder} rows out of order`);
    const data = new Set([...world.hosts.values()].map((host) => [...host.mysql.rows.keys()].sort().join()));
    if (data.size > 1) broken(4, "nodes hold different rows");
    for (const host of world.hosts.values()) atEnd(host);
    for (const [name, { policy, client }] of world.sites) {
      if (policy !== policyBefore.get(name)) broken(40, `${name} has policy ${policy}`);
      if (name !== failed && client.longestGap > 10_000)
        broken(36, `${name}'s clients waited ${client.longestGap / 1000} s, the plan says 0`);
    }
    if (known.size === 0) broken(1, "nobody wrote before the run");
  };

  const atEnd = (host: Host): void => {
    for (const product of Object.values(host.replicators))
      for (const each of product.services.values())
        if (each.state !== "ONLINE") broken(39, `${each.name} of ${host.name} is ${each.state}`);
    const services = Object.values(host.replicators).reduce((sum, { services: all }) => sum + all.size, 0);
    if (services !== world.sites.size) broken(39, `${host.name} runs ${services} services`);
    if (!host.manager.running || !host.connector.running || host.connector.closed === true || !usable(host))
      broken(40, `${host.name} is not in service`);
    if (host.volume.holds.size > 0) broken(40, `${host.name} still holds ${[...host.volume.holds].join()}`);
    if (host.mysql.readOnly !== (site(host)?.primary !== host.name)) broken(19, `read_only of ${host.name}`);
    for (const source of world.sites.values()) {
      const log = world.hosts
        .get(source.primary)
        ?.volume.thl.get(`cluster/${source.dataservice}`)
        ?.at(-1)?.seqno;
      const row = tablesOf(host.mysql, `tungsten_${source.dataservice}`)?.commit;
      if (log !== undefined && (row === null || row === undefined || row.seqno < log))
        broken(41, `${host.name} stands at ${row?.seqno} of ${source.name}, whose log ends at ${log}`);
      const first = host.volume.thl.get(readerOf(host, source.dataservice))?.[0]?.seqno;
      const from = copied.get(`${host.name} ${source.dataservice}`);
      if (source.name !== failed && host.site === failed && first !== undefined && first <= (from ?? -1))
        broken(31, `the log of ${source.name} on ${host.name} begins at ${first}, copied was ${from}`);
      if (source.name === failed && host.site !== failed && first !== 0)
        broken(31, `the log of ${source.name} on ${host.name} begins at ${first}`);
    }
  };
  return { violations, commands, end };
}
