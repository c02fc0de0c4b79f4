/** A site joins an active/passive composite: installed empty and held, its relay provisioned from another site, its replicas from the relay. */
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { hostOf, hostsOf } from "../../simulator/model.ts";
import { judge } from "../../simulator/oracle.ts";
import { goOnline } from "../../simulator/replicator.ts";
import { clusterKind } from "../../src/kube/kinds.ts";
import type { Procedure } from "../../src/procedures/procedure.ts";
import { done } from "../../src/procedures/verdicts.ts";
import { expectGolden } from "../golden.ts";
import { parisJoinsComposite, passiveScene } from "./change-of-composite.ts";
import { storyTold } from "./fresh-scene.ts";
import { blind, type Change, changePart, commandsLike } from "./mutate.ts";
import { quiesce, type Scene } from "./scene.ts";
import {
  allTrue,
  begunOn,
  clusterOf,
  conditionAt,
  editSite,
  passSites,
  reached,
  refOf,
} from "./site-scene.ts";

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

test("a relay whose tool leaves its datasource SHUNNED is filled once, and let back behind it", async () => {
  const scene = await passiveScene({ sites: [], nodes: 2, seed: 5 });
  await parisJoinsComposite(scene, { fillFrom: { site: "nyc" } });
  await reached(scene, allTrue(scene, "Ready", ["paris"]));
  expect(begunOn(scene).filter((line) => line.includes("tprovision"))).toHaveLength(2);
});

/** Its tool says that it has copied, and has not; somebody brings service and datasource online over the empty database. */
async function nothingCopied(change?: Change): Promise<Scene> {
  const scene = await formedScene();
  for (const site of ["london", "nyc"]) editSite(scene, site, { changes: { configuration: "OnApproval" } });
  await parisJoinsComposite(scene, { fillFrom: { site: "nyc" } });
  const paris = hostOf(scene.world, "paris-0");
  const lying = commandsLike(/^tprovision/, (sent) =>
    sent.on.name === "paris-0" ? { ...sent, begin: { ...sent.begin, argv: ["hold", "connector"] } } : sent,
  );
  const byHand = () => {
    const service = paris.replicators.cluster?.services.get("paris");
    const lied = [...paris.volume.markers.keys()].some((key) => key.includes("_ProvisionRelay_"));
    const said = [...paris.volume.markers.entries()].some(
      ([key, { argv }]) => key.includes("_ProvisionRelay_") && argv[0] === "hold",
    );
    if (lied && said && service?.state === "OFFLINE:NORMAL") goOnline(scene.world, paris, service, {});
  };
  const walked = (procedure: Procedure) => (change ?? ((same) => same))(lying(procedure));
  const halted = async () => {
    const { reason, status } = (await conditionAt(scene, "paris", "Installed")) ?? {};
    return reason === "CopyUnproven" || status === "True";
  };
  await reached(scene, halted, { walked, beside: async () => byHand() });
  return scene;
}

test("a tool that ends well and has copied nothing is not believed, though somebody brings the service online", async () => {
  const scene = await nothingCopied();
  expect(await conditionAt(scene, "paris", "Installed")).toMatchObject({
    reason: "CopyUnproven",
    message: expect.stringMatching(
      /the log of paris-0 begins with event 0, and its donor had applied \d+ before the provision/,
    ),
  });
  expect(hostOf(scene.world, "paris-0").connector.running).toBe(false);
});

test("it is by an operator that does not look where the log begins", async () => {
  const unlooked = changePart("ProvisionRelay", 4, blind);
  const scene = await nothingCopied(unlooked);
  expect(await conditionAt(scene, "paris", "Installed")).toMatchObject({ status: "True" });
});

test("its managers, which begin under AUTOMATIC, find no replicator to bring online before the policy is set", async () => {
  const scene = await formedScene();
  const early: string[] = [];
  scene.world.listeners.push((event) => {
    if (event.kind !== "process" || event.what !== "cluster replicator" || event.verb !== "start") return;
    const policy = scene.world.sites.get("paris")?.policy;
    if (event.host.startsWith("paris") && policy !== "MAINTENANCE") early.push(event.host);
  });
  await parisJoinsComposite(scene, { fillFrom: { site: "nyc" } });
  await reached(scene, allTrue(scene, "Ready", ["paris"]));
  expect(early).toEqual([]);
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

/** A person makes a table on the node, and takes it away again once its name was told. */
async function writtenMeanwhile(scene: Scene, node: string): Promise<void> {
  const { rows } = hostOf(scene.world, node).mysql;
  rows.set("paris:1", 1);
  const told = async () => (await conditionAt(scene, "paris", "Installed"))?.message ?? "";
  await reached(scene, async () =>
    new RegExp(
      `the database of ${node} holds table shop\\.orders_london by now, which somebody may want`,
    ).test(await told()),
  );
  for (let n = 0; n < 20; n += 1) await passSites(scene);
  expect(rows.has("paris:1")).toBe(true);
  expect(begunOn(scene).filter((line) => line.startsWith(`${node} tprovision`))).toEqual([]);
  rows.delete("paris:1");
}

test.each(["paris-0", "paris-1"])(
  "what somebody writes into %s while the walk waits is not overwritten",
  async (node) => {
    const scene = await formedScene();
    for (const site of ["london", "nyc"]) editSite(scene, site, { changes: { configuration: "OnApproval" } });
    await parisJoinsComposite(scene, { fillFrom: { site: "nyc" } });
    await reached(scene, async () => hostOf(scene.world, node).volume.installed.cluster !== undefined);
    await writtenMeanwhile(scene, node);
    await reached(scene, allTrue(scene, "Ready", ["paris"]));
  },
);

test("what is written in the moment before the provision is seen by its script; it halts, and a word begins anew", async () => {
  const scene = await formedScene();
  for (const site of ["london", "nyc"]) editSite(scene, site, { changes: { configuration: "OnApproval" } });
  await parisJoinsComposite(scene, { fillFrom: { site: "nyc" } });
  const { rows } = hostOf(scene.world, "paris-0").mysql;
  const unseen = changePart("ProvisionRelay", 2, (part) => ({
    ...part,
    guards: [],
    run: part.run.map((way, index) => (index === 0 ? { ...way, holds: () => done } : way)),
  }));
  await reached(scene, async () => hostOf(scene.world, "paris-0").volume.installed.cluster !== undefined);
  rows.set("paris:1", 1);
  const told = () => conditionAt(scene, "paris", "Installed");
  await reached(scene, async () => (await told())?.reason === "CommandFailed", { walked: unseen });
  expect((await told())?.message).toMatch(/tprovision.*: the database holds a user's table; given up/);
  expect(rows.has("paris:1")).toBe(true);
  rows.delete("paris:1");
  editSite(scene, "paris", { changes: { configuration: "OnApproval" } });
  await reached(scene, allTrue(scene, "Ready", ["paris"]));
});

test("begun anew while a node is provisioned it waits for that, and provisions it once more over its own copy", async () => {
  const scene = await formedScene();
  for (const site of ["london", "nyc"]) editSite(scene, site, { changes: { configuration: "OnApproval" } });
  await parisJoinsComposite(scene, { fillFrom: { site: "nyc" } });
  const provisions = () => begunOn(scene).filter((line) => line.startsWith("paris-0 tprovision")).length;
  const runs = () =>
    hostOf(scene.world, "paris-0").tools.filter(({ argv }) => argv[0] === "tprovision").length;
  let side = 0;
  await reached(scene, async () => runs() > 0);
  scene.objects.edit(clusterKind, refOf("paris"), ({ status }) => {
    status.ledger.revision = 0;
  });
  await reached(scene, allTrue(scene, "Ready", ["paris"]), {
    beside: async () => {
      side = Math.max(side, runs());
    },
  });
  expect([side, provisions()]).toEqual([1, 2]);
});
