/** A run whose operator is killed at the n-th recordable point: before or after a write, before or after an effect. */
import { digest } from "../../simulator/oracle.ts";
import { advance } from "../../simulator/world.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { watchScene } from "./run-invariants.ts";
import {
  askForConversion,
  newScene,
  pass,
  quiesce,
  restartOperator,
  type Scene,
  type SceneShape,
  theRequest,
} from "./scene.ts";
import { edit } from "./steering.ts";

/** A word said once, when the run has come somewhere; points count from there. */
export type Turn = { readonly when: (request: KubeObject) => boolean; readonly say: Record<string, unknown> };

export type Crashed = {
  readonly points: number;
  readonly digest: string;
  readonly violations: readonly unknown[];
  readonly outcome: string | undefined;
};

const leaseMs = 15_000;

/** `n` 0 crashes nowhere and counts the points. */
export async function crashedAt(n: number, turn?: Turn, more: Partial<SceneShape> = {}): Promise<Crashed> {
  const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 5, ...more });
  let turned = turn === undefined;
  const watch = watchScene(scene, () => turn !== undefined && turned);
  await askForConversion(scene);
  let points = 0;
  scene.onStep = (what) => {
    if (!turned) return;
    points += 1;
    if (points === n) throw new Error(`crash ${what}`);
  };
  const end = scene.world.now + 3600_000;
  for (let going = true; going && scene.world.now < end; ) {
    if (turn !== undefined && !turned && turn.when(await theRequest(scene))) {
      turned = true;
      edit(scene, turn.say);
    }
    going = await surviving(scene);
  }
  quiesce(scene);
  if (turn === undefined) watch.end(240);
  const outcome: string | undefined = (await theRequest(scene)).status?.ledger?.outcome;
  return { points, digest: digest(scene.world), violations: watch.violations, outcome };
}

/** One pass; a crash is a new process after the leader's lease has run out. */
async function surviving(scene: Scene): Promise<boolean> {
  try {
    return await pass(scene);
  } catch (error) {
    if (!String(error).includes("crash")) throw error;
    restartOperator(scene);
    advance(scene.world, leaseMs);
    return true;
  }
}
