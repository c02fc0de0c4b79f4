/** A change of passwords under seeded faults: it is brought or halts for a named reason, and no invariant is broken. */
import { test } from "@jest/globals";
import { changeOfPasswords } from "./change-of-passwords.ts";
import { seededChange } from "./changing.ts";

const seeds = Number(process.env.SEEDS ?? 8);
const firstSeed = Number(process.env.FIRST_SEED ?? 0);

test(`${seeds} seeds`, async () => {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const replay = `replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/rotate-passwords-faults`;
    const { end, violations } = await seededChange(changeOfPasswords, seed);
    if (violations.length > 0 || (end !== "applied" && !/halted: \w+/.test(end)))
      throw new Error(`seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; ${replay}`);
  }
});
