/** A composite formed over fresh sites under crashes, seeded faults and broken operators, and the invariants it is judged by. */
import { hostsOf, randomFrom, type WorldEvent } from "../../simulator/model.ts";
import { digest, judge } from "../../simulator/oracle.ts";
import { readConfiguration } from "../../simulator/tools/ini.ts";
import { advance } from "../../simulator/world.ts";
import type { Walked } from "../../src/controllers/site-walk.ts";
import { type Course, type Crashed, healed, withDeathAt, withFaults } from "./disturbing.ts";
import {
  bareScene,
  type CompositeShape,
  compositeReady,
  installedAt,
  passEstate,
  putComposite,
  putSite,
} from "./fresh-scene.ts";
import type { Violation } from "./invariants.ts";
import type { Change } from "./mutate.ts";
import { quiesce, type Scene } from "./scene.ts";
import { allTrue } from "./site-scene.ts";

export const activeActive: CompositeShape = { type: "ActiveActive", members: ["london", "nyc"] };
export const activePassive: CompositeShape = {
  type: "ActivePassive",
  members: ["london", "nyc"],
  primarySite: "nyc",
};

type Watch = { readonly violations: Violation[]; readonly end: () => void };

/** Watches the whole time: what is begun, who takes writes, and who joins whom with which accounts. */
export function watchFormation(scene: Scene, composite: CompositeShape): Watch {
  const { world } = scene;
  const violations: Violation[] = [];
  const begun = new Set<string>();
  const fences = new Map<string, bigint>();
  const passive = (site: string) => composite.type === "ActivePassive" && site !== composite.primarySite;
  const broken = (n: number, what: string): void => {
    if (violations.length < 50) violations.push({ n, what });
  };
  const onCommand = ({ host: name, key, fence, argv }: Extract<WorldEvent, { kind: "command" }>): void => {
    if (begun.has(key)) broken(44, `${key} was begun twice`);
    begun.add(key);
    if (fence < (fences.get(name) ?? 0n)) broken(44, `${name} served fence ${fence} after a higher one`);
    fences.set(name, fence);
    const words = argv.join(" ");
    if (words.includes(world.canary)) broken(47, `${name}: a secret stands in a command`);
    if (words.startsWith("startall")) onStart(name);
    if (/ install$/.test(words)) onInstall(name);
    if (/ (update|uninstall)|reset|provision|-force/.test(words)) broken(23, `${name}: ${words}`);
  };
  const onStart = (name: string): void => {
    const bare = [...world.hosts.values()].find(({ volume }) => volume.installed.cluster === undefined);
    if (bare !== undefined) broken(21, `${name} is started while nothing is installed on ${bare.name}`);
    const texts = new Set([...world.hosts.values()].map(({ volume }) => volume.installedIni.cluster));
    if (texts.size > 1) broken(21, `${name} is started over nodes installed from several texts`);
    const accounts = [...world.hosts.values()].map(({ keys }) => keys.get("account replication-password"));
    if (new Set(accounts).size > 1) broken(40, `${name} is started among nodes with other accounts`);
    const head = [...world.sites.values()].find((site) => site.name === composite.primarySite);
    if (head === undefined || !passive(world.hosts.get(name)?.site ?? "")) return;
    const source = world.hosts.get(head.primary)?.replicators.cluster?.services.get(head.dataservice);
    if (source?.state !== "ONLINE") broken(21, `${name} is started before ${head.name} replicates`);
  };
  const onInstall = (name: string): void => {
    const host = world.hosts.get(name);
    const { clusters, composite: told } = readConfiguration(host?.volume.ini ?? "", "cluster");
    if (told?.members.length !== composite.members.length)
      broken(23, `${name} is installed from a text without its composite`);
    if (host?.volume.installed.cluster !== undefined) broken(24, `${name} is installed over what it has`);
    for (const [site, { relaySource }] of clusters)
      if (passive(site) !== (relaySource !== undefined)) broken(23, `${site} relays ${relaySource}`);
  };
  world.listeners.push((event) => {
    if (event.kind === "command") onCommand(event);
  });
  const end = (): void => {
    const { missing, doubled, outOfOrder } = judge(world);
    for (const each of missing) broken(1, `missing ${each}`);
    for (const each of doubled) broken(2, `doubled ${each}`);
    if (outOfOrder > 0) broken(2, `${outOfOrder} out of order`);
    for (const site of world.sites.values())
      for (const host of hostsOf(world, site.name)) {
        const writes = host.name === site.primary && !passive(site.name);
        if (host.mysql.readOnly === writes) broken(19, `read_only of ${host.name} is ${host.mysql.readOnly}`);
        for (const service of host.replicators.cluster?.services.values() ?? [])
          if (service.state !== "ONLINE") broken(39, `${service.name} on ${host.name} is ${service.state}`);
        if (!host.manager.running || !host.connector.running) broken(40, `${host.name} runs only in part`);
      }
    if (scene.readable.some((line) => line.includes(world.canary))) broken(47, "a secret can be read");
  };
  return { violations, end };
}

async function begin(composite: CompositeShape, seed: number, nodes = 2): Promise<Scene> {
  const sites = [...composite.members].sort();
  const scene = await bareScene({ sites, nodes, seed });
  await putComposite(scene, composite);
  for (const name of sites) await putSite(scene, name);
  return scene;
}

const isOver = async (scene: Scene): Promise<boolean> =>
  (await allTrue(scene, "Installed")()) && (await compositeReady(scene))?.status === "True";

const courseOf = (scene: Scene): Course => ({
  scene,
  pass: () => passEstate(scene),
  over: () => isOver(scene),
  mostPasses: 1200,
});

/** The operator dies at the n-th point before or after a write or an effect; `n` 0 crashes nowhere and counts the points. */
export async function crashedForming(composite: CompositeShape, n: number): Promise<Crashed> {
  const scene = await begin(composite, 5);
  const watch = watchFormation(scene, composite);
  const { points, over } = await withDeathAt(courseOf(scene), n);
  for (let passes = 0; passes < 4; passes += 1) await passEstate(scene);
  quiesce(scene);
  if (over) watch.end();
  return { points, digest: digest(scene.world), violations: watch.violations, over };
}

const faults = {
  passes: 150,
  points: 300,
  spared: ["primary-moved", "logs-rebuilt", "logs-purged", "service-error"],
};

/** The faults of a seed. */
export async function seededForming(
  composite: CompositeShape,
  seed: number,
): Promise<{ end: string; violations: readonly Violation[] }> {
  const random = randomFrom(seed * 7919 + 29);
  const scene = await begin(composite, seed);
  const watch = watchFormation(scene, composite);
  const hosts = [...scene.world.hosts.keys()];
  const over = await withFaults({ ...faults, random }, courseOf(scene), async () => {});
  if (!over) {
    const told = await Promise.all([...scene.world.sites.keys()].map((name) => installedAt(scene, name)));
    return { end: `not over: ${told.join("; ")}`, violations: watch.violations };
  }
  healed(scene, hosts);
  for (let n = 0; n < 12; n += 1) await passEstate(scene);
  advance(scene.world, 60_000);
  quiesce(scene);
  watch.end();
  return { end: "formed", violations: watch.violations };
}

/** A sound operator with these changes of its procedure; the numbers of the invariants it trips. */
export async function brokenForming(
  composite: CompositeShape,
  changes: readonly Change[],
  before: (scene: Scene) => void = () => {},
): Promise<readonly number[]> {
  const scene = await begin(composite, 11);
  const watch = watchFormation(scene, composite);
  before(scene);
  const walked: Walked = (procedure) => changes.reduce((whole, change) => change(whole), procedure);
  let over = false;
  for (let n = 0; n < 220 && !over; n += 1) {
    await passEstate(scene, walked);
    over = await isOver(scene);
  }
  if (!over) watch.violations.push({ n: 48, what: "never ended" });
  quiesce(scene);
  if (over) watch.end();
  return [...new Set(watch.violations.map(({ n }) => n))].sort((a, b) => a - b);
}
