/** A crash before and after every write and every effect of a site that leaves its mesh: equal worlds, nothing begun twice. */
import { expect, test } from "@jest/globals";
import { siteLeaves } from "./change-of-links.ts";
import { crashedChange } from "./changing.ts";

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 113);
const first = Number(process.env.FIRST ?? 7);

test("at every point", async () => {
  const whole = await crashedChange(siteLeaves, 0);
  expect(whole).toMatchObject({ over: true, violations: [] });
  expect(whole.points).toBeGreaterThan(150);
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await crashedChange(siteLeaves, n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
