/** A crash before and after every write and every effect of a change of passwords: equal worlds, nothing begun twice, nobody locked out. */
import { expect, test } from "@jest/globals";
import { changeOfPasswords } from "./change-of-passwords.ts";
import { crashedChange } from "./changing.ts";

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 53);
const first = Number(process.env.FIRST ?? 7);

test("at every point", async () => {
  const whole = await crashedChange(changeOfPasswords, 0);
  expect(whole).toMatchObject({ over: true, violations: [] });
  expect(whole.points).toBeGreaterThan(300);
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await crashedChange(changeOfPasswords, n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
