/** How long a run may take at worst: by step, from what earlier runs took here, else from the procedure's own figures. */
import type { Estate } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import type { Procedure } from "./procedure.ts";

/** Step id → the longest time it took in an earlier run on these sites, in seconds. */
export type Seen = Readonly<Record<string, number>>;

/** An earlier run is no worst case: the next may take so much longer. */
const caution = 2;
const leastSeconds = 60;

/** Seconds by step id; empty where the procedure has no figures. */
export function estimateOf(
  { estimate, steps }: Procedure,
  estate: Estate,
  facts: Facts,
  seen: Seen,
): Readonly<Record<string, number>> {
  if (estimate === undefined) return {};
  const own = estimate(estate, facts);
  const secondsOf = (id: string): number => {
    const before = seen[id];
    return Math.ceil(before === undefined ? (own[id] ?? 0) : Math.max(leastSeconds, before * caution));
  };
  return Object.fromEntries(steps.map(({ id }) => [id, secondsOf(id)]));
}

export const totalOf = (estimate: Readonly<Record<string, number>>): number =>
  Object.values(estimate).reduce((sum, seconds) => sum + seconds, 0);

/** Whole minutes, rounded up. */
export const inMinutes = (seconds: number): string => `${Math.ceil(seconds / 60)} min`;

/** A line for the pre-flight report. */
export const estimateLine = (estimate: Readonly<Record<string, number>>): readonly string[] =>
  totalOf(estimate) === 0
    ? []
    : [
        `at worst the run takes ${inMinutes(totalOf(estimate))}: ${Object.entries(estimate)
          .filter(([, seconds]) => seconds > 0)
          .map(([id, seconds]) => `${id} ${inMinutes(seconds)}`)
          .join(", ")}`,
      ];
