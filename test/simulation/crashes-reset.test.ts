/** A crash before and after every write and every effect of a reset: equal worlds, nothing begun twice. */
import { expect, test } from "@jest/globals";
import { crashedAt } from "./crashing.ts";
import { resetSite } from "./walks.ts";

test("at every point of a reset of one site", async () => {
  const whole = await crashedAt(0, undefined, {}, undefined, resetSite);
  expect(whole.outcome).toBe("Succeeded");
  expect(whole.violations).toEqual([]);
  expect(whole.points).toBeGreaterThan(300);
  for (let n = 1; n <= whole.points; n += 1) {
    const crashed = await crashedAt(n, undefined, {}, undefined, resetSite);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
