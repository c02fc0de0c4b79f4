/** Seeded faults over the conversion by every choice its request offers, as faults.test.ts over the plain one. */
import { expect, test } from "@jest/globals";
import { runSeed } from "./seeded.ts";
import { chosenConversions } from "./walks.ts";

const seeds = Number(process.env.SEEDS ?? 40);
const firstSeed = Number(process.env.FIRST_SEED ?? 0);

test.each(chosenConversions)(`$name, ${seeds} seeds`, async (walk) => {
  const ends = new Map<string, number>();
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const replay = `replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/faults-chosen`;
    const { end, violations } = await runSeed(seed, { walk });
    if (violations.length > 0 || end.startsWith("stuck"))
      throw new Error(
        `${walk.name}, seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; ${replay}`,
      );
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  expect((ends.get("Succeeded") ?? 0) / seeds).toBeGreaterThan(seeds < 40 ? -1 : 0.8);
});
