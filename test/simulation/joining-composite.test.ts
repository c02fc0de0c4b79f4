/** A site joins a composite that runs: filled from a replica of a member, installed under MAINTENANCE of all, told to the others. */
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { hostOf, hostsOf } from "../../simulator/model.ts";
import { compositeKind, linkKind } from "../../src/kube/kinds.ts";
import { expectGolden } from "../golden.ts";
import {
  compositeScene,
  parisJoinsComposite,
  purged,
  putFresh,
  setMembers,
  watchJoining,
} from "./change-of-composite.ts";
import { bareScene, formed, passEstate, putComposite, putSite } from "./fresh-scene.ts";
import { conditionOf, make, quiesce, type Scene } from "./scene.ts";
import {
  allTrue,
  begunOn,
  clusterOf,
  conditionAt,
  editSite,
  lineOf,
  passSites,
  reached,
  refOf,
} from "./site-scene.ts";

const newScene = (seed = 3): Promise<Scene> => compositeScene({ sites: ["london", "nyc"], nodes: 2, seed });
const filled = { fillFrom: { site: "london" } };

const installedSays = async (scene: Scene, name = "paris") =>
  (await conditionAt(scene, name, "Installed"))?.message ?? "";

/** Everybody runs from one text, clients of paris write for a while, and every row is everywhere once. */
async function sound(scene: Scene, watch: ReturnType<typeof watchJoining>): Promise<void> {
  for (let n = 0; n < 4; n += 1) await passEstate(scene);
  const site = scene.world.sites.get("paris");
  if (site !== undefined) Object.assign(site.client, { rate: 1, longestGap: 0, lastAck: scene.world.now });
  for (let n = 0; n < 10; n += 1) await passEstate(scene);
  quiesce(scene);
  watch.end(40);
  expect(watch.violations).toEqual([]);
}

test("the story of paris, filled from a replica of london", async () => {
  const scene = await newScene();
  purged(scene);
  await parisJoinsComposite(scene, filled);
  const watch = watchJoining(scene, { joins: ["paris-0", "paris-1"], fresh: "paris" });
  const story: string[] = [];
  scene.world.listeners.push((event) => {
    if (event.kind === "command") story.push(lineOf(event));
    if (event.kind === "policy") story.push(`${event.site} is ${event.policy}`);
  });
  await reached(scene, allTrue(scene, "Installed", ["paris"]));
  await passEstate(scene);
  const composite = async () => {
    const object = await scene.objects.get(compositeKind, refOf("global"));
    return object && conditionOf(object, "Ready");
  };
  expect(await composite()).toMatchObject({
    status: "False",
    message: expect.stringMatching(/london has not been told of paris|a procedure runs on london/),
  });
  await reached(scene, allTrue(scene, "ConfigurationApplied"), { most: 3000 });
  await sound(scene, watch);
  for (const site of ["london", "nyc"])
    for (const host of hostsOf(scene.world, site)) expect(host.mysql.rows.has("paris:1")).toBe(true);
  expect((await clusterOf(scene, "paris")).status).toMatchObject({ topology: "CAA", primary: "paris-0" });
  expect(await composite()).toMatchObject({ status: "True", message: "3 sites replicate as ActiveActive" });
  expectGolden(
    join(import.meta.dirname, "join-composite.story.txt"),
    story.map((line) => line.replace(/[0-9a-f]{64}/, "<sha256>").replace(/copy-[0-9a-f]{8}-/, "copy-<run>-")),
  );
});

test("a site joins a composite with an order of writing, and it stays one", async () => {
  const scene = await bareScene({ sites: ["london", "nyc"], nodes: 2, seed: 4 });
  await putComposite(scene, {
    type: "DynamicActiveActive",
    members: ["nyc", "london"],
    writeAffinity: ["nyc", "london"],
  });
  for (const name of ["london", "nyc"]) await putSite(scene, name);
  await formed(scene);
  await parisJoinsComposite(scene, filled);
  const watch = watchJoining(scene, { joins: ["paris-0", "paris-1"], fresh: "paris" });
  await reached(scene, allTrue(scene, "Installed", ["paris"]));
  await reached(scene, allTrue(scene, "ConfigurationApplied"), { most: 3000 });
  await sound(scene, watch);
  for (const name of ["london", "nyc", "paris"])
    expect((await clusterOf(scene, name)).status.topology).toBe("DAA");
});

test("links that a converted estate has kept do not make it stand alone", async () => {
  const scene = await newScene();
  for (const [source, target] of [
    ["london", "nyc"],
    ["nyc", "london"],
  ] as const)
    await scene.objects.create(
      linkKind,
      make("CrossSiteLink", `${source}-to-${target}`, { source: { name: source }, target: { name: target } }),
    );
  await parisJoinsComposite(scene, {});
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  expect((await conditionAt(scene, "paris", "Installed"))?.reason).toBe("AwaitingSites");
  expect(begunOn(scene)).toEqual([]);
  editSite(scene, "paris", filled);
  await reached(scene, allTrue(scene, "Installed", ["paris"]));
  expect((await clusterOf(scene, "paris")).status.topology).toBe("CAA");
});

test("without spec.fillFrom nothing is installed beside full sites, and the way out is named", async () => {
  const scene = await newScene();
  await parisJoinsComposite(scene, {});
  for (let n = 0; n < 6; n += 1) await passSites(scene);
  expect(await conditionAt(scene, "paris", "Installed")).toMatchObject({
    status: "Unknown",
    reason: "AwaitingSites",
    message: expect.stringMatching(/nothing is installed beside full sites; .* spec\.fillFrom/),
  });
  expect(begunOn(scene)).toEqual([]);
  editSite(scene, "paris", filled);
  await reached(scene, allTrue(scene, "Installed", ["paris"]));
});

test("two sites at once: neither begins, and each says which one to leave out", async () => {
  const scene = await newScene();
  await parisJoinsComposite(scene, filled);
  await putFresh(scene, "rome", filled);
  setMembers(scene, (members) => [...members, { name: "rome" }]);
  for (let n = 0; n < 6; n += 1) await passSites(scene);
  expect(await installedSays(scene)).toMatch(
    /nothing is installed at rome either: sites join one after the other/,
  );
  expect(begunOn(scene)).toEqual([]);
  setMembers(scene, (members) => members.filter(({ name }) => name !== "rome"));
  await reached(scene, allTrue(scene, "Installed", ["paris"]));
});

test("a position of a former site of that name halts before a database is stopped", async () => {
  const scene = await newScene();
  const commit = {
    seqno: 500,
    epoch: 0,
    eventId: "mysql-bin.000001:0000000000004711;-1",
    sourceId: "paris-0",
    shardId: "shop",
  };
  hostOf(scene.world, "nyc-1").mysql.schemas.set("tungsten_paris", { commit, heartbeat: null });
  await parisJoinsComposite(scene, filled);
  await reached(
    scene,
    async () => (await conditionAt(scene, "paris", "Installed"))?.reason === "PositionLeft",
  );
  expect(await installedSays(scene)).toMatch(
    /tungsten_paris of nyc-1 holds a position of a former site paris/,
  );
  expect(begunOn(scene)).toEqual([]);
  hostOf(scene.world, "nyc-1").mysql.schemas.delete("tungsten_paris");
  await reached(scene, allTrue(scene, "Installed", ["paris"]));
});

test("a copy that is not what the donor had is not installed over", async () => {
  const scene = await newScene();
  await parisJoinsComposite(scene, filled);
  await reached(scene, async () => (await clusterOf(scene, "paris")).status?.filledFrom === "london-1");
  const { schemas } = hostOf(scene.world, "paris-1").mysql;
  const rows = schemas.get("tungsten_nyc");
  if (rows === undefined || rows === "empty" || rows.commit === null) throw new Error("no row");
  schemas.set("tungsten_nyc", { ...rows, commit: { ...rows.commit, seqno: rows.commit.seqno - 1 } });
  await reached(
    scene,
    async () => (await conditionAt(scene, "paris", "Installed"))?.reason === "CopyUnproven",
  );
  expect(await installedSays(scene)).toMatch(
    /tungsten_nyc of paris-1 says \d+ .*create it anew with spec\.fillFrom/,
  );
  expect(begunOn(scene).filter((line) => /tpm|replicator cluster start$/.test(line))).toEqual([]);
});

test("while a member is not sound, or in somebody's hands, nothing begins", async () => {
  const scene = await newScene();
  editSite(scene, "nyc", { proceduresPaused: true });
  await parisJoinsComposite(scene, filled);
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  expect(await installedSays(scene)).toMatch(/proceduresPaused of nyc admits no procedure/);
  editSite(scene, "nyc", { proceduresPaused: false });
  const nyc = scene.world.sites.get("nyc");
  if (nyc !== undefined) nyc.policy = "MAINTENANCE";
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  expect(await installedSays(scene)).toMatch(
    /the policy of nyc is MAINTENANCE and its spec\.policy wants AUTOMATIC/,
  );
  expect(begunOn(scene)).toEqual([]);
});

test("named no more in the middle it is told, and named again before its end it stays", async () => {
  const scene = await newScene();
  await parisJoinsComposite(scene, filled);
  const watch = watchJoining(scene, { joins: ["paris-0", "paris-1"], fresh: "paris" });
  await reached(scene, async () => hostOf(scene.world, "paris-0").volume.installed.cluster !== undefined);
  setMembers(scene, (members) => members.filter(({ name }) => name !== "paris"));
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  expect((await conditionAt(scene, "paris", "MembershipCurrent"))?.message).toMatch(
    /names paris no more: something is installed there already, so its way in is walked to its end/,
  );
  setMembers(scene, (members) => [...members, { name: "paris" }]);
  await reached(scene, allTrue(scene, "ConfigurationApplied"), { most: 3000 });
  await sound(scene, watch);
  expect(await conditionAt(scene, "paris", "MembershipCurrent")).toMatchObject({
    status: "True",
    reason: "Current",
  });
});

test("a log of the new site that was purged before the others were told halts them before they would miss rows", async () => {
  const scene = await newScene();
  for (const site of ["london", "nyc"]) editSite(scene, site, { changes: { configuration: "OnApproval" } });
  await parisJoinsComposite(scene, filled);
  await reached(scene, allTrue(scene, "Ready", ["paris"]));
  const paris = scene.world.sites.get("paris");
  if (paris !== undefined) paris.client.rate = 1;
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  for (const host of hostsOf(scene.world, "paris")) host.volume.thl.get("cluster/paris")?.splice(0, 1);
  for (const site of ["london", "nyc"]) editSite(scene, site, { changes: { configuration: "Automatic" } });
  await reached(
    scene,
    async () => (await conditionAt(scene, "london", "ConfigurationApplied"))?.reason === "HistoryPurged",
  );
  expect(scene.world.sites.get("london")?.policy).toBe("AUTOMATIC");
  expect(begunOn(scene).filter((line) => /^london.*tpm/.test(line))).toEqual([]);
});
