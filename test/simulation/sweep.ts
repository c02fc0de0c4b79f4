/**
 * Which points of a course the operator dies at: a sample by default, STRIDE=1 takes every one. FIRST and LAST cut a whole
 * sweep into pieces, which then last as long as they need; a sample has to end in jest's own time.
 */
import { expect, test } from "@jest/globals";
import { crashedChange, type Scenario } from "./changing.ts";

const wholeSweepMs = 6 * 3_600_000;

/** One test for each scenario; each so many-th point of it, where nobody asks for others. Equal worlds at every point. */
export function sweeps(sample: number, scenarios: readonly (readonly [string, Scenario])[]): void {
  const { STRIDE, FIRST = 4, LAST = Number.POSITIVE_INFINITY } = process.env;
  const stride = Number(STRIDE ?? sample);
  const pointsOf = (most: number): readonly number[] => {
    const points: number[] = [];
    for (let n = Number(FIRST); n <= Math.min(most, Number(LAST)); n += stride) points.push(n);
    return points;
  };
  test.each(scenarios)(
    "at every point while %s",
    async (_name, scenario) => {
      const whole = await crashedChange(scenario, 0);
      expect(whole).toMatchObject({ over: true, violations: [] });
      expect(whole.points).toBeGreaterThan(150);
      for (const n of pointsOf(whole.points)) {
        const crashed = await crashedChange(scenario, n);
        expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
      }
    },
    ...(STRIDE === undefined ? [] : [wholeSweepMs]),
  );
}
