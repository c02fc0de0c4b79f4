/** A site of a composite made anew: the story, every remote service and the ones the page forgets, ways out, refusals. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { strike } from "../../simulator/faults.ts";
import { setCommit, tablesOf } from "../../simulator/mysql.ts";
import { judge } from "../../simulator/oracle.ts";
import { advance } from "../../simulator/world.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { expectGolden } from "../golden.ts";
import { changedBy, withoutStep } from "./mutate.ts";
import { watchReset } from "./reset-invariants.ts";
import { abortsAsItWas, cutOffHalts, goesOnPastAbort, makesAnew, outcome } from "./resetting.ts";
import { conditionOf, drive, newScene, pass, quiesce, type Scene, theRequest } from "./scene.ts";
import { acknowledge, edit, haltedBy, lookAgain, stepIs, until } from "./steering.ts";
import { storyOf } from "./story.ts";
import { askForReset, resetSiteCaa } from "./walks.ts";

const sites = { failed: "nyc", definitive: "london" };
const small = { sites: ["london", "nyc"], nodes: 2, topology: "CAA" } as const;

const host = ({ world }: Scene, name: string) => {
  const found = world.hosts.get(name);
  if (found === undefined) throw new Error(`no host ${name}`);
  return found;
};
const runs = (scene: Scene, name: string) =>
  host(scene, name).tools.some(({ argv }) => argv[0] === "tprovision");

describe("the story", () => {
  test("three sites of three nodes: the failed one is made anew, every row once on every node", () =>
    makesAnew(resetSiteCaa));

  test("the journal tells it step by step", async () => {
    const scene = await newScene({ ...small, seed: 1 });
    await resetSiteCaa.ask(scene);
    await drive(scene, 120);
    expectGolden(join(import.meta.dirname, "reset-site-caa.story.txt"), storyOf(scene, { fed: true }));
  });
});

test("an operator that forgets what the failed site reads, as the page does, never ends", async () => {
  const scene = await newScene({ ...small, seed: 6 });
  scene.catalog = changedBy(withoutStep("FailedSiteReads"));
  await resetSiteCaa.ask(scene);
  const waits = (request: KubeObject): boolean =>
    /nyc_from_london on nyc-\d is OFFLINE:NORMAL/.test(conditionOf(request, "Progressing")?.message ?? "");
  await until(scene, (request) => stepIs("ReturnToAutomatic")(request) && waits(request));
  for (let n = 0; n < 20; n += 1) await pass(scene);
  expect(waits(await theRequest(scene))).toBe(true);
  expect(scene.world.sites.get("nyc")?.policy).toBe("MAINTENANCE");
});

test("a restart that brings the new primary's other services back early keeps no replica waiting", async () => {
  const scene = await newScene({ ...small, seed: 6 });
  const watch = watchReset(scene, sites);
  await resetSiteCaa.ask(scene);
  await until(scene, stepIs("OthersRead"));
  strike(scene.world, "restart-container", "nyc-0");
  expect(outcome(await drive(scene, 60))).toBe("Succeeded");
  quiesce(scene);
  watch.end(0);
  expect(watch.violations).toEqual([]);
});

describe("a human's words", () => {
  test.each([
    ["ConnectorsOffline", 3],
    ["LeaveAtOneEvent", 2],
    ["ExportFailedSite", 3],
    ["ExportFailedSite", 6],
  ] as const)("abort in %s part %d brings everything back as it was", (step, part) =>
    abortsAsItWas(resetSiteCaa, step, part),
  );

  test("abort is no way back once a position has gone; the run goes on", () =>
    goesOnPastAbort(resetSiteCaa, "ResetFailedSite"));

  test.each([
    ["the primary's", "kill-tools", "nyc-0"],
    ["the primary's, with its pod,", "restart-container", "nyc-0"],
    ["a replica's", "kill-tools", "nyc-1"],
  ] as const)(
    "%s tprovision that was cut off halts, and runs again on a human's word only",
    (_whose, blow, host) => cutOffHalts(resetSiteCaa, { tool: "tprovision", blow, host }),
  );
});

test("a provision that did not end well is none, whoever brings the datasource back and says that it succeeded", async () => {
  const scene = await newScene({ ...small, seed: 6 });
  await resetSiteCaa.ask(scene);
  await until(scene, () => runs(scene, "nyc-1"));
  strike(scene.world, "kill-tools", "nyc-1");
  const halted = await until(scene, haltedBy("OutcomeUnknown"));
  const [attempt] = Object.values<{ key: string }>(halted.status.ledger.attempts);
  const nyc = scene.world.sites.get("nyc");
  if (nyc === undefined) throw new Error("no site");
  nyc.out = {};
  nyc.shunned.clear();
  acknowledge(scene, attempt?.key ?? "", "Succeeded");
  for (let n = 0; n < 20; n += 1) await pass(scene);
  const request = await theRequest(scene);
  expect(request.status.ledger.steps.at(-1).id).toBe("ProvisionReplicas");
  expect(request.status.ledger.cursor.part).toBe(halted.status.ledger.cursor.part);
  expect(conditionOf(request, "Progressing")?.message).toMatch(/the provision on nyc-1 is interrupted/);
});

describe("what exists nowhere else", () => {
  test("writes that never left the failed primary's binary log are named first, and are all that is gone", async () => {
    const scene = await newScene({ ...small, seed: 4 });
    delete host(scene, "nyc-0").replicators.cluster;
    advance(scene.world, 10_000);
    await resetSiteCaa.ask(scene);
    await pass(scene);
    const told = () => theRequest(scene).then((request) => conditionOf(request, "Accepted")?.message ?? "");
    const words: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const word = /add "([^"]+)" to spec\.resetSite/.exec(await told())?.[1];
      if (word === undefined) break;
      words.push(word);
      const { spec } = await theRequest(scene);
      edit(scene, { resetSite: { ...spec.resetSite, acknowledgedFindings: words } });
      await pass(scene);
    }
    expect(words).toContain("unextracted:nyc");
    expect(outcome(await drive(scene, 120))).toBe("Succeeded");
    quiesce(scene);
    const { missing } = judge(scene.world);
    expect(missing.length).toBeGreaterThan(0);
    expect(missing.filter((line) => !line.startsWith("nyc:"))).toEqual([]);
  });

  test("a healthy node that lags is waited for, by the name of what it lacks", async () => {
    const scene = await newScene({ ...small, seed: 4 });
    const behind = host(scene, "london-1");
    await resetSiteCaa.ask(scene);
    await until(scene, stepIs("ConnectorsOffline"));
    behind.lagMs = 3_600_000;
    await until(scene, (request) =>
      /london-1 at \d+ \(ONLINE\) of \d+: .*"unequal:nyc:\d+-\d+"/.test(
        conditionOf(request, "Progressing")?.message ?? "",
      ),
    );
    expect([...behind.volume.markers.values()].some(({ argv }) => argv.includes("reset"))).toBe(false);
    behind.lagMs = 0;
    expect(outcome(await drive(scene, 120))).toBe("Succeeded");
  });
});

describe("gates", () => {
  const says = (pattern: RegExp) => (request: KubeObject) =>
    pattern.test(conditionOf(request, "Progressing")?.message ?? "");

  test("a donor that is taken out meanwhile gives nothing until it is back", async () => {
    const scene = await newScene({ ...small, seed: 6 });
    const london = scene.world.sites.get("london");
    if (london === undefined) throw new Error("no site");
    await resetSiteCaa.ask(scene);
    await until(scene, stepIs("ResetFailedSite"));
    london.out = { "london-1": "OFFLINE" };
    await until(scene, says(/london-1 is slave:OFFLINE/));
    for (let n = 0; n < 10; n += 1) await pass(scene);
    expect(runs(scene, "nyc-0") || host(scene, "nyc-0").mysql.hollow === true).toBe(false);
    london.out = {};
    expect(outcome(await drive(scene, 120))).toBe("Succeeded");
  });

  test("a copy that stands elsewhere than it should halts before anybody reads it", async () => {
    // A seed whose tprovision leaves the services of other sites as it found them: one that reads would mend the row.
    const scene = await newScene({ ...small, seed: 4 });
    const { mysql } = host(scene, "nyc-0");
    await resetSiteCaa.ask(scene);
    await until(scene, () => runs(scene, "nyc-0"));
    await until(scene, () => !runs(scene, "nyc-0"));
    await until(scene, stepIs("ProvisionPrimary", 1));
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
    await resetSiteCaa.ask(scene);
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
      "the page of another topology",
      { topology: "MSAA" },
      () => {},
      /installed as Composite Active\/Active, .* set spec\.resetSite\.topology to CAA/,
    ],
    [
      "half a conversion",
      {},
      (scene) => {
        const { installed } = host(scene, "nyc-1").volume;
        if (installed.cluster !== undefined)
          installed.crossSite = { ...installed.cluster, product: "crossSite" };
      },
      /nyc-1 has cross-site services of both products/,
    ],
    [
      "the primary as donor",
      { donor: "london-0" },
      () => {},
      /donor london-0 is master:ONLINE; name an ONLINE replica of london/,
    ],
    [
      "a second fault elsewhere",
      {},
      (scene) => {
        delete host(scene, "london-1").replicators.cluster;
      },
      /the cluster replicator of london-1 does not run; start it first/,
    ],
  ])("%s", async (_what, block, set, says) => {
    const scene = await newScene({ ...small, seed: 2 });
    set(scene);
    await askForReset(scene, {}, { topology: "CAA", ...block });
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
