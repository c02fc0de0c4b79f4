/** A crash before and after every write and every effect of the conversion: equal worlds, nothing begun twice. */
import { expect, test } from "@jest/globals";
import { crashedAt } from "./crashing.ts";

test("at every point of the way forward", async () => {
  const whole = await crashedAt(0);
  expect(whole.outcome).toBe("Succeeded");
  expect(whole.points).toBeGreaterThan(300);
  for (let n = 1; n <= whole.points; n += 1) {
    const crashed = await crashedAt(n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
