/** All sites of an estate begin their logs anew: the story, what is waited for, who is noticed. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { commitRow } from "../../simulator/mysql.ts";
import { digest, judge } from "../../simulator/oracle.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { expectGolden } from "../golden.ts";
import { conditionOf, drive, newScene, pass, quiesce, type Scene, theRequest } from "./scene.ts";
import { edit, haltedBy, stepIs, until } from "./steering.ts";
import { storyOf } from "./story.ts";
import { askForResetAll, resetAllSites, resetAllSitesCaa } from "./walks.ts";

const small = { sites: ["london", "nyc"], nodes: 2 } as const;
const outcome = (request: KubeObject): string | undefined => request.status?.ledger?.outcome;

const host = ({ world }: Scene, name: string) => {
  const found = world.hosts.get(name);
  if (found === undefined) throw new Error(`no host ${name}`);
  return found;
};

describe("the story", () => {
  test("three sites begin anew, every row once on every node", async () => {
    const scene = await newScene({ sites: ["london", "nyc", "tokyo"], nodes: 2, seed: 7 });
    const watch = resetAllSites.watch(scene);
    await askForResetAll(scene);
    expect(outcome(await drive(scene))).toBe("Succeeded");
    quiesce(scene);
    watch.end(resetAllSites.interruption);
    expect(watch.violations).toEqual([]);
  });

  test("the journal tells it step by step", async () => {
    const scene = await newScene({ ...small, seed: 1 });
    await askForResetAll(scene);
    await drive(scene);
    expectGolden(join(import.meta.dirname, "reset-all.story.txt"), storyOf(scene, { fed: true }));
  });

  test("three sites of a composite begin anew, every row once on every node", async () => {
    const scene = await newScene({ sites: ["london", "nyc", "tokyo"], nodes: 2, topology: "CAA", seed: 7 });
    const watch = resetAllSitesCaa.watch(scene);
    await resetAllSitesCaa.ask(scene);
    expect(outcome(await drive(scene))).toBe("Succeeded");
    quiesce(scene);
    watch.end(resetAllSitesCaa.interruption);
    expect(watch.violations).toEqual([]);
  });

  test("the journal of a composite's tells it step by step", async () => {
    const scene = await newScene({ ...small, topology: "CAA", seed: 1 });
    await resetAllSitesCaa.ask(scene);
    await drive(scene);
    expectGolden(join(import.meta.dirname, "reset-all-caa.story.txt"), storyOf(scene, { fed: true }));
  });

  test("abort with everything offline brings a composite back as it was", async () => {
    const scene = await newScene({ ...small, topology: "CAA", seed: 3 });
    const before = digest(scene.world);
    await resetAllSitesCaa.ask(scene);
    await until(scene, stepIs("EverythingOffline", 3));
    edit(scene, { abort: true });
    expect(outcome(await drive(scene))).toBe("Aborted");
    quiesce(scene);
    expect(digest(scene.world)).toBe(before);
  });

  test.each([
    ["CAA", "MSAA", "Multi-Site/Active-Active"],
    ["MSAA", "CAA", "Composite Active/Active"],
  ] as const)("%s is refused when the estate is %s", async (asked, installed, words) => {
    const scene = await newScene({ ...small, ...(installed === "CAA" && { topology: "CAA" }), seed: 2 });
    await askForResetAll(scene, {}, { topology: asked });
    for (let n = 0; n < 3; n += 1) await pass(scene);
    const { message } = conditionOf(await theRequest(scene), "Accepted") ?? {};
    expect(message).toContain(`the estate is installed as ${words}`);
    expect(message).toContain(`set spec.resetAllSites.topology to ${installed}`);
  });
});

describe("quiet, or not at all", () => {
  test("who writes past the connectors is noticed by the second look, and it looks again", async () => {
    const scene = await newScene({ ...small, seed: 3 });
    await askForResetAll(scene);
    await until(scene, stepIs("Quiesce", 4));
    commitRow(scene.world, host(scene, "nyc-0"), "nyc:9001", "nyc");
    await until(scene, (request) => request.status.ledger.cursor.round === 2);
    expect(outcome(await drive(scene))).toBe("Succeeded");
    quiesce(scene);
    for (const each of scene.world.hosts.values()) expect(each.mysql.rows.get("nyc:9001")).toBe(1);
  });

  test("a write when everything is offline halts before anything is reset; abort brings it to everybody", async () => {
    const scene = await newScene({ ...small, seed: 3 });
    const before = digest(scene.world);
    await askForResetAll(scene);
    await until(scene, stepIs("EverythingOffline", 4));
    commitRow(scene.world, host(scene, "nyc-0"), "nyc:9001", "nyc");
    const halted = await until(scene, haltedBy("EventsOnlyThere"));
    expect(conditionOf(halted, "Stalled")?.message).toMatch(
      /nyc-0\.nyc stood at .*, and stands at .*; abort/,
    );
    edit(scene, { abort: true });
    expect(outcome(await drive(scene))).toBe("Aborted");
    quiesce(scene);
    expect(digest(scene.world)).toBe(before);
    expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [] });
    for (const each of scene.world.hosts.values()) expect(each.mysql.rows.get("nyc:9001")).toBe(1);
  });

  test("a write while the run stands still before its first reset halts it; abort brings it to everybody", async () => {
    const scene = await newScene({ ...small, seed: 3 });
    await askForResetAll(scene);
    await until(scene, stepIs("EverythingOffline", 4));
    edit(scene, { paused: true });
    await until(scene, stepIs("ResetEverything"));
    commitRow(scene.world, host(scene, "nyc-0"), "nyc:9001", "nyc");
    edit(scene, { paused: false });
    await until(scene, haltedBy("EventsOnlyThere"));
    edit(scene, { abort: true });
    expect(outcome(await drive(scene))).toBe("Aborted");
    quiesce(scene);
    for (const each of scene.world.hosts.values()) expect(each.mysql.rows.get("nyc:9001")).toBe(1);
  });

  test("a service in error refuses the plan: what has not arrived would never arrive", async () => {
    const scene = await newScene({ ...small, seed: 2 });
    host(scene, "london-1").replicators.crossSite?.services.forEach((service) => {
      service.state = "OFFLINE:NORMAL";
    });
    await askForResetAll(scene);
    for (let n = 0; n < 3; n += 1) await pass(scene);
    expect(conditionOf(await theRequest(scene), "Accepted")?.message).toMatch(
      /service nyc of london-1 is OFFLINE:NORMAL; what has not arrived would never arrive/,
    );
  });
});
