/** Seeded faults for any procedure: one to three at random moments, a crash of the operator in every third run. */
import { blows, strike } from "../../simulator/faults.ts";
import { type Random, randomFrom, type Trap } from "../../simulator/model.ts";
import { advance } from "../../simulator/world.ts";
import { outcomeOf, requestNamed, survivingPass, told } from "./asked.ts";
import { conditionOf, quiesce, type Scene } from "./scene.ts";
import type { Standing } from "./standing-invariants.ts";

const traps: readonly Trap["at"][] = [
  "before-claim",
  "after-claim",
  "running",
  "after-exit",
  "reply",
  "observe",
];
const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

export type Seeded = {
  readonly name: string;
  /** Builds the scene with its request, watched. */
  readonly begin: (seed: number) => Promise<{ scene: Scene; watch: Standing }>;
  /** Faults that make no sense for this procedure. */
  readonly without?: readonly string[];
  /** How many passes a healthy run takes, so that faults fall into it. */
  readonly passes: number;
  readonly meanwhile?: (scene: Scene) => Promise<void>;
  /** Hosts that stay as they are. */
  readonly spare?: readonly string[];
};

/** How the run of a seed ended: its outcome, a named halt, a told wait with its remedy, or `stuck`. */
export async function runSeeded(
  seed: number,
  { name, begin, without = [], passes, meanwhile = async () => {}, spare = [] }: Seeded,
): Promise<{ end: string; violations: Standing["violations"] }> {
  const random = randomFrom(seed * 7919 + 17);
  const { scene, watch } = await begin(seed);
  const hosts = [...scene.world.hosts.keys()].filter((host) => !spare.includes(host));
  const passing = blows.filter((blow) => blow !== "primary-moved" && !without.includes(blow));
  const plan = Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({
    at: Math.floor(random() * passes),
    host: pick(random, hosts),
    trap: random() < 0.5 ? pick(random, traps) : undefined,
    blow: pick(random, passing),
  }));
  const crashAt = random() < 0.34 ? Math.floor(random() * passes * 4) : -1;
  let steps = 0;
  scene.onStep = (what) => {
    steps += 1;
    if (steps === crashAt) throw new Error(`crash ${what}`);
  };
  const last = scene.world.now + 25 * 60_000;
  const healed = Math.max(...plan.map(({ at }) => at)) + 12;
  for (let n = 0; scene.world.now < last && n < 1500; n += 1) {
    const { status } = await requestNamed(scene, name);
    // Well again for a while, and halted or refused: it stays so until a human speaks.
    if (n > healed + 40 && (status?.ledger?.halt !== undefined || status?.cursor === "refused")) break;
    const over = pastItsLastLook(status?.cursor ?? "");
    for (const { at, host, trap, blow } of over ? [] : plan) {
      if (at === n && trap !== undefined) scene.world.traps.push({ at: trap, host, after: 0 });
      if (at === n && trap === undefined) strike(scene.world, blow, host);
      if (at + 12 === n) heal(scene, host);
    }
    await meanwhile(scene);
    if (!(await survivingPass(scene, name))) break;
  }
  const request = await requestNamed(scene, name);
  const outcome = outcomeOf(request);
  if (outcome === "Succeeded") {
    for (const host of hosts) heal(scene, host);
    advance(scene.world, 120_000);
    quiesce(scene);
    watch.end();
  }
  return { end: outcome ?? waiting(request), violations: watch.violations };
}

/** In its last part, or behind it: what breaks after the last look is nobody's fault. */
const pastItsLastLook = (cursor: string): boolean =>
  /^(\d+)\/\1 .*\((\d+) of \2\)$|^finishing|^Succeeded/.test(cursor);

function waiting(request: Awaited<ReturnType<typeof requestNamed>>): string {
  const { halt } = request.status.ledger;
  if (halt !== undefined) return `halted: ${halt.reason}`;
  if (request.status.cursor === "refused") return "refused";
  const stalled = conditionOf(request, "Stalled");
  if (stalled?.status === "True" && stalled.message.includes("what mends it: "))
    return "told, with its remedy";
  return `stuck: ${request.status.cursor}: ${told(request)}`;
}

/** What a fault took away comes back; safety is watched throughout, liveness only after this. */
function heal({ world }: Scene, name: string): void {
  const host = world.hosts.get(name);
  if (host === undefined) return;
  host.mysql.up = true;
  host.slowness = 1;
  host.lagMs = 0;
  world.cuts.clear();
}
