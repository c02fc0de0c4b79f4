/** Nodes that join an installed site and leave it: filled before they serve, out before their pods go, no row lost. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { expectGolden } from "../golden.ts";
import { watchChange } from "./change-invariants.ts";
import { runPods, type Volumes } from "./pods.ts";
import { quiesce, type Scene } from "./scene.ts";
import { allTrue, conditionAt, editSite, lineOf, passSites, settledScene } from "./site-scene.ts";

const small = { sites: ["london", "nyc"], nodes: 2, seed: 3 };
const scaled = "NodesInService";
const interruption = 20;

/** Passes with pods that come and go until every site is as wanted and configured so. */
async function settled(scene: Scene, volumes: Volumes, story: string[] = [], most = 2500): Promise<void> {
  let told = "";
  for (let n = 0; n < most; n += 1) {
    const now = (await conditionAt(scene, "nyc", scaled))?.message ?? "";
    const said = now.replace(/( \(\d+ of \d+\))?(: .*)?$/, "");
    if (said !== told) story.push(`          nyc: ${said}`);
    told = said;
    if ((await allTrue(scene, scaled)()) && (await allTrue(scene, "ConfigurationApplied")()) && n > 3) {
      for (const did of await runPods(scene, volumes)) story.push(did);
      return;
    }
    await passSites(scene);
    for (const did of await runPods(scene, volumes)) story.push(did);
  }
  const all = await Promise.all(small.sites.map((name) => conditionAt(scene, name, scaled)));
  throw new Error(
    `never settled: ${JSON.stringify(all)} ${JSON.stringify(await conditionAt(scene, "london", "ConfigurationApplied"))}`,
  );
}

function tellInto(scene: Scene, story: string[]): void {
  scene.world.listeners.push((event) => {
    if (event.kind === "command") story.push(lineOf(event));
    if (event.kind === "policy") story.push(`${event.site} is ${event.policy}`);
  });
}
const plain = (story: readonly string[]) =>
  story.map((line) => line.replace(/[0-9a-f]{64}/, "<sha256>").replace(/\b[0-9a-f]{8}\b/, "<text>"));

describe("the story", () => {
  test("of a third node for nyc: filled from a replica, told to everybody, no row lost", async () => {
    const scene = await settledScene(small);
    const watch = watchChange(scene, { joins: ["nyc-2"] });
    const story: string[] = [];
    tellInto(scene, story);
    editSite(scene, "nyc", { nodes: 3 });
    await settled(scene, new Map(), story);
    for (let n = 0; n < 4; n += 1) await passSites(scene);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
    expectGolden(join(import.meta.dirname, "add-nodes.story.txt"), plain(story));
  });
});
