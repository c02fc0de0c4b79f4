/** A crash before and after every write and every effect while a composite is formed: equal worlds, nothing begun twice. */
import { expect, test } from "@jest/globals";
import { activeActive, activePassive, crashedForming } from "./forming.ts";

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 13);
const first = Number(process.env.FIRST ?? 4);

test.each([activeActive, activePassive])("at every point: $type", async (composite) => {
  const whole = await crashedForming(composite, 0);
  expect(whole).toMatchObject({ over: true, violations: [] });
  expect(whole.points).toBeGreaterThan(100);
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await crashedForming(composite, n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
