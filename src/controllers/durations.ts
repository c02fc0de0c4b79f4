/** What the sites remember of finished runs, for the next one's plan: how long steps took, and what was left out or forced. */
import type { Ledger } from "../crds/ledger.ts";
import type { Seen } from "../procedures/estimate.ts";
import type { Finding } from "../procedures/procedure.ts";
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

type NotedRun = {
  readonly uid: string;
  readonly name: string;
  readonly procedure: string;
  readonly finishedAt: string;
  readonly notes?: readonly string[];
};

const longestNote = 1000;

/** Events left out, services forced, statements run by hand: every site of a run remembers them, and each is told once. */
export function pastOf(clusters: readonly (KubeObject | undefined)[]): readonly Finding[] {
  const runs = new Map(
    clusters
      .flatMap((cluster): readonly NotedRun[] => cluster?.status?.finishedRuns ?? [])
      .map((run) => [run.uid, run] as const),
  );
  return [...runs.values()].flatMap(({ name, procedure, finishedAt, notes = [] }) =>
    notes.map((note, index) => ({
      id: `past:${name}:${index + 1}`,
      text: `${procedure} ${name}, over at ${finishedAt}: ${note}`.slice(0, longestNote),
      needsWord: false,
    })),
  );
}
