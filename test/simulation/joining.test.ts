/** A site whose links are made over an empty database: it reads from the first event on, or is told what it would miss. */
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { hostsOf } from "../../simulator/model.ts";
import { stopReplicator } from "../../simulator/replicator.ts";
import { onHost } from "../../simulator/virtual.ts";
import { linkKind } from "../../src/kube/kinds.ts";
import { expectGolden } from "../golden.ts";
import { watchChange } from "./change-invariants.ts";
import { parisJoins } from "./change-of-sites.ts";
import { namespace, quiesce, release, type Scene } from "./scene.ts";
import {
  allTrue,
  begunOn,
  clusterOf,
  conditionAt,
  editSite,
  lineOf,
  passSites,
  reached,
  settledScene,
} from "./site-scene.ts";
import { newRelease } from "./upgrade-invariants.ts";

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

/** Both old sites' logs begin later than their data. */
function purged(scene: Scene): void {
  for (const site of ["london", "nyc"])
    for (const host of hostsOf(scene.world, site)) host.volume.thl.get(`cluster/${site}`)?.splice(0, 3);
}

test("the story of paris, filled from a replica of london: it reads both from where that stood, and both read it", async () => {
  const scene = await settledScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
  purged(scene);
  await parisJoins(scene, { fillFrom: { site: "london" } });
  const watch = watchChange(scene, { joins: ["paris-0", "paris-1"], fresh: "paris" });
  const story: string[] = [];
  scene.world.listeners.push((event) => {
    if (event.kind === "command") story.push(lineOf(event));
    if (event.kind === "policy") story.push(`${event.site} is ${event.policy}`);
  });
  await reached(scene, allTrue(scene, "Installed", ["paris"]));
  await reached(scene, allTrue(scene, "ConfigurationApplied"), { most: 3000 });
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  const site = scene.world.sites.get("paris");
  if (site !== undefined) Object.assign(site.client, { rate: 1, longestGap: 0, lastAck: scene.world.now });
  for (let n = 0; n < 10; n += 1) await passSites(scene);
  quiesce(scene);
  watch.end(40);
  expect(watch.violations).toEqual([]);
  const [first] = hostsOf(scene.world, "nyc");
  expect(first?.mysql.rows.has("paris:1")).toBe(true);
  expectGolden(
    join(import.meta.dirname, "fill-site.story.txt"),
    story.map((line) => line.replace(/[0-9a-f]{64}/, "<sha256>").replace(/copy-[0-9a-f]{8}-/, "copy-<run>-")),
  );
});

test("with a next release in every spec it installs the one that the others run; with two of them it waits", async () => {
  const scene = await settledScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
  for (const site of ["london", "nyc"]) editSite(scene, site, { release: newRelease });
  for (let n = 0; n < 3; n += 1) await passSites(scene);
  const [last] = hostsOf(scene.world, "nyc").slice(-1);
  const products = Object.values(last?.volume.installed ?? {});
  for (const product of products) product.release = newRelease;
  for (let n = 0; n < 3; n += 1) await passSites(scene);
  await parisJoins(scene, { release: newRelease });
  for (let n = 0; n < 6; n += 1) await passSites(scene);
  expect(await conditionAt(scene, "paris", "Installed")).toMatchObject({
    reason: "AwaitingSites",
    message: expect.stringMatching(/the nodes of the other sites run different releases/),
  });
  for (const product of products) product.release = release;
  await reached(scene, async () => (await conditionAt(scene, "paris", "Installed"))?.status === "True");
  const installed = hostsOf(scene.world, "paris").flatMap(({ volume }) => Object.values(volume.installed));
  expect(installed.map((each) => each.release)).toEqual([release, release, release, release]);
  expect(await conditionAt(scene, "paris", "ReleaseCurrent")).toMatchObject({ reason: "UpgradeNeeded" });
});

test("all nodes of a large one are found empty in one pass, and it is filled", async () => {
  const scene = await settledScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
  await parisJoins(scene, { fillFrom: { site: "london" } }, 7);
  const walk = async () => (await clusterOf(scene, "paris")).status?.ledger;
  await reached(scene, async () => (await walk())?.procedure === "FillSite", { most: 20 });
});

test("a site that is to be filled from one it is not linked with, or over data, waits and says why", async () => {
  const scene = await settledScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
  await parisJoins(scene, { fillFrom: { site: "rome" } });
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  expect(await conditionAt(scene, "paris", "Installed")).toMatchObject({
    status: "False",
    reason: "Waiting",
    message: expect.stringMatching(/rome is no other site of its estate; create the CrossSiteLinks/),
  });
  hostsOf(scene.world, "paris")[1]?.mysql.schemas.set("tungsten_paris", "empty");
  editSite(scene, "paris", { fillFrom: { site: "london" } });
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  expect((await conditionAt(scene, "paris", "Installed"))?.message).toMatch(
    /the database of paris-1 holds tungsten_paris already/,
  );
  hostsOf(scene.world, "paris")[1]?.mysql.schemas.delete("tungsten_paris");
  hostsOf(scene.world, "paris")[1]?.mysql.rows.set("paris:1", 1);
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  expect((await conditionAt(scene, "paris", "Installed"))?.message).toMatch(
    /the database of paris-1 holds table shop\.orders_london already, which somebody may want/,
  );
  expect(begunOn(scene)).toEqual([]);
});

test("what somebody writes into a new site while it waits to be filled is not overwritten", async () => {
  const scene = await settledScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
  await parisJoins(scene, { fillFrom: { site: "london" } });
  await reached(scene, async () => scene.world.sites.get("london")?.policy === "MAINTENANCE");
  const rows = hostsOf(scene.world, "paris")[1]?.mysql.rows;
  rows?.set("paris:1", 1);
  const message = async () => (await conditionAt(scene, "paris", "Installed"))?.message ?? "";
  await reached(scene, async () => /paris-1.*the database holds a user's table/.test(await message()));
  for (let n = 0; n < 20; n += 1) await passSites(scene);
  expect(rows?.has("paris:1")).toBe(true);
  expect(begunOn(scene).filter((line) => line.includes("copy-datadir"))).toEqual([]);
  rows?.delete("paris:1");
  editSite(scene, "paris", { changes: { configuration: "OnApproval" } });
  await reached(scene, allTrue(scene, "Installed", ["paris"]));
});

test("a filling that nobody asks for any more is walked to its end: the donor is given back, and its site's policy", async () => {
  const scene = await settledScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
  await parisJoins(scene, { fillFrom: { site: "london" } });
  const policy = () => scene.world.sites.get("london")?.policy;
  await reached(scene, async () => policy() === "MAINTENANCE");
  editSite(scene, "paris", { fillFrom: undefined });
  await reached(scene, async () => policy() === "AUTOMATIC");
  await reached(scene, allTrue(scene, "Ready", ["london"]));
});

test("a link that is deleted brings no text while its service is there; then it waits for a word, and the service stays gone", async () => {
  const scene = await settledScene({ sites: ["london", "nyc", "paris"], nodes: 2, seed: 3 });
  await scene.objects.remove(linkKind, { namespace, name: "paris-to-london" }, "");
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  const told = await conditionAt(scene, "london", "ConfigurationApplied");
  expect(told).toMatchObject({ status: "False", reason: "Refused" });
  expect(told?.message).toMatch(
    /london-0 has service paris, which no link and no composite asks for any more: put back .* \(mm_trepctl -service paris offline\)/,
  );
  expect(begunOn(scene)).toEqual([]);
  for (const host of hostsOf(scene.world, "london")) {
    const { crossSite } = host.volume.installed;
    if (crossSite !== undefined)
      crossSite.services = crossSite.services.filter(({ name }) => name !== "paris");
    host.replicators.crossSite?.services.delete("paris");
  }
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  const asked = await conditionAt(scene, "london", "ConfigurationApplied");
  expect(asked).toMatchObject({ reason: "ApprovalNeeded" });
  const approved = /approved to ([0-9a-f]{64})/.exec(asked?.message ?? "")?.[1];
  editSite(scene, "london", { changes: { approved } });
  await reached(scene, allTrue(scene, "ConfigurationApplied", ["london"]));
  const [first] = hostsOf(scene.world, "london");
  expect([...(first?.replicators.crossSite?.services.keys() ?? [])]).toEqual(["nyc"]);
});
