/** Deletions at bad moments: who is held, who goes, what goes with them, and that a deleted Lease lets nobody in. */
import { describe, expect, test } from "@jest/globals";
import { judge } from "../../simulator/oracle.ts";
import { appendJournal } from "../../src/controllers/journal-pages.ts";
import { siteFinalizer } from "../../src/controllers/ownership.ts";
import { runningOn } from "../../src/controllers/request-sites.ts";
import { takeSiteLease } from "../../src/controllers/site-lease.ts";
import { reconcileCluster } from "../../src/controllers/tungsten-cluster.ts";
import { reconcileRequest } from "../../src/controllers/upgrade-request.ts";
import {
  clusterKind,
  compositeKind,
  configMapKind,
  leaseKind,
  linkKind,
  namespaceKind,
  requestKind,
  serviceKind,
} from "../../src/kube/kinds.ts";
import { holdsSites, procedureOf } from "../../src/procedures/catalog.ts";
import {
  askForConversion,
  conditionOf,
  drive,
  limits,
  namespace,
  newScene,
  pass,
  quiesce,
  restartOperator,
  type Scene,
  theRequest,
} from "./scene.ts";
import { stepIs, until } from "./steering.ts";

const here = { namespace, name: "to-caa" };
const sites = ["london", "nyc"] as const;
const leaseOf = (site: string) => ({ namespace, name: `tungsten-site-${site}` });

const marked = (scene: Scene, kind: typeof clusterKind, name: string, finalizers?: string[]) =>
  scene.objects.edit(kind, { namespace, name }, ({ metadata }) => {
    metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
    if (finalizers !== undefined) metadata.finalizers = finalizers;
  });

const siteFences = new Map();
/** One pass of a site's loop; its object afterwards. */
async function sitePass(scene: Scene, name: string) {
  const ref = { namespace, name };
  await reconcileCluster(scene.shell, { ...limits, healthMs: 1000 }, "#!/bin/bash\n", siteFences, ref);
  return scene.objects.get(clusterKind, ref);
}

const finalizersOf = async (scene: Scene) => (await theRequest(scene)).metadata.finalizers ?? [];
const markersIn = (scene: Scene): number =>
  [...scene.world.hosts.values()].reduce((sum, { volume }) => sum + volume.markers.size, 0);

async function inMidRun(): Promise<Scene> {
  const scene = await newScene({ sites, nodes: 2, seed: 12 });
  for (const site of sites) for (let n = 0; n < 2; n += 1) await sitePass(scene, site);
  await askForConversion(scene);
  await until(scene, stepIs("StopCrossSiteReplicators", 3));
  return scene;
}

async function endsWell(scene: Scene): Promise<void> {
  await drive(scene, 40);
  expect((await theRequest(scene)).status?.ledger?.outcome).toBe("Succeeded");
  quiesce(scene);
  expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
}

const namesOf = (scene: Scene): readonly string[] =>
  [...scene.objects.all().keys()].map((key) => key.replace(`/${namespace}/`, "/")).sort();

describe("a site that is deleted where nobody refuses it at the door", () => {
  test("is held in mid-run, stays in its estate, and the run ends well", async () => {
    const scene = await inMidRun();
    marked(scene, clusterKind, "nyc");
    expect((await sitePass(scene, "nyc"))?.metadata.finalizers).toEqual([siteFinalizer]);
    expect(scene.readable.join("\n")).toContain("DeletionHeld not deleted: CompositeService global needs it");
    for (const kind of [compositeKind, linkKind])
      for (const { metadata } of await scene.objects.list(kind, namespace))
        marked(scene, kind, metadata.name);
    await sitePass(scene, "nyc");
    expect(scene.readable.join("\n")).toContain("the procedure of UpgradeRequest to-caa runs on it");
    for (const kind of [compositeKind, linkKind])
      for (const { metadata } of await scene.objects.list(kind, namespace))
        scene.objects.edit(kind, { namespace, name: metadata.name }, (object) => {
          delete object.metadata.deletionTimestamp;
        });
    const cluster = await sitePass(scene, "nyc");
    expect(cluster?.status?.runningProcedure).toBe((await theRequest(scene)).metadata.uid);
    await endsWell(scene);
  });

  test("is held by a composite whose spec cannot be read: that does not say that nothing needs it", async () => {
    const scene = await newScene({ sites, nodes: 2, seed: 12 });
    for (let n = 0; n < 2; n += 1) await sitePass(scene, "nyc");
    for (const { metadata } of await scene.objects.list(linkKind, namespace))
      await scene.objects.remove(linkKind, { namespace, name: metadata.name }, "");
    scene.objects.edit(compositeKind, { namespace, name: "global" }, ({ spec }) => {
      spec.type = "OfAnotherVersion";
    });
    marked(scene, clusterKind, "nyc");
    expect((await sitePass(scene, "nyc"))?.metadata.finalizers).toEqual([siteFinalizer]);
  });

  test("admits no procedure, and whoever had taken its Lease gives it back", async () => {
    const scene = await newScene({ sites, nodes: 2, seed: 12 });
    for (const site of sites) for (let n = 0; n < 2; n += 1) await sitePass(scene, site);
    await askForConversion(scene);
    const holder = async () => (await scene.objects.get(leaseKind, leaseOf("london")))?.spec?.holderIdentity;
    for (let n = 0; n < 20 && (await holder()) === undefined; n += 1) await pass(scene);
    expect(await holder()).toBe((await theRequest(scene)).metadata.uid);
    expect((await theRequest(scene)).status?.ledger?.phase).not.toBe("Running");
    await sitePass(scene, "london");
    marked(scene, clusterKind, "nyc");
    restartOperator(scene);
    const request = await until(scene, (now) => conditionOf(now, "Queued")?.status === "True");
    expect(conditionOf(request, "Queued")?.message).toMatch(/^TungstenCluster nyc is being deleted/);
    expect(await holder()).toBe("");
    expect(markersIn(scene)).toBe(0);
  });

  test("takes everything of its own with it, and what is shared when it is the last", async () => {
    const scene = await newScene({ sites, nodes: 2, seed: 12 });
    for (const site of sites) for (let n = 0; n < 2; n += 1) await sitePass(scene, site);
    const map = { apiVersion: "v1", kind: "ConfigMap" };
    const labels = {
      "app.kubernetes.io/managed-by": "tungsten-operator",
      "app.kubernetes.io/name": "tungsten-ini",
    };
    for (const name of ["london", "global"])
      await scene.objects.create(configMapKind, {
        ...map,
        metadata: { name: `${name}-tungsten-ini`, namespace, labels },
      });
    for (const kind of [compositeKind, linkKind])
      for (const { metadata } of await scene.objects.list(kind, namespace))
        await scene.objects.remove(kind, { namespace, name: metadata.name }, "");
    marked(scene, clusterKind, "nyc");
    await sitePass(scene, "nyc");
    await scene.objects.remove(clusterKind, { namespace, name: "nyc" }, "");
    expect(namesOf(scene).filter((name) => name.includes("nyc") && !name.startsWith("pods/"))).toEqual([]);
    expect(namesOf(scene)).toContain("configmaps/tungsten-operator-runner");
    expect(namesOf(scene)).toContain("configmaps/london-tungsten-ini");
    expect(namesOf(scene)).not.toContain("configmaps/global-tungsten-ini");
    expect((await scene.objects.list(serviceKind, namespace)).length).toBeGreaterThan(0);
    marked(scene, clusterKind, "london");
    await sitePass(scene, "london");
    expect(namesOf(scene).filter((name) => !name.startsWith("pods/"))).toEqual([
      "secrets/tungsten-generated-accounts",
      "tungstenclusters/london",
    ]);
  });
});

describe("a Lease that is deleted in mid-run", () => {
  test("is taken again by the run, and by nobody else", async () => {
    const scene = await inMidRun();
    const second = await askForConversion(scene, {}, {}, "second");
    const ref = { namespace, name: "second" };
    const other = new Map();
    for (let n = 0; n < 3; n += 1) await reconcileRequest(scene.shell, limits, other, ref);
    for (const site of sites) await scene.objects.remove(leaseKind, leaseOf(site), "");
    for (let n = 0; n < 5; n += 1) await reconcileRequest(scene.shell, limits, other, ref);
    const uid = (await theRequest(scene)).metadata.uid;
    expect((await sitePass(scene, "nyc"))?.status?.runningProcedure).toBe(uid);
    marked(scene, clusterKind, "nyc");
    for (const kind of [compositeKind, linkKind])
      for (const { metadata } of await scene.objects.list(kind, namespace))
        marked(scene, kind, metadata.name);
    expect((await sitePass(scene, "nyc"))?.metadata.finalizers).toEqual([siteFinalizer]);
    expect(scene.readable.join("\n")).toContain("the procedure of UpgradeRequest to-caa runs on it");
    for (const kind of [compositeKind, linkKind])
      for (const { metadata } of await scene.objects.list(kind, namespace))
        scene.objects.edit(kind, { namespace, name: metadata.name }, (object) => {
          delete object.metadata.deletionTimestamp;
        });
    expect((await scene.objects.get(requestKind, ref))?.status?.ledger?.phase).toBe("Planning");
    expect(await scene.objects.get(leaseKind, leaseOf("london"))).toBeUndefined();
    await endsWell(scene);
    const keys = [...scene.world.hosts.values()].flatMap(({ volume }) => [...volume.markers.keys()]);
    expect(keys.filter((key) => key.includes(second.metadata.uid ?? "?"))).toEqual([]);
  });

  test("whoever else asks for it is told who is at work", async () => {
    const scene = await inMidRun();
    await scene.objects.remove(leaseKind, leaseOf("nyc"), "");
    const own = (await theRequest(scene)).metadata.uid ?? "";
    const news = {
      isOver: async () => true,
      running: () => runningOn(scene.objects, namespace, "nyc"),
    };
    const ask = (holder: string) =>
      takeSiteLease(scene.objects, { namespace, site: "nyc", holder, now: 0 }, news);
    expect(await ask("another")).toEqual({ held: false, holder: own });
    expect(await scene.objects.get(leaseKind, leaseOf("nyc"))).toBeUndefined();
    expect(await ask(own)).toMatchObject({ held: true });
  });

  test("a run that was about to begin asks for it once more, live", async () => {
    const scene = await newScene({ sites, nodes: 2, seed: 12 });
    await askForConversion(scene);
    for (let n = 0; n < 20 && scene.fences.size === 0; n += 1) await pass(scene);
    const thief = { ...leaseOf("nyc"), labels: {} };
    await scene.objects.remove(leaseKind, leaseOf("nyc"), "");
    const other = await askForConversion(scene, { approval: "Manual" }, {}, "other");
    await scene.objects.create(leaseKind, {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: thief,
      spec: { holderIdentity: other.metadata.uid },
    });
    const request = await until(scene, (now) => conditionOf(now, "Queued")?.status === "True");
    expect(conditionOf(request, "Queued")?.message).toContain("UpgradeRequest other");
    expect(request.status?.ledger?.phase).toBe("Planning");
  });
});

describe("a request that is deleted", () => {
  test("goes from mid-run with its namespace, which would hang otherwise; not before", async () => {
    const scene = await inMidRun();
    marked(scene, requestKind, "to-caa");
    const metadata = { name: namespace, namespace: "" };
    await scene.objects.create(namespaceKind, { apiVersion: "v1", kind: "Namespace", metadata });
    await pass(scene);
    expect(await finalizersOf(scene)).not.toEqual([]);
    scene.objects.edit(namespaceKind, metadata, (object) => {
      object.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
    });
    for (const site of sites) marked(scene, clusterKind, site);
    for (const site of sites) expect((await sitePass(scene, site))?.metadata.finalizers).toEqual([]);
    expect(await pass(scene)).toBe(false);
    expect(await finalizersOf(scene)).toEqual([]);
  });

  test("goes from mid-run when none of its sites exists any more, and not while one does", async () => {
    const scene = await inMidRun();
    marked(scene, requestKind, "to-caa");
    await scene.objects.remove(clusterKind, { namespace, name: "nyc" }, "");
    for (let n = 0; n < 3; n += 1) await pass(scene);
    expect(await finalizersOf(scene)).not.toEqual([]);
    await scene.objects.remove(clusterKind, { namespace, name: "london" }, "");
    await pass(scene);
    expect(await finalizersOf(scene)).toEqual([]);
    expect(scene.readable.join("\n")).toContain("RunAbandoned");
  });

  test("goes at once while it only compares data: nothing is half-done, though a site is gone", async () => {
    const scene = await newScene({ sites, nodes: 2, seed: 12 });
    const spec = { procedure: "VerifyData", verifyData: { cluster: { name: "nyc" } }, approval: "Automatic" };
    const metadata = { name: "to-caa", namespace };
    const apiVersion = "tungsten-operator.io/v1alpha1";
    await scene.objects.create(requestKind, { apiVersion, kind: "UpgradeRequest", metadata, spec });
    const { status } = await until(scene, (now) => now.status?.ledger?.phase === "Running");
    expect(holdsSites(status.ledger.procedure)).toBe(procedureOf(spec as never).procedure.readsOnly !== true);
    await scene.objects.remove(clusterKind, { namespace, name: "nyc" }, "");
    marked(scene, requestKind, "to-caa");
    expect(await pass(scene)).toBe(false);
    expect(await finalizersOf(scene)).toEqual([]);
  });

  test("goes at once while it is planned, though its estate is gone, and gives its sites back", async () => {
    const scene = await newScene({ sites, nodes: 2, seed: 12 });
    await askForConversion(scene);
    for (let n = 0; n < 20 && scene.fences.size === 0; n += 1) await pass(scene);
    marked(scene, requestKind, "to-caa", ["tungsten-operator.io/run", "example.org/theirs"]);
    await scene.objects.remove(compositeKind, { namespace, name: "global" }, "");
    expect(await pass(scene)).toBe(false);
    expect(await finalizersOf(scene)).toEqual(["example.org/theirs"]);
    for (const site of sites)
      expect((await scene.objects.get(leaseKind, leaseOf(site)))?.spec?.holderIdentity).toBe("");
  });

  test("leaves a journal that its namesake does not write on: the garbage collector would take it", async () => {
    const scene = await inMidRun();
    const first = await theRequest(scene);
    await scene.objects.remove(requestKind, here, first.metadata.uid ?? "");
    const page = () => scene.objects.get(configMapKind, { namespace, name: "to-caa-journal-1" });
    expect((await page())?.metadata.ownerReferences?.[0]?.uid).toBe(first.metadata.uid);
    const second = await askForConversion(scene);
    const entry = { at: 0, event: "begun", step: "X" } as never;
    await appendJournal(scene.objects, second, [entry]);
    expect((await page())?.metadata.ownerReferences?.[0]?.uid).toBe(second.metadata.uid);
    const lines = async () =>
      String((await page())?.data?.["journal.jsonl"])
        .trim()
        .split("\n").length;
    expect(await lines()).toBe(1);
    await appendJournal(scene.objects, second, [entry]);
    expect(await lines()).toBe(2);
  });

  test("a plan that somebody deleted before it was read is written again", async () => {
    const scene = await newScene({ sites, nodes: 2, seed: 12 });
    await askForConversion(scene, { approval: "Manual" });
    const request = await until(scene, (now) => now.status?.plan !== undefined);
    for (const name of [request.status.plan.stored, "to-caa-preflight"])
      await scene.objects.remove(configMapKind, { namespace, name }, "");
    await pass(scene);
    for (const name of [request.status.plan.stored, "to-caa-preflight"])
      expect(await scene.objects.get(configMapKind, { namespace, name })).toBeDefined();
  });
});
