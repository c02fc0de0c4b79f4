/** A crash before and after every write and every effect while a node joins or leaves: equal worlds, nothing begun twice. */
import { expect, test } from "@jest/globals";
import { nodeJoins, nodeLeaves } from "./change-of-nodes.ts";
import { crashedChange } from "./changing.ts";

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 43);
const first = Number(process.env.FIRST ?? 4);

test.each([
  ["a node joins", nodeJoins],
  ["a node leaves", nodeLeaves],
] as const)("at every point while %s", async (_name, scenario) => {
  const whole = await crashedChange(scenario, 0);
  expect(whole).toMatchObject({ over: true, violations: [] });
  expect(whole.points).toBeGreaterThan(150);
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await crashedChange(scenario, n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
