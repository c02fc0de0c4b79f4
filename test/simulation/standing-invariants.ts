/**
 * The invariants of procedures over an estate that stays what it is (MSAA, CAA or CAP): primaries, policies, what returns to
 * AUTOMATIC, and an end at which every service runs everywhere. Numbers are those of the conversion's.
 */
import { type Host, hostOf, hostsOf, type WorldEvent } from "../../simulator/model.ts";
import { tablesOf } from "../../simulator/mysql.ts";
import { judge } from "../../simulator/oracle.ts";
import type { Violation } from "./invariants.ts";
import { watchScene } from "./run-invariants.ts";
import type { Scene } from "./scene.ts";

export type Standing = {
  readonly violations: Violation[];
  readonly commands: readonly string[];
  /** Judges a successful end; clients have stopped and everything has travelled. */
  readonly end: () => void;
};

export type Expected = {
  /** Site → the node that may become its primary. */
  readonly moves?: Readonly<Record<string, string>>;
  /** The site that may take the writes of an active/passive composite. */
  readonly active?: string;
  /** A node of which nothing is expected any more, or a site. */
  readonly lost?: string;
  /** Nodes that are made anew from others: what they apply may go back, once. */
  readonly anew?: readonly string[];
  /** What the plan says clients may have to wait. */
  readonly gapSeconds?: number;
  /** Rows that may be missing: what the lost primary had alone. */
  readonly mayLose?: (tx: string) => boolean;
};

const blindMs = 3000;

/** Watches a scene from now on. */
export function watchStanding(scene: Scene, expected: Expected = {}): Standing {
  const { world } = scene;
  const base = watchScene(scene, () => true);
  const { violations, commands } = base;
  const broken = (n: number, what: string): void => {
    if (violations.length < 50) violations.push({ n, what });
  };
  const policies = new Map([...world.sites].map(([name, { policy }]) => [name, policy]));
  const counted = (host: Host): boolean => ![host.name, host.site].includes(expected.lost ?? "");
  const passive = [...world.sites.values()].some(({ relaySource }) => relaySource !== undefined);
  const applied = new Map<string, number>();
  const ours = (site: string): boolean =>
    hostsOf(world, site).some(({ tools }) => tools.some(({ argv }) => argv[0] === "cctrl"));

  const onPrimary = ({ site, to }: Extract<WorldEvent, { kind: "primary" }>): void => {
    if (!ours(site)) return;
    if (expected.moves?.[site] !== to) broken(20, `the primary of ${site} became ${to}`);
    const writable = hostsOf(world, site).filter(
      ({ name, mysql, up }) => up && mysql.up && !mysql.readOnly && name !== to,
    );
    if (writable.length > 0)
      broken(19, `${to} became the primary of ${site} while ${writable[0]?.name} took writes`);
  };

  /** 52, of our own: the writes of a composite move to the named site only, and nobody of the former one takes any more. */
  const onActiveSite = ({ from, to }: Extract<WorldEvent, { kind: "active-site" }>): void => {
    const named = [...world.sites.values()].find(({ dataservice }) => dataservice === to);
    if (named?.name !== expected.active) broken(52, `${named?.name} takes the writes of the composite`);
    for (const { name, dataservice } of world.sites.values())
      for (const host of dataservice === from ? hostsOf(world, name) : [])
        if (host.up && host.mysql.up && !host.mysql.readOnly)
          broken(19, `${to} takes the writes of the composite while ${host.name} did`);
  };

  const onCommand = ({ host: name, key, argv, checks }: Extract<WorldEvent, { kind: "command" }>): void => {
    const policy = world.sites.get(world.hosts.get(name)?.site ?? "")?.policy;
    const moves = argv[0] === "cctrl" && /_(SwitchPrimary|FailOver|SwitchSite|FailSiteOver)_/.test(key);
    if (moves && policy !== "MAINTENANCE") broken(33, `${name}: ${argv.join(" ")} under ${policy}`);
    const lax =
      argv.includes("-multi") && [...world.sites.values()].find((each) => each.policy !== "MAINTENANCE");
    if (moves && lax && lax.name !== expected.lost)
      broken(33, `${name}: ${argv.join(" ")} while ${lax.name} is ${lax.policy}`);
    if (moves && checks === 0) broken(45, `${name}: ${argv.join(" ")} without a look directly before`);
  };

  const onPolicy = ({ site, policy }: Extract<WorldEvent, { kind: "policy" }>): void => {
    if (policy !== "AUTOMATIC" || !ours(site)) return;
    for (const host of hostsOf(world, site).filter(counted)) {
      const off = Object.values(host.replicators)
        .flatMap(({ services }) => [...services.values()])
        .find(({ state, since }) => state !== "ONLINE" && world.now - since > blindMs);
      if (
        host.up &&
        world.now - host.connector.since > blindMs &&
        (off !== undefined || host.replicators.cluster === undefined)
      )
        broken(
          34,
          `${site} returned to AUTOMATIC while ${off?.name ?? "the replicator"} of ${host.name} is not ONLINE`,
        );
    }
  };

  const anew = (name: string): boolean => expected.anew?.includes(name) === true;
  const whole = new Set<string>();

  /** Only the named nodes are emptied, from their own site, and none is ONLINE again before it was filled. */
  const onCopied = ({ host: name, from, when }: Extract<WorldEvent, { kind: "copied" }>): void => {
    const site = world.hosts.get(name)?.site;
    if (!anew(name) || world.sites.get(site ?? "")?.primary === name)
      broken(24, `${name} is emptied, which is not to be made anew`);
    if (world.hosts.get(from)?.site !== site) broken(25, `${name} is filled from ${from}`);
    if (when === "end") whole.add(name);
  };

  const onDatasource = ({ host: name, verb }: Extract<WorldEvent, { kind: "datasource" }>): void => {
    if (anew(name) && verb === "online" && !whole.has(name) && !undoing())
      broken(30, `${name} is ONLINE before it was made whole`);
  };
  const undoing = (): boolean =>
    [...scene.objects.all()].some(
      ([key, object]) => key.startsWith("upgraderequests/") && object.status?.ledger?.direction === "Abort",
    );

  const watchRows = (): void => {
    for (const host of [...world.hosts.values()].filter(({ name }) => !anew(name)))
      for (const { dataservice } of world.sites.values()) {
        const seqno = tablesOf(host.mysql, `tungsten_${dataservice}`)?.commit?.seqno;
        const key = `${host.name} ${dataservice}`;
        if (seqno !== undefined && seqno < (applied.get(key) ?? -1) && counted(host))
          broken(3, `${key} went from ${applied.get(key)} back to ${seqno}`);
        if (seqno !== undefined) applied.set(key, seqno);
      }
  };

  world.listeners.push((event) => {
    if (event.kind === "primary") onPrimary(event);
    if (event.kind === "active-site") onActiveSite(event);
    if (event.kind === "command") onCommand(event);
    if (event.kind === "policy") onPolicy(event);
    if (event.kind === "copied") onCopied(event);
    if (event.kind === "datasource") onDatasource(event);
    if (event.kind === "state" || event.kind === "command") watchRows();
  });

  const endOfHost = (host: Host): void => {
    const services = Object.values(host.replicators).flatMap((each) => [...each.services.values()]);
    if (services.length !== (passive ? 1 : world.sites.size))
      broken(39, `${host.name} runs ${services.length} services`);
    for (const { name, state } of services)
      if (state !== "ONLINE") broken(39, `${name} of ${host.name} is ${state}`);
    if (!host.manager.running || !host.connector.running)
      broken(40, `${host.name} lacks its manager or connector`);
    const writes = host.cluster.primary === host.name && host.cluster.relaySource === undefined;
    if (host.mysql.readOnly === writes) broken(19, `read_only of ${host.name} is ${host.mysql.readOnly}`);
    if (passive) return endOfPassive(host);
    for (const source of world.sites.values()) {
      const log =
        world.hosts.get(source.primary)?.volume.thl.get(`cluster/${source.dataservice}`)?.at(-1)?.seqno ?? -1;
      const seqno = tablesOf(host.mysql, `tungsten_${source.dataservice}`)?.commit?.seqno ?? -1;
      if (seqno < log)
        broken(41, `${host.name} stands at ${seqno} of ${source.name}, whose log ends at ${log}`);
    }
  };

  /** One site writes, everybody stands where its log ends, and nobody applied it twice. */
  const endOfPassive = (host: Host): void => {
    const writing = [...world.sites.values()].filter(
      ({ name, relaySource }) => relaySource === undefined && name !== expected.lost,
    );
    const [active] = writing;
    if (active === undefined || writing.length > 1)
      return broken(52, `${writing.map(({ name }) => name).join(" and ") || "nobody"} takes the writes`);
    if (host.cluster.relaySource !== undefined && host.cluster.relaySource !== active.dataservice)
      broken(52, `${host.site} relays ${host.cluster.relaySource}, and ${active.name} takes the writes`);
    const log =
      hostOf(world, active.primary).volume.thl.get(`cluster/${active.dataservice}`)?.at(-1)?.seqno ?? -1;
    const seqno = tablesOf(host.mysql, `tungsten_${host.cluster.dataservice}`)?.commit?.seqno ?? -1;
    if (seqno < log)
      broken(41, `${host.name} stands at ${seqno}, and the log of ${active.primary} ends at ${log}`);
  };

  const end = (): void => {
    const { missing, doubled, outOfOrder } = judge(world);
    const lost = missing.filter((each) => {
      const [tx = "", at = ""] = each.split(" at ");
      return counted(hostOf(world, at)) && expected.mayLose?.(tx) !== true;
    });
    if (lost.length > 0) broken(1, `missing: ${lost.slice(0, 3).join(", ")}`);
    if (doubled.length > 0 || outOfOrder > 0)
      broken(2, `doubled: ${doubled.slice(0, 3).join(", ")}; ${outOfOrder} out of order`);
    const hosts = [...world.hosts.values()].filter(counted);
    if (new Set(hosts.map(({ mysql }) => [...mysql.rows.keys()].sort().join())).size > 1)
      broken(4, "nodes hold different rows");
    for (const host of hosts) endOfHost(host);
    for (const [name, { policy, client }] of world.sites) {
      if (policy !== policies.get(name))
        broken(40, `${name} has policy ${policy}, before was ${policies.get(name)}`);
      if (expected.gapSeconds !== undefined && client.longestGap > expected.gapSeconds * 1000)
        broken(
          36,
          `${name}'s clients waited ${client.longestGap / 1000} s, the plan says ${expected.gapSeconds}`,
        );
    }
    for (const [key, { metadata }] of scene.objects.all())
      if (key.startsWith("upgraderequests/")) journalTellsAll(metadata.name, metadata.uid ?? "-");
  };

  const journalTellsAll = (name: string, uid: string): void => {
    const text = [...scene.objects.all()]
      .filter(([key]) => key.startsWith("configmaps/") && key.includes(`/${name}-journal-`))
      .map(([, page]) => String(page.data["journal.jsonl"]))
      .join("");
    for (const host of world.hosts.values())
      for (const key of host.volume.markers.keys())
        if (key.startsWith(uid) && !text.includes(`"${key}"`))
          broken(50, `${key} ran on ${host.name} and is not in the journal`);
  };

  return { violations, commands, end };
}
