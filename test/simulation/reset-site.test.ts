/** A site made anew from a definitive one, in the simulated world: the story, what is lost by whose word, the ways out. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { judge } from "../../simulator/oracle.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { expectGolden } from "../golden.ts";
import { watchReset } from "./reset-invariants.ts";
import { drive, newScene, quiesce } from "./scene.ts";
import { storyOf } from "./story.ts";
import { askForReset } from "./walks.ts";

const sites = { failed: "nyc", definitive: "london" };
const outcome = (request: KubeObject): string | undefined => request.status?.ledger?.outcome;

async function reset(seed: number, shape: { sites: readonly string[]; nodes: number }) {
  const scene = await newScene({ ...shape, seed });
  const watch = watchReset(scene, sites);
  await askForReset(scene);
  const request = await drive(scene, 120);
  return { scene, watch, request };
}

describe("the story", () => {
  test("three sites of three nodes: the failed one is made anew, every row once on every node", async () => {
    const { scene, watch, request } = await reset(7, { sites: ["london", "nyc", "tokyo"], nodes: 3 });
    expect(outcome(request)).toBe("Succeeded");
    quiesce(scene);
    watch.end(0);
    expect(watch.violations).toEqual([]);
    expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
  });

  test("the journal tells it step by step", async () => {
    const { scene } = await reset(1, { sites: ["london", "nyc"], nodes: 2 });
    expectGolden(join(import.meta.dirname, "reset-site.story.txt"), storyOf(scene, { fed: true }));
  });
});
