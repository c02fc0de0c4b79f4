/** The scenario of changed passwords of the replication and the application account, for every way to disturb it. */
import { accountsByName, sceneWithAccounts, watchAccounts } from "./accounts-scene.ts";
import type { Scenario } from "./changing.ts";
import type { Scene } from "./scene.ts";
import { allTrue } from "./site-scene.ts";

/** Replicators and connectors come with the new ones, and the databases take no others. */
export const rotated = ({ world }: Scene): boolean =>
  [...world.hosts.values()].every(({ mysql, volume }) => {
    const own = mysql.logins.get("tungsten") ?? [];
    const words = Object.values(volume.installedWord);
    return (
      own.join() === `${world.canary}2` &&
      mysql.logins.get("app_user")?.join() === `${world.canary}2-app` &&
      words.length === 2 &&
      words.every((word) => word === own[0]) &&
      volume.userMap[0]?.[1] === `${world.canary}2-app`
    );
  });

export const changeOfPasswords: Scenario = {
  scene: sceneWithAccounts,
  begin: (scene) => accountsByName(scene, "2"),
  over: async (scene) =>
    rotated(scene) &&
    (await allTrue(scene, "AccountsCurrent")()) &&
    (await allTrue(scene, "ConfigurationApplied")()),
  interruptionSeconds: 20,
  watch: watchAccounts,
};
