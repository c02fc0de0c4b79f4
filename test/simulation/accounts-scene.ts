/** Further users of an estate in a scene: the Secrets that hold them, and who watches that nobody is locked out meanwhile. */
import { hostsOf, type WorldEvent } from "../../simulator/model.ts";
import { lets } from "../../simulator/tools/accounts.ts";
import { secretKind } from "../../src/kube/kinds.ts";
import { type ChangeWatch, watchChange } from "./change-invariants.ts";
import { namespace, newScene, type Scene, type SceneShape } from "./scene.ts";
import { editSite, passSites } from "./site-scene.ts";

/** A password that no text may show. */
export const passwordOf = ({ world }: Scene, word: string): string => `${world.canary}-${word}`;

export async function putSecret(scene: Scene, name: string, values: Record<string, string>): Promise<void> {
  const data = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
  );
  await scene.objects.apply(secretKind, {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace },
    data,
  });
}

export const putUser = (scene: Scene, name: string, word: string): Promise<void> =>
  putSecret(scene, name, { username: name, password: passwordOf(scene, word) });

/** The two accounts of the installation, by Secrets of the user's from the beginning. */
export const accountsByName = (scene: Scene, word: string): void => {
  void putSecret(scene, "repl", { username: "tungsten", password: `${scene.world.canary}${word}` });
  void putSecret(scene, "app", { username: "app_user", password: `${scene.world.canary}${word}-app` });
};

/** An estate that names them, and has been seen sound. */
export async function sceneWithAccounts(shape: SceneShape): Promise<Scene> {
  const scene = await newScene(shape);
  accountsByName(scene, "");
  const credentials = { replication: { name: "repl" }, application: { name: "app" } };
  for (const site of shape.sites) editSite(scene, site, { credentials });
  for (let n = 0; n < 3; n += 1) await passSites(scene);
  return scene;
}

/** The invariants of a change, and: whoever a connector takes in, the databases of its site take in. */
export function watchAccounts(scene: Scene, shape: Parameters<typeof watchChange>[1] = {}): ChangeWatch {
  const watch = watchChange(scene, shape);
  const { world } = scene;
  const look = ({ host: name, verb }: Extract<WorldEvent, { kind: "accounts" }>): void => {
    for (const host of world.hosts.values())
      for (const [product, word] of Object.entries(host.volume.installedWord))
        if (host.mysql.logins.size > 0 && !lets(host, "tungsten", word))
          watch.violations.push({
            n: 39,
            what: `after ${verb} on ${name}: ${host.name} does not let its ${product} replicator in`,
          });
    for (const site of world.sites.keys()) {
      const hosts = hostsOf(world, site);
      for (const { name: connector, volume } of hosts)
        for (const [user = "", word = ""] of volume.userMap)
          for (const host of hosts)
            if (host.mysql.logins.size > 0 && !lets(host, user, word))
              watch.violations.push({
                n: 36,
                what: `after ${verb} on ${name}: ${connector} takes ${user} in and ${host.name} does not`,
              });
    }
  };
  world.listeners.push((event) => {
    if (event.kind === "accounts") look(event);
    if (event.kind === "tpm" && event.when === "end") look({ ...event, kind: "accounts" });
  });
  const end = (interruptionSeconds: number): void => {
    watch.end(interruptionSeconds);
    for (const { name, mysql, volume } of world.hosts.values())
      for (const [user = "", word = ""] of volume.userMap) {
        const takes = mysql.logins.get(user);
        if (takes?.length !== 1 || takes[0] !== word)
          watch.violations.push({
            n: 42,
            what: `${user} has another password on ${name} than its connector`,
          });
      }
  };
  return { ...watch, end };
}
