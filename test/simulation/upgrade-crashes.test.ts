/** A crash before and after writes and effects of an upgrade: equal worlds, nothing begun twice. */
import { expect, test } from "@jest/globals";
import { crashedAt } from "./crashing.ts";
import { upgradeSoftware } from "./walks.ts";

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 11);
const first = Number(process.env.FIRST ?? 3);

test("at points of an upgrade", async () => {
  const whole = await crashedAt(0, undefined, {}, undefined, upgradeSoftware);
  expect(whole).toMatchObject({ outcome: "Succeeded", violations: [] });
  expect(whole.points).toBeGreaterThan(60);
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await crashedAt(n, undefined, {}, undefined, upgradeSoftware);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
