/** What the mutations of resets share: operators broken on purpose, and which invariants they trip. */
import type { Part } from "../../src/procedures/procedure.ts";
import {
  blind,
  type Change,
  changedBy,
  everywhere,
  inStep,
  unguarded,
  withoutHolds,
  withoutPrechecks,
} from "./mutate.ts";
import { newScene, pass, quiesce, type Scene, theRequest } from "./scene.ts";
import { resetSite, type Walk } from "./walks.ts";

export type Broken = {
  readonly trips: readonly number[];
  readonly name: string;
  readonly changes: readonly Change[];
  readonly scene?: (scene: Scene) => void;
  /** 11 where it is left out; what tools leave differs by seed. */
  readonly seed?: number;
  /** Of which procedure; ResetSite where it is left out. */
  readonly walk?: Walk;
};

const withoutOwnHolds: Change = (procedure) => ({
  ...procedure,
  steps: procedure.steps.map(({ holds: _, ...step }) => step),
});
export const naked: readonly Change[] = [
  everywhere(unguarded),
  withoutPrechecks,
  withoutHolds,
  withoutOwnHolds,
];
export const onEvery =
  (scope: Part["on"]) =>
  (part: Part): Part => ({ ...part, on: scope });
export const blindStep = (id: string): Change =>
  inStep(id, (step) => ({ ...step, parts: step.parts.map(blind) }));

/** Acts once and does not look. */
export function blindStepButActs(id: string): Change {
  return inStep(id, (step) => ({
    ...step,
    parts: step.parts.slice(0, 1).map((part) => ({
      ...part,
      done: (target, look) =>
        look.attempt > 0 ? { is: "done" } : { is: "pending", why: `${target.id} not yet` },
    })),
  }));
}

/** Numbers of the invariants that such an operator breaks. */
export async function tripped({
  changes,
  scene: set,
  seed = 11,
  walk = resetSite,
}: Broken): Promise<readonly number[]> {
  const scene = await newScene({ sites: walk.sites, nodes: walk.nodes, seed, ...walk.more });
  scene.catalog = changedBy(...changes);
  set?.(scene);
  const watch = walk.watch(scene);
  await walk.ask(scene);
  for (let n = 0; n < 400 && (await pass(scene)); n += 1);
  const { outcome } = (await theRequest(scene)).status?.ledger ?? {};
  quiesce(scene);
  if (outcome === "Succeeded") watch.end(walk.interruption);
  return [...new Set(watch.violations.map(({ n }) => n))].sort((a, b) => a - b);
}
