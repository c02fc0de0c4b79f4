/** The scenario of a changed option, for every way to disturb it. */
import type { Scenario } from "./changing.ts";
import { allTrue, editSite } from "./site-scene.ts";

/** Conditions of a site are as old as its last pass; the texts on the nodes are not. */
const sameTexts = ({ world }: Parameters<Scenario["over"]>[0]): boolean =>
  [...world.hosts.values()].every(({ volume }) => volume.ini?.includes("thl-log-retention=3d") === true);

export const changeOfOptions: Scenario = {
  begin: (scene) => editSite(scene, "london", { options: { "thl-log-retention": "3d" } }),
  over: async (scene) => sameTexts(scene) && (await allTrue(scene, "ConfigurationApplied")()),
  interruptionSeconds: 3,
};
