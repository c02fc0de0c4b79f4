/** The conversion in the simulated world: the story, pause, abort, revert, approvals. */

import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { strike } from "../../simulator/faults.ts";
import { digest, judge } from "../../simulator/oracle.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { clusterKind, configMapKind, leaseKind, requestKind, secretKind } from "../../src/kube/kinds.ts";
import { expectGolden } from "../golden.ts";
import { watchScene } from "./run-invariants.ts";
import {
  askForConversion,
  conditionOf,
  drive,
  namespace,
  newScene,
  pass,
  quiesce,
  restartOperator,
  theRequest,
} from "./scene.ts";
import { edit, stepIs, until } from "./steering.ts";
import { storyOf } from "./story.ts";

const small = { sites: ["london", "nyc"], nodes: 2 } as const;
const interruption = 240;

async function converted(seed: number, shape: { sites: readonly string[]; nodes: number } = small) {
  const scene = await newScene({ ...shape, seed });
  const watch = watchScene(scene);
  await askForConversion(scene);
  const request = await drive(scene);
  quiesce(scene);
  watch.end(interruption);
  return { scene, watch, request };
}

const outcome = (request: KubeObject): string | undefined => request.status?.ledger?.outcome;

describe("the story", () => {
  test("three sites of three nodes are converted, every row once on every node", async () => {
    const { scene, watch, request } = await converted(7, { sites: ["london", "nyc", "tokyo"], nodes: 3 });
    expect(outcome(request)).toBe("Succeeded");
    expect(watch.violations).toEqual([]);
    expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
  });

  test("the journal tells the story step by step", async () => {
    const { scene } = await converted(1);
    expectGolden(join(import.meta.dirname, "conversion.story.txt"), storyOf(scene));
  });

  test("every command that began stands in the approved plan", async () => {
    const { scene, request } = await converted(1);
    const plan = await scene.objects.get(configMapKind, { namespace, name: request.status.plan.stored });
    const text = String(plan?.data.plan);
    const tag = (request.metadata.uid ?? "").replaceAll("-", "").slice(0, 8);
    const general = (word: string) =>
      word
        .replace(new RegExp(`${tag}-([wv]?)\\d+((?:[.-])\\d+)?(?=-|\\.|$)`), `${tag}-$1<n>`)
        .replace(/^[0-9a-f]{64}$/, "<sha256>");
    const began = [...scene.world.hosts.values()].flatMap((host) =>
      [...host.volume.markers.values()].map(({ argv }) => `${host.name}: ${argv.map(general).join(" ")}`),
    );
    expect(began.length).toBeGreaterThan(70);
    expect(began.filter((line) => !text.includes(line))).toEqual([]);
  });

  test("the journal names every command that ran on a node (invariant 50)", async () => {
    const { scene, watch } = await converted(3);
    const page = await scene.objects.get(configMapKind, { namespace, name: "to-caa-journal-1" });
    const told = String(page?.data["journal.jsonl"]);
    expect(watch.commands.filter((key) => !told.includes(key))).toEqual([]);
  });
});

describe("a human's words", () => {
  /** A command of this part has begun. In the step that uninstalls: before that, revert is abort. */
  const begun = (request: KubeObject) => Object.keys(request.status?.ledger?.attempts ?? {}).length > 0;

  test("a manual approval names the plan's hash; an old hash does not count", async () => {
    const scene = await newScene({ ...small, seed: 2 });
    await askForConversion(scene, { approval: "Manual", approvedPlan: "0123" });
    const waiting = await until(
      scene,
      (request) => conditionOf(request, "Approved")?.reason === "PlanOutdated",
    );
    expect(waiting.status.ledger.commandsBegun).toBe(0);
    const { hash } = waiting.status.plan;
    edit(scene, { approvedPlan: hash });
    expect(outcome(await drive(scene))).toBe("Succeeded");
  });

  test("a site that is being installed is not taken away from its TungstenCluster", async () => {
    const scene = await newScene({ ...small, seed: 2 });
    const [site] = (await scene.objects.list(clusterKind, namespace)).filter(
      ({ metadata }) => metadata.name === "nyc",
    );
    const installing = (phase: string) =>
      scene.objects.edit(clusterKind, { namespace, name: "nyc" }, (object) => {
        object.status = { ledger: { phase } };
      });
    installing("Running");
    await scene.objects.create(leaseKind, {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "tungsten-site-nyc", namespace },
      spec: { holderIdentity: site?.metadata.uid },
    });
    await askForConversion(scene);
    const waiting = await until(scene, (request) => conditionOf(request, "Queued")?.status === "True");
    expect(conditionOf(waiting, "Queued")?.message).toContain("held by TungstenCluster nyc");
    for (let n = 0; n < 20; n += 1) await pass(scene);
    expect((await theRequest(scene)).status.ledger.commandsBegun).toBe(0);
    installing("Finished");
    expect(outcome(await drive(scene))).toBe("Succeeded");
  });

  test("a dry run makes the plan and begins nothing", async () => {
    const scene = await newScene({ ...small, seed: 2 });
    await askForConversion(scene, { dryRun: true });
    const request = await drive(scene);
    expect(outcome(request)).toBe("Planned");
    expect([...scene.world.hosts.values()].every((host) => host.volume.markers.size === 0)).toBe(true);
  });

  test("pause stops after the part that runs, and clearing it goes on", async () => {
    const scene = await newScene({ ...small, seed: 4 });
    await askForConversion(scene);
    await until(scene, stepIs("ExportTrackingSchemas"));
    edit(scene, { paused: true });
    const paused = await until(scene, (request) =>
      /paused by spec.paused/.test(conditionOf(request, "Progressing")?.message ?? ""),
    );
    const begun = paused.status.ledger.commandsBegun;
    for (let n = 0; n < 20; n += 1) await pass(scene);
    expect((await theRequest(scene)).status.ledger.commandsBegun).toBe(begun);
    edit(scene, { paused: false });
    expect(outcome(await drive(scene))).toBe("Succeeded");
  });

  test.each([
    ["StopCrossSiteReplicators", 1],
    ["StopCrossSiteReplicators", 3],
    ["StopCrossSiteReplicators", 6],
    ["ExportTrackingSchemas", 1],
  ] as const)("abort in %s part %d brings MSAA back as it was", async (step, part) => {
    const scene = await newScene({ ...small, seed: 6 });
    let back = false;
    const watch = watchScene(scene, () => back);
    const before = digest(scene.world);
    await askForConversion(scene);
    await until(scene, stepIs(step, part));
    back = true;
    edit(scene, { abort: true });
    expect(outcome(await drive(scene))).toBe("Aborted");
    quiesce(scene);
    expect(digest(scene.world)).toBe(before);
    expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [] });
    expect(watch.violations).toEqual([]);
  });

  test("a primary that moves halts the run; abort then ends under the policy of before, the old primary left SHUNNED", async () => {
    const scene = await newScene({ ...small, seed: 5 });
    await askForConversion(scene);
    const stalled = async () => conditionOf(await theRequest(scene), "Stalled")?.reason;
    await until(scene, stepIs("ExportTrackingSchemas", 0));
    // A failover loses what was not replicated yet; here nothing is on its way.
    quiesce(scene);
    strike(scene.world, "primary-moved", "nyc-0");
    for (let n = 0; n < 50 && (await stalled()) !== "PrimaryMoved"; n += 1) await pass(scene);
    expect(await stalled()).toBe("PrimaryMoved");
    edit(scene, { abort: true });
    const request = await drive(scene);
    expect(outcome(request)).toBe("Aborted");
    expect(conditionOf(request, "CrossSiteReplicatorsStopped")).toMatchObject({ status: "False" });
    expect(conditionOf(request, "BackupVerified")).toMatchObject({ status: "True" });
    expect([...scene.world.sites.values()].map(({ policy }) => policy)).toEqual(["AUTOMATIC", "AUTOMATIC"]);
    expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [] });
  });

  test("revert before anything is uninstalled is an abort: it does not wait for dumps nobody made", async () => {
    const scene = await newScene({ ...small, seed: 6 });
    const before = digest(scene.world);
    await askForConversion(scene);
    await until(scene, stepIs("StopCrossSiteReplicators", 4));
    edit(scene, { revert: true });
    expect(outcome(await drive(scene))).toBe("Aborted");
    quiesce(scene);
    expect(digest(scene.world)).toBe(before);
  });

  test("abort is no way back once uninstalling has begun; the run goes on", async () => {
    const scene = await newScene({ ...small, seed: 6 });
    await askForConversion(scene);
    await until(scene, stepIs("ReloadTrackingSchemas"));
    edit(scene, { abort: true });
    await pass(scene);
    expect(conditionOf(await theRequest(scene), "Progressing")?.message).toContain(
      "spec.abort came after uninstalling had begun: set spec.revert to go back, or let it go on",
    );
    expect(outcome(await drive(scene))).toBe("Succeeded");
  });

  test.each([
    ["UninstallCrossSiteReplicators", 1],
    ["ReloadTrackingSchemas", 0],
    ["UpdateConfiguration", 0],
    ["StopManagers", 1],
  ] as const)("revert in %s leads back to MSAA, nothing lost, nothing double", async (step, part) => {
    const scene = await newScene({ ...small, seed: 8 });
    let back = false;
    const watch = watchScene(scene, () => back);
    const before = digest(scene.world);
    await askForConversion(scene);
    await until(scene, (now) => stepIs(step, part)(now) && begun(now));
    back = true;
    edit(scene, { revert: true });
    expect(outcome(await drive(scene))).toBe("Reverted");
    quiesce(scene);
    expect(digest(scene.world)).toBe(before);
    expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
    expect(watch.violations).toEqual([]);
  });

  test("a finished request applied again does nothing (invariant 43)", async () => {
    const { scene, watch } = await converted(9);
    const begun = watch.commands.length;
    restartOperator(scene);
    for (let n = 0; n < 5; n += 1) await pass(scene);
    expect(watch.commands.length).toBe(begun);
  });

  test("a request that comes back under the same name is recognised by its sites", async () => {
    const { scene, watch } = await converted(9);
    const request = await theRequest(scene);
    await scene.objects.remove(requestKind, { namespace, name: "to-caa" }, request.metadata.uid ?? "");
    await askForConversion(scene);
    const begun = watch.commands.length;
    expect(outcome(await drive(scene))).toBe("AlreadyDone");
    expect(watch.commands.length).toBe(begun);
  });

  test("positions and dumps lie in Secrets that belong to nobody", async () => {
    const { scene } = await converted(9);
    const secrets = await scene.objects.list(secretKind, namespace);
    expect(secrets.length).toBe(2 * 4);
    expect(secrets.every(({ metadata }) => metadata.ownerReferences === undefined)).toBe(true);
  });
});
