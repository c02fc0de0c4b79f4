/** A site is tied to an estate in the middle of a walk: the walk goes on over the sites it was begun with, and waits for no other. */
import { expect, test } from "@jest/globals";
import { hostOf, hostsOf } from "../../simulator/model.ts";
import { podsUntil } from "./change-of-nodes.ts";
import { parisJoins } from "./change-of-sites.ts";
import { release } from "./hold-of-node.ts";
import type { Scene } from "./scene.ts";
import { allTrue, clusterOf, conditionAt, editSite, reached, settledScene } from "./site-scene.ts";

const small = { sites: ["london", "nyc"], nodes: 2, seed: 3 };

/** paris comes with its links, and its own installation halts: it keeps its Lease for good. */
async function tied(scene: Scene): Promise<void> {
  for (const site of small.sites)
    for (const host of hostsOf(scene.world, site)) host.volume.thl.get(`cluster/${site}`)?.splice(0, 3);
  await parisJoins(scene, {});
  await reached(
    scene,
    async () => (await conditionAt(scene, "paris", "Installed"))?.reason === "HistoryPurged",
  );
}

test("a node in somebody's hands comes back", async () => {
  const scene = await settledScene(small);
  editSite(scene, "nyc", { maintenance: { node: "nyc-1" } });
  await reached(scene, async () => (await conditionAt(scene, "nyc", "HandWorkDone"))?.reason === "HandWork");
  await tied(scene);
  release(scene);
  await reached(scene, allTrue(scene, "HandWorkDone", ["nyc"]));
});

test("a node that joins is filled and told to the sites of before", async () => {
  const scene = await settledScene(small);
  editSite(scene, "nyc", { nodes: 3 });
  const walk = async () => (await clusterOf(scene, "nyc")).status?.ledger;
  await podsUntil(scene, async () => (await walk())?.cursor.step > 2);
  await tied(scene);
  await podsUntil(scene, allTrue(scene, "NodesInService", ["nyc"]));
  expect(Object.keys((await walk()).pins.primaries)).toEqual(small.sites);
  expect(hostOf(scene.world, "nyc-2").volume.ini).not.toContain("paris");
});
