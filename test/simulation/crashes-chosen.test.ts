/** A crash before and after writes and effects of the conversion by every choice its request offers, and without a node that is lost. */
import { expect, test } from "@jest/globals";
import { crashedAt } from "./crashing.ts";
import { lose } from "./losing.ts";
import { stepIs } from "./steering.ts";
import { chosenConversions } from "./walks.ts";

/** Each so many-th point from FIRST on; STRIDE=1 takes every one, which is half an hour. */
const stride = Number(process.env.STRIDE ?? 67);
const first = Number(process.env.FIRST ?? 1);

test.each(chosenConversions)("at points of the conversion $name", async (walk) => {
  const whole = await crashedAt(0, undefined, {}, undefined, walk);
  expect(whole).toMatchObject({ outcome: "Succeeded", violations: [] });
  expect(whole.points).toBeGreaterThan(250);
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await crashedAt(n, undefined, {}, undefined, walk);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});

test.each([
  ["Succeeded", "ExportTrackingSchemas", {}],
  ["Succeeded", "ReloadTrackingSchemas", {}],
  ["Aborted", "ExportTrackingSchemas", { abort: true }],
  ["Reverted", "StopManagers", { revert: true }],
])("at points of a run that is %s without the node it lost in %s", async (outcome, step, word) => {
  const turn = {
    when: stepIs(step),
    say: { lostNodes: ["nyc-1"], ...word },
    happens: (scene: Parameters<typeof lose>[0]) => lose(scene, "nyc-1"),
  };
  // The invariants do not know that a node is lost; that worlds are equal is what is asked here.
  const ended = async (n: number) => ({ ...(await crashedAt(n, turn)), violations: [] });
  const whole = await ended(0);
  expect(whole.outcome).toBe(outcome);
  expect(whole.points).toBeGreaterThan(40);
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await ended(n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
