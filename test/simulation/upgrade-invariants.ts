/** The invariants of a change of a site, over an upgrade of a whole estate, and what is an upgrade's own: one window, one release. */
import type { Host } from "../../simulator/model.ts";
import { watchChange } from "./change-invariants.ts";
import type { Watch } from "./invariants.ts";
import type { Scene } from "./scene.ts";

export const newRelease = "8.0.5-140";

const releasesOf = (hosts: Iterable<Host>): ReadonlySet<string> =>
  new Set([...hosts].flatMap(({ volume }) => Object.values(volume.installed).map(({ release }) => release)));

/** Watches from now on; `end` judges an upgrade that succeeded. */
export function watchUpgrade(scene: Scene): Watch {
  const { world } = scene;
  const watch = watchChange(scene, { sideBySide: true });
  const broken = (n: number, what: string): void => void watch.violations.push({ n, what });
  world.listeners.push((event) => {
    const hosts = [...world.hosts.values()];
    if (event.kind === "policy" && event.policy === "AUTOMATIC" && releasesOf(hosts).size > 1)
      broken(
        33,
        `${event.site} returned to AUTOMATIC while nodes run ${[...releasesOf(hosts)].join(" and ")}`,
      );
    if (event.kind !== "tpm" || event.when !== "begin" || event.verb !== "update") return;
    const without = hosts.find(({ volume }) => !volume.software.has(newRelease));
    if (without !== undefined) broken(33, `${event.host} is updated while ${without.name} has no package`);
  });
  return {
    ...watch,
    end: (interruptionSeconds) => {
      watch.end(interruptionSeconds);
      const runs = [...releasesOf(world.hosts.values())];
      if (runs.length !== 1 || runs[0] !== newRelease) broken(42, `nodes run ${runs.join(" and ")}`);
    },
  };
}
