/** The scenario of a replica whose volume is lost: its pod comes up with an empty one, and somebody says the word. */
import { addHost } from "../../simulator/build.ts";
import { hostOf, siteOf } from "../../simulator/model.ts";
import { startContainer, stopContainer } from "../../simulator/world.ts";
import { claimKind, podKind } from "../../src/kube/kinds.ts";
import type { Scenario } from "./changing.ts";
import { make, namespace, release, type Scene } from "./scene.ts";
import { allTrue, editSite, passSites, refOf, settledScene } from "./site-scene.ts";

/** With claims, as the kubelet's stand-in makes them. */
export async function claimed(shape: Parameters<typeof settledScene>[0]): Promise<Scene> {
  const scene = await settledScene(shape);
  for (let n = 0; n < 2; n += 1) await passSites(scene);
  return scene;
}

/** Its pod is made anew with a new claim. The UID of that. */
export async function lose(scene: Scene, name: string, storage?: string): Promise<string> {
  const { world, objects } = scene;
  const before = hostOf(world, name);
  stopContainer(world, before);
  world.hosts.delete(name);
  await objects.remove(podKind, refOf(name), before.podUid);
  const site = siteOf(world, before.site);
  addHost(world, site, Number(name.slice(-1)), before.mysql.offset, before.mysql.increment, release);
  const old = await objects.get(claimKind, refOf(`opt-${name}`));
  await objects.remove(claimKind, refOf(`opt-${name}`), old?.metadata.uid ?? "");
  const labels = { "tungsten-operator.io/site": before.site };
  const { metadata, ...body } = make("PersistentVolumeClaim", `opt-${name}`, {
    ...old?.spec,
    ...(storage !== undefined && { resources: { requests: { storage } } }),
  });
  const claim = await objects.create(claimKind, { ...body, metadata: { ...metadata, labels } });
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name, namespace, labels } };
  const made = await objects.create(podKind, { ...pod, status: { phase: "Running" } });
  startContainer(world, hostOf(world, name), made.metadata.uid ?? "");
  return claim.metadata.uid ?? "";
}

/** What somebody says of the claim with this UID. */
export const word = (scene: Scene, site: string, rebuild: string): void =>
  editSite(scene, site, {
    changes: {
      ...{ configuration: "Automatic", dataserver: "OnApproval", switchBack: false, approved: "" },
      rebuild,
    },
  });

const claims = new WeakMap<Scene, string>();

export const volumeLost: Scenario = {
  joins: ["london-1"],
  nodes: 3,
  interruptionSeconds: 3,
  scene: async (shape) => {
    const scene = await claimed(shape);
    claims.set(scene, await lose(scene, "london-1"));
    return scene;
  },
  begin: (scene) => word(scene, "london", claims.get(scene) ?? ""),
  over: async (scene) =>
    hostOf(scene.world, "london-1").volume.installed.cluster != null &&
    (await allTrue(scene, "NodesInService")()) &&
    (await allTrue(scene, "Ready")()),
};
