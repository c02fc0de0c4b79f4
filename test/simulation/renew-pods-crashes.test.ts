/** A crash before and after every write and every effect of the making anew of a site's pods: equal worlds, nothing begun twice. */
import { expect, test } from "@jest/globals";
import { changeOfImage } from "./change-of-image.ts";
import { crashedChange } from "./changing.ts";

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 13);
const first = Number(process.env.FIRST ?? 6);

test("at every point", async () => {
  const whole = await crashedChange(changeOfImage, 0);
  expect(whole).toMatchObject({ over: true, violations: [] });
  expect(whole.points).toBeGreaterThan(100);
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await crashedChange(changeOfImage, n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
