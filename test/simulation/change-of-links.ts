/** The scenario of links that are deleted, so that a site leaves its mesh; who watches, and every way to disturb it. */
import { hostsOf, type Site } from "../../simulator/model.ts";
import { reconcileLink } from "../../src/controllers/cross-site-link.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { compositeKind, linkKind } from "../../src/kube/kinds.ts";
import { type ChangeWatch, watchChange } from "./change-invariants.ts";
import type { Scenario } from "./changing.ts";
import { limits, namespace, newScene, type Scene, type SceneShape } from "./scene.ts";
import { allTrue, clusterOf, passSites, refOf } from "./site-scene.ts";

export type Pair = readonly [source: string, target: string];
const nameOf = ([source, target]: Pair): string => `${source}-to-${target}`;

const linksIn = (scene: Scene): Promise<readonly KubeObject[]> => scene.objects.list(linkKind, namespace);

/** One pass of every link's loop; a deleted one that nobody holds any more is gone. */
export async function passLinks(scene: Scene): Promise<void> {
  for (const { metadata } of await linksIn(scene))
    await reconcileLink(scene.shell, { ...limits, healthMs: 5000 }, refOf(metadata.name));
  for (const { metadata } of await linksIn(scene))
    if (metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0)
      await scene.objects.remove(linkKind, refOf(metadata.name), metadata.uid ?? "");
}

/** A mesh without a CompositeService, whose sites and links have been seen sound. */
export async function meshScene(shape: SceneShape): Promise<Scene> {
  const scene = await newScene(shape);
  await scene.objects.remove(compositeKind, { namespace, name: "global" }, "");
  for (let n = 0; n < 3; n += 1) await passSites(scene);
  for (let n = 0; n < 2; n += 1) await passLinks(scene);
  return scene;
}

/** Nobody reaches this site any more: neither the others nor we. */
export function cutOff(scene: Scene, site: string): void {
  const { exec } = scene.shell.pods;
  Object.assign(scene.shell.pods, {
    exec: (async (pod, argv, stdin) =>
      pod.name.startsWith(`${site}-`)
        ? { kind: "lost", why: "no route to host" }
        : exec(pod, argv, stdin)) satisfies typeof exec,
  });
  for (const other of scene.world.sites.keys()) scene.world.cuts.add([site, other].sort().join("|"));
}

/** Every pair of sites with this one. */
export const pairsWith = (scene: Scene, site: string): readonly Pair[] =>
  [...scene.world.sites.keys()]
    .filter((other) => other !== site)
    .flatMap((other): readonly Pair[] => [
      [site, other],
      [other, site],
    ]);

export function deleteLinks(scene: Scene, pairs: readonly Pair[], onDeletion?: object): void {
  for (const pair of pairs)
    scene.objects.edit(linkKind, refOf(nameOf(pair)), ({ metadata, spec }) => {
      metadata.deletionTimestamp = new Date(scene.world.now).toISOString();
      if (onDeletion !== undefined) spec.onDeletion = onDeletion;
    });
}

export const editLink = (scene: Scene, pair: Pair, onDeletion: object): void =>
  scene.objects.edit(linkKind, refOf(nameOf(pair)), ({ spec }) => {
    spec.onDeletion = onDeletion;
  });

/** The links are gone, and every site but these runs from the text that it is to have now. */
export async function linksGone(
  scene: Scene,
  pairs: readonly Pair[],
  without: readonly string[] = [],
): Promise<boolean> {
  const names = (await linksIn(scene)).map(({ metadata }) => metadata.name);
  if (pairs.some((pair) => names.includes(nameOf(pair)))) return false;
  const sites = [...scene.world.sites.keys()].filter((site) => !without.includes(site));
  for (const site of sites)
    if ((await clusterOf(scene, site)).status?.ledger?.phase === "Running") return false;
  return (await allTrue(scene, "ConfigurationApplied", sites)()) && (await allTrue(scene, "Ready", sites)());
}

export type LeavingShape = {
  readonly pairs: readonly Pair[];
  /** What is lost there was given up by a word. */
  readonly abandoned?: boolean;
  readonly drops?: boolean;
  /** Sites that nobody touches. */
  readonly without?: readonly string[];
};

/**
 * The invariants of every change, but that rows have to be where links still lead, and those from before the deletion where
 * they led; a position that a tool dropped has to be there again at the end.
 */
export function watchLeaving(
  scene: Scene,
  { pairs, abandoned = false, drops = false, without = [] }: LeavingShape,
  shape: Parameters<typeof watchChange>[1] = {},
): ChangeWatch {
  const { world } = scene;
  const base = watchChange(scene, { ...shape, sideBySide: true, uninstalls: true });
  const { violations } = base;
  const before = new Map([...world.sites].map(([name, { client }]) => [name, client.acknowledged.length]));
  const broken = (n: number, what: string) => void violations.push({ n, what });
  const left = ([source, target]: Pair): boolean =>
    pairs.some((pair) => pair[0] === source && pair[1] === target);
  const sites = [...world.sites.values()].filter(({ name }) => !without.includes(name));

  const lost = (source: Site, target: Site): void => {
    const gone = left([source.name, target.name]);
    if (gone && abandoned) return;
    const rows = gone
      ? source.client.acknowledged.slice(0, before.get(source.name))
      : source.client.acknowledged;
    for (const { name, mysql } of hostsOf(world, target.name)) {
      const missing = rows.filter((tx) => !mysql.rows.has(tx));
      if (missing.length > 0)
        broken(
          1,
          `missing at ${name}: ${missing.length} of ${source.name}, ${missing.slice(0, 3).join(", ")}`,
        );
    }
  };

  const positions = ([source, target]: Pair): void => {
    if (without.includes(target)) return;
    for (const { name, mysql, volume, replicators } of hostsOf(world, target)) {
      const tables = mysql.schemas.get(`tungsten_${source}`);
      const there = tables !== undefined && tables !== "empty" && (tables.commit?.seqno ?? -1) >= 0;
      if (there === drops) broken(17, `the position of ${source} at ${name} is ${there ? "there" : "gone"}`);
      const configured = volume.installed.crossSite?.services.some((service) => service.name === source);
      if (configured === true || replicators.crossSite?.services.has(source))
        broken(39, `${name} still has service ${source}`);
      if (volume.thl.has(`crossSite/${source}`)) broken(39, `${name} still has the log of ${source}`);
    }
  };

  const products = ({ name: site }: Site): void => {
    const reads = sites.some(({ name }) => name !== site && !left([name, site]));
    for (const { name, volume } of hostsOf(world, site)) {
      if ((volume.installed.crossSite !== undefined) !== reads)
        broken(42, `${name} has ${reads ? "no" : "a"} second product`);
      if (volume.holds.size > 0) broken(48, `${name} still holds ${[...volume.holds].join()}`);
      for (const pair of pairs)
        if (volume.ini?.includes(`[${pair.join("_")}]`))
          broken(42, `the ini of ${name} names ${pair.join("_")}`);
    }
    if (new Set(hostsOf(world, site).map(({ volume }) => volume.ini)).size > 1)
      broken(42, `nodes of ${site} have different texts`);
  };

  const end = (interruptionSeconds: number): void => {
    base.end(interruptionSeconds);
    const others = violations.filter(
      ({ n, what }) => n !== 1 && !(n === 42 && what.startsWith("nodes were configured")),
    );
    violations.splice(0, violations.length, ...others);
    for (const source of sites) for (const target of sites) lost(source, target);
    for (const pair of pairs) positions(pair);
    for (const site of sites) products(site);
  };
  return { ...base, end };
}

const shape = { nodes: 2, sites: ["london", "nyc", "tokyo"] };
const leaving = (scene: Scene) => pairsWith(scene, "tokyo");

/** tokyo, which lags behind, leaves the mesh of three. */
export const siteLeaves: Scenario = {
  scene: (of) => meshScene({ ...of, ...shape }),
  begin: (scene) => {
    for (const host of hostsOf(scene.world, "tokyo")) host.lagMs = 8000;
    deleteLinks(scene, leaving(scene));
  },
  over: (scene) => linksGone(scene, leaving(scene)),
  beside: passLinks,
  interruptionSeconds: 20,
  watch: (scene, of) => watchLeaving(scene, { pairs: leaving(scene) }, of),
};
