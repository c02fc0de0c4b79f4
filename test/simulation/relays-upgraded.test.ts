/** Another release on every node of an active/passive composite: relays last of their sites, one heartbeat for all, nothing written where only relaying is done. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostsOf, siteOf } from "../../simulator/model.ts";
import { expectGolden } from "../golden.ts";
import { crashedAt } from "./crashing.ts";
import { changedBy, everywhere, unguarded, withoutPrechecks, withoutStep } from "./mutate.ts";
import { conditionOf, drive, newScene, pass, quiesce, type Scene, theRequest } from "./scene.ts";
import { runSeed } from "./seeded.ts";
import { storyOf } from "./story.ts";
import { askForUpgrade, upgradeSoftware, type Walk } from "./walks.ts";

const shape = { sites: ["london", "nyc"], nodes: 2, topology: "CAP" } as const;
const walk: Walk = { ...upgradeSoftware, more: { ...upgradeSoftware.more, topology: "CAP" } };

async function upgraded(scene: Scene): Promise<void> {
  const watch = walk.watch(scene);
  await askForUpgrade(scene);
  const done = await drive(scene, 180);
  expect([done.status.ledger.outcome, conditionOf(done, "Progressing")?.message]).toEqual([
    "Succeeded",
    expect.anything(),
  ]);
  quiesce(scene);
  watch.end(walk.interruption);
  expect(watch.violations).toEqual([]);
}

describe("the story", () => {
  test("the journal tells it step by step", async () => {
    const scene = await newScene({ ...shape, seed: 1 });
    await upgraded(scene);
    expect(hostsOf(scene.world, "london").map(({ mysql }) => mysql.readOnly)).toEqual([true, true]);
    expectGolden(join(import.meta.dirname, "relays-upgraded.story.txt"), storyOf(scene, { fed: true }));
  });

  test("of three sites with three nodes", async () => {
    await upgraded(
      await newScene({ sites: ["boston", "london", "nyc"], nodes: 3, seed: 7, topology: "CAP" }),
    );
  });
});

test("a member that is out is refused: nobody upgrades a part of a composite", async () => {
  const scene = await newScene({ ...shape, seed: 2 });
  Object.assign(siteOf(scene.world, "nyc"), { compositeOut: { london: "FAILED(MANUALLY-FAILED)" } });
  await askForUpgrade(scene);
  for (let n = 0; n < 3; n += 1) await pass(scene);
  expect(conditionOf(await theRequest(scene), "Accepted")?.message).toMatch(
    /^the composite shows london as FAILED by the word of nyc-0/,
  );
});

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 23);
const first = Number(process.env.FIRST ?? 3);

test("a crash at points of it: equal worlds, nothing begun twice", async () => {
  const whole = await crashedAt(0, undefined, {}, undefined, walk);
  expect(whole).toMatchObject({ outcome: "Succeeded", violations: [] });
  expect(whole.points).toBeGreaterThan(60);
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await crashedAt(n, undefined, {}, undefined, walk);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});

test("seeded faults", async () => {
  const seeds = Number(process.env.SEEDS ?? 8);
  const from = Number(process.env.FIRST_SEED ?? 0);
  for (let seed = from; seed < from + seeds; seed += 1) {
    const replay = `replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/relays-upgraded`;
    const { end, violations } = await runSeed(seed, { walk });
    if (violations.length > 0 || end.startsWith("stuck"))
      throw new Error(`seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; ${replay}`);
  }
});

test("one that updates under AUTOMATIC is seen: 33", async () => {
  const scene = await newScene({ ...shape, seed: 4 });
  scene.catalog = changedBy(withoutStep("EnterMaintenance"), everywhere(unguarded), withoutPrechecks);
  const watch = walk.watch(scene);
  await askForUpgrade(scene);
  await drive(scene, 30);
  expect(watch.violations.map(({ n }) => n)).toContain(33);
});
