/** A crash before and after every write and every effect of the ways back: the estate as it was, nothing begun twice. */
import { expect, test } from "@jest/globals";
import { digest } from "../../simulator/oracle.ts";
import { crashedAt, type Turn } from "./crashing.ts";
import { newScene } from "./scene.ts";
import { stepIs } from "./steering.ts";

const ways: readonly (readonly [outcome: string, turn: Turn])[] = [
  ["Aborted", { when: stepIs("ExportTrackingSchemas", 1), say: { abort: true } }],
  ["Reverted", { when: stepIs("StopManagers", 1), say: { revert: true } }],
];

test.each(ways)("at every point of a run that ends %s", async (outcome, turn) => {
  const before = digest((await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 5 })).world);
  const whole = await crashedAt(0, turn);
  expect(whole).toMatchObject({ outcome, digest: before, violations: [] });
  expect(whole.points).toBeGreaterThan(40);
  for (let n = 1; n <= whole.points; n += 1) {
    const crashed = await crashedAt(n, turn);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
