/** The scenario of a site that joins a mesh, filled from a replica of another, for every way to disturb it. */
import { addSite } from "../../simulator/build.ts";
import { hostsOf } from "../../simulator/model.ts";
import { startContainer } from "../../simulator/world.ts";
import { clusterKind, linkKind, podKind } from "../../src/kube/kinds.ts";
import type { Scenario } from "./changing.ts";
import { namespace, release, type Scene } from "./scene.ts";
import { clusterOf, conditionAt, editSite } from "./site-scene.ts";

const group = "tungsten-operator.io/v1alpha1";

/** paris with its bare nodes and its links both ways, as somebody creates them. */
export async function parisJoins(scene: Scene, spec: object, nodes = 2): Promise<void> {
  const { world, objects } = scene;
  addSite(world, "paris", nodes, { rate: 0, release, sites: [] });
  const make = (kind: string, name: string, of: object) => ({
    apiVersion: group,
    kind,
    metadata: { name, namespace },
    spec: of,
  });
  await objects.create(
    clusterKind,
    make("TungstenCluster", "paris", { nodes, release, image: "node:dev", ...spec }),
  );
  for (const other of ["london", "nyc"])
    for (const [source, target] of [
      ["paris", other],
      [other, "paris"],
    ] as const)
      await objects.create(
        linkKind,
        make("CrossSiteLink", `${source}-to-${target}`, {
          source: { name: source },
          target: { name: target },
        }),
      );
  for (const host of hostsOf(world, "paris")) {
    const made = await objects.create(podKind, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: host.name, namespace, labels: { "tungsten-operator.io/site": "paris" } },
      status: { phase: "Running" },
    });
    startContainer(world, host, made.metadata.uid ?? "");
  }
}

/** The old sites wait to be told, so that half of it is walked. */
export const siteJoins: Scenario = {
  joins: ["paris-0", "paris-1"],
  fresh: "paris",
  only: "paris",
  interruptionSeconds: 3,
  begin: (scene) => {
    for (const site of ["london", "nyc"]) {
      for (const host of hostsOf(scene.world, site)) host.volume.thl.get(`cluster/${site}`)?.splice(0, 3);
      editSite(scene, site, { changes: { configuration: "OnApproval" } });
    }
  },
  create: (scene) => parisJoins(scene, { fillFrom: { site: "london" } }),
  over: async (scene) => {
    const { status } = await clusterOf(scene, "paris").catch(() => ({ status: undefined }));
    return (
      status?.filledFrom !== undefined &&
      status?.ledger?.phase === "Finished" &&
      (await conditionAt(scene, "paris", "Installed"))?.status === "True" &&
      (await conditionAt(scene, "paris", "Ready"))?.status === "True"
    );
  },
};
