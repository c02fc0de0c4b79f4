/** A crash before and after every write and every effect of a change of channels: equal worlds, nothing begun twice. */
import { expect, test } from "@jest/globals";
import { channelsLeft } from "./change-of-channels.ts";
import { crashedChange } from "./changing.ts";

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 13);
const first = Number(process.env.FIRST ?? 6);

test("at every point", async () => {
  const whole = await crashedChange(channelsLeft, 0);
  expect(whole).toMatchObject({ over: true, violations: [] });
  expect(whole.points).toBeGreaterThan(60);
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await crashedChange(channelsLeft, n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
