/** A crash before and after every write and every effect of a restart of a site's databases: equal worlds, nothing begun twice. */
import { expect, test } from "@jest/globals";
import { changeOfSettings } from "./change-of-settings.ts";
import { crashedChange } from "./changing.ts";

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 9);
const first = Number(process.env.FIRST ?? 4);

test("at every point", async () => {
  const whole = await crashedChange(changeOfSettings, 0);
  expect(whole).toMatchObject({ over: true, violations: [] });
  expect(whole.points).toBeGreaterThan(100);
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await crashedChange(changeOfSettings, n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
