/** A passive site that leaves its composite under seeded faults: it leaves or the walk halts for a named reason, and no invariant is broken. */
import { test } from "@jest/globals";
import { relayLeaves } from "./change-of-passive.ts";
import { seededChange } from "./changing.ts";

const seeds = Number(process.env.SEEDS ?? 4);
const firstSeed = Number(process.env.FIRST_SEED ?? 0);

test(`${seeds} seeds`, async () => {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const replay = `replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/remove-passive-faults`;
    const { end, violations } = await seededChange(relayLeaves, seed);
    if (violations.length > 0 || (end !== "applied" && !/halted: \w+/.test(end)))
      throw new Error(`seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; ${replay}`);
  }
});
