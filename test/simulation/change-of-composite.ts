/** The scenario of a site that joins a composite, filled from a replica of a member, for every way to disturb it. */
import { addSite } from "../../simulator/build.ts";
import { hostsOf, type WorldEvent } from "../../simulator/model.ts";
import { startContainer } from "../../simulator/world.ts";
import { clusterKind, compositeKind } from "../../src/kube/kinds.ts";
import { type ChangeWatch, watchChange } from "./change-invariants.ts";
import type { Scenario } from "./changing.ts";
import { activePassive } from "./forming.ts";
import { bareScene, formed, passEstate, putComposite, putSite } from "./fresh-scene.ts";
import { make, putPods, release, type Scene } from "./scene.ts";
import { clusterOf, conditionAt, editSite, refOf, settledScene } from "./site-scene.ts";

/** Two sites whose composite has been seen sound. */
export const compositeScene: typeof settledScene = (shape) => settledScene({ ...shape, topology: "CAA" });

/** A site with two bare nodes, as somebody creates it. */
export async function putFresh(scene: Scene, name: string, spec: object): Promise<void> {
  const { world, objects } = scene;
  addSite(world, name, 2, { rate: 0, release, sites: [] });
  await objects.create(
    clusterKind,
    make("TungstenCluster", name, { nodes: 2, release, image: "node:dev", ...spec }),
  );
  await putPods(objects, hostsOf(world, name));
  for (const host of hostsOf(world, name)) startContainer(world, host, host.podUid);
}

type Member = { readonly name: string };

/** What the CompositeService says by now. */
export const setMembers = (scene: Scene, change: (members: readonly Member[]) => readonly Member[]): void =>
  scene.objects.edit(
    compositeKind,
    refOf("global"),
    ({ spec }) => void Object.assign(spec, { members: change(spec.members) }),
  );

/** paris, and its name in the composite. */
export async function parisJoinsComposite(scene: Scene, spec: object): Promise<void> {
  await putFresh(scene, "paris", spec);
  setMembers(scene, (members) => [...members, { name: "paris" }]);
}

/** Logs that begin later than the data: only a position leads on from there. */
export function purged(scene: Scene, sites: readonly string[] = ["london", "nyc"]): void {
  for (const site of sites)
    for (const host of hostsOf(scene.world, site)) host.volume.thl.get(`cluster/${site}`)?.splice(0, 3);
}

/** So much of another site's writes may be on its way when clients come. */
const lagRows = 20;

/** Beside what holds of every change: policies of all sites, and what a site that joins must have before it serves. */
export function watchJoining(scene: Scene, shape: Parameters<typeof watchChange>[1]): ChangeWatch {
  const { world } = scene;
  const watch = watchChange(scene, shape);
  const fresh = shape?.fresh ?? "paris";
  const broken = (n: number, what: string): void => {
    if (watch.violations.length < 50) watch.violations.push({ n, what });
  };
  const isFresh = (name: string): boolean => world.hosts.get(name)?.site === fresh;
  const others = () => [...world.sites.values()].filter(({ name }) => name !== fresh);
  const onCommand = ({ host, argv }: Extract<WorldEvent, { kind: "command" }>): void => {
    const words = argv.join(" ");
    if (!isFresh(host) || !/ install$|^replicator|^manager|^startall/.test(words)) return;
    const open = others().find(({ policy }) => policy !== "MAINTENANCE");
    if (open !== undefined) broken(33, `${words} on ${host} while ${open.name} is ${open.policy}`);
  };
  const behind = (name: string): string | undefined =>
    others()
      .filter(({ name: other, client }) => {
        const has = world.hosts.get(name)?.mysql.lastOfOrigin.get(other) ?? 0;
        return client.acknowledged.length - has > lagRows;
      })
      .map(({ name: other }) => other)[0];
  const onConnector = (name: string): void => {
    const other = behind(name);
    if (other !== undefined) broken(35, `the connector of ${name} starts far behind ${other}`);
  };
  /** Whatever site returns: the new one is whole by then, or there is nothing of it yet. */
  const onPolicy = (site: string): void => {
    const half = hostsOf(world, fresh).find(
      (host) => host.volume.installed.cluster !== undefined && !host.connector.running,
    );
    if (half !== undefined) broken(34, `${site} returns to AUTOMATIC while ${half.name} is half made`);
  };
  world.listeners.push((event) => {
    if (event.kind === "command") onCommand(event);
    if (
      event.kind === "process" &&
      event.what === "connector" &&
      event.verb === "start" &&
      isFresh(event.host)
    )
      onConnector(event.host);
    if (event.kind === "policy" && event.policy === "AUTOMATIC") onPolicy(event.site);
  });
  return watch;
}

/** One site writes, another one relays it, and both have been seen sound. */
export const passiveScene: typeof settledScene = async ({ nodes, seed }) => {
  const scene = await bareScene({ sites: ["london", "nyc"], nodes, seed });
  await putComposite(scene, activePassive);
  for (const name of ["london", "nyc"]) await putSite(scene, name);
  await formed(scene);
  for (let n = 0; n < 3; n += 1) await passEstate(scene);
  return scene;
};

/** The old sites wait to be told, so that half of it is walked. */
export const siteJoinsComposite: Scenario = {
  joins: ["paris-0", "paris-1"],
  fresh: "paris",
  only: "paris",
  interruptionSeconds: 3,
  scene: compositeScene,
  watch: watchJoining,
  begin: (scene) => {
    purged(scene);
    for (const site of ["london", "nyc"]) editSite(scene, site, { changes: { configuration: "OnApproval" } });
  },
  create: (scene) => parisJoinsComposite(scene, { fillFrom: { site: "london" } }),
  over: async (scene) => {
    const { status } = await clusterOf(scene, "paris").catch(() => ({ status: undefined }));
    return (
      status?.ledger?.procedure === "JoinComposite" &&
      status.ledger.phase === "Finished" &&
      (await conditionAt(scene, "paris", "Installed"))?.status === "True" &&
      (await conditionAt(scene, "paris", "Ready"))?.status === "True"
    );
  },
};

/** A passive site: its relay is provisioned from the active one, its replica from the relay. */
export const passiveSiteJoins: Scenario = {
  ...siteJoinsComposite,
  relayed: true,
  scene: passiveScene,
  create: (scene) => parisJoinsComposite(scene, { fillFrom: { site: "nyc" } }),
};

/** The CompositeService names paris no more. */
export const takeParisOut = (scene: Scene): void =>
  setMembers(scene, (members) => members.filter(({ name }) => name !== "paris"));

/** The step of its way in that paris is at, by its id, or how that ended. */
export async function stepOfParis(scene: Scene): Promise<string> {
  const { ledger } = (await clusterOf(scene, "paris").catch(() => ({ status: undefined }))).status ?? {};
  if (ledger?.procedure !== "JoinComposite") return "";
  return ledger.phase === "Finished" ? ledger.outcome : (ledger.steps.at(-1)?.id ?? "");
}

/** Once, when paris has come to that step. */
function takenOutAt(id: string): (scene: Scene) => Promise<void> {
  const out = new WeakSet<Scene>();
  return async (scene) => {
    if (out.has(scene) || (await stepOfParis(scene)) !== id) return;
    out.add(scene);
    takeParisOut(scene);
  };
}

/** Nothing of it is left at paris, and the others are as they were. */
export function watchWithdrawn(scene: Scene, shape: Parameters<typeof watchChange>[1] = {}): ChangeWatch {
  const { world } = scene;
  const base = watchJoining(scene, { ...shape, only: "none" });
  const { violations } = base;
  const end = (interruptionSeconds: number): void => {
    base.end(interruptionSeconds);
    // What was written after the copy is nowhere in paris.
    violations.splice(0, violations.length, ...violations.filter(({ n }) => n !== 1));
    for (const { name, volume, mysql } of hostsOf(world, "paris")) {
      if (volume.installed.cluster !== undefined) violations.push({ n: 39, what: `${name} is installed` });
      if (volume.holds.size > 0) violations.push({ n: 40, what: `${name} holds ${[...volume.holds]}` });
      if (!mysql.up) violations.push({ n: 40, what: `the database of ${name} is down` });
    }
    const old = [...world.sites.values()].filter(({ name }) => name !== "paris");
    for (const { client } of old)
      for (const { name, mysql } of old.flatMap((site) => hostsOf(world, site.name)))
        if (client.acknowledged.some((tx) => !mysql.rows.has(tx)))
          violations.push({ n: 1, what: `rows are missing at ${name}` });
  };
  return { ...base, end };
}

/** Named no more while everybody waits for it under MAINTENANCE. */
export const siteWithdrawn: Scenario = {
  ...siteJoinsComposite,
  watch: watchWithdrawn,
  beside: takenOutAt("HoldNewSite"),
  over: async (scene) =>
    (await stepOfParis(scene)) === "Reverted" &&
    (await conditionAt(scene, "paris", "MembershipCurrent"))?.status === "True",
};
