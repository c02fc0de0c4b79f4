/** A crash before and after every write and every effect of a restart of a site's databases: equal worlds, nothing begun twice. */
import { expect, test } from "@jest/globals";
import { changeOfSettings } from "./change-of-settings.ts";
import { crashedChange } from "./changing.ts";

test("at every point", async () => {
  const whole = await crashedChange(changeOfSettings, 0);
  expect(whole).toMatchObject({ over: true, violations: [] });
  expect(whole.points).toBeGreaterThan(100);
  for (let n = 1; n <= whole.points; n += 1) {
    const crashed = await crashedChange(changeOfSettings, n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
