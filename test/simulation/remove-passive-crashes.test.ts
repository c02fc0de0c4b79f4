/** A crash before and after every write and every effect of a passive site that leaves its composite: equal worlds, nothing begun twice. */
import { expect, test } from "@jest/globals";
import { relayLeaves } from "./change-of-passive.ts";
import { crashedChange } from "./changing.ts";

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 89);
const first = Number(process.env.FIRST ?? 11);

test("at every point", async () => {
  const whole = await crashedChange(relayLeaves, 0);
  expect(whole).toMatchObject({ over: true, violations: [] });
  expect(whole.points).toBeGreaterThan(150);
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await crashedChange(relayLeaves, n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
