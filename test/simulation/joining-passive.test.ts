/** A site joins an active/passive composite: installed empty and held, its relay provisioned from another site, its replicas from the relay. */
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { hostOf, hostsOf } from "../../simulator/model.ts";
import { judge } from "../../simulator/oracle.ts";
import { expectGolden } from "../golden.ts";
import { parisJoinsComposite, passiveScene } from "./change-of-composite.ts";
import { storyTold } from "./fresh-scene.ts";
import { quiesce } from "./scene.ts";
import { allTrue, begunOn, clusterOf, conditionAt, editSite, passSites, reached } from "./site-scene.ts";

const formedScene = () => passiveScene({ sites: [], nodes: 2, seed: 4 });

test.each([
  ["the active site", "nyc", "join-passive"],
  ["a passive one", "london", undefined],
])("provisioned from a replica of %s", async (_words, from, story) => {
  const scene = await formedScene();
  for (const site of ["london", "nyc"])
    for (const host of hostsOf(scene.world, site)) host.volume.thl.get(`cluster/${site}`)?.splice(0, 3);
  // Whether they can be told is another matter; here they wait for a word.
  for (const site of ["london", "nyc"]) editSite(scene, site, { changes: { configuration: "OnApproval" } });
  const told = storyTold(scene);
  await parisJoinsComposite(scene, { fillFrom: { site: from } });
  await reached(scene, allTrue(scene, "Installed", ["paris"]));
  await reached(scene, allTrue(scene, "Ready", ["paris"]));
  expect((await clusterOf(scene, "paris")).status).toMatchObject({ topology: "CAP", primary: "paris-0" });
  expect(hostsOf(scene.world, "paris").map(({ mysql }) => mysql.readOnly)).toEqual([true, true]);
  expect([...scene.world.sites.values()].map(({ policy }) => policy)).toEqual(Array(3).fill("AUTOMATIC"));
  for (let n = 0; n < 6; n += 1) await passSites(scene);
  quiesce(scene);
  const { written, ...end } = judge(scene.world);
  expect(written).toBeGreaterThan(30);
  expect(end).toEqual({ missing: [], doubled: [], outOfOrder: 0 });
  for (const host of hostsOf(scene.world, "paris")) {
    expect([...host.volume.holds]).toEqual([]);
    expect(host.connector.running && host.manager.running).toBe(true);
  }
  if (story !== undefined)
    expectGolden(
      join(import.meta.dirname, `${story}.story.txt`),
      told.story.map((line) => line.replaceAll("\n", "; ")),
    );
});

test("over data that somebody may want, or without a replica to copy from, nothing begins", async () => {
  const scene = await formedScene();
  await parisJoinsComposite(scene, {});
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  expect(await conditionAt(scene, "paris", "Installed")).toMatchObject({ reason: "AwaitingSites" });
  const before = begunOn(scene).length;
  hostOf(scene.world, "paris-1").mysql.rows.set("paris:1", 1);
  editSite(scene, "paris", { fillFrom: { site: "nyc" } });
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  expect((await conditionAt(scene, "paris", "Installed"))?.message).toMatch(/the database of paris-1 holds/);
  expect(begunOn(scene).length).toBe(before);
});
