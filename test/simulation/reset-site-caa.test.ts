/** A site of a composite made anew: the story, every remote service and the ones the page forgets, ways out, refusals. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { judge } from "../../simulator/oracle.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { expectGolden } from "../golden.ts";
import { watchReset } from "./reset-invariants.ts";
import { drive, newScene, quiesce, theRequest } from "./scene.ts";
import { storyOf } from "./story.ts";
import { resetSiteCaa } from "./walks.ts";

const sites = { failed: "nyc", definitive: "london" };
const outcome = (request: KubeObject): string | undefined => request.status?.ledger?.outcome;

describe("the story", () => {
  test("three sites of three nodes: the failed one is made anew, every row once on every node", async () => {
    const scene = await newScene({ sites: ["london", "nyc", "tokyo"], nodes: 3, topology: "CAA", seed: 7 });
    const watch = watchReset(scene, sites);
    await resetSiteCaa.ask(scene);
    const request = await drive(scene, 120);
    expect(outcome(request)).toBe("Succeeded");
    quiesce(scene);
    watch.end(0);
    expect(watch.violations).toEqual([]);
    expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
  });

  test("the journal tells it step by step", async () => {
    const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, topology: "CAA", seed: 1 });
    await resetSiteCaa.ask(scene);
    await drive(scene, 120);
    expect(outcome(await theRequest(scene))).toBe("Succeeded");
    expectGolden(join(import.meta.dirname, "reset-site-caa.story.txt"), storyOf(scene, { fed: true }));
  });
});
