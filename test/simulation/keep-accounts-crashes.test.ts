/** A crash before and after every write and every effect of a change of accounts: equal worlds, nothing begun twice, nobody locked out. */
import { expect, test } from "@jest/globals";
import { changeOfUsers } from "./change-of-users.ts";
import { crashedChange } from "./changing.ts";

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 11);
const first = Number(process.env.FIRST ?? 2);

test("at every point", async () => {
  const whole = await crashedChange(changeOfUsers, 0);
  expect(whole).toMatchObject({ over: true, violations: [] });
  expect(whole.points).toBeGreaterThan(100);
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await crashedChange(changeOfUsers, n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
