/** A crash before and after every write and every effect of a hold of a node: equal worlds, nothing begun twice. */
import { expect, test } from "@jest/globals";
import { crashedChange } from "./changing.ts";
import { holdOfNode } from "./hold-of-node.ts";

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 7);
const first = Number(process.env.FIRST ?? 6);

test("at every point", async () => {
  const whole = await crashedChange(holdOfNode, 0);
  expect(whole).toMatchObject({ over: true, violations: [] });
  expect(whole.points).toBeGreaterThan(40);
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await crashedChange(holdOfNode, n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
