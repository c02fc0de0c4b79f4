/** A hold of a node under seeded faults: it comes to its end or halts for a named reason, and no invariant is broken. */
import { expect, test } from "@jest/globals";
import { seededChange } from "./changing.ts";
import { holdOfNode } from "./hold-of-node.ts";

const seeds = Number(process.env.SEEDS ?? 20);
const firstSeed = Number(process.env.FIRST_SEED ?? 0);

test(`${seeds} seeds`, async () => {
  let applied = 0;
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const replay = `replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/hold-node-faults`;
    const { end, violations } = await seededChange(holdOfNode, seed);
    if (violations.length > 0 || (end !== "applied" && !/halted: \w+/.test(end)))
      throw new Error(`seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; ${replay}`);
    if (end === "applied") applied += 1;
  }
  expect(applied / seeds).toBeGreaterThan(seeds < 50 ? -1 : 0.9);
});
