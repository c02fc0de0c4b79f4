/** A replica that a human wants for himself: out of service, left alone, and brought back by his word. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf, siteOf } from "../../simulator/model.ts";
import { restartContainer } from "../../simulator/world.ts";
import { expectGolden } from "../golden.ts";
import { watchChange } from "./change-invariants.ts";
import { release } from "./hold-of-node.ts";
import { askForConversion, drive, quiesce, type Scene, theRequest } from "./scene.ts";
import {
  allTrue,
  begunOn,
  conditionAt,
  editSite,
  lineOf,
  passSites,
  reached,
  settledScene,
} from "./site-scene.ts";

const small = { sites: ["london", "nyc"], nodes: 2, seed: 3 };
const type = "HandWorkDone";
const reason = async (scene: Scene) => (await conditionAt(scene, "nyc", type))?.reason;
const at = (scene: Scene, wanted: string) => reached(scene, async () => (await reason(scene)) === wanted);
const hold = (scene: Scene, node = "nyc-1") => editSite(scene, "nyc", { maintenance: { node } });
const out = ({ world }: Scene, name: string) => siteOf(world, "nyc").out?.[name];

describe("the story", () => {
  test("of a replica whose host is restarted by hand meanwhile", async () => {
    const scene = await settledScene({ ...small, nodes: 3 });
    const watch = watchChange(scene);
    const story: string[] = [];
    scene.world.listeners.push((event) => {
      if (event.kind === "command") story.push(lineOf(event));
      if (event.kind === "policy") story.push(`${event.site} is ${event.policy}`);
    });
    expect(await conditionAt(scene, "nyc", type)).toMatchObject({ status: "True", reason: "AllIn" });
    hold(scene, "nyc-2");
    await at(scene, "HandWork");
    expect(await conditionAt(scene, "nyc", type)).toMatchObject({
      status: "False",
      message: expect.stringMatching(/nyc-2 is out of service and yours; clear spec\.maintenance/),
    });
    expect(out(scene, "nyc-2")).toMatch(/^SHUNNED/);
    const begun = begunOn(scene).length;
    restartContainer(scene.world, hostOf(scene.world, "nyc-2"));
    hostOf(scene.world, "nyc-2").mysql.up = false;
    story.push("its host restarts, and its database stays down");
    for (let n = 0; n < 20; n += 1) await passSites(scene);
    expect(begunOn(scene).length).toBe(begun);
    expect(siteOf(scene.world, "nyc").policy).toBe("MAINTENANCE");
    story.push("the spec names it no more");
    release(scene);
    await reached(scene, allTrue(scene, type, ["nyc"]));
    quiesce(scene);
    watch.end(5);
    expect(watch.violations).toEqual([]);
    expectGolden(join(import.meta.dirname, "hold-node.story.txt"), story);
  });

  test("of a composite", async () => {
    const scene = await settledScene(small);
    await askForConversion(scene);
    expect((await drive(scene)).status.ledger.outcome).toBe("Succeeded");
    for (let n = 0; n < 3; n += 1) await passSites(scene);
    const watch = watchChange(scene);
    hold(scene);
    await at(scene, "HandWork");
    release(scene);
    await reached(scene, allTrue(scene, type, ["nyc"]));
    quiesce(scene);
    watch.end(5);
    expect(watch.violations).toEqual([]);
  });
});

describe("what is refused, and what is waited for", () => {
  test.each([
    ["nyc-0", /nyc-0 is the primary of nyc: switch first/],
    ["nyc-9", /nyc-9 is no data node of nyc: name one of nyc-0, nyc-1/],
  ])("%s", async (node, says) => {
    const scene = await settledScene(small);
    hold(scene, node);
    for (let n = 0; n < 4; n += 1) await passSites(scene);
    expect(await conditionAt(scene, "nyc", type)).toMatchObject({
      status: "False",
      reason: "Refused",
      message: expect.stringMatching(says),
    });
    expect(begunOn(scene)).toEqual([]);
  });

  test("a node that was given back before it was out", async () => {
    const scene = await settledScene(small);
    const watch = watchChange(scene);
    hold(scene);
    await at(scene, "TakingOut");
    release(scene);
    await reached(scene, allTrue(scene, type, ["nyc"]));
    quiesce(scene);
    watch.end(5);
    expect(watch.violations).toEqual([]);
  });

  test("another node: the first is brought back before it is taken", async () => {
    const scene = await settledScene({ ...small, nodes: 3 });
    const watch = watchChange(scene);
    hold(scene, "nyc-1");
    await at(scene, "HandWork");
    hold(scene, "nyc-2");
    await reached(
      scene,
      async () => out(scene, "nyc-2") !== undefined && (await reason(scene)) === "HandWork",
    );
    expect(out(scene, "nyc-1")).toBeUndefined();
    release(scene);
    await reached(scene, allTrue(scene, type, ["nyc"]));
    quiesce(scene);
    watch.end(5);
    expect(watch.violations).toEqual([]);
  });

  test("while it is out nothing else is done to the site, and a request waits for it", async () => {
    const scene = await settledScene(small);
    hold(scene);
    await at(scene, "HandWork");
    editSite(scene, "nyc", { image: "node:2", changes: { dataserver: "Automatic" } });
    await askForConversion(scene);
    await drive(scene, 3);
    for (let n = 0; n < 10; n += 1) await passSites(scene);
    expect((await theRequest(scene)).status?.ledger?.phase).not.toBe("Running");
    expect(await conditionAt(scene, "nyc", "DatabaseCurrent")).toMatchObject({
      status: "Unknown",
      message: "a node is out of service for hand work",
    });
    expect(await reason(scene)).toBe("HandWork");
  });
});
