/** A site of a legacy estate made anew by the nine steps of its page: the story, ways out, refusals. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { setCommit, tablesOf } from "../../simulator/mysql.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { expectGolden } from "../golden.ts";
import { abortsAsItWas, cutOffHalts, goesOnPastAbort, makesAnew, outcome } from "./resetting.ts";
import { conditionOf, drive, newScene, pass, type Scene, theRequest } from "./scene.ts";
import { haltedBy, lookAgain, stepIs, until } from "./steering.ts";
import { storyOf } from "./story.ts";
import { askForReset, resetSiteMsmm } from "./walks.ts";

const small = { sites: ["london", "nyc"], nodes: 2, release: "5.4.1-3" } as const;

const host = ({ world }: Scene, name: string) => {
  const found = world.hosts.get(name);
  if (found === undefined) throw new Error(`no host ${name}`);
  return found;
};
const runs = (scene: Scene, name: string) =>
  host(scene, name).tools.some(({ argv }) => argv[0] === "tungsten_provision_slave");

describe("the story", () => {
  test("three sites of three nodes: the failed one is made anew, every row once on every node", () =>
    makesAnew(resetSiteMsmm));

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
  ] as const)("abort in %s part %d brings everything back as it was", (step, part) =>
    abortsAsItWas(resetSiteMsmm, step, part),
  );

  test("abort is no way back once a position has gone; the run goes on", () =>
    goesOnPastAbort(resetSiteMsmm, "ProvisionPrimary"));

  test.each([
    ["the primary's", "kill-tools", "nyc-0"],
    ["the primary's, with its pod,", "restart-container", "nyc-0"],
    ["a replica's", "kill-tools", "nyc-1"],
  ] as const)(
    "%s tungsten_provision_slave that was cut off halts, and runs again on a human's word only",
    (_whose, blow, host) => cutOffHalts(resetSiteMsmm, { tool: "tungsten_provision_slave", blow, host }),
  );
});

describe("gates", () => {
  const says = (pattern: RegExp) => (request: KubeObject) =>
    pattern.test(conditionOf(request, "Progressing")?.message ?? "");

  test("a donor that is taken out meanwhile gives nothing until it is back", async () => {
    const scene = await newScene({ ...small, seed: 6 });
    const london = scene.world.sites.get("london");
    if (london === undefined) throw new Error("no site");
    await resetSiteMsmm.ask(scene);
    await until(scene, stepIs("ResetHealthyReaders"));
    london.out = { "london-1": "OFFLINE" };
    await until(scene, says(/london-1 is slave:OFFLINE/));
    for (let n = 0; n < 10; n += 1) await pass(scene);
    expect(runs(scene, "nyc-0") || host(scene, "nyc-0").mysql.hollow === true).toBe(false);
    london.out = {};
    expect(outcome(await drive(scene, 120))).toBe("Succeeded");
  });

  test("a copy that stands elsewhere than it should halts before anybody reads it", async () => {
    const scene = await newScene({ ...small, seed: 6 });
    const { mysql } = host(scene, "nyc-0");
    await resetSiteMsmm.ask(scene);
    await until(scene, () => runs(scene, "nyc-0"));
    await until(scene, () => !runs(scene, "nyc-0"));
    await until(scene, stepIs("RestartPrimary"));
    const right = tablesOf(mysql, "tungsten_london")?.commit;
    if (right == null) throw new Error("no row");
    setCommit(mysql, "tungsten_london", { ...right, seqno: right.seqno - 1 });
    await until(scene, haltedBy("CopyUnproven"));
    expect(tablesOf(host(scene, "london-0").mysql, "tungsten_nyc")?.commit?.seqno ?? -1).toBe(-1);
    setCommit(mysql, "tungsten_london", right);
    lookAgain(scene);
    expect(outcome(await drive(scene, 120))).toBe("Succeeded");
  });

  test("nothing is thrown away while a snapshot is not what was recorded", async () => {
    const scene = await newScene({ ...small, seed: 6 });
    const { backups } = host(scene, "nyc-1").volume;
    await resetSiteMsmm.ask(scene);
    await until(scene, stepIs("ResetHealthyReaders"));
    const [kept] = backups;
    if (kept === undefined) throw new Error("no snapshot");
    backups.set(kept[0], kept[1].replace("verified=yes", "verified=no"));
    await until(scene, says(/the snapshot of nyc-1 has changed or gone/));
    for (let n = 0; n < 10; n += 1) await pass(scene);
    expect(host(scene, "nyc-0").mysql.hollow).not.toBe(true);
    backups.set(...kept);
    expect(outcome(await drive(scene, 120))).toBe("Succeeded");
  });
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
