/** A run whose operator is killed at the n-th recordable point: before or after a write, before or after an effect. */
import { expect } from "@jest/globals";
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
import { edit, progressOf } from "./steering.ts";
import { conversion, type Walk } from "./walks.ts";

/** A word said once, when the run has come somewhere; points count from there. */
export type Turn = {
  readonly when: (request: KubeObject) => boolean;
  readonly say: Record<string, unknown>;
  /** What befalls the estate at that moment. */
  readonly happens?: (scene: Scene) => Promise<void> | void;
  /** What others do before each pass from then on, made anew for every run. */
  readonly meanwhile?: () => Meanwhile;
  /** The run is to go on as if nothing were: the invariants hold all the way, and judge its end. */
  readonly forward?: boolean;
};

/** What is noted for the first time has to be noted in every crashed run too. */
export type Meanwhile = (scene: Scene, note: (what: string) => void) => Promise<void> | void;

export type Crashed = {
  readonly points: number;
  readonly digest: string;
  readonly violations: readonly unknown[];
  /** What it says, where it has come to no end. */
  readonly outcome: string;
  readonly noted: readonly string[];
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
  const watch = walk.watch(scene, () => turn !== undefined && turned && turn.forward !== true);
  await walk.ask(scene);
  let points = 0;
  scene.onStep = (what) => {
    if (!turned) return;
    points += 1;
    seen(what, scene);
    if (points === n) throw new Error(`crash ${what}`);
  };
  const noted = new Set<string>();
  const meanwhile = turn?.meanwhile?.();
  const others = async () => void (turned && (await meanwhile?.(scene, (what) => noted.add(what))));
  const end = scene.world.now + walk.minutes * 60_000;
  for (let going = true; going && scene.world.now < end; ) {
    if (turn !== undefined && !turned && turn.when(await theRequest(scene))) {
      turned = true;
      await turn.happens?.(scene);
      edit(scene, turn.say);
    }
    going = await surviving(scene, others);
  }
  quiesce(scene);
  if (turn === undefined || turn.forward === true) watch.end(walk.interruption);
  const request = await theRequest(scene);
  const outcome: string = request.status?.ledger?.outcome ?? progressOf(request);
  return {
    points,
    digest: digest(scene.world),
    violations: watch.violations,
    outcome,
    noted: [...noted].sort(),
  };
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
async function surviving(scene: Scene, others: () => Promise<void>): Promise<boolean> {
  try {
    await others();
    return await pass(scene);
  } catch (error) {
    if (!String(error).includes("crash")) throw error;
    restartOperator(scene);
    advance(scene.world, leaseMs);
    return true;
  }
}

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const { STRIDE, FIRST } = process.env;

/**
 * Runs with one crash each, at the sampled ones of the first `most` points: each has to end as the undisturbed run, which
 * comes back. `spread` shifts the sample, so that stories side by side are not all struck at the same place.
 */
export async function sweep<T extends { readonly points: number }>(
  run: (n: number) => Promise<T>,
  { stride, spread = 0, most = 1000 }: { stride: number; spread?: number; most?: number },
  expected: (whole: T) => void,
): Promise<T> {
  const whole = await run(0);
  expected(whole);
  const step = Number(STRIDE ?? stride);
  const first = Number(FIRST ?? 1 + (step === 1 ? 0 : (spread * 7) % step));
  for (let n = first; n <= Math.min(whole.points, most); n += step) {
    const crashed = await run(n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
  return whole;
}
