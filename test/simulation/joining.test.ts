/** A site whose links are made over an empty database: it reads from the first event on, or is told what it would miss. */
import { expect, test } from "@jest/globals";
import { hostsOf } from "../../simulator/model.ts";
import { stopReplicator } from "../../simulator/replicator.ts";
import { onHost } from "../../simulator/virtual.ts";
import type { Scene } from "./scene.ts";
import { begunOn, conditionAt, reached, settledScene } from "./site-scene.ts";

/** nyc without the second product and without a position of london, as a site is that was just installed. */
async function bare(): Promise<Scene> {
  const scene = await settledScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
  for (const host of hostsOf(scene.world, "nyc")) {
    onHost(scene.world, host, stopReplicator(scene.world, host, "crossSite"));
    delete host.volume.installed.crossSite;
    delete host.volume.installedIni.crossSite;
    host.volume.thl.delete("crossSite/london");
    host.mysql.schemas.delete("tungsten_london");
    for (const tx of [...host.mysql.rows.keys()]) if (tx.startsWith("london:")) host.mysql.rows.delete(tx);
    host.mysql.lastOfOrigin.delete("london");
  }
  return scene;
}

test("with the whole log at its source it is installed, and has every row", async () => {
  const scene = await bare();
  await reached(scene, async () => (await conditionAt(scene, "nyc", "Installed"))?.status === "True");
  const [first] = hostsOf(scene.world, "nyc");
  expect(first?.mysql.rows.has("london:1")).toBe(true);
});

test("with a purged one it halts before anything is installed, and says what to do first", async () => {
  const scene = await bare();
  for (const host of hostsOf(scene.world, "london")) host.volume.thl.get("cluster/london")?.splice(0, 3);
  await reached(
    scene,
    async () => (await conditionAt(scene, "nyc", "Installed"))?.reason === "HistoryPurged",
  );
  expect((await conditionAt(scene, "nyc", "Installed"))?.message).toMatch(
    /the log of london begins at event 3, and nyc-0 has no position of it.*Restore a backup of a replica, tungsten_\* schemas with it, on every node of nyc first/,
  );
  expect(begunOn(scene).filter((line) => line.includes("tpm crossSite"))).toEqual([]);
});
