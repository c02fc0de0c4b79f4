/** One seeded run: one to three faults at random moments, one crash of the operator in every third run. */
import { blows, strike } from "../../simulator/faults.ts";
import { type Random, randomFrom, type Trap } from "../../simulator/model.ts";
import { advance } from "../../simulator/world.ts";
import type { Violation } from "./invariants.ts";
import { type Change, changedBy } from "./mutate.ts";
import { newScene, pass, quiesce, restartOperator, type Scene, theRequest } from "./scene.ts";
import { conversion, type Walk } from "./walks.ts";

const traps: readonly Trap["at"][] = [
  "before-claim",
  "after-claim",
  "running",
  "after-exit",
  "reply",
  "dump-short",
  "disk-full",
  "observe",
];
const passing = blows.filter((blow) => blow !== "primary-moved");
/** A run of a sound operator needs a few hundred. */
const mostPasses = 6000;

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

/** `changes` break the operator on purpose; `plain` leaves the faults out. */
export type Broken = {
  readonly changes?: readonly Change[];
  readonly plain?: boolean;
  readonly minutes?: number;
  readonly walk?: Walk;
};

/** Runs a procedure under the faults of a seed to its end, or for its virtual minutes. */
export async function runSeed(
  seed: number,
  { changes = [], plain = false, walk = conversion, minutes = walk.minutes }: Broken = {},
): Promise<{ end: string; violations: readonly Violation[] }> {
  const random = randomFrom(seed * 7919 + 13);
  const scene = await newScene({ sites: walk.sites, nodes: walk.nodes, seed, ...walk.more });
  scene.catalog = changedBy(...changes);
  const watch = walk.watch(scene);
  const hosts = [...scene.world.hosts.keys()];
  await walk.ask(scene);
  const plan = Array.from({ length: plain ? 0 : 1 + Math.floor(random() * 3) }, () => ({
    at: Math.floor(random() * 110),
    host: pick(random, hosts),
    trap: random() < 0.5 ? pick(random, traps) : undefined,
    blow: pick(random, passing),
  }));
  const crashAt = !plain && random() < 0.34 ? Math.floor(random() * 500) : -1;
  let steps = 0;
  scene.onStep = (what) => {
    steps += 1;
    if (steps === crashAt) throw new Error(`crash ${what}`);
  };
  const end = scene.world.now + minutes * 60_000;
  for (let n = 0; scene.world.now < end && n < mostPasses; n += 1) {
    for (const fault of plan.filter(({ at }) => at === n)) inflict(scene, fault);
    for (const fault of plan.filter(({ at }) => at + 12 === n)) heal(scene, fault.host);
    if (!(await surviving(scene))) break;
  }
  const request = await theRequest(scene);
  const { outcome, halt } = request.status.ledger;
  if (outcome === "Succeeded") {
    for (const host of hosts) heal(scene, host);
    advance(scene.world, 120_000);
    quiesce(scene);
    watch.end(walk.interruption * 10);
  }
  if (request.status.cursor === "refused") return { end: "refused", violations: watch.violations };
  const stalled: { status: string; message: string } | undefined = request.status.conditions.find(
    ({ type }: { type: string }) => type === "Stalled",
  );
  // Before a position is kept nothing proves that only the epoch differs: it is told, with the way out, and waits.
  if (
    stalled?.status === "True" &&
    /\(epoch-mismatch\) and not armed .*; what mends it: /.test(stalled.message)
  )
    return { end: "stalled: epoch-mismatch before arming", violations: watch.violations };
  return {
    end:
      outcome ??
      (halt === undefined
        ? `stuck: ${request.status.cursor}: ${JSON.stringify(request.status.conditions.filter((each: { type: string }) => each.type === "Progressing" || each.type === "Accepted").map((each: { message: string }) => each.message))}`
        : `halted: ${halt.reason}`),
    violations: watch.violations,
  };
}

type Fault = { host: string; trap: Trap["at"] | undefined; blow: (typeof blows)[number] };

function inflict({ world }: Scene, { host, trap, blow }: Fault): void {
  if (trap !== undefined) world.traps.push({ at: trap, host, after: 0 });
  else strike(world, blow, host);
}

/** What a fault took away comes back; safety is watched throughout, liveness only after this. */
function heal({ world }: Scene, name: string): void {
  const host = world.hosts.get(name);
  if (host === undefined) return;
  // What a run has stopped on purpose, or emptied, is not the fault's to bring back.
  if (!host.volume.holds.has("database") && host.mysql.hollow !== true) host.mysql.up = true;
  host.slowness = 1;
  host.lagMs = 0;
  world.cuts.clear();
}

async function surviving(scene: Scene): Promise<boolean> {
  try {
    return await pass(scene);
  } catch (error) {
    if (!String(error).includes("crash")) throw error;
    restartOperator(scene);
    advance(scene.world, 15_000);
    return true;
  }
}
