/** The scenario of a member that is taken out of its composite; who watches, and every way to disturb it. */
import { strike } from "../../simulator/faults.ts";
import { hostOf, hostsOf } from "../../simulator/model.ts";
import { letsApplicationsIn } from "../../simulator/tools/accounts.ts";
import { advance } from "../../simulator/world.ts";
import { reconcileComposite } from "../../src/controllers/composite-service.ts";
import { compositeKind } from "../../src/kube/kinds.ts";
import { type ChangeWatch, watchChange } from "./change-invariants.ts";
import type { Scenario } from "./changing.ts";
import { limits, namespace, newScene, type Scene, type SceneShape } from "./scene.ts";
import { allTrue, clusterOf, passSites } from "./site-scene.ts";

const global = { namespace, name: "global" };

export const passComposite = (scene: Scene): Promise<unknown> =>
  reconcileComposite(scene.shell, { ...limits, healthMs: 5000 }, global);

/** A composite whose sites have been seen sound. */
export async function compositeScene(shape: SceneShape): Promise<Scene> {
  const scene = await newScene({ ...shape, topology: "CAA" });
  for (let n = 0; n < 3; n += 1) await passSites(scene);
  await passComposite(scene);
  return scene;
}

export const editMembers = (scene: Scene, members: readonly string[], more: object = {}): void =>
  scene.objects.edit(compositeKind, global, ({ spec }) => {
    Object.assign(spec, { members: members.map((name) => ({ name })), ...more });
  });

/** It has left by its own record, and every site but these runs from the text that it is to have now. */
export async function hasLeft(
  scene: Scene,
  leaver: string,
  without: readonly string[] = [],
): Promise<boolean> {
  const { status } = await clusterOf(scene, leaver);
  if (status?.configuration?.topology !== "MSAA" || status.ledger?.phase !== "Finished") return false;
  const sites = [...scene.world.sites.keys()].filter((site) => !without.includes(site));
  return (await allTrue(scene, "ConfigurationApplied", sites)()) && (await allTrue(scene, "Ready", sites)());
}

/** The invariants of every change; rows have to be wherever members stay, and those of before where the leaver was. */
export function watchParting(
  scene: Scene,
  {
    leaver,
    abandoned = false,
    untouched = false,
  }: { leaver: string; abandoned?: boolean; untouched?: boolean },
  shape: Parameters<typeof watchChange>[1] = {},
): ChangeWatch {
  const { world } = scene;
  const base = watchChange(scene, { ...shape, sideBySide: true });
  const { violations } = base;
  const before = new Map([...world.sites].map(([name, { client }]) => [name, client.acknowledged.length]));
  const broken = (n: number, what: string) => void violations.push({ n, what });
  const sites = [...world.sites.values()].filter(({ name }) => !(untouched && name === leaver));

  const end = (interruptionSeconds: number): void => {
    base.end(interruptionSeconds);
    const others = violations.filter(
      ({ n, what }) => n !== 1 && !(n === 42 && what.startsWith("nodes were configured")),
    );
    violations.splice(0, violations.length, ...others);
    for (const source of sites)
      for (const target of sites) {
        const parted = source !== target && (source.name === leaver || target.name === leaver);
        if (parted && abandoned) continue;
        const { acknowledged } = source.client;
        const rows = parted ? acknowledged.slice(0, before.get(source.name)) : acknowledged;
        for (const { name, mysql } of hostsOf(world, target.name)) {
          const missing = rows.filter((tx) => !mysql.rows.has(tx));
          if (missing.length > 0) broken(1, `missing at ${name}: ${missing.length} of ${source.name}`);
        }
      }
    for (const site of sites) {
      const hosts = hostsOf(world, site.name);
      const all = new Set(hosts.flatMap(({ mysql }) => [...mysql.rows.keys()]));
      for (const { name, mysql } of hosts)
        if (mysql.rows.size < all.size)
          broken(1, `${name} lacks ${all.size - mysql.rows.size} rows that its neighbours have`);
    }
    for (const site of sites)
      for (const { name, volume } of hostsOf(world, site.name)) {
        const host = hostOf(world, name);
        if (!letsApplicationsIn(host)) broken(40, `user.map of ${name} leads to a service that is gone`);
        const left = volume.installed.cluster?.services.find(
          (service) => service.name.includes("_from_") && (site.name === leaver || service.source === leaver),
        );
        if (left !== undefined) broken(39, `${name} still has service ${left.name}`);
        const strange = site.name === leaver ? sites.find((each) => each.name !== leaver)?.name : leaver;
        if (volume.ini?.includes(`[${strange}]`)) broken(42, `the ini of ${name} names ${strange}`);
      }
  };
  return { ...base, end };
}

/** Once in the step, the managers fail the site's primary over; somebody recovers whom they shun a while later. */
function failsOver(site: string, step: string): (scene: Scene) => Promise<void> {
  const since = new WeakMap<Scene, number>();
  return async (scene) => {
    const { world } = scene;
    const at = world.sites.get(site);
    const { ledger } = (await clusterOf(scene, "tokyo")).status ?? {};
    const here = ledger?.phase === "Running" && ledger.steps.at(-1)?.id === step;
    if (at === undefined || (!here && !since.has(scene))) return;
    if (!since.has(scene)) {
      // Nothing is on its way: what a failover itself loses is another matter.
      const { rate } = at.client;
      at.client.rate = 0;
      advance(world, 10_000);
      strike(world, "primary-moved", at.primary);
      at.client.rate = rate;
      since.set(scene, world.now);
    }
    if (world.now - (since.get(scene) ?? 0) > 60_000) at.shunned.clear();
  };
}

const shape = { nodes: 2, sites: ["london", "nyc", "tokyo"] };

/** tokyo, which lags behind, leaves the composite of three. */
export const memberLeaves: Scenario = {
  scene: (of) => compositeScene({ ...of, ...shape }),
  begin: (scene) => {
    for (const host of hostsOf(scene.world, "tokyo")) host.lagMs = 8000;
    editMembers(scene, ["london", "nyc"]);
  },
  over: (scene) => hasLeft(scene, "tokyo"),
  beside: passComposite,
  interruptionSeconds: 20,
  watch: (scene, of) => watchParting(scene, { leaver: "tokyo" }, of),
};

/** The same, while managers fail over the primary of one of the sites, which begins the walk anew. */
export const memberLeavesMoved = (site: string, step: string): Scenario => {
  const moved = failsOver(site, step);
  return {
    ...memberLeaves,
    moves: true,
    interruptionSeconds: 30,
    beside: async (scene) => {
      await passComposite(scene);
      await moved(scene);
    },
  };
};
