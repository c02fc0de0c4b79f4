/** A crash before and after every write and every effect of both resets: equal worlds, nothing begun twice. */
import { expect, test } from "@jest/globals";
import { crashedAt } from "./crashing.ts";
import { resetAllSites, resetSite } from "./walks.ts";

test.each([resetSite, resetAllSites])("at every point of $name", async (walk) => {
  const whole = await crashedAt(0, undefined, {}, undefined, walk);
  expect(whole.outcome).toBe("Succeeded");
  expect(whole.violations).toEqual([]);
  expect(whole.points).toBeGreaterThan(150);
  for (let n = 1; n <= whole.points; n += 1) {
    const crashed = await crashedAt(n, undefined, {}, undefined, walk);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
