/** A node of an installed site comes up with an empty volume: nothing happens without a word for that volume, then it is made anew. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf, siteOf } from "../../simulator/model.ts";
import { claimKind } from "../../src/kube/kinds.ts";
import { expectGolden } from "../golden.ts";
import { watchChange } from "./change-invariants.ts";
import { allScaled, podsUntil, switchTo } from "./change-of-nodes.ts";
import { claimed, lose, word } from "./change-of-volume.ts";
import { quiesce, type Scene } from "./scene.ts";
import { begunOn, conditionAt, editSite, lineOf, passSites, refOf } from "./site-scene.ts";

const shape = { sites: ["london", "nyc"], nodes: 3, seed: 3 };
const told = async (scene: Scene) => conditionAt(scene, "nyc", "NodesInService");
const passed = async (scene: Scene, times = 8): Promise<void> => {
  for (let n = 0; n < times; n += 1) await passSites(scene);
};

describe("a replica that lost its volume", () => {
  test("waits for a word for that volume, is installed, filled from a replica, and serves", async () => {
    const scene = await claimed(shape);
    const uid = await lose(scene, "nyc-1");
    const watch = watchChange(scene, { joins: ["nyc-1"] });
    await passed(scene);
    expect(begunOn(scene)).toEqual([]);
    expect(await told(scene)).toMatchObject({
      status: "False",
      reason: "ApprovalNeeded",
      message: `nyc-1 has an empty volume and its neighbours are in service: its volume was lost. Bring the former one back, or, to install it and fill it from a replica, set spec.changes.rebuild to ${uid}, the UID of its claim`,
    });
    const story: string[] = [];
    scene.world.listeners.push((event) => {
      if (event.kind === "command") story.push(lineOf(event).replace(/[0-9a-f]{64}/, "<sha256>"));
      if (event.kind === "policy") story.push(`${event.site} is ${event.policy}`);
    });
    word(scene, "nyc", uid);
    await podsUntil(scene, async () => begunOn(scene).length > 0 && (await allScaled(scene)()));
    await passed(scene, 4);
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
    expectGolden(join(import.meta.dirname, "lost-volume.story.txt"), story);
  });

  test("a word for another volume is none: it counts for one loss", async () => {
    const scene = await claimed(shape);
    const first = await lose(scene, "nyc-1");
    const second = await lose(scene, "nyc-1");
    word(scene, "nyc", first);
    await passed(scene);
    expect((await told(scene))?.message).toContain(`set spec.changes.rebuild to ${second}`);
    expect(begunOn(scene)).toEqual([]);
  });

  test("a volume of the templates' size grows as its neighbours have before anybody is asked", async () => {
    const scene = await claimed(shape);
    editSite(scene, "nyc", { storage: { size: "20Gi" } });
    await passed(scene);
    await lose(scene, "nyc-1", "10Gi");
    const size = async () =>
      (await scene.objects.get(claimKind, refOf("opt-nyc-1")))?.spec.resources.requests.storage;
    const asked: unknown[] = [];
    for (let n = 0; n < 8; n += 1) {
      await passSites(scene);
      if ((await told(scene))?.reason === "ApprovalNeeded") asked.push(await size());
    }
    expect(new Set(asked)).toEqual(new Set(["20Gi"]));
  });

  test("with a database that holds something it is a human's", async () => {
    const scene = await claimed(shape);
    const uid = await lose(scene, "nyc-1");
    hostOf(scene.world, "nyc-1").mysql.schemas.set("tungsten_nyc", "empty");
    word(scene, "nyc", uid);
    await passed(scene);
    expect(await told(scene)).toMatchObject({
      reason: "Refused",
      message: expect.stringMatching(/its database holds tungsten_nyc, so that it may hold data/),
    });
    expect(begunOn(scene)).toEqual([]);
  });

  test("the primary is made anew from nobody before another node has taken over", async () => {
    const scene = await claimed(shape);
    siteOf(scene.world, "nyc").policy = "MANUAL";
    const uid = await lose(scene, "nyc-0");
    word(scene, "nyc", uid);
    await passed(scene);
    // What the clients of that site write goes into the empty database by now.
    expect(await told(scene)).toMatchObject({ status: "False", reason: "Refused" });
    expect(begunOn(scene)).toEqual([]);
  });

  test("the first node, once it is a replica", async () => {
    const scene = await claimed(shape);
    switchTo(scene, "nyc", "nyc-2");
    await passed(scene);
    const uid = await lose(scene, "nyc-0");
    const watch = watchChange(scene, { joins: ["nyc-0"], only: "nyc" });
    word(scene, "nyc", uid);
    await podsUntil(scene, async () => begunOn(scene).length > 0 && (await allScaled(scene)()));
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
  });
});
