/** A site of a legacy estate made anew by the nine steps of its page: the story, ways out, refusals. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { strike } from "../../simulator/faults.ts";
import { digest, judge } from "../../simulator/oracle.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { expectGolden } from "../golden.ts";
import { watchReset } from "./reset-invariants.ts";
import { conditionOf, drive, newScene, pass, quiesce, type Scene, theRequest } from "./scene.ts";
import { acknowledge, edit, haltedBy, stepIs, until } from "./steering.ts";
import { storyOf } from "./story.ts";
import { askForReset, resetSiteMsmm } from "./walks.ts";

const sites = { failed: "nyc", definitive: "london" };
const small = { sites: ["london", "nyc"], nodes: 2, release: "5.4.1-3" } as const;
const outcome = (request: KubeObject): string | undefined => request.status?.ledger?.outcome;

const host = ({ world }: Scene, name: string) => {
  const found = world.hosts.get(name);
  if (found === undefined) throw new Error(`no host ${name}`);
  return found;
};
const runs = (scene: Scene, name: string) =>
  host(scene, name).tools.some(({ argv }) => argv[0] === "tungsten_provision_slave");

describe("the story", () => {
  test("three sites of three nodes: the failed one is made anew, every row once on every node", async () => {
    const scene = await newScene({
      sites: ["london", "nyc", "tokyo"],
      nodes: 3,
      release: "5.4.1-3",
      seed: 7,
    });
    const watch = watchReset(scene, sites);
    await resetSiteMsmm.ask(scene);
    expect(outcome(await drive(scene, 120))).toBe("Succeeded");
    quiesce(scene);
    watch.end(0);
    expect(watch.violations).toEqual([]);
    expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
  });

  test("the journal tells it step by step", async () => {
    const scene = await newScene({ ...small, seed: 1 });
    await resetSiteMsmm.ask(scene);
    await drive(scene, 120);
    expectGolden(join(import.meta.dirname, "reset-site-msmm.story.txt"), storyOf(scene, { fed: true }));
  });
});

describe("a human's words", () => {
  test.each([
    ["ConnectorsOffline", 2],
    ["StopFailedSite", 2],
    ["StopFailedSite", 9],
    ["StopFailedSite", 13],
  ] as const)("abort in %s part %d brings everything back as it was", async (step, part) => {
    const scene = await newScene({ ...small, seed: 6 });
    let back = false;
    const watch = watchReset(scene, sites, () => back);
    const before = digest(scene.world);
    await resetSiteMsmm.ask(scene);
    await until(scene, stepIs(step, part));
    back = true;
    edit(scene, { abort: true });
    expect(outcome(await drive(scene))).toBe("Aborted");
    quiesce(scene);
    expect(digest(scene.world)).toBe(before);
    expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [] });
    expect(watch.violations).toEqual([]);
  });

  test("abort is no way back once a position has gone; the run goes on", async () => {
    const scene = await newScene({ ...small, seed: 6 });
    await resetSiteMsmm.ask(scene);
    await until(scene, stepIs("ProvisionPrimary"));
    edit(scene, { abort: true });
    expect(outcome(await drive(scene, 120))).toBe("Succeeded");
  });

  test.each([
    ["the primary's", "kill-tools", "nyc-0"],
    ["the primary's, with its pod,", "restart-container", "nyc-0"],
    ["a replica's", "kill-tools", "nyc-1"],
  ] as const)(
    "%s tungsten_provision_slave that was cut off halts, and runs again on a human's word only",
    async (_whose, blow, name) => {
      const scene = await newScene({ ...small, seed: 6 });
      const watch = watchReset(scene, sites);
      await resetSiteMsmm.ask(scene);
      await until(scene, () => runs(scene, name));
      strike(scene.world, blow, name);
      const halted = await until(scene, haltedBy("OutcomeUnknown"));
      const [attempt] = Object.values<{ key: string }>(halted.status.ledger.attempts);
      for (let n = 0; n < 20; n += 1) await pass(scene);
      expect(runs(scene, name)).toBe(false);
      expect(host(scene, name).mysql.hollow).toBe(true);
      acknowledge(scene, attempt?.key ?? "", "Retry");
      expect(outcome(await drive(scene, 120))).toBe("Succeeded");
      quiesce(scene);
      watch.end(0);
      expect(watch.violations).toEqual([]);
    },
  );
});

describe("refused before anything is touched", () => {
  test.each<[string, object, (scene: Scene) => void, RegExp]>([
    [
      "the page of releases from 6 on",
      { topology: "MSAA" },
      () => {},
      /installed as the multi-site topology of releases before 6, .* set spec\.resetSite\.topology to MSMM/,
    ],
    [
      "a node of a newer release",
      {},
      (scene) => {
        for (const product of Object.values(host(scene, "nyc-1").volume.installed))
          product.release = "6.1.2-3";
      },
      /installed as MSMM and nyc-1 as MSAA; bring all nodes to one/,
    ],
    [
      "an estate of release 8",
      {},
      (scene) => {
        for (const each of scene.world.hosts.values())
          for (const product of Object.values(each.volume.installed)) product.release = "8.0.4-132";
      },
      /installed as Multi-Site\/Active-Active, release 6 or later, .* set spec\.resetSite\.topology to MSAA/,
    ],
  ])("%s", async (_what, block, set, says) => {
    const scene = await newScene({ ...small, seed: 2 });
    set(scene);
    await askForReset(scene, {}, { topology: "MSMM", acknowledgedFindings: [], ...block });
    for (let n = 0; n < 3; n += 1) await pass(scene);
    const request = await theRequest(scene);
    expect(conditionOf(request, "Accepted")).toMatchObject({ status: "False", reason: "Refused" });
    const report = [...scene.objects.all()].find(([key]) =>
      key.includes(request.status.preflight.report),
    )?.[1];
    expect(String(report?.data["report.txt"])).toMatch(says);
    expect([...scene.world.hosts.values()].every(({ volume }) => volume.markers.size === 0)).toBe(true);
  });
});
