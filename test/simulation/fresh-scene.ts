/** Sites with nothing installed, and the loops of their TungstenClusters and of the CompositeService that names them. */
import { bareWorld } from "../../simulator/build.ts";
import { reconcileComposite } from "../../src/controllers/composite-service.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import type { Walked } from "../../src/controllers/site-walk.ts";
import { clusterKind, compositeKind } from "../../src/kube/kinds.ts";
import { conditionOf, limits, make, putPods, release, type Scene, sceneOver } from "./scene.ts";
import { conditionAt, lineOf, passSites, refOf } from "./site-scene.ts";

export type FreshShape = {
  readonly sites: readonly string[];
  readonly nodes: number;
  readonly seed: number;
  readonly rate?: number;
};

/** Bare hosts whose pods run; no object of ours yet. */
export async function bareScene({ sites, nodes, seed, rate = 1 }: FreshShape): Promise<Scene> {
  const world = bareWorld({ seed, sites: sites.map((name) => ({ name, nodes })), release, rate });
  const scene = sceneOver(world);
  await putPods(scene.objects, [...world.hosts.values()]);
  return scene;
}

export const putSite = (scene: Scene, name: string, more: object = {}): Promise<KubeObject> => {
  const nodes = [...scene.world.hosts.values()].filter(({ site }) => site === name).length;
  const spec = { nodes, release, image: "node:dev", ...more };
  return scene.objects.create(clusterKind, make("TungstenCluster", name, spec));
};

export type CompositeShape = {
  readonly type: "ActiveActive" | "ActivePassive" | "DynamicActiveActive";
  readonly members: readonly string[];
  readonly primarySite?: string;
  readonly writeAffinity?: readonly string[];
};

export const putComposite = (scene: Scene, { members, ...spec }: CompositeShape): Promise<KubeObject> =>
  scene.objects.create(
    compositeKind,
    make("CompositeService", "global", { ...spec, members: members.map((name) => ({ name })) }),
  );

/** One pass of every loop. */
export async function passEstate(scene: Scene, walked?: Walked): Promise<void> {
  await passSites(scene, walked);
  await reconcileComposite(scene.shell, { ...limits, healthMs: 5000 }, refOf("global"));
}

export async function compositeReady(scene: Scene) {
  const composite = await scene.objects.get(compositeKind, refOf("global"));
  return composite && conditionOf(composite, "Ready");
}

/** Passes until it is so; what everybody told last is in the error when it never is. */
export async function formed(
  scene: Scene,
  so: () => Promise<boolean> = async () => (await compositeReady(scene))?.status === "True",
  { walked, most = 600 }: { walked?: Walked; most?: number } = {},
): Promise<true> {
  for (let n = 0; n < most; n += 1) {
    if (await so()) return true;
    await passEstate(scene, walked);
  }
  const told = await Promise.all([...scene.world.sites.keys()].map((name) => installedAt(scene, name)));
  throw new Error(`never reached; ${(await compositeReady(scene))?.message}; ${told.join("; ")}`);
}

/** What a site tells of its installation. */
export async function installedAt(scene: Scene, name: string): Promise<string> {
  const [installed, ready] = [
    await conditionAt(scene, name, "Installed"),
    await conditionAt(scene, name, "Ready"),
  ];
  return `${name}: ${installed?.reason} ${installed?.message} / ${ready?.reason} ${ready?.message}`;
}

/** Every command as it begins, and between them what the sites and the composite tell. */
export function storyTold(scene: Scene): { readonly story: string[]; readonly look: () => Promise<void> } {
  const story: string[] = [];
  const told = new Map<string, string>();
  scene.world.listeners.push((event) => {
    if (event.kind === "command") story.push(lineOf(event).replace(/[0-9a-f]{64}/, "<sha256>"));
  });
  const hear = (who: string, said: string | undefined): void => {
    const short = said?.replace(/( \(\d+ of \d+\))?(: .*)?$/, "");
    if (short === undefined || told.get(who) === short) return;
    told.set(who, short);
    story.push(`          ${who}: ${short}`);
  };
  const look = async (): Promise<void> => {
    for (const name of scene.world.sites.keys()) {
      const installed = await conditionAt(scene, name, "Installed").catch(() => undefined);
      hear(name, installed?.message);
    }
    const ready = await compositeReady(scene);
    hear("global", ready && `Ready ${ready.status}, ${ready.reason}`);
  };
  return { story, look };
}
