/** Fresh sites installed as what they are to be: by themselves, or together as one composite. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf, hostsOf } from "../../simulator/model.ts";
import { judge } from "../../simulator/oracle.ts";
import { compositeKind } from "../../src/kube/kinds.ts";
import { expectGolden } from "../golden.ts";
import {
  bareScene,
  type CompositeShape,
  compositeReady,
  formed,
  passEstate,
  putComposite,
  putSite,
  storyTold,
} from "./fresh-scene.ts";
import { quiesce, type Scene } from "./scene.ts";
import { allTrue, begunOn, clusterOf, refOf } from "./site-scene.ts";

const golden = (name: string) => join(import.meta.dirname, `${name}.story.txt`);

describe("a site by itself", () => {
  test("the story", async () => {
    const scene = await bareScene({ sites: ["nyc"], nodes: 3, seed: 4 });
    const { story, look } = storyTold(scene);
    await putSite(scene, "nyc");
    await formed(scene, async () => {
      await look();
      return (await allTrue(scene, "Installed")()) && allTrue(scene, "Ready")();
    });
    expectGolden(golden("standalone"), story);
    expect((await clusterOf(scene, "nyc")).status).toMatchObject({
      topology: "Standalone",
      primary: "nyc-0",
    });
    for (let n = 0; n < 5; n += 1) await passEstate(scene);
    quiesce(scene);
    const { written, ...end } = judge(scene.world);
    expect(written).toBeGreaterThan(10);
    expect(end).toEqual({ missing: [], doubled: [], outOfOrder: 0 });
  });
});

/** A composite over these bare sites until it is Ready, and what a person could follow meanwhile. */
async function formedAs(composite: CompositeShape, nodes = 2, seed = 4) {
  const sites = [...composite.members].sort();
  const scene = await bareScene({ sites, nodes, seed });
  const { story, look } = storyTold(scene);
  await putComposite(scene, composite);
  for (const name of sites) await putSite(scene, name);
  await formed(scene, async () => {
    await look();
    return (await allTrue(scene, "Ready")()) && (await compositeReady(scene))?.status === "True";
  });
  return { scene, story };
}

async function sound(scene: Scene): Promise<void> {
  const before = begunOn(scene).length;
  for (let n = 0; n < 5; n += 1) await passEstate(scene);
  expect(begunOn(scene).length).toBe(before);
  quiesce(scene);
  const { written, ...end } = judge(scene.world);
  expect(written).toBeGreaterThan(20);
  expect(end).toEqual({ missing: [], doubled: [], outOfOrder: 0 });
}

const topologies = async (scene: Scene) =>
  Promise.all(
    [...scene.world.sites.keys()].map(async (name) => (await clusterOf(scene, name)).status.topology),
  );

const publishedOn = (scene: Scene, name: string): string => hostOf(scene.world, name).volume.ini ?? "";

test("a composite whose sites all write: the story of three sites", async () => {
  const { scene, story } = await formedAs({ type: "ActiveActive", members: ["nyc", "london", "tokyo"] });
  expectGolden(golden("composite-active-active"), story);
  expect(await topologies(scene)).toEqual(["CAA", "CAA", "CAA"]);
  const composite = await scene.objects.get(compositeKind, refOf("global"));
  expect(composite?.status.sites[0]).toEqual({
    name: "nyc",
    state: "CAA",
    services: ["nyc_from_london", "nyc_from_tokyo"],
  });
  await sound(scene);
});

test("a composite of which one site writes: the story of three sites", async () => {
  const { scene, story } = await formedAs({
    type: "ActivePassive",
    members: ["nyc", "london", "tokyo"],
    primarySite: "nyc",
  });
  expectGolden(golden("composite-active-passive"), story);
  expect(await topologies(scene)).toEqual(["CAP", "CAP", "CAP"]);
  expect(publishedOn(scene, "tokyo-1")).toMatch(/\[london\]\ntopology=clustered\nrelay=london-0\n/);
  expect(publishedOn(scene, "tokyo-1")).toMatch(/\[global\]\ncomposite-datasources=nyc,london,tokyo\n/);
  const { status } = await clusterOf(scene, "london");
  expect(status).toMatchObject({ primary: "london-0", nodesReady: "2/2", drift: [] });
  expect(status.nodes.map(({ role }: { role: string }) => role)).toEqual(["relay", "replica"]);
  expect(hostsOf(scene.world, "london").map(({ mysql }) => mysql.readOnly)).toEqual([true, true]);
  expect(hostsOf(scene.world, "nyc").map(({ mysql }) => mysql.readOnly)).toEqual([false, true]);
  await sound(scene);
});

test("a composite with an order of writing", async () => {
  const { scene } = await formedAs({
    type: "DynamicActiveActive",
    members: ["nyc", "london"],
    writeAffinity: ["nyc", "london"],
  });
  expect(await topologies(scene)).toEqual(["DAA", "DAA"]);
  expect(publishedOn(scene, "london-1")).toContain("connector-write-affinity=nyc,london\n");
  await sound(scene);
});
