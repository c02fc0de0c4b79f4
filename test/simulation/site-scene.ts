/** A scene driven by the loops of its TungstenClusters: every site a pass, then as much virtual time as they asked for. */
import { advance } from "../../simulator/world.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import type { Walked } from "../../src/controllers/site-walk.ts";
import { reconcileCluster } from "../../src/controllers/tungsten-cluster.ts";
import { clusterKind } from "../../src/kube/kinds.ts";
import { kubeletLooks } from "./kubelet.ts";
import { conditionOf, limits, namespace, newScene, type Scene, type SceneShape } from "./scene.ts";

export const refOf = (name: string) => ({ namespace, name });

export async function clusterOf(scene: Scene, name: string): Promise<KubeObject> {
  const cluster = await scene.objects.get(clusterKind, refOf(name));
  if (cluster === undefined) throw new Error(`${name} is gone`);
  return cluster;
}

export const conditionAt = async (scene: Scene, name: string, type: string) =>
  conditionOf(await clusterOf(scene, name), type);

/** One pass of every site. `walked` may break what they walk. */
export async function passSites(scene: Scene, walked?: Walked): Promise<void> {
  let afterMs = 5000;
  for (const name of scene.world.sites.keys()) {
    scene.calls.passes += 1;
    const again = await reconcileCluster(
      scene.shell,
      { ...limits, healthMs: 5000 },
      "#!/bin/bash\n",
      scene.fences,
      refOf(name),
      walked,
    );
    if (again !== "never") afterMs = Math.min(afterMs, again.afterMs);
  }
  await kubeletLooks(scene);
  advance(scene.world, Math.max(afterMs, 50));
}

/** An estate whose sites have been seen sound. */
export async function settledScene(shape: SceneShape): Promise<Scene> {
  const scene = await newScene(shape);
  for (let n = 0; n < 3; n += 1) await passSites(scene);
  return scene;
}

/** Changes a TungstenCluster's spec as a person would. */
export const editSite = (scene: Scene, name: string, change: object): void =>
  scene.objects.edit(clusterKind, refOf(name), ({ spec }) => void Object.assign(spec, change));

/** Passes until it is so; what every site told last is in the error when it never is. */
export async function reached(
  scene: Scene,
  so: () => Promise<boolean>,
  {
    walked,
    most = 1500,
    beside,
  }: { walked?: Walked; most?: number; beside?: (scene: Scene) => Promise<unknown> } = {},
): Promise<true> {
  for (let n = 0; n < most; n += 1) {
    if (await so()) return true;
    await passSites(scene, walked);
    await beside?.(scene);
  }
  const told = await Promise.all([...scene.world.sites.keys()].map((name) => toldBy(scene, name)));
  throw new Error(`never reached; ${told.join("; ")}`);
}

const toldBy = async (scene: Scene, name: string): Promise<string> => {
  const conditions: { type: string; status: string; reason: string; message: string }[] =
    (await clusterOf(scene, name)).status?.conditions ?? [];
  const off = conditions.filter(({ status }) => status !== "True");
  return `${name}: ${off.map(({ type, reason, message }) => `${type} ${reason}: ${message}`).join(", ")}`;
};

/** The condition of every site, or of these, is True for its present spec. */
export const allTrue =
  (scene: Scene, type: string, sites: readonly string[] = [...scene.world.sites.keys()]) =>
  async (): Promise<boolean> => {
    for (const name of sites) {
      const cluster = await clusterOf(scene, name);
      const condition = (cluster.status?.conditions ?? []).find(
        (each: { type: string }) => each.type === type,
      );
      if (condition?.status !== "True" || condition.observedGeneration !== cluster.metadata.generation)
        return false;
      if (cluster.status?.ledger?.phase === "Running") return false;
    }
    return true;
  };

export const begunOn = ({ world }: Scene): readonly string[] =>
  [...world.hosts.values()].flatMap(({ volume, name }) =>
    [...volume.markers.values()].map(({ argv }) => `${name} ${argv.join(" ")}`),
  );

/** A command as a story tells it: node, words, and what cctrl is fed. */
export const lineOf = ({
  host,
  argv,
  stdin,
}: {
  host: string;
  argv: readonly string[];
  stdin: string;
}): string => `${host.padEnd(9)} ${argv.join(" ")}${argv[0] === "cctrl" ? `: ${stdin.trim()}` : ""}`;
