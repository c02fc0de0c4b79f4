/** A site that is named no more in the middle of its way into a composite: back before anything is installed, in and out behind it. */
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { hostOf, hostsOf } from "../../simulator/model.ts";
import { judge } from "../../simulator/oracle.ts";
import { clusterKind, compositeKind } from "../../src/kube/kinds.ts";
import { expectGolden } from "../golden.ts";
import {
  compositeScene,
  parisJoinsComposite,
  passiveScene,
  setMembers,
  siteWithdrawn,
  stepOfParis,
  takeParisOut,
  watchJoining,
  watchWithdrawn,
} from "./change-of-composite.ts";
import { cutOff } from "./change-of-links.ts";
import { hasLeft, passComposite } from "./change-of-members.ts";
import { crashedChange } from "./changing.ts";
import { conditionOf, namespace, quiesce, type Scene } from "./scene.ts";
import { allTrue, begunOn, clusterOf, conditionAt, lineOf, passSites, reached, refOf } from "./site-scene.ts";

const joins = { joins: ["paris-0", "paris-1"], fresh: "paris" };
const beside = { beside: passComposite, most: 3000 };
const newScene = (): Promise<Scene> => compositeScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });

const at = (scene: Scene, step: string) => reached(scene, async () => (await stepOfParis(scene)) === step);
const policies = ({ world }: Scene) => [...world.sites.values()].map(({ policy }) => policy);
const compositeSays = async (scene: Scene) => {
  const object = await scene.objects.get(compositeKind, refOf("global"));
  return object && conditionOf(object, "Ready");
};
const nameParis = (scene: Scene): void => setMembers(scene, (members) => [...members, { name: "paris" }]);

test("the story of paris, named no more when it is held and nothing is installed there", async () => {
  const scene = await newScene();
  await parisJoinsComposite(scene, { fillFrom: { site: "london" } });
  const watch = watchWithdrawn(scene, joins);
  await at(scene, "PublishConfiguration");
  const story: string[] = [];
  scene.world.listeners.push((event) => {
    if (event.kind === "command") story.push(lineOf(event));
    if (event.kind === "policy") story.push(`${event.site} is ${event.policy}`);
  });
  takeParisOut(scene);
  await passSites(scene);
  await passComposite(scene);
  expect(await compositeSays(scene)).toMatchObject({
    status: "False",
    reason: "Leaving",
    message: expect.stringMatching(/^paris, on its way in: /),
  });
  expect(await conditionAt(scene, "paris", "MembershipCurrent")).toMatchObject({
    status: "False",
    reason: "Leaving",
    message: "CompositeService global names paris no more: its way in goes back, nothing is installed there",
  });
  await at(scene, "Reverted");
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  await passComposite(scene);
  expect(await conditionAt(scene, "paris", "Installed")).toMatchObject({
    status: "False",
    reason: "Waiting",
    message: expect.stringMatching(/hold what london-1 held, .* tie them again, .* or remove spec\.fillFrom/),
  });
  expect(await conditionAt(scene, "paris", "MembershipCurrent")).toMatchObject({ status: "True" });
  expect((await clusterOf(scene, "paris")).status?.neededBy).toBe("");
  expect(await compositeSays(scene)).toMatchObject({ status: "True" });
  expect(policies(scene)).toEqual(["AUTOMATIC", "AUTOMATIC", "AUTOMATIC"]);
  quiesce(scene);
  watch.end(40);
  expect(watch.violations).toEqual([]);
  expectGolden(join(import.meta.dirname, "joining-withdrawn.story.txt"), story);
});

test("named again in the middle of the way back, it goes back and comes in anew", async () => {
  const scene = await newScene();
  await parisJoinsComposite(scene, { fillFrom: { site: "london" } });
  const watch = watchJoining(scene, joins);
  await at(scene, "EnterMaintenance");
  takeParisOut(scene);
  await reached(scene, async () => (await clusterOf(scene, "paris")).status?.ledger?.direction === "Revert");
  nameParis(scene);
  await at(scene, "Reverted");
  expect(policies(scene)).toEqual(["AUTOMATIC", "AUTOMATIC", "AUTOMATIC"]);
  await reached(scene, allTrue(scene, "ConfigurationApplied"), beside);
  quiesce(scene);
  watch.end(40);
  expect(watch.violations).toEqual([]);
});

test("a passive site goes back too, and stays empty", async () => {
  const scene = await passiveScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
  await parisJoinsComposite(scene, { fillFrom: { site: "nyc" } });
  const watch = watchWithdrawn(scene, joins);
  await at(scene, "MakeAccounts");
  takeParisOut(scene);
  await at(scene, "Reverted");
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  expect(policies(scene)).toEqual(["AUTOMATIC", "AUTOMATIC", "AUTOMATIC"]);
  expect((await conditionAt(scene, "paris", "Installed"))?.message).toMatch(
    /nyc is no other site of its estate/,
  );
  quiesce(scene);
  watch.end(40);
  expect(watch.violations).toEqual([]);
});

test("named no more when something is installed it comes in, the others are told, and it leaves; what was written there is everywhere", async () => {
  const scene = await newScene();
  const { world } = scene;
  await parisJoinsComposite(scene, { fillFrom: { site: "london" } });
  const watch = watchJoining(scene, { ...joins, sideBySide: true });
  await reached(
    scene,
    async () =>
      (await stepOfParis(scene)) === "InstallCluster" &&
      hostOf(world, "paris-0").volume.installed.cluster !== undefined,
  );
  takeParisOut(scene);
  await passSites(scene);
  expect((await conditionAt(scene, "paris", "MembershipCurrent"))?.message).toMatch(
    /something is installed there already, so its way in is walked to its end, and it leaves behind it/,
  );
  await reached(scene, allTrue(scene, "Installed", ["paris"]), beside);
  const paris = world.sites.get("paris");
  if (paris === undefined) throw new Error("no paris");
  Object.assign(paris.client, { rate: 1, longestGap: 0, lastAck: world.now });
  const told: string[] = [];
  await reached(
    scene,
    async () => {
      told.push((await conditionAt(scene, "paris", "MembershipCurrent"))?.message ?? "");
      return /^\d+\//.test(told.at(-1) ?? "");
    },
    beside,
  );
  expect(told.join("\n")).toMatch(
    /(london|nyc) has not been told of paris yet, and what is written there has to arrive/,
  );
  const written = [...paris.client.acknowledged];
  expect(written.length).toBeGreaterThan(5);
  await reached(scene, () => hasLeft(scene, "paris"), beside);
  quiesce(scene);
  for (const host of ["london", "nyc"].flatMap((name) => hostsOf(world, name)))
    expect(written.filter((tx) => !host.mysql.rows.has(tx))).toEqual([]);
  expect(judge(world)).toMatchObject({ doubled: [], outOfOrder: 0 });
  expect(watch.violations).toEqual([]);
  expect(policies(scene)).toEqual(["AUTOMATIC", "AUTOMATIC", "AUTOMATIC"]);
});

test("named no more while it is being filled, the donor is given back, and nothing is installed", async () => {
  const scene = await newScene();
  await parisJoinsComposite(scene, { fillFrom: { site: "london" } });
  await reached(scene, async () => scene.world.sites.get("london")?.policy === "MAINTENANCE");
  takeParisOut(scene);
  for (let n = 0; n < 3; n += 1) await passSites(scene);
  expect((await clusterOf(scene, "paris")).status?.neededBy).toBe("CompositeService global");
  await reached(scene, async () => (await clusterOf(scene, "paris")).status?.filledFrom === "london-1");
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  expect(policies(scene)).toEqual(["AUTOMATIC", "AUTOMATIC", "AUTOMATIC"]);
  expect(await conditionAt(scene, "london", "Ready")).toMatchObject({ status: "True" });
  expect(begunOn(scene).filter((line) => /^paris.*tpm/.test(line))).toEqual([]);
  expect((await clusterOf(scene, "paris")).status?.neededBy).toBe("");
  nameParis(scene);
  await reached(scene, allTrue(scene, "ConfigurationApplied"), beside);
});

test("its nodes are lost for good: taken out and deleted, the others have their policies back, and it goes", async () => {
  const scene = await newScene();
  await parisJoinsComposite(scene, { fillFrom: { site: "london" } });
  await at(scene, "HoldNewSite");
  cutOff(scene, "paris");
  takeParisOut(scene);
  scene.objects.edit(clusterKind, { namespace, name: "paris" }, ({ metadata }) => {
    metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
  });
  const gone = async () => {
    const paris = await scene.objects.get(clusterKind, refOf("paris"));
    return (paris?.metadata.finalizers ?? []).length === 0;
  };
  expect(await gone()).toBe(false);
  for (let n = 0; n < 200 && !(await gone()); n += 1) await passSites(scene);
  expect(await gone()).toBe(true);
  expect(policies(scene).slice(0, 2)).toEqual(["AUTOMATIC", "AUTOMATIC"]);
});

test("the composite goes in the middle of the way back: nobody guesses, and put back it goes on", async () => {
  const scene = await newScene();
  await parisJoinsComposite(scene, { fillFrom: { site: "london" } });
  await at(scene, "HoldNewSite");
  takeParisOut(scene);
  await passSites(scene);
  const composite = await scene.objects.get(compositeKind, refOf("global"));
  if (composite === undefined) throw new Error("no composite");
  await scene.objects.remove(compositeKind, refOf("global"), composite.metadata.uid ?? "");
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  expect((await conditionAt(scene, "paris", "Installed"))?.message).toMatch(
    /put the CompositeService back as it was; until then MAINTENANCE stays set/,
  );
  const { uid: _, resourceVersion: __, ...metadata } = composite.metadata;
  await scene.objects.create(compositeKind, { ...composite, metadata });
  await at(scene, "Reverted");
  expect(policies(scene)).toEqual(["AUTOMATIC", "AUTOMATIC", "AUTOMATIC"]);
});

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 61);
const first = Number(process.env.FIRST ?? 160);

test("a crash at points of the way in and back", async () => {
  const whole = await crashedChange(siteWithdrawn, 0);
  expect(whole).toMatchObject({ over: true, violations: [] });
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await crashedChange(siteWithdrawn, n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
  expect(whole.points).toBeGreaterThan(first);
});
