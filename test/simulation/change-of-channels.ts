/** The scenario of parallel apply that is switched off, for every way to disturb it. It is switched on first, undisturbed. */
import type { Scenario } from "./changing.ts";
import type { Scene } from "./scene.ts";
import { allTrue, editSite, reached } from "./site-scene.ts";

export const parallel = (channels: number) => ({
  channels: String(channels),
  "svc-parallelization-type": "disk",
});

export const channelsOf = ({ world }: Scene, name: string): readonly [number, number] => {
  const host = world.hosts.get(name);
  const { cluster } = host?.volume.installed ?? {};
  return [cluster?.channels ?? 0, host?.mysql.channelRows.get(`tungsten_${host.site}`) ?? 1];
};

/** Every node runs from the wanted text, and every service is ONLINE. */
export const applied = (scene: Scene): Promise<true> =>
  reached(scene, async () => {
    const online = [...scene.world.hosts.values()].every((host) =>
      Object.values(host.replicators).every((replicator) =>
        [...replicator.services.values()].every(({ state }) => state === "ONLINE"),
      ),
    );
    return online && (await allTrue(scene, "ConfigurationApplied")());
  });

/** Sites that have been seen to run with so many channels. */
export async function withChannels(scene: Scene, channels: number): Promise<void> {
  editSite(scene, "nyc", { options: parallel(channels) });
  await reached(scene, async () => channelsOf(scene, "nyc-0")[0] === channels);
  await applied(scene);
}

/** The same for sweeps: the nodes of nyc have five channels that no spec wants, and any option changes. */
export const channelsLeft: Scenario = {
  begin: (scene) => {
    for (const host of scene.world.hosts.values()) {
      const { cluster } = host.volume.installed;
      if (host.site !== "nyc" || cluster === undefined) continue;
      cluster.channels = 5;
      if (host.name !== "nyc-0") host.mysql.channelRows.set("tungsten_nyc", 5);
    }
    editSite(scene, "nyc", { options: { "thl-log-retention": "3d" } });
  },
  over: async (scene) =>
    channelsOf(scene, "nyc-0")[0] === 1 &&
    channelsOf(scene, "nyc-1")[0] === 1 &&
    (await allTrue(scene, "ConfigurationApplied")()),
  interruptionSeconds: 5,
};

export const channelsOff: Scenario = {
  begin: (scene) => editSite(scene, "nyc", { options: {} }),
  over: async (scene) =>
    channelsOf(scene, "nyc-0")[0] === 1 &&
    channelsOf(scene, "nyc-1")[0] === 1 &&
    (await allTrue(scene, "ConfigurationApplied")()),
  interruptionSeconds: 5,
};
