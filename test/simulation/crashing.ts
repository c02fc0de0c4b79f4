/** A run whose operator is killed at the n-th recordable point: before or after a write, before or after an effect. */
import { digest } from "../../simulator/oracle.ts";
import { advance } from "../../simulator/world.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import {
  newScene,
  pass,
  quiesce,
  restartOperator,
  type Scene,
  type SceneShape,
  theRequest,
} from "./scene.ts";
import { edit } from "./steering.ts";
import { conversion, type Walk } from "./walks.ts";

/** A word said once, when the run has come somewhere; points count from there. */
export type Turn = {
  readonly when: (request: KubeObject) => boolean;
  readonly say: Record<string, unknown>;
  /** What befalls the estate at that moment. */
  readonly happens?: (scene: Scene) => Promise<void>;
};

export type Crashed = {
  readonly points: number;
  readonly digest: string;
  readonly violations: readonly unknown[];
  readonly outcome: string | undefined;
};

/** A recordable point: what happens there, and the step and part that is recorded or begun. */
export type Point = { readonly n: number; readonly what: string; readonly place: string };

const leaseMs = 15_000;

/** `n` 0 crashes nowhere and counts the points. `seen` is told of each. */
export async function crashedAt(
  n: number,
  turn?: Turn,
  more: Partial<SceneShape> = {},
  seen: (what: string, scene: Scene) => void = () => {},
  walk: Walk = conversion,
): Promise<Crashed> {
  const scene = await newScene({ sites: walk.sites, nodes: walk.nodes, seed: 5, ...walk.more, ...more });
  let turned = turn === undefined;
  const watch = walk.watch(scene, () => turn !== undefined && turned);
  await walk.ask(scene);
  let points = 0;
  scene.onStep = (what) => {
    if (!turned) return;
    points += 1;
    seen(what, scene);
    if (points === n) throw new Error(`crash ${what}`);
  };
  const end = scene.world.now + walk.minutes * 60_000;
  for (let going = true; going && scene.world.now < end; ) {
    if (turn !== undefined && !turned && turn.when(await theRequest(scene))) {
      turned = true;
      await turn.happens?.(scene);
      edit(scene, turn.say);
    }
    going = await surviving(scene);
  }
  quiesce(scene);
  if (turn === undefined) watch.end(walk.interruption);
  const outcome: string | undefined = (await theRequest(scene)).status?.ledger?.outcome;
  return { points, digest: digest(scene.world), violations: watch.violations, outcome };
}

/** The points of an undisturbed run in their order. */
export async function pointsOf(shape: SceneShape): Promise<{ whole: Crashed; points: readonly Point[] }> {
  const points: Point[] = [];
  const whole = await crashedAt(0, undefined, shape, (what, scene) => {
    const [, step = "", part = ""] = /^(?:before|after) start [^_]+_([^_]+)_(\d+)_/.exec(what) ?? [];
    const place = step === "" ? placeOf(scene) : `${step}.${part}`;
    const [kind = ""] = what.split(/ (?=\S+_)/);
    points.push({ n: points.length + 1, what: kind, place });
    // What was about to be recorded is known once it is.
    const before = points.at(-2);
    if (what === "after status" && before?.what === "before status")
      points[points.length - 2] = { ...before, place };
  });
  return { whole, points };
}

function placeOf(scene: Scene): string {
  const [, request] = [...scene.objects.all()].find(([key]) => key.startsWith("upgraderequests/")) ?? [];
  const { cursor, steps, phase } = request?.status?.ledger ?? {};
  return `${steps?.at(-1)?.id ?? phase}.${cursor?.part ?? 0}`;
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
