/** Connector pods that come and follow under seeded faults: they are as the nodes are, or it halts for a named reason. */
import { expect, test } from "@jest/globals";
import { connectorsCome, connectorsFollow } from "./change-of-connectors.ts";
import { seededChange } from "./changing.ts";

const seeds = Number(process.env.SEEDS ?? 8);
const firstSeed = Number(process.env.FIRST_SEED ?? 0);

test.each([
  ["come", connectorsCome],
  ["follow", connectorsFollow],
] as const)(`${seeds} seeds, as they %s`, async (name, scenario) => {
  let applied = 0;
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const replay = `replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/connectors-faults`;
    const { end, violations } = await seededChange(scenario, seed);
    if (violations.length > 0 || (end !== "applied" && !/halted: \w+/.test(end)))
      throw new Error(`${name}, seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; ${replay}`);
    if (end === "applied") applied += 1;
  }
  expect(applied / seeds).toBeGreaterThan(seeds < 50 ? -1 : 0.9);
});
