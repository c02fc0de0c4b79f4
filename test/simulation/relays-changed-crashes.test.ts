/** Crashes and seeded faults over changes of an active/passive composite: equal worlds, nothing begun twice, no invariant broken. */
import { expect, test } from "@jest/globals";
import { relayScenarioNames, relayScenarios } from "./change-of-relays.ts";
import { crashedChange, seededChange } from "./changing.ts";

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 131);
const first = Number(process.env.FIRST ?? 5);

test.each(relayScenarioNames)("a crash at points of %s: equal worlds, nothing begun twice", async (name) => {
  const whole = await crashedChange(relayScenarios[name], 0);
  expect(whole).toMatchObject({ over: true, violations: [] });
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await crashedChange(relayScenarios[name], n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});

test.each(relayScenarioNames)("seeded faults during %s", async (name) => {
  const seeds = Number(process.env.SEEDS ?? 2);
  const from = Number(process.env.FIRST_SEED ?? 0);
  for (let seed = from; seed < from + seeds; seed += 1) {
    const { end, violations } = await seededChange(relayScenarios[name], seed);
    const replay = `replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/relays-changed-crashes`;
    if (violations.length > 0 || end.startsWith("not over"))
      throw new Error(`seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; ${replay}`);
  }
});
