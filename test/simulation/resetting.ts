/** What must hold of a site's reset by whichever page: its story's end, the ways back, and a tool that was cut off. */
import { expect } from "@jest/globals";
import { strike } from "../../simulator/faults.ts";
import { digest, judge } from "../../simulator/oracle.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { drive, newScene, pass, quiesce, type Scene } from "./scene.ts";
import { acknowledge, edit, haltedBy, stepIs, until } from "./steering.ts";
import type { Walk } from "./walks.ts";

export const outcome = (request: KubeObject): string | undefined => request.status?.ledger?.outcome;

/** A small estate on which the reset has been asked for. */
async function begun(walk: Walk, shape: { sites?: readonly string[]; nodes?: number } = {}, seed = 6) {
  const scene = await newScene({ sites: walk.sites, nodes: walk.nodes, seed, ...walk.more, ...shape });
  let back = false;
  const watch = walk.watch(scene, () => back);
  const before = digest(scene.world);
  await walk.ask(scene);
  const goBack = (): void => {
    back = true;
    edit(scene, { abort: true });
  };
  return { scene, watch, before, goBack };
}

/** Three sites of three nodes: the failed one is made anew, every row once on every node. */
export async function makesAnew(walk: Walk): Promise<void> {
  const { scene, watch } = await begun(walk, { sites: ["london", "nyc", "tokyo"], nodes: 3 }, 7);
  expect(outcome(await drive(scene, walk.minutes))).toBe("Succeeded");
  quiesce(scene);
  watch.end(0);
  expect(watch.violations).toEqual([]);
  expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
}

export async function abortsAsItWas(walk: Walk, step: string, part: number): Promise<void> {
  const { scene, watch, before, goBack } = await begun(walk);
  await until(scene, stepIs(step, part));
  goBack();
  expect(outcome(await drive(scene))).toBe("Aborted");
  quiesce(scene);
  expect(digest(scene.world)).toBe(before);
  expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [] });
  expect(watch.violations).toEqual([]);
}

/** Abort is no way back once a position has gone; the run goes on. */
export async function goesOnPastAbort(walk: Walk, step: string): Promise<void> {
  const { scene } = await begun(walk);
  await until(scene, stepIs(step));
  edit(scene, { abort: true });
  expect(outcome(await drive(scene, walk.minutes))).toBe("Succeeded");
}

export type CutOff = {
  readonly tool: string;
  readonly blow: "kill-tools" | "restart-container";
  readonly host: string;
  /** What somebody does on the halted estate before he says his word. */
  readonly meddle?: (scene: Scene) => void;
};

/** A provision that was cut off halts, and runs again on a human's word only. */
export async function cutOffHalts(walk: Walk, { tool, blow, host, meddle }: CutOff): Promise<void> {
  const { scene, watch } = await begun(walk);
  const found = scene.world.hosts.get(host);
  const runs = (): boolean => found?.tools.some(({ argv }) => argv[0] === tool) === true;
  await until(scene, runs);
  strike(scene.world, blow, host);
  const halted = await until(scene, haltedBy("OutcomeUnknown"));
  const [attempt] = Object.values<{ key: string }>(halted.status.ledger.attempts);
  meddle?.(scene);
  for (let n = 0; n < 20; n += 1) await pass(scene);
  expect(runs()).toBe(false);
  expect(found?.mysql.hollow).toBe(true);
  acknowledge(scene, attempt?.key ?? "", "Retry");
  await until(scene, runs);
  expect(outcome(await drive(scene, walk.minutes))).toBe("Succeeded");
  quiesce(scene);
  watch.end(0);
  expect(watch.violations).toEqual([]);
}
