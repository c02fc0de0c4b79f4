/** A site leaves its mesh, or a link goes: what it carries arrives first, its services go, the rest replicates. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostsOf } from "../../simulator/model.ts";
import { judge } from "../../simulator/oracle.ts";
import { clusterKind, linkKind } from "../../src/kube/kinds.ts";
import { expectGolden } from "../golden.ts";
import {
  cutOff,
  deleteLinks,
  editLink,
  linksGone,
  meshScene,
  type Pair,
  pairsWith,
  passLinks,
  siteLeaves,
  watchLeaving,
} from "./change-of-links.ts";
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

const three = { sites: ["london", "nyc", "tokyo"], nodes: 2, seed: 3 };

async function passes(scene: Scene, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    await passSites(scene);
    await passLinks(scene);
  }
}

const until = (scene: Scene, so: () => Promise<boolean>, most = 800) =>
  reached(scene, so, { most, beside: passLinks });

const linkTold = async (scene: Scene, name: string) => {
  const link = await scene.objects.get(linkKind, refOf(name));
  return link && conditionOf(link, "Ready");
};

describe("a site that leaves its mesh", () => {
  test("the story of tokyo: what travels arrives, its links go, london and nyc replicate on, its product is gone", async () => {
    const scene = await meshScene(three);
    const pairs = pairsWith(scene, "tokyo");
    const watch = watchLeaving(scene, { pairs });
    const story: string[] = [];
    scene.world.listeners.push((event) => {
      if (event.kind === "command") story.push(lineOf(event));
      if (event.kind === "policy") story.push(`${event.site} is ${event.policy}`);
    });
    siteLeaves.begin(scene);
    await passes(scene, 2);
    expect(await linkTold(scene, "tokyo-to-nyc")).toMatchObject({ status: "False", reason: "Leaving" });
    expect((await clusterOf(scene, "tokyo")).status?.neededBy).toMatch(/^CrossSiteLink /);
    await until(scene, () => linksGone(scene, pairs));
    for (const host of hostsOf(scene.world, "tokyo")) host.lagMs = 0;
    await passes(scene, 3);
    expect((await clusterOf(scene, "tokyo")).status?.neededBy).toBe("");
    expect(await conditionAt(scene, "london", "LinksCurrent")).toMatchObject({
      status: "True",
      reason: "Left",
    });
    expect(await conditionAt(scene, "tokyo", "LinksCurrent")).toMatchObject({ status: "True" });
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
    expectGolden(
      join(import.meta.dirname, "remove-links.story.txt"),
      story.map((line) =>
        line.replace(/[0-9a-f]{64}/g, "<sha256>").replace(/\b[0-9]{8}[0-9a-z]{8}\b/g, "<walk>"),
      ),
    );
    const before = begunOn(scene).length;
    await passes(scene, 8);
    expect(begunOn(scene).length).toBe(before);
    expect(scene.world.sites.get("tokyo")?.policy).toBe("AUTOMATIC");
  });

  test("one link goes, and the site that still reads another keeps its second product", async () => {
    const scene = await meshScene(three);
    const pairs: readonly Pair[] = [["tokyo", "nyc"]];
    const watch = watchLeaving(scene, { pairs });
    deleteLinks(scene, pairs);
    await until(scene, () => linksGone(scene, pairs));
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
  });

  test.each([3, 4, 5, 6])(
    "of two, both stand alone afterwards; positions go by a word (seed %i)",
    async (seed) => {
      const scene = await meshScene({ ...three, sites: ["london", "nyc"], seed });
      const pairs = pairsWith(scene, "nyc");
      const watch = watchLeaving(scene, { pairs, drops: true });
      deleteLinks(scene, pairs, { unread: "Await", trackingSchema: "Drop" });
      await until(scene, () => linksGone(scene, pairs));
      quiesce(scene);
      watch.end(20);
      expect(watch.violations).toEqual([]);
      expect((await clusterOf(scene, "nyc")).status?.topology).toBe("Standalone");
    },
  );
});

test("a site that comes back to its mesh goes on from the positions that stayed: every row is everywhere", async () => {
  const scene = await meshScene(three);
  const pairs = pairsWith(scene, "tokyo");
  deleteLinks(scene, pairs);
  await until(scene, () => linksGone(scene, pairs));
  await passes(scene, 10);
  for (const [source, target] of pairs)
    await scene.objects.create(
      linkKind,
      make("CrossSiteLink", `${source}-to-${target}`, { source: { name: source }, target: { name: target } }),
    );
  const back = async () =>
    (await allTrue(scene, "Ready")()) &&
    (await allTrue(scene, "ConfigurationApplied", ["london", "nyc"])()) &&
    [...scene.world.hosts.values()].every(
      ({ volume }) => volume.installed.crossSite?.services.length === three.sites.length - 1,
    );
  await until(scene, back);
  quiesce(scene);
  expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
});

test("a link that is made while others leave is nothing to their walk: it begins when that is over", async () => {
  const scene = await meshScene(three);
  const pairs = pairsWith(scene, "tokyo");
  deleteLinks(scene, pairs);
  await until(scene, async () => (await clusterOf(scene, "london")).status?.ledger?.cursor?.step === 2);
  for (const source of ["london", "nyc"]) {
    const spec = { source: { name: source }, target: { name: "tokyo" } };
    await scene.objects.create(linkKind, make("CrossSiteLink", `${source}-again`, spec));
  }
  await until(scene, async () => (await clusterOf(scene, "london")).status?.ledger?.phase === "Finished");
  expect(hostsOf(scene.world, "tokyo").map(({ volume }) => volume.installed.crossSite)).toEqual([
    undefined,
    undefined,
  ]);
  const back = () =>
    hostsOf(scene.world, "tokyo").every(({ volume }) => volume.installed.crossSite?.services.length === 2);
  await until(scene, async () => back() && (await allTrue(scene, "Ready")()), 300);
  quiesce(scene);
  const rows = scene.world.sites.get("nyc")?.client.acknowledged ?? [];
  for (const { mysql } of hostsOf(scene.world, "tokyo"))
    expect(rows.filter((tx) => mysql.rows.get(tx) !== 1)).toEqual([]);
});

describe("what cannot arrive", () => {
  async function burnt(): Promise<Scene> {
    const scene = await meshScene(three);
    cutOff(scene, "tokyo");
    await passes(scene, 3);
    return scene;
  }

  test("is awaited, and told with the word that gives it up; then the others go on without the site", async () => {
    const scene = await burnt();
    const pairs = pairsWith(scene, "tokyo");
    deleteLinks(scene, pairs);
    await passes(scene, 6);
    expect(begunOn(scene)).toEqual([]);
    expect(await conditionAt(scene, "london", "LinksCurrent")).toMatchObject({
      status: "False",
      reason: "Waiting",
    });
    expect((await linkTold(scene, "tokyo-to-nyc"))?.message).toMatch(/it goes when nyc reads tokyo no more/);
    const watch = watchLeaving(
      scene,
      { pairs, abandoned: true, without: ["tokyo"] },
      { leaves: ["tokyo-0", "tokyo-1"] },
    );
    for (const pair of pairs) editLink(scene, pair, { unread: "Abandon", trackingSchema: "Keep" });
    await until(scene, () => linksGone(scene, pairs, ["tokyo"]));
    quiesce(scene);
    watch.end(20);
    expect(watch.violations.filter(({ what }) => !what.includes("tokyo"))).toEqual([]);
    expect(hostsOf(scene.world, "london")[0]?.volume.ini).not.toContain("tokyo");
    expect(begunOn(scene).filter((line) => line.startsWith("tokyo"))).toEqual([]);
  });

  test("a source that falls silent in the middle is waited for, until the word is given: the walk begins anew", async () => {
    const scene = await meshScene(three);
    const pairs = pairsWith(scene, "tokyo");
    deleteLinks(scene, pairs);
    await until(scene, async () => (await clusterOf(scene, "london")).status?.ledger?.phase === "Running");
    scene.world.cuts.add("london|tokyo");
    scene.world.cuts.add("nyc|tokyo");
    await passes(scene, 60);
    expect((await conditionAt(scene, "london", "LinksCurrent"))?.message).toMatch(
      /Let arrive what the links carry/,
    );
    for (const pair of pairs) editLink(scene, pair, { unread: "Abandon", trackingSchema: "Keep" });
    await until(scene, () => linksGone(scene, pairs));
    expect(scene.readable.join("\n")).toContain("RemoveLinks begins anew: spec.onDeletion of CrossSiteLink");
  });
});

/** As if another version of the operator had begun it. */
const byAnotherVersion = (scene: Scene): void =>
  scene.objects.edit(clusterKind, refOf("london"), ({ status }) => {
    status.ledger.revision = 0;
  });

test("a walk that begins anew behind its dumps drains none of them again: the position that stays is the one reached", async () => {
  const scene = await meshScene({ ...three, sites: ["london", "nyc"] });
  const pairs = pairsWith(scene, "nyc");
  const watch = watchLeaving(scene, { pairs });
  deleteLinks(scene, pairs);
  const keptAt = async () => Object.keys((await clusterOf(scene, "london")).status?.ledger?.kept ?? {});
  await until(scene, async () => (await keptAt()).filter((key) => key.startsWith("dump.")).length === 4);
  byAnotherVersion(scene);
  await until(scene, () => linksGone(scene, pairs));
  expect(scene.readable.join("\n")).toContain("RemoveLinks begins anew: the operator is another version");
  expect(begunOn(scene).filter((line) => /-at-heartbeat tu-\w+\.2-/.test(line))).toEqual([]);
  quiesce(scene);
  watch.end(20);
  expect(watch.violations).toEqual([]);
});

describe("a deleted link", () => {
  test("holds its sites, and waits while somebody else is at work", async () => {
    const scene = await meshScene(three);
    editSite(scene, "nyc", { proceduresPaused: true });
    const pairs: readonly Pair[] = [["tokyo", "nyc"]];
    deleteLinks(scene, pairs);
    await passes(scene, 5);
    expect((await conditionAt(scene, "london", "LinksCurrent"))?.message).toMatch(
      /proceduresPaused of TungstenCluster nyc/,
    );
    expect(await conditionAt(scene, "nyc", "ConfigurationApplied")).toMatchObject({ status: "True" });
    scene.objects.edit(clusterKind, refOf("tokyo"), ({ metadata }) => {
      metadata.deletionTimestamp = new Date(scene.world.now).toISOString();
    });
    await passes(scene, 2);
    expect(scene.readable.join("\n")).toContain("DeletionHeld not deleted: CrossSiteLink");
    expect(begunOn(scene)).toEqual([]);
  });

  test("goes at once where every site goes, or where nothing of it is on a node", async () => {
    const scene = await meshScene({ ...three, sites: ["london", "nyc"] });
    for (const host of hostsOf(scene.world, "nyc")) delete host.volume.installed.crossSite;
    deleteLinks(scene, [["london", "nyc"]]);
    await passLinks(scene);
    expect(await scene.objects.get(linkKind, refOf("london-to-nyc"))).toBeUndefined();
    deleteLinks(scene, [["nyc", "london"]]);
    await passLinks(scene);
    expect(await scene.objects.get(linkKind, refOf("nyc-to-london"))).toBeDefined();
    for (const site of ["london", "nyc"])
      scene.objects.edit(clusterKind, refOf(site), ({ metadata }) => {
        metadata.deletionTimestamp = new Date(scene.world.now).toISOString();
      });
    await passLinks(scene);
    expect(await scene.objects.get(linkKind, refOf("nyc-to-london"))).toBeUndefined();
  });

  test("whose finalizer is taken off in the middle ends the walk, and says what is left to do", async () => {
    const scene = await meshScene(three);
    const pairs: readonly Pair[] = [["tokyo", "nyc"]];
    deleteLinks(scene, pairs);
    await until(scene, async () => scene.world.sites.get("nyc")?.policy === "MAINTENANCE");
    scene.objects.edit(linkKind, refOf("tokyo-to-nyc"), ({ metadata }) => {
      metadata.finalizers = [];
    });
    await passes(scene, 2);
    expect(await conditionAt(scene, "london", "LinksCurrent")).toMatchObject({ reason: "WorldDeparted" });
    expect((await clusterOf(scene, "london")).status?.ledger).toMatchObject({
      phase: "Finished",
      outcome: "Aborted",
    });
  });
});
