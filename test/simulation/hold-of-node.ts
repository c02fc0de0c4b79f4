/** The scenario of a node that a human takes for himself and gives back, for every way to disturb it. */
import type { Scenario } from "./changing.ts";
import { clusterOf, conditionAt, editSite, passSites } from "./site-scene.ts";

export const release = (scene: Parameters<Scenario["over"]>[0]): void =>
  editSite(scene, "nyc", { maintenance: undefined });

/** He works for some passes, then gives the node back. */
const passesOfWork = 8;

export const holdOfNode: Scenario = {
  begin: (scene) => editSite(scene, "nyc", { maintenance: { node: "nyc-1" } }),
  over: async (scene) => {
    const { spec, status, metadata } = await clusterOf(scene, "nyc");
    const told = (status?.conditions ?? []).find(({ type }: { type: string }) => type === "HandWorkDone");
    if (spec.maintenance !== undefined && told?.reason === "HandWork") {
      for (let n = 0; n < passesOfWork; n += 1) await passSites(scene).catch(() => {});
      if ((await conditionAt(scene, "nyc", "HandWorkDone"))?.reason === "HandWork") release(scene);
      return false;
    }
    return (
      spec.maintenance === undefined &&
      told?.status === "True" &&
      told.observedGeneration === metadata.generation &&
      status?.ledger?.phase !== "Running"
    );
  },
  interruptionSeconds: 5,
};
