/** The scenario of a further user whose password changes as soon as everybody knows it, for every way to disturb it. */
import { passwordOf, putUser, watchAccounts } from "./accounts-scene.ts";
import type { Scenario } from "./changing.ts";
import type { Scene } from "./scene.ts";
import { allTrue, editSite } from "./site-scene.ts";

/** Every connector knows this password, and every database no other. */
const everyone = (scene: Scene, word: string): boolean =>
  [...scene.world.hosts.values()].every(({ mysql, volume }) => {
    const takes = mysql.logins.get("report") ?? [];
    const line = volume.userMap.find(([name]) => name === "report");
    return takes.join() === passwordOf(scene, word) && line?.[1] === takes[0];
  });

const changed = new WeakSet<Scene>();

export const changeOfUsers: Scenario = {
  begin: (scene) => {
    void putUser(scene, "report", "first");
    editSite(scene, "nyc", { users: [{ name: "report" }] });
  },
  over: async (scene) => {
    if (!changed.has(scene) && everyone(scene, "first")) {
      changed.add(scene);
      void putUser(scene, "report", "second");
    }
    return everyone(scene, "second") && (await allTrue(scene, "AccountsCurrent")());
  },
  interruptionSeconds: 3,
  watch: watchAccounts,
};
