/** Nodes that join and leave under seeded faults: it is over or halts for a named reason, and no invariant is broken. */
import { expect, test } from "@jest/globals";
import { nodeJoins, nodeLeaves } from "./change-of-nodes.ts";
import { volumeLost } from "./change-of-volume.ts";
import { seededChange } from "./changing.ts";

const seeds = Number(process.env.SEEDS ?? 6);
const firstSeed = Number(process.env.FIRST_SEED ?? 0);

test.each([
  ["a node joins", nodeJoins],
  ["a node leaves", nodeLeaves],
  ["a node that lost its volume is made anew", volumeLost],
] as const)(`${seeds} seeds while %s`, async (_name, scenario) => {
  let over = 0;
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const replay = `replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/scaling-faults`;
    const { end, violations } = await seededChange(scenario, seed);
    if (violations.length > 0 || (end !== "applied" && !/halted: \w+/.test(end)))
      throw new Error(`seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; ${replay}`);
    if (end === "applied") over += 1;
  }
  expect(over / seeds).toBeGreaterThan(seeds < 50 ? -1 : 0.9);
});
