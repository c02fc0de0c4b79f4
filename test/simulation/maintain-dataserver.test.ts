/** A changed my.cnf on an installed estate: databases restart one by one, the primary's last after a switch, nothing lost. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf, siteOf } from "../../simulator/model.ts";
import { advance } from "../../simulator/world.ts";
import { expectGolden } from "../golden.ts";
import { watchChange } from "./change-invariants.ts";
import { askForConversion, drive, pass, quiesce, type Scene, theRequest } from "./scene.ts";
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

const small = { sites: ["london", "nyc"], nodes: 2, seed: 3 };
const type = "DatabaseCurrent";
const mysql = { port: 13306, settings: { max_connections: "500" } };
/** A switch closes the site for some seconds. */
const interruption = 20;

/** Every server runs with the text that is mounted, and the site says so. */
const restarted = async (scene: Scene): Promise<true> =>
  reached(
    scene,
    async () =>
      [...scene.world.hosts.values()].every(
        (host) =>
          host.mysql.started === host.mysql.mounted &&
          (host.site !== "nyc" || host.mysql.started.includes("max_connections=500")),
      ) && (await allTrue(scene, type)()),
  );

const restarts = (scene: Scene): readonly string[] =>
  begunOn(scene).filter((line) => line.includes("database restart"));

async function pending(scene: Scene): Promise<string> {
  await reached(scene, async () => (await conditionAt(scene, "nyc", type))?.status === "False");
  const told = await conditionAt(scene, "nyc", type);
  expect(told).toMatchObject({ status: "False", reason: "RestartPending" });
  return /approved to ([0-9a-f]{64})/.exec(told?.message ?? "")?.[1] ?? "";
}

describe("the story", () => {
  test("of two sites with three nodes: told first, then by the spec's word", async () => {
    const scene = await settledScene({ ...small, nodes: 3 });
    const watch = watchChange(scene, { moves: true });
    const story: string[] = [];
    scene.world.listeners.push((event) => {
      if (event.kind === "command") story.push(lineOf(event));
      if (event.kind === "policy") story.push(`${event.site} is ${event.policy}`);
      if (event.kind === "primary") story.push(`${event.site}'s primary is ${event.to}`);
    });
    editSite(scene, "nyc", { mysql });
    const approved = await pending(scene);
    expect(begunOn(scene)).toEqual([]);
    story.push("approved");
    editSite(scene, "nyc", { changes: { approved } });
    await restarted(scene);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
    expect(siteOf(scene.world, "nyc").primary).toBe("nyc-1");
    expectGolden(join(import.meta.dirname, "maintain-dataserver.story.txt"), story);
    const before = begunOn(scene).length;
    for (let n = 0; n < 10; n += 1) await passSites(scene);
    expect(begunOn(scene).length).toBe(before);
  });

  test("with switchBack the primary is where it was, after a change that begins by itself", async () => {
    const scene = await settledScene(small);
    const watch = watchChange(scene);
    editSite(scene, "nyc", { mysql, changes: { dataserver: "Automatic", switchBack: true } });
    await restarted(scene);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
    expect(siteOf(scene.world, "nyc").primary).toBe("nyc-0");
    expect(restarts(scene)).toEqual(["nyc-0 database restart", "nyc-1 database restart"]);
  });

  test("of a composite: its services come back at both ends", async () => {
    const scene = await settledScene(small);
    await askForConversion(scene);
    expect((await drive(scene)).status.ledger.outcome).toBe("Succeeded");
    for (let n = 0; n < 3; n += 1) await passSites(scene);
    const watch = watchChange(scene, { moves: true });
    editSite(scene, "nyc", { mysql, changes: { dataserver: "Automatic" } });
    await restarted(scene);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
  });
});

describe("what is left alone", () => {
  test("a node whose database runs with the file already, and its primary", async () => {
    const scene = await settledScene(small);
    const watch = watchChange(scene);
    editSite(scene, "nyc", { mysql });
    await pending(scene);
    const primary = hostOf(scene.world, "nyc-0").mysql;
    primary.started = primary.mounted;
    editSite(scene, "nyc", { changes: { dataserver: "Automatic" } });
    await restarted(scene);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
    expect(restarts(scene)).toEqual(["nyc-1 database restart"]);
    expect(siteOf(scene.world, "nyc").primary).toBe("nyc-0");
  });

  test("a mount that lags: nothing is restarted before the text has reached the node", async () => {
    const scene = await settledScene(small);
    editSite(scene, "nyc", { mysql, changes: { dataserver: "Automatic" } });
    const host = hostOf(scene.world, "nyc-1").mysql;
    const old = host.mounted;
    Object.defineProperty(host, "mounted", { get: () => old, set: () => {}, configurable: true });
    for (let n = 0; n < 60; n += 1) await passSites(scene);
    expect((await conditionAt(scene, "nyc", type))?.message).toMatch(
      /nyc-1 has not been given the wanted my\.cnf yet/,
    );
    expect(restarts(scene)).toEqual([]);
    Object.defineProperty(host, "mounted", { value: old, writable: true, configurable: true });
    await restarted(scene);
  });

  test("a site of one node: told, with the way", async () => {
    const scene = await settledScene({ ...small, nodes: 1 });
    editSite(scene, "nyc", { mysql, changes: { dataserver: "Automatic" } });
    for (let n = 0; n < 6; n += 1) await passSites(scene);
    expect((await conditionAt(scene, "nyc", type))?.message).toMatch(
      /nyc-0 has to restart with a changed my\.cnf; not begun yet: the site has one node/,
    );
    expect(begunOn(scene)).toEqual([]);
  });

  test("a site that a request holds", async () => {
    const scene = await settledScene(small);
    await askForConversion(scene);
    for (let n = 0; n < 30; n += 1) await pass(scene);
    expect((await theRequest(scene)).status?.ledger?.phase).toBe("Running");
    editSite(scene, "nyc", { mysql, changes: { dataserver: "Automatic" } });
    for (let n = 0; n < 5; n += 1) await passSites(scene);
    expect(await conditionAt(scene, "nyc", type)).toMatchObject({
      status: "Unknown",
      reason: "ProcedureRuns",
    });
    expect(restarts(scene)).toEqual([]);
  });
});

describe("a change in the middle", () => {
  const at = (scene: Scene, step: string) => async () =>
    (await clusterOf(scene, "nyc")).status?.ledger?.steps.at(-1)?.id === step;

  test("of the settings once more: every server ends with the last of them", async () => {
    const scene = await settledScene(small);
    const watch = watchChange(scene, { moves: true });
    editSite(scene, "nyc", {
      mysql: { port: 13306, settings: { max_connections: "400" } },
      changes: { dataserver: "Automatic" },
    });
    await reached(scene, at(scene, "MaintainNode0"));
    editSite(scene, "nyc", { mysql });
    await restarted(scene);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
  });

  test("options and settings together: one after the other", async () => {
    const scene = await settledScene(small);
    const watch = watchChange(scene, { moves: true });
    editSite(scene, "nyc", {
      mysql,
      options: { "thl-log-retention": "3d" },
      changes: { dataserver: "Automatic" },
    });
    await reached(scene, async () => (await clusterOf(scene, "nyc")).status?.ledger?.procedure !== undefined);
    await restarted(scene);
    await reached(scene, allTrue(scene, "ConfigurationApplied"));
    advance(scene.world, 5000);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
    expect(hostOf(scene.world, "london-1").volume.ini).toContain("thl-log-retention=3d");
  });
});
