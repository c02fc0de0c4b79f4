/** A site made anew from a definitive one, in the simulated world: the story, what is lost by whose word, the ways out. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { strike } from "../../simulator/faults.ts";
import { commitRow } from "../../simulator/mysql.ts";
import { judge } from "../../simulator/oracle.ts";
import { advance } from "../../simulator/world.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { expectGolden } from "../golden.ts";
import { watchReset } from "./reset-invariants.ts";
import { abortsAsItWas, cutOffHalts, goesOnPastAbort, makesAnew, outcome } from "./resetting.ts";
import { conditionOf, drive, newScene, pass, quiesce, type Scene, theRequest } from "./scene.ts";
import { edit, haltedBy, progressOf, stepIs, until } from "./steering.ts";
import { storyOf } from "./story.ts";
import { askForReset, resetSite } from "./walks.ts";

const sites = { failed: "nyc", definitive: "london" };

async function reset(seed: number, shape: { sites: readonly string[]; nodes: number }) {
  const scene = await newScene({ ...shape, seed });
  const watch = watchReset(scene, sites);
  await askForReset(scene);
  const request = await drive(scene, 120);
  return { scene, watch, request };
}

describe("the story", () => {
  test("three sites of three nodes: the failed one is made anew, every row once on every node", () =>
    makesAnew(resetSite));

  test("the journal tells it step by step", async () => {
    const { scene } = await reset(1, { sites: ["london", "nyc"], nodes: 2 });
    expectGolden(join(import.meta.dirname, "reset-site.story.txt"), storyOf(scene, { fed: true }));
  });
});

const small = { sites: ["london", "nyc"], nodes: 2 } as const;

describe("a human's words", () => {
  test.each([
    ["ConnectorsOffline", 2],
    ["LeaveAtOneEvent", 2],
    ["ExportFailedSite", 5],
    ["ExportFailedSite", 8],
  ] as const)("abort in %s part %d brings everything back as it was", (step, part) =>
    abortsAsItWas(resetSite, step, part),
  );

  test("abort is no way back once a position has gone; the run goes on", () =>
    goesOnPastAbort(resetSite, "TakeDonorOut"));

  test("a tprovision that was cut off halts, and runs again on a human's word only", () =>
    cutOffHalts(resetSite, { tool: "tprovision", blow: "kill-tools", host: "nyc-1" }));
});

describe("the copy", () => {
  test.each([
    ["the target's pod restarts", "restart-container", "nyc-0"],
    ["the donor's pod restarts", "restart-container", "london-1"],
    ["somebody starts the donor's database", "mysql-up", "london-1"],
    ["the tool is killed", "kill-tools", "nyc-0"],
  ] as const)("begins anew when %s", async (_what, blow, host) => {
    const scene = await newScene({ ...small, seed: 3 });
    const watch = watchReset(scene, sites);
    await askForReset(scene);
    await until(
      scene,
      () => scene.world.hosts.get("nyc-0")?.tools.some(({ argv }) => argv[0] === "copy-datadir") === true,
    );
    strike(scene.world, blow, host);
    expect(outcome(await drive(scene))).toBe("Succeeded");
    quiesce(scene);
    watch.end(0);
    expect(watch.violations).toEqual([]);
  });
});

test("the donor stays while no other replica would be left beside its primary", async () => {
  const scene = await newScene({ sites: ["london", "nyc"], nodes: 3, seed: 3 });
  await askForReset(scene, {}, { acknowledgedFindings: [] });
  await until(scene, stepIs("ResetHealthyReaders"));
  const london = scene.world.sites.get("london");
  if (london === undefined) throw new Error("no site");
  const before = london.out;
  london.out = { ...before, "london-1": "OFFLINE" };
  await until(scene, (request) =>
    /while london-2 is out london would have its primary alone: bring london-1 back first/.test(
      progressOf(request),
    ),
  );
  expect(london.out["london-2"]).toBeUndefined();
  london.out = before ?? {};
  expect(outcome(await drive(scene))).toBe("Succeeded");
});

describe("what exists nowhere else", () => {
  const cluster = (scene: Scene) => scene.world.hosts.get("nyc-0")?.replicators;

  test("writes that never left the failed primary's binary log are named first, and are all that is gone", async () => {
    const scene = await newScene({ ...small, seed: 4 });
    delete cluster(scene)?.cluster;
    advance(scene.world, 10_000);
    const world = scene.world;
    await askForReset(scene);
    const words = ["unextracted:nyc", "lost:nyc:8-8"];
    for (const word of words) {
      await pass(scene);
      const request = await theRequest(scene);
      expect(conditionOf(request, "Accepted")?.message).toContain(
        `add "${word}" to spec.resetSite.acknowledgedFindings`,
      );
      edit(scene, { resetSite: withWords(request, word) });
    }
    const ended = await drive(scene, 40);
    expect(outcome(ended)).toBe("Succeeded");
    expect(ended.status.plan.findings.map(({ id }: { id: string }) => id)).toEqual(
      expect.arrayContaining(words),
    );
    quiesce(scene);
    const { missing } = judge(world);
    expect(missing.length).toBeGreaterThan(0);
    expect(missing.filter((line) => !line.startsWith("nyc:"))).toEqual([]);
  });

  test("what is written at the failed site behind our heartbeat is named before anything is reset; abort brings it to everybody", async () => {
    const scene = await newScene({ ...small, seed: 4 });
    await askForReset(scene);
    await until(scene, stepIs("ExportFailedSite"));
    const primary = scene.world.hosts.get("nyc-0");
    if (primary === undefined) throw new Error("no host");
    commitRow(scene.world, primary, "nyc:9001", "nyc");
    advance(scene.world, 2000);
    const halted = await until(scene, haltedBy("EventsOnlyThere"));
    expect(halted.status.ledger.steps.at(-1)).toMatchObject({ id: "ResetHealthyReaders" });
    expect(conditionOf(halted, "Stalled")?.message).toMatch(/abort, .*"lost:nyc:(\d+)-\1"/);
    edit(scene, { abort: true });
    expect(outcome(await drive(scene))).toBe("Aborted");
    quiesce(scene);
    expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [] });
    for (const each of scene.world.hosts.values()) expect(each.mysql.rows.get("nyc:9001")).toBe(1);
  });

  test("a healthy node that lags is waited for, by the name of what it lacks", async () => {
    const scene = await newScene({ ...small, seed: 4 });
    const host = scene.world.hosts.get("london-1");
    if (host === undefined) throw new Error("no host");
    await askForReset(scene);
    await until(scene, stepIs("ConnectorsOffline"));
    host.lagMs = 3_600_000;
    await until(scene, (request) =>
      /london-1 at \d+ \(ONLINE\) of \d+: .*"unequal:nyc:\d+-\d+"/.test(
        conditionOf(request, "Progressing")?.message ?? "",
      ),
    );
    expect([...host.volume.markers.values()].some(({ argv }) => argv.includes("reset"))).toBe(false);
    host.lagMs = 0;
    expect(outcome(await drive(scene, 60))).toBe("Succeeded");
  });
});

const withWords = ({ spec }: KubeObject, ...ids: readonly string[]) => ({
  ...spec.resetSite,
  acknowledgedFindings: [...spec.resetSite.acknowledgedFindings, ...ids],
});

describe("refused before anything is touched", () => {
  const host = (scene: Scene, name: string) => {
    const found = scene.world.hosts.get(name);
    if (found === undefined) throw new Error(`no host ${name}`);
    return found;
  };
  test.each<[string, object, (scene: Scene) => void, RegExp]>([
    [
      "a site that is none",
      { definitiveSite: { name: "oslo" } },
      () => {},
      /oslo is not linked with the estate of nyc/,
    ],
    [
      "the primary as donor",
      { donor: "london-0" },
      () => {},
      /donor london-0 is master:ONLINE; name an ONLINE replica of london/,
    ],
    [
      "a donor of another site",
      { donor: "nyc-1" },
      () => {},
      /donor is nyc-1, which is no data node of london/,
    ],
    [
      "two nodes, and no word",
      { acknowledgedFindings: [] },
      () => {},
      /london has its primary alone; .*"primary-alone:london"/,
    ],
    [
      "a composite",
      {},
      (scene) => {
        for (const each of scene.world.hosts.values()) {
          each.volume.installed.cluster?.services.push({ name: `${each.site}_from_x`, source: "x" });
          delete each.volume.installed.crossSite;
        }
      },
      /installed as Composite Active\/Active, and the reset of Multi-Site\/Active-Active.* set spec\.resetSite\.topology to CAA/,
    ],
    [
      "a release before 6",
      {},
      (scene) => {
        for (const each of scene.world.hosts.values())
          for (const product of Object.values(each.volume.installed)) product.release = "5.4.1-3";
      },
      /the multi-site topology of releases before 6/,
    ],
    [
      "another server version",
      {},
      (scene) => {
        host(scene, "nyc-1").mysql.version = "10.6.1-MariaDB";
      },
      /nyc-1 runs server 10\.6\.1-MariaDB, .* copied between equal versions only/,
    ],
    [
      "no room for the export",
      {},
      (scene) => {
        host(scene, "london-0").mysql.bytes = 90_000_000_000;
      },
      /\/backups of nyc-0 has \d+ MiB free; .* make room/,
    ],
    [
      "other credentials",
      {},
      (scene) => {
        host(scene, "nyc-0").secretReady = false;
      },
      /credentials of nyc and london differ, .*"secrets-differ:nyc"/,
    ],
    [
      "something held",
      {},
      (scene) => {
        host(scene, "nyc-1").volume.holds.add("manager");
      },
      /nyc-1 holds manager for a run that did not end/,
    ],
    [
      "a second fault elsewhere",
      {},
      (scene) => {
        delete host(scene, "london-1").replicators.crossSite;
      },
      /the crossSite replicator of london-1 does not run; start it first/,
    ],
  ])("%s", async (_what, block, set, says) => {
    const scene = await newScene({ ...small, seed: 2 });
    set(scene);
    await askForReset(scene, {}, block);
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
