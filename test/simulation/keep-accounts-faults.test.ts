/** A change of accounts under seeded faults: it is brought or halts for a named reason, and no invariant is broken. */
import { expect, test } from "@jest/globals";
import { changeOfUsers } from "./change-of-users.ts";
import { seededChange } from "./changing.ts";

const seeds = Number(process.env.SEEDS ?? 20);
const firstSeed = Number(process.env.FIRST_SEED ?? 0);

test(`${seeds} seeds`, async () => {
  let brought = 0;
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const replay = `replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/keep-accounts-faults`;
    const { end, violations } = await seededChange(changeOfUsers, seed);
    if (violations.length > 0 || (end !== "applied" && !/halted: \w+/.test(end)))
      throw new Error(`seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; ${replay}`);
    if (end === "applied") brought += 1;
  }
  expect(brought / seeds).toBeGreaterThan(seeds < 50 ? -1 : 0.9);
});
