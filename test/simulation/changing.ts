/** A change of an installed estate under crashes, seeded faults and broken operators: one scenario, three ways to disturb it. */
import { randomFrom } from "../../simulator/model.ts";
import { digest } from "../../simulator/oracle.ts";
import { advance } from "../../simulator/world.ts";
import type { Walked } from "../../src/controllers/site-walk.ts";
import { type ChangeWatch, watchChange } from "./change-invariants.ts";
import { type Course, type Crashed, type Faults, healed, withDeathAt, withFaults } from "./disturbing.ts";
import type { Violation } from "./invariants.ts";
import type { Change } from "./mutate.ts";
import { quiesce, type Scene } from "./scene.ts";
import { clusterOf, passSites, settledScene } from "./site-scene.ts";

export type Scenario = {
  /** What somebody changes. */
  readonly begin: (scene: Scene) => void;
  /** What is created beside it. */
  readonly create?: (scene: Scene) => Promise<void>;
  readonly over: (scene: Scene) => Promise<boolean>;
  readonly interruptionSeconds: number;
  /** The change moves the primary itself. */
  readonly moves?: boolean;
  /** It takes sites side by side. */
  readonly together?: boolean;
  /** The one site it reaches. */
  readonly only?: string;
  /** Nodes that come into service by it, and nodes that go out of it. */
  readonly joins?: readonly string[];
  readonly leaves?: readonly string[];
  /** A site all of whose nodes come; of a passive one only the head is filled from another site. */
  readonly fresh?: string;
  readonly relayed?: boolean;
  /** Nodes of each site at its beginning, where there are not two. */
  readonly nodes?: number;
  /** Further hosts that faults strike; they may come later. */
  readonly also?: readonly string[];
  /** Whose database it stops for good. */
  readonly keepsDown?: Faults["keepsDown"];
  /** What others do after each pass: pods that come and go. */
  readonly beside?: (scene: Scene) => Promise<unknown>;
  /** The estate it happens to; one that has been seen sound otherwise. */
  readonly scene?: typeof settledScene;
  /** Who watches, beside the invariants of every change. */
  readonly watch?: (scene: Scene, shape: Parameters<typeof watchChange>[1]) => ChangeWatch;
};

const shape = { sites: ["london", "nyc"], nodes: 2 };
const shapeOf = ({ nodes }: Scenario) => ({ ...shape, ...(nodes !== undefined && { nodes }) });
const courseOf = (scenario: Scenario, scene: Scene): Course => ({
  scene,
  pass: async () => {
    await passSites(scene);
    await scenario.beside?.(scene);
  },
  over: () => scenario.over(scene),
  mostPasses: 2500,
});

const sceneFor = (scenario: Scenario, seed: number): Promise<Scene> =>
  (scenario.scene ?? settledScene)({ ...shapeOf(scenario), seed });

async function begin(scenario: Scenario, scene: Scene): Promise<void> {
  scenario.begin(scene);
  await scenario.create?.(scene);
}

/** The operator dies at the n-th point before or after a write or an effect; `n` 0 crashes nowhere and counts the points. */
export async function crashedChange(scenario: Scenario, n: number): Promise<Crashed> {
  const scene = await sceneFor(scenario, 5);
  const watch = (scenario.watch ?? watchChange)(scene, scenario);
  await begin(scenario, scene);
  const { points, over } = await withDeathAt(courseOf(scenario, scene), n);
  for (let passes = 0; passes < 4; passes += 1) await passSites(scene);
  await scenario.beside?.(scene);
  quiesce(scene);
  if (over) watch.end(scenario.interruptionSeconds * 3);
  return { points, digest: digest(scene.world), violations: watch.violations, over };
}

const faults = {
  passes: 250,
  points: 500,
  spared: ["primary-moved", "logs-rebuilt", "logs-purged", "service-error", "mysql-down"],
};

/** The faults of a seed. */
export async function seededChange(
  scenario: Scenario,
  seed: number,
): Promise<{ end: string; violations: readonly Violation[] }> {
  const random = randomFrom(seed * 7919 + 13);
  const scene = await sceneFor(scenario, seed);
  const watch = (scenario.watch ?? watchChange)(scene, scenario);
  const hosts = [...scene.world.hosts.keys(), ...(scenario.also ?? [])];
  const over = await withFaults(
    { ...faults, random, hosts, keepsDown: scenario.keepsDown },
    courseOf(scenario, scene),
    () => begin(scenario, scene),
  );
  if (!over) return { end: await endOf(scene), violations: watch.violations };
  healed(scene, hosts, scenario.keepsDown);
  advance(scene.world, 60_000);
  quiesce(scene);
  watch.end(scenario.interruptionSeconds * 10);
  return { end: "applied", violations: watch.violations };
}

/** Why it is not over: halted for a named reason, or what it waits for. */
async function endOf(scene: Scene): Promise<string> {
  const ends: string[] = [];
  for (const name of scene.world.sites.keys()) {
    const { halt } = (await clusterOf(scene, name)).status?.ledger ?? {};
    const conditions: { type: string; status: string; reason: string; message: string }[] =
      (await clusterOf(scene, name)).status?.conditions ?? [];
    const off = conditions.filter(
      ({ status, type }) => status !== "True" && /Applied|Ready|Current|InService/.test(type),
    );
    ends.push(
      halt === undefined
        ? `${name} ${off.map(({ reason, message }) => `${reason}: ${message}`).join(" | ")}`
        : `${name} halted: ${halt.reason}: ${halt.message}`,
    );
  }
  return `not over: ${ends.join("; ")}`;
}

/** A sound operator with these changes of its procedure; the numbers of the invariants it trips. */
export async function brokenChange(
  scenario: Scenario,
  changes: readonly Change[],
  meanwhile?: (scene: Scene, n: number) => void,
): Promise<readonly number[]> {
  const scene = await sceneFor(scenario, 11);
  const watch = (scenario.watch ?? watchChange)(scene, scenario);
  const walked: Walked = (procedure) => changes.reduce((whole, change) => change(whole), procedure);
  await begin(scenario, scene);
  let over = false;
  for (let n = 0; n < 600 && !over; n += 1) {
    meanwhile?.(scene, n);
    await passSites(scene, walked);
    await scenario.beside?.(scene);
    over = await scenario.over(scene);
  }
  if (!over) watch.violations.push({ n: 48, what: "never ended" });
  advance(scene.world, 10_000);
  quiesce(scene);
  if (over) watch.end(scenario.interruptionSeconds);
  return [...new Set(watch.violations.map(({ n }) => n))].sort((a, b) => a - b);
}
