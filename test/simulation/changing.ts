/** A change of an installed estate under crashes, seeded faults and broken operators: one scenario, three ways to disturb it. */
import { blows, strike } from "../../simulator/faults.ts";
import { type Random, randomFrom, type Trap } from "../../simulator/model.ts";
import { digest } from "../../simulator/oracle.ts";
import { advance } from "../../simulator/world.ts";
import type { Walked } from "../../src/controllers/site-walk.ts";
import { type ChangeWatch, watchChange } from "./change-invariants.ts";
import type { Violation } from "./invariants.ts";
import type { Change } from "./mutate.ts";
import { quiesce, restartOperator, type Scene } from "./scene.ts";
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
  /** What others do after each pass: pods that come and go. */
  readonly beside?: (scene: Scene) => Promise<unknown>;
  /** The estate it happens to; one that has been seen sound otherwise. */
  readonly scene?: typeof settledScene;
  /** Who watches, beside the invariants of every change. */
  readonly watch?: (scene: Scene, shape: Parameters<typeof watchChange>[1]) => ChangeWatch;
};

const shape = { sites: ["london", "nyc"], nodes: 2 };
const shapeOf = ({ nodes }: Scenario) => ({ ...shape, ...(nodes !== undefined && { nodes }) });
const mostPasses = 2500;

/** One pass; a crash is a new process after the leader's lease has run out, and a dead one writes nothing more. */
async function surviving(scene: Scene, scenario: Scenario, dead: { is: boolean }): Promise<void> {
  try {
    await passSites(scene);
    await scenario.beside?.(scene);
  } catch (error) {
    if (!String(error).includes("crash")) throw error;
    dead.is = false;
    restartOperator(scene);
    advance(scene.world, 15_000);
  }
}

export type Crashed = {
  readonly points: number;
  readonly digest: string;
  readonly violations: readonly Violation[];
  readonly over: boolean;
};

/** The operator dies at the n-th point before or after a write or an effect; `n` 0 crashes nowhere and counts the points. */
export async function crashedChange(scenario: Scenario, n: number): Promise<Crashed> {
  const scene = await (scenario.scene ?? settledScene)({ ...shapeOf(scenario), seed: 5 });
  const watch = (scenario.watch ?? watchChange)(scene, scenario);
  scenario.begin(scene);
  await scenario.create?.(scene);
  let points = 0;
  const dead = { is: false };
  scene.onStep = (what) => {
    points += 1;
    if (points === n) dead.is = true;
    if (dead.is) throw new Error(`crash ${what}`);
  };
  let over = false;
  for (let passes = 0; passes < mostPasses && !over; passes += 1) {
    await surviving(scene, scenario, dead);
    over = await scenario.over(scene);
  }
  scene.onStep = () => {};
  for (let passes = 0; passes < 4; passes += 1) await passSites(scene);
  await scenario.beside?.(scene);
  quiesce(scene);
  if (over) watch.end(scenario.interruptionSeconds * 3);
  return { points, digest: digest(scene.world), violations: watch.violations, over };
}

const traps: readonly Trap["at"][] = [
  "before-claim",
  "after-claim",
  "running",
  "after-exit",
  "reply",
  "observe",
  "child-dies-unnamed",
  "child-dies-before-tool",
  "keeper-dies-at-end",
];
/** What a site lives through without a human. */
const blowsLived = blows.filter(
  (blow) => !["primary-moved", "logs-rebuilt", "logs-purged", "service-error", "mysql-down"].includes(blow),
);
const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

/** One to three faults of a seed at random moments, and in every third run a crash of the operator. */
export async function seededChange(
  scenario: Scenario,
  seed: number,
): Promise<{ end: string; violations: readonly Violation[] }> {
  const random = randomFrom(seed * 7919 + 13);
  const scene = await (scenario.scene ?? settledScene)({ ...shapeOf(scenario), seed });
  const watch = (scenario.watch ?? watchChange)(scene, scenario);
  const hosts = [...scene.world.hosts.keys(), ...(scenario.also ?? [])];
  const plan = Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({
    at: Math.floor(random() * 250),
    host: pick(random, hosts),
    trap: random() < 0.5 ? pick(random, traps) : undefined,
    blow: pick(random, blowsLived),
  }));
  const crashAt = random() < 0.34 ? Math.floor(random() * 500) : -1;
  let steps = 0;
  const dead = { is: false };
  scenario.begin(scene);
  await scenario.create?.(scene);
  scene.onStep = (what) => {
    steps += 1;
    if (steps === crashAt) dead.is = true;
    if (dead.is) throw new Error(`crash ${what}`);
  };
  let over = false;
  for (let n = 0; n < mostPasses && !over; n += 1) {
    for (const { host, trap, blow } of plan.filter(({ at }) => at === n))
      if (trap !== undefined) scene.world.traps.push({ at: trap, host, after: 0 });
      else if (scene.world.hosts.has(host)) strike(scene.world, blow, host);
      else if (scene.world.connectors.has(host)) strike(scene.world, "restart-container", host);
    for (const { host } of plan.filter(({ at }) => at + 12 === n)) heal(scene, host);
    await surviving(scene, scenario, dead);
    over = await scenario.over(scene);
  }
  scene.onStep = () => {};
  if (!over) return { end: await endOf(scene), violations: watch.violations };
  for (const host of hosts) heal(scene, host);
  scene.world.traps.length = 0;
  advance(scene.world, 60_000);
  quiesce(scene);
  watch.end(scenario.interruptionSeconds * 10);
  return { end: "applied", violations: watch.violations };
}

function heal({ world }: Scene, name: string): void {
  const host = world.hosts.get(name);
  if (host === undefined) return;
  host.mysql.up = true;
  host.slowness = 1;
  host.lagMs = 0;
  world.cuts.clear();
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
  const scene = await (scenario.scene ?? settledScene)({ ...shapeOf(scenario), seed: 11 });
  const watch = (scenario.watch ?? watchChange)(scene, scenario);
  const walked: Walked = (procedure) => changes.reduce((whole, change) => change(whole), procedure);
  scenario.begin(scene);
  await scenario.create?.(scene);
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
