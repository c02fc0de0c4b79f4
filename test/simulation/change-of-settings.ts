/** The scenario of a changed my.cnf, for every way to disturb it. */
import type { Scenario } from "./changing.ts";
import { allTrue, editSite } from "./site-scene.ts";

const wanted = "max_connections=500";

/** Conditions of a site are as old as its last pass; what its servers run with is not. */
const sameFiles = ({ world }: Parameters<Scenario["over"]>[0]): boolean =>
  [...world.hosts.values()].every(({ mysql, site }) => site !== "nyc" || mysql.started.includes(wanted));

export const changeOfSettings: Scenario = {
  begin: (scene) =>
    editSite(scene, "nyc", {
      mysql: { port: 13306, settings: { max_connections: "500" } },
      changes: { dataserver: "Automatic", switchBack: true },
    }),
  over: async (scene) => sameFiles(scene) && (await allTrue(scene, "DatabaseCurrent")()),
  interruptionSeconds: 20,
  moves: true,
};
