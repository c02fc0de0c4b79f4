/**
 * The sixty-six swaps: each two of the twelve steps exchanged. A swap that commutes stands in a table with its reason;
 * one that breaks an invariant stands in another by number; every other is held up by a guard or a look, with a word
 * why, before it can harm anything.
 */
import { describe, expect, test } from "@jest/globals";
import { advance } from "../../simulator/world.ts";
import { convertMsaaToCaa } from "../../src/procedures/convert-msaa-to-caa.ts";
import { changedBy, swapped } from "./mutate.ts";
import { watchScene } from "./run-invariants.ts";
import { askForConversion, conditionOf, newScene, pass, quiesce, theRequest } from "./scene.ts";

/** By the vendor's numbers. */
const commuting: Readonly<Record<string, string>> = {
  "1-2":
    "a replica can be backed up while cross-site services stand still; it only costs hours without failover",
  "1-6": "the backup reads the database, the new configuration is a file that nothing reads before step 9",
  "1-7": "MAINTENANCE has no part in a backup of a replica",
  "5-6": "rows and configuration file know nothing of each other; step 9 checks both",
  "5-7": "step 7 only verifies what step 2 has set",
  "6-7": "step 7 only verifies what step 2 has set",
  "8-9": "under MAINTENANCE the managers act on nothing, and the update starts what it finds running",
  "12-11":
    "step 11 brings every service online itself before it returns the policy; when something errs only the order of the page is safe",
};
const tripping: Readonly<Record<string, readonly number[]>> = { "9-10": [42] };

const mostPasses = 700;
const { steps } = convertMsaaToCaa({
  backup: { mode: "Take" },
  limits: { latencySeconds: 5, backlogEvents: 10_000, oldestTransactionSeconds: 60 },
  acknowledgedFindings: [],
});
const pairs = steps.flatMap((one, i) =>
  steps.slice(i + 1).map((other, offset) => ({ pair: `${one.n}-${other.n}`, i, j: i + 1 + offset })),
);

async function run(i: number, j: number) {
  const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 11 });
  advance(scene.world, 10_000);
  scene.catalog = changedBy(swapped(i, j));
  const watch = watchScene(scene);
  await askForConversion(scene);
  for (let n = 0; n < mostPasses && (await pass(scene)); n += 1)
    if ((await theRequest(scene)).status?.ledger?.halt !== undefined) break;
  const request = await theRequest(scene);
  quiesce(scene);
  const succeeded = request.status?.ledger?.outcome === "Succeeded";
  if (succeeded) watch.end(240);
  return {
    succeeded,
    tripped: [...new Set(watch.violations.map(({ n }) => n))],
    why: conditionOf(request, "Progressing")?.message ?? "",
  };
}

test("sixty-six pairs", () => expect(pairs.length).toBe(66));

describe("two steps exchanged", () => {
  test.each(pairs)("$pair", async ({ pair, i, j }) => {
    const { succeeded, tripped, why } = await run(i, j);
    expect(tripped).toEqual(tripping[pair] ?? []);
    expect({ pair, succeeded }).toEqual({
      pair,
      succeeded: commuting[pair] !== undefined || tripping[pair] !== undefined,
    });
    if (!succeeded) expect(why).toMatch(/: (waits|halted, \w+): .+/);
  });
});
