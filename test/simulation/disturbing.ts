/** Whatever course of a scene is disturbed: one way for the operator to die, one for nodes to be struck, one to heal them. */
import { blows, strike } from "../../simulator/faults.ts";
import type { Host, Random, Trap } from "../../simulator/model.ts";
import { advance } from "../../simulator/world.ts";
import type { Violation } from "./invariants.ts";
import { restartOperator, type Scene } from "./scene.ts";

export type Course = {
  readonly scene: Scene;
  /** One pass of every loop, and what others do beside it. */
  readonly pass: () => Promise<unknown>;
  readonly over: () => Promise<boolean>;
  readonly mostPasses: number;
};

export type Crashed = {
  readonly points: number;
  readonly digest: string;
  readonly violations: readonly Violation[];
  readonly over: boolean;
};

/** One pass; a crash is a new process after the leader's lease has run out, and a dead one writes nothing more. */
async function surviving({ scene, pass }: Course, dead: { is: boolean }): Promise<void> {
  try {
    await pass();
  } catch (error) {
    if (!String(error).includes("crash")) throw error;
    dead.is = false;
    restartOperator(scene);
    advance(scene.world, 15_000);
  }
}

/** The operator dies at the n-th point before or after a write or an effect; tells how many points there were. */
function dyingAt(scene: Scene, n: number): { readonly dead: { is: boolean }; readonly points: () => number } {
  const dead = { is: false };
  let points = 0;
  scene.onStep = (what) => {
    points += 1;
    if (points === n) dead.is = true;
    if (dead.is) throw new Error(`crash ${what}`);
  };
  return { dead, points: () => points };
}

/** The course with one death; `n` 0 crashes nowhere and counts the points. */
export async function withDeathAt(
  course: Course,
  n: number,
): Promise<{ readonly points: number; readonly over: boolean }> {
  const { dead, points } = dyingAt(course.scene, n);
  let over = false;
  for (let passes = 0; passes < course.mostPasses && !over; passes += 1) {
    await surviving(course, dead);
    over = await course.over();
  }
  course.scene.onStep = () => {};
  return { points: points(), over };
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
const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

export type Faults = {
  /** In which passes nodes are struck, and at which points the operator dies: before these. */
  readonly passes: number;
  readonly points: number;
  /** What nobody lives through without a human. */
  readonly spared: readonly string[];
  /** Whom it may hit; every node of the world, where this says nothing. Hosts of a connector alone are restarted. */
  readonly hosts?: readonly string[];
  /** Whose database is down because it was meant to be: nobody who mends what was struck starts it. */
  readonly keepsDown?: ((host: Host) => boolean) | undefined;
};

/** One to three faults at random moments, and in every third run a crash of the operator. `begun` begins the course. */
export async function withFaults(
  { random, passes, points, spared, ...struck }: Faults & { readonly random: Random },
  course: Course,
  begun: () => Promise<void>,
): Promise<boolean> {
  const { scene } = course;
  const hosts = struck.hosts ?? [...scene.world.hosts.keys()];
  const lived = blows.filter((blow) => !spared.includes(blow));
  const plan = Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({
    at: Math.floor(random() * passes),
    host: pick(random, hosts),
    trap: random() < 0.5 ? pick(random, traps) : undefined,
    blow: pick(random, lived),
  }));
  const crashAt = random() < 0.34 ? Math.floor(random() * points) : -1;
  await begun();
  const { dead } = dyingAt(scene, crashAt);
  let over = false;
  for (let n = 0; n < course.mostPasses && !over; n += 1) {
    for (const { host, trap, blow } of plan.filter(({ at }) => at === n))
      if (trap !== undefined) scene.world.traps.push({ at: trap, host, after: 0 });
      else if (scene.world.hosts.has(host)) strike(scene.world, blow, host);
      else if (scene.world.connectors.has(host)) strike(scene.world, "restart-container", host);
    for (const { host } of plan.filter(({ at }) => at + 12 === n)) heal(scene, host, struck.keepsDown);
    await surviving(course, dead);
    over = await course.over();
  }
  scene.onStep = () => {};
  return over;
}

export function heal({ world }: Scene, name: string, keepsDown: Faults["keepsDown"]): void {
  const host = world.hosts.get(name);
  if (host === undefined) return;
  if (keepsDown?.(host) !== true) host.mysql.up = true;
  host.slowness = 1;
  host.lagMs = 0;
  world.cuts.clear();
}

/** These nodes are well again, and nothing lies in wait any more. */
export function healed(scene: Scene, hosts: readonly string[], keepsDown?: Faults["keepsDown"]): void {
  for (const host of hosts) heal(scene, host, keepsDown);
  scene.world.traps.length = 0;
}
