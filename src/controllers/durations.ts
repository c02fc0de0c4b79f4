/** What the sites remember of how long steps took: kept with each finished run, read when the next one is planned. */
import type { Ledger } from "../crds/ledger.ts";
import type { Seen } from "../procedures/estimate.ts";
import type { KubeObject } from "./shell.ts";

export type StepTime = { readonly id: string; readonly seconds: number };

/** The steps of a run that have finished. */
export const stepTimes = ({ steps }: Ledger): readonly StepTime[] =>
  steps.flatMap(({ id, startedAt, finishedAt }) =>
    finishedAt === undefined ? [] : [{ id, seconds: Math.ceil((finishedAt - startedAt) / 1000) }],
  );

type FinishedRun = { readonly procedure: string; readonly steps?: readonly StepTime[] };

/** The longest time of each step of this procedure on any of these sites. */
export function seenOn(clusters: readonly (KubeObject | undefined)[], procedure: string): Seen {
  const seen: Record<string, number> = {};
  const runs = clusters.flatMap((cluster): readonly FinishedRun[] => cluster?.status?.finishedRuns ?? []);
  for (const run of runs.filter((each) => each.procedure === procedure))
    for (const { id, seconds } of run.steps ?? []) seen[id] = Math.max(seconds, seen[id] ?? 0);
  return seen;
}
