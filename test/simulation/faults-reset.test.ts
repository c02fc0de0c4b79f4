/** Seeded faults over resets, as faults.test.ts over the conversion: each run ends, or halts for a named reason, and no invariant is broken. */
import { expect, test } from "@jest/globals";
import { runSeed } from "./seeded.ts";
import {
  resetAllSites,
  resetAllSitesCaa,
  resetSite,
  resetSiteCaa,
  resetSiteMsmm,
  type Walk,
} from "./walks.ts";

const seeds = Number(process.env.SEEDS ?? 30);
const firstSeed = Number(process.env.FIRST_SEED ?? 0);
const walks: readonly Walk[] = [resetSite, resetAllSites, resetSiteCaa, resetAllSitesCaa, resetSiteMsmm];

test.each(walks.map((walk) => [walk.name, walk] as const))(`%s, ${seeds} seeds`, async (name, walk) => {
  const ends = new Map<string, number>();
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const replay = `replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/faults-reset -t ${name}`;
    const { end, violations } = await runSeed(seed, { walk });
    if (violations.length > 0 || end.startsWith("stuck"))
      throw new Error(`seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; ${replay}`);
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  expect((ends.get("Succeeded") ?? 0) / seeds).toBeGreaterThan(seeds < 50 ? -1 : 0.5);
});
