/** The scenario of a changed option, for every way to disturb it. */
import type { Scenario } from "./changing.ts";
import { allTrue, editSite } from "./site-scene.ts";

/** Conditions of a site are as old as its last pass; the texts on the nodes are not. */
const sameTexts = ({ world }: Parameters<Scenario["over"]>[0], sites: readonly string[]): boolean =>
  [...world.hosts.values()].every(
    ({ volume, site }) => !sites.includes(site) || volume.ini?.includes("thl-log-retention=3d") === true,
  );

const options = { options: { "thl-log-retention": "3d" } };
const type = "ConfigurationApplied";

export const changeOfOptions: Scenario = {
  begin: (scene) => editSite(scene, "london", options),
  over: async (scene) => sameTexts(scene, ["london", "nyc"]) && (await allTrue(scene, type)()),
  interruptionSeconds: 3,
};

/** The other site admits nothing, so that half of it is walked: for runs that are repeated hundreds of times. */
export const changeOfOneSite: Scenario = {
  ...changeOfOptions,
  only: "london",
  begin: (scene) => {
    editSite(scene, "nyc", { proceduresPaused: true });
    editSite(scene, "london", options);
  },
  over: async (scene) => sameTexts(scene, ["london"]) && (await allTrue(scene, type, ["london"])()),
};
