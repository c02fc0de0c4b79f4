/** The scenario of a changed image, for every way to disturb it. */
import type { Scenario } from "./changing.ts";
import { allTrue, editSite } from "./site-scene.ts";

export const changeOfImage: Scenario = {
  begin: (scene) =>
    editSite(scene, "nyc", {
      image: "node:2",
      changes: { dataserver: "Automatic", switchBack: true },
    }),
  over: async (scene) =>
    [...scene.world.hosts.values()].every(
      ({ template, site, up }) => site !== "nyc" || (up && template.includes("node:2")),
    ) && (await allTrue(scene, "DatabaseCurrent")()),
  interruptionSeconds: 20,
  moves: true,
};
