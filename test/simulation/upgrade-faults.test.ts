/** Seeded faults over an upgrade: each run ends, or halts for a named reason, and no invariant is broken. */
import { expect, test } from "@jest/globals";
import { runSeed } from "./seeded.ts";
import { upgradeSoftware } from "./walks.ts";

const seeds = Number(process.env.SEEDS ?? 20);
const firstSeed = Number(process.env.FIRST_SEED ?? 0);

test(`${seeds} seeds`, async () => {
  let succeeded = 0;
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const replay = `replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/upgrade-faults`;
    const { end, violations } = await runSeed(seed, { walk: upgradeSoftware });
    if (violations.length > 0 || end.startsWith("stuck"))
      throw new Error(`seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; ${replay}`);
    if (end === "Succeeded") succeeded += 1;
  }
  expect(succeeded / seeds).toBeGreaterThan(seeds < 50 ? -1 : 0.4);
});
