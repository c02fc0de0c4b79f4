/** A crash before and after every write and every effect of a change of configuration: equal worlds, nothing begun twice. */
import { expect, test } from "@jest/globals";
import { changeOfOptions } from "./change-of-options.ts";
import { crashedChange } from "./changing.ts";

test("at every point", async () => {
  const whole = await crashedChange(changeOfOptions, 0);
  expect(whole).toMatchObject({ over: true, violations: [] });
  expect(whole.points).toBeGreaterThan(200);
  for (let n = 1; n <= whole.points; n += 1) {
    const crashed = await crashedChange(changeOfOptions, n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
