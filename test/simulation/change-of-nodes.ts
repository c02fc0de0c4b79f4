/** The scenarios of a node that joins a site and of one that leaves it, for every way to disturb them. */
import { hostOf, siteOf } from "../../simulator/model.ts";
import type { Steps } from "../../simulator/outside.ts";
import type { ToolResult } from "../../simulator/state.ts";
import { switchPrimary } from "../../simulator/switching.ts";
import { advance, spawn } from "../../simulator/world.ts";
import type { Scenario } from "./changing.ts";
import { runPods, type Volumes } from "./pods.ts";
import type { Scene } from "./scene.ts";
import { allTrue, conditionAt, editSite, passSites } from "./site-scene.ts";

const type = "NodesInService";
/** Volumes of pods that are gone, by scene. */
const volumes = new WeakMap<Scene, Volumes>();

const pods = async (scene: Scene): Promise<readonly string[]> => {
  const kept = volumes.get(scene) ?? new Map();
  volumes.set(scene, kept);
  return runPods(scene, kept);
};

/** Passes, with pods that come and go, until it is so; what the sites told last is in the error when it never is. */
export async function podsUntil(scene: Scene, so: () => Promise<boolean> | boolean): Promise<true> {
  for (let n = 0; n < 2500; n += 1) {
    if (await so()) return true;
    await passSites(scene);
    await pods(scene);
  }
  const told = [...scene.world.sites.keys()].map((name) => conditionAt(scene, name, type));
  throw new Error(`never reached: ${(await Promise.all(told)).map((each) => each?.message).join("; ")}`);
}

/** Every site has the nodes and the text that its spec wants. */
export const allScaled = (scene: Scene) => async (): Promise<boolean> =>
  (await allTrue(scene, type)()) && (await allTrue(scene, "ConfigurationApplied")());

/** A DBA makes another node the primary. */
export function switchTo({ world }: Scene, site: string, to: string): void {
  const host = hostOf(world, siteOf(world, site).primary);
  function* asTool(): Steps<ToolResult> {
    return { code: 0, out: (yield* switchPrimary(world, host, to)).join("\n"), err: "" };
  }
  spawn(
    world,
    host,
    ["cctrl"],
    asTool(),
    () => {},
    () => {},
  );
  advance(world, 30_000);
}

/** Every node of the site has a text with, or without, the name. */
const named = ({ world }: Scene, sites: readonly string[], name: string, is: boolean): boolean =>
  [...world.hosts.values()].every(
    ({ volume, site }) => !sites.includes(site) || volume.ini?.includes(name) === is,
  );

/** The other site admits nothing, so that half of it is walked. */
export const nodeJoins: Scenario = {
  joins: ["london-2"],
  only: "london",
  interruptionSeconds: 3,
  beside: pods,
  begin: (scene) => {
    editSite(scene, "nyc", { proceduresPaused: true });
    editSite(scene, "london", { nodes: 3 });
  },
  over: async (scene) =>
    scene.world.hosts.has("london-2") &&
    named(scene, ["london"], "london-2", true) &&
    (await allTrue(scene, type, ["london"])()),
};

export const nodeLeaves: Scenario = {
  leaves: ["london-2"],
  nodes: 3,
  interruptionSeconds: 3,
  beside: pods,
  begin: (scene) => editSite(scene, "london", { nodes: 2 }),
  over: async (scene) =>
    !scene.world.hosts.has("london-2") &&
    named(scene, ["london", "nyc"], "london-2", false) &&
    (await allTrue(scene, type)()) &&
    (await allTrue(scene, "ConfigurationApplied")()),
};
