/** A request around its run: the estate it is about, what it is bound to, whose sites are whose, and an API server or a clock that fails it. */
import { describe, expect, test } from "@jest/globals";
import { digest, judge } from "../../simulator/oracle.ts";
import { advance } from "../../simulator/world.ts";
import { reconcileRequest } from "../../src/controllers/upgrade-request.ts";
import { ApiError } from "../../src/kube/errors.ts";
import { clusterKind, compositeKind, leaseKind, requestKind } from "../../src/kube/kinds.ts";
import { procedureOf } from "../../src/procedures/catalog.ts";
import { watchScene } from "./run-invariants.ts";
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
import { edit, haltedBy, progressOf, stepIs, until } from "./steering.ts";

const here = { namespace, name: "to-caa" };
const small = { sites: ["london", "nyc"], nodes: 2 } as const;

async function begun(spec: object = {}, seed = 12): Promise<Scene> {
  const scene = await newScene({ ...small, seed });
  await askForConversion(scene, spec);
  return scene;
}

const ledgerOf = async (scene: Scene) => (await theRequest(scene)).status?.ledger;
const outcomeOf = async (scene: Scene): Promise<string> => (await ledgerOf(scene))?.outcome ?? "none";
const markersIn = (scene: Scene): number =>
  [...scene.world.hosts.values()].reduce((sum, { volume }) => sum + volume.markers.size, 0);

/** No command begins, however often it looks. */
async function standsStill(scene: Scene, passes = 15): Promise<void> {
  const before = markersIn(scene);
  for (let n = 0; n < passes; n += 1) await pass(scene);
  expect(markersIn(scene)).toBe(before);
}

async function endsWell(scene: Scene, outcome = "Succeeded", minutes = 40): Promise<void> {
  await drive(scene, minutes);
  if ((await outcomeOf(scene)) !== outcome) throw new Error(progressOf(await theRequest(scene)));
  quiesce(scene);
  expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
}

describe("the estate it is about", () => {
  test("a CompositeService that does not exist is not replaced by one that does", async () => {
    const scene = await newScene({ ...small, seed: 12 });
    await askForConversion(scene, {}, { compositeService: { name: "elsewhere" } });
    await standsStill(scene);
    const request = await theRequest(scene);
    expect(conditionOf(request, "Accepted")).toMatchObject({
      status: "False",
      message:
        "spec.convertMsaaToCaa.compositeService names no CompositeService of this namespace; create it first",
    });
    expect(request.status.plan).toBeUndefined();
  });

  test("a CompositeService with a fault is refused by that fault", async () => {
    const scene = await newScene({ ...small, seed: 12 });
    scene.objects.edit(compositeKind, { namespace, name: "global" }, ({ spec }) =>
      spec.members.push({ name: "oslo" }),
    );
    await askForConversion(scene);
    await standsStill(scene);
    expect(conditionOf(await theRequest(scene), "Accepted")?.message).toBe(
      "CompositeService global is not sound: member oslo is no TungstenCluster of this namespace; create it or correct the name",
    );
  });
});

describe("an object whose spec does not parse is not told as one that is not there", () => {
  const refusal = async (spoil: (scene: Scene) => void): Promise<string> => {
    const scene = await newScene({ ...small, seed: 12 });
    spoil(scene);
    await askForConversion(scene);
    await standsStill(scene);
    return conditionOf(await theRequest(scene), "Accepted")?.message ?? "";
  };

  test("the CompositeService: its own fault is told", async () => {
    const said = await refusal((scene) =>
      scene.objects.edit(compositeKind, { namespace, name: "global" }, ({ spec }) =>
        Object.assign(spec, { type: "ActiveSomething" }),
      ),
    );
    expect(said).toMatch(/^CompositeService global is not sound: spec\.type: .+; correct it$/);
  });

  test("the CompositeService: it is on its way out", async () => {
    const said = await refusal((scene) =>
      scene.objects.edit(compositeKind, { namespace, name: "global" }, ({ metadata }) =>
        Object.assign(metadata, { deletionTimestamp: "2026-11-18T11:00:00Z" }),
      ),
    );
    expect(said).toBe("CompositeService global is not sound: it is being deleted");
  });

  test("one of its members", async () => {
    const said = await refusal((scene) =>
      scene.objects.edit(clusterKind, { namespace, name: "nyc" }, ({ spec }) =>
        Object.assign(spec, { nodes: "two" }),
      ),
    );
    expect(said).toMatch(
      /^TungstenCluster nyc, a member of CompositeService global, is not sound: spec\.nodes: .+; correct it$/,
    );
  });

  test("a site of a run that was approved", async () => {
    const scene = await newScene({ ...small, seed: 12 });
    await askForConversion(scene);
    await until(scene, stepIs("StopCrossSiteReplicators"));
    scene.objects.edit(clusterKind, { namespace, name: "london" }, ({ spec }) =>
      Object.assign(spec, { nodes: "two" }),
    );
    await pass(scene);
    await standsStill(scene);
    expect(conditionOf(await theRequest(scene), "Stalled")?.message).toMatch(
      /^TungstenCluster london is not sound: spec\.nodes: .+; correct it; this run was made for it: bring it back/,
    );
  });
});

describe("bound to what was approved", () => {
  type Edit = readonly [
    what: string,
    change: (scene: Scene) => unknown,
    back: (scene: Scene) => unknown,
    says: RegExp,
  ];
  const block = (more: object) => (scene: Scene) =>
    scene.objects.edit(requestKind, here, ({ spec }) => Object.assign(spec.convertMsaaToCaa, more));
  const composite = (change: (spec: { members: object[]; dataservice?: string }) => void) => (scene: Scene) =>
    scene.objects.edit(compositeKind, { namespace, name: "global" }, ({ spec }) => change(spec));
  const edits: readonly Edit[] = [
    [
      "another way of backing up",
      block({ backup: { mode: "Take" } }),
      block({ backup: { mode: "Attested", who: "dba", when: "today", evidence: "vault" } }),
      /^spec\.convertMsaaToCaa\.backup\.mode changed during the run from Attested to Take; put it back/,
    ],
    [
      "another CompositeService",
      block({ compositeService: { name: "elsewhere" } }),
      block({ compositeService: { name: "global" } }),
      /^spec\.convertMsaaToCaa\.compositeService\.name changed during the run from global to elsewhere/,
    ],
    [
      "a block that is no longer sound",
      block({ limits: { latencySeconds: -1 } }),
      block({ limits: { latencySeconds: 5 } }),
      /latencySeconds/,
    ],
    [
      "another name of the composite",
      composite((spec) => Object.assign(spec, { dataservice: "world" })),
      composite((spec) => void delete spec.dataservice),
      /^the CAA tungsten\.ini differs from the approved one/,
    ],
    [
      "a TungstenCluster that we let go, and that somebody else's finalizer keeps",
      ({ objects }) =>
        objects.edit(clusterKind, { namespace, name: "nyc" }, ({ metadata }) => {
          metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
        }),
      ({ objects }) =>
        objects.edit(clusterKind, { namespace, name: "nyc" }, ({ metadata }) => {
          delete metadata.deletionTimestamp;
        }),
      /nyc/,
    ],
  ];

  test.each(edits)("%s halts the run; put back, it goes on", async (_what, change, back, says) => {
    const scene = await begun();
    await until(scene, stepIs("StopCrossSiteReplicators", 3));
    change(scene);
    const request = await until(scene, haltedBy("WorldDeparted"));
    expect(conditionOf(request, "Stalled")?.message).toMatch(says);
    await standsStill(scene);
    back(scene);
    await endsWell(scene);
  });

  test("a run that another revision began is left alone, its ledger too", async () => {
    const scene = await begun();
    await until(scene, stepIs("StopCrossSiteReplicators", 3));
    const before = await ledgerOf(scene);
    scene.catalog = (spec) => {
      const asked = procedureOf(spec);
      return { ...asked, procedure: { ...asked.procedure, revision: asked.procedure.revision + 1 } };
    };
    await standsStill(scene);
    expect(await ledgerOf(scene)).toEqual(before);
    const request = await theRequest(scene);
    expect(conditionOf(request, "Stalled")).toMatchObject({
      status: "True",
      reason: "OtherRevision",
      message: expect.stringMatching(
        /let a version of the operator that knows the former finish it\. See docs\/operating\/halts\.md#otherrevision\.$/,
      ),
      observedGeneration: request.metadata.generation,
    });
    scene.catalog = procedureOf;
    await endsWell(scene);
    expect(conditionOf(await theRequest(scene), "Stalled")?.status).toBe("False");
  });

  test("a ledger that cannot be read is left as it is, whatever the spec says", async () => {
    const scene = await begun();
    await until(scene, stepIs("StopCrossSiteReplicators", 3));
    scene.objects.edit(requestKind, here, ({ status, spec }) => {
      status.ledger.cursor = { step: "second" };
      spec.convertMsaaToCaa.limits = { latencySeconds: -1 };
    });
    const before = await ledgerOf(scene);
    await standsStill(scene);
    expect(await ledgerOf(scene)).toEqual(before);
    expect(scene.readable.join("\n")).toContain("LedgerUnreadable");
  });
});

describe("whose sites are whose", () => {
  const leaseOf = (name: string) => ({ namespace, name: `tungsten-site-${name}` });

  test("a Lease that names somebody else stops the acts until it is free again", async () => {
    const scene = await begun();
    await until(scene, stepIs("StopCrossSiteReplicators", 2));
    const other = await askForConversion(scene, { approval: "Manual" }, {}, "other");
    scene.objects.edit(leaseKind, leaseOf("nyc"), ({ spec }) => {
      spec.holderIdentity = other.metadata.uid;
    });
    const request = await until(scene, (now) => conditionOf(now, "Queued")?.status === "True");
    expect(conditionOf(request, "Queued")?.message).toMatch(/UpgradeRequest other/);
    await standsStill(scene);
    await scene.objects.remove(requestKind, { namespace, name: "other" }, other.metadata.uid ?? "");
    await until(scene, (now) => conditionOf(now, "Queued")?.status === "False");
    await endsWell(scene);
  });

  test("proceduresPaused keeps a run from beginning, and stops none that has begun, even after a restart", async () => {
    const scene = await newScene({ ...small, seed: 12 });
    const pausing = (is: boolean) =>
      scene.objects.edit(clusterKind, { namespace, name: "nyc" }, ({ spec }) => {
        spec.proceduresPaused = is;
      });
    pausing(true);
    await askForConversion(scene);
    const waiting = await until(scene, (now) => conditionOf(now, "Queued")?.status === "True");
    expect(conditionOf(waiting, "Queued")?.message).toContain("admits no procedure");
    await standsStill(scene);
    pausing(false);
    await until(scene, stepIs("StopCrossSiteReplicators", 2));
    pausing(true);
    restartOperator(scene);
    await endsWell(scene);
  });

  test("what was seen before the sites were ours does not count: the plan is made once more", async () => {
    const scene = await begun();
    let plans = 0;
    const { create } = scene.shell.objects;
    Object.assign(scene.shell.objects, {
      create: async (...args: Parameters<typeof create>) => {
        const made = await create(...args);
        // As soon as the last Lease is taken, the world moves: nothing of the first look holds.
        if (args[0] === leaseKind && args[1].metadata.name === "tungsten-site-nyc") {
          plans += 1;
          Object.assign(scene.world.hosts.get("nyc-1")?.mysql ?? {}, { format: "STATEMENT" });
        }
        return made;
      },
    });
    for (let n = 0; n < 20; n += 1) await pass(scene);
    expect(plans).toBe(1);
    expect(markersIn(scene)).toBe(0);
    expect(conditionOf(await theRequest(scene), "Accepted")?.message).toMatch(
      /^binlog_format of nyc-1 is STATEMENT/,
    );
  });

  test("an approval taken back gives the sites back", async () => {
    const scene = await newScene({ ...small, seed: 12 });
    const other = await askForConversion(scene, { approval: "Manual" }, {}, "other");
    await scene.objects.create(leaseKind, {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: leaseOf("nyc"),
      spec: { holderIdentity: other.metadata.uid },
    });
    await askForConversion(scene);
    await until(scene, (now) => conditionOf(now, "Queued")?.status === "True");
    const holder = async () => (await scene.objects.get(leaseKind, leaseOf("london")))?.spec?.holderIdentity;
    expect(await holder()).toBe((await theRequest(scene)).metadata.uid);
    edit(scene, { approval: "Manual" });
    await until(scene, (now) => conditionOf(now, "Approved")?.reason === "AwaitingApproval");
    expect(await holder()).toBe("");
  });
});

describe("deleted, and back again", () => {
  const markDeleted = (scene: Scene) =>
    scene.objects.edit(requestKind, here, ({ metadata }) => {
      metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
    });

  test.each([
    ["StopCrossSiteReplicators", 3, /goes when the run has ended: let it go on, or set spec\.abort$/],
    ["ReloadTrackingSchemas", 0, /goes when the run has ended: let it go on, or set spec\.revert$/],
    ["UpdateSoftware", 2, /goes when the run has ended$/],
  ] as const)(
    "in %s: it is told what leads out, the run ends, then the finalizer goes",
    async (step, part, says) => {
      const scene = await begun();
      await until(scene, stepIs(step, part));
      markDeleted(scene);
      await until(scene, (now) => progressOf(now).includes("being deleted"));
      expect(progressOf(await theRequest(scene))).toMatch(says);
      await endsWell(scene);
      expect((await theRequest(scene)).metadata.finalizers).toEqual([]);
    },
  );

  test("created again after an abort it does not begin by itself; its hash begins it", async () => {
    const scene = await begun();
    await until(scene, stepIs("StopCrossSiteReplicators", 3));
    edit(scene, { abort: true });
    await drive(scene);
    const first = await theRequest(scene);
    await scene.objects.remove(requestKind, here, first.metadata.uid ?? "");
    await askForConversion(scene);
    const again = await until(scene, (now) => conditionOf(now, "Approved")?.status === "False");
    expect(conditionOf(again, "Approved")?.message).toMatch(/^a run of this name ended as Aborted before/);
    const before = markersIn(scene);
    for (let n = 0; n < 10; n += 1) await pass(scene);
    expect(markersIn(scene)).toBe(before);
    edit(scene, { approvedPlan: again.status.plan.hash });
    await endsWell(scene);
  });

  test("created again in the middle of its run under the same name (F12), it is another run and refuses the half-done", async () => {
    const scene = await begun();
    await until(scene, stepIs("StopCrossSiteReplicators", 3));
    const first = await theRequest(scene);
    // Its finalizer was taken off by hand: what it had begun is nobody's any more.
    await scene.objects.remove(requestKind, here, first.metadata.uid ?? "");
    const before = markersIn(scene);
    await askForConversion(scene);
    restartOperator(scene);
    for (let n = 0; n < 20; n += 1) await pass(scene);
    const second = await theRequest(scene);
    expect(second.status.ledger.runUid).toBe(second.metadata.uid);
    expect(conditionOf(second, "Accepted")).toMatchObject({
      status: "False",
      message: expect.stringMatching(/^london-0 holds crossSite for a run that did not end/),
    });
    expect(markersIn(scene)).toBe(before);
  });
});

describe("time", () => {
  test("managers that stay away longer than the plan says are told, counted once, and stop nothing", async () => {
    const scene = await begun();
    await until(scene, stepIs("StopManagers", 1));
    expect(conditionOf(await theRequest(scene), "WithinBudget")).toMatchObject({
      status: "True",
      reason: "Reduced",
      message: expect.stringMatching(
        /^no manager fails over since \S+, by plan until \S+; .*connectors run without managers/,
      ),
    });
    for (const host of scene.world.hosts.values()) host.slowness = 40;
    const late = await until(scene, (now) => conditionOf(now, "WithinBudget")?.status === "False");
    expect(conditionOf(late, "WithinBudget")).toMatchObject({ reason: "ClientsSpent" });
    for (const host of scene.world.hosts.values()) host.slowness = 1;
    await endsWell(scene);
    expect(scene.budgets.filter((budget) => budget === "Clients")).toEqual(["Clients"]);
    expect(conditionOf(await theRequest(scene), "WithinBudget")).toMatchObject({
      status: "True",
      reason: "NothingReduced",
    });
  });

  test("a command that runs longer than its deadline is told and not killed", async () => {
    const scene = await begun();
    await until(scene, stepIs("StopManagers", 0));
    for (const host of scene.world.hosts.values()) host.slowness = 300;
    const late = await until(scene, (now) => conditionOf(now, "Stalled")?.status === "True");
    expect(conditionOf(late, "Stalled")).toMatchObject({
      reason: "WaitsLong",
      message: expect.stringContaining(
        "manager stop runs, longer than its deadline of 180 s; it is not killed",
      ),
    });
    for (const host of scene.world.hosts.values()) host.slowness = 1;
    await endsWell(scene);
  });

  test.each([
    ["an hour ahead", 3600_000],
    ["an hour back", -3600_000],
  ])("the operator's clock is set %s in the middle (F16)", async (_how, step) => {
    const straight = await begun();
    await endsWell(straight);
    const scene = await begun();
    const watch = watchScene(scene);
    await until(scene, stepIs("UninstallCrossSiteReplicators", 1));
    scene.shell.clock.now = () => scene.world.now + step;
    await endsWell(scene, "Succeeded", 20);
    expect(watch.violations).toEqual([]);
    expect(digest(scene.world)).toBe(digest(straight.world));
  });

  test.each([
    ["ahead", 7200_000],
    ["behind", -7200_000],
  ])("a node's clock is two hours %s from the middle on (F16)", async (_how, skew) => {
    const scene = await begun();
    const watch = watchScene(scene);
    await until(scene, stepIs("StopCrossSiteReplicators", 3));
    Object.assign(scene.world.hosts.get("nyc-1") ?? {}, { clockSkewMs: skew });
    const before = scene.world.now;
    await endsWell(scene);
    expect(scene.world.now - before).toBeLessThan(15 * 60_000);
    expect(watch.violations).toEqual([]);
  });
});

describe("an API server that fails", () => {
  /** Every n-th write of a status fails in some way. */
  function failing(
    scene: Scene,
    every: number,
    fail: (write: () => Promise<unknown>) => Promise<never>,
  ): void {
    const { replaceStatus } = scene.shell.objects;
    let writes = 0;
    Object.assign(scene.shell.objects, {
      replaceStatus: async (...args: Parameters<typeof replaceStatus>) => {
        writes += 1;
        return writes % every === 0 ? fail(() => replaceStatus(...args)) : replaceStatus(...args);
      },
    });
  }
  /** As the work queue does: a pass that throws is tried again. */
  async function enduring(scene: Scene): Promise<void> {
    for (let n = 0; n < 3000; n += 1) {
      try {
        if (!(await pass(scene))) return;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        advance(scene.world, 1000);
      }
    }
    throw new Error(progressOf(await theRequest(scene)));
  }
  const lost = () => new ApiError(0, "NoAnswer", "PUT upgraderequests: no answer");

  test.each<[string, (write: () => Promise<unknown>) => Promise<never>]>([
    ["a write that is lost before it arrives (F2)", () => Promise.reject(lost())],
    ["a write whose answer is lost (F3)", (write) => write().then(() => Promise.reject(lost()))],
    [
      "a write that comes second (F4)",
      () => Promise.reject(new ApiError(409, "Conflict", "the object has been modified")),
    ],
    ["an answer that says later (F5, F6)", () => Promise.reject(new ApiError(500, "InternalError", "etcd"))],
  ])("%s, every third time: nothing is begun twice, and the run ends", async (_what, fail) => {
    const scene = await begun();
    const watch = watchScene(scene);
    failing(scene, 3, fail);
    await enduring(scene);
    await endsWell(scene);
    expect(watch.violations).toEqual([]);
  });

  test("a status that cannot be stored (F17): nothing is begun on it, and it is told", async () => {
    const scene = await begun();
    await until(scene, stepIs("StopCrossSiteReplicators", 3));
    const { replaceStatus } = scene.shell.objects;
    let full = true;
    Object.assign(scene.shell.objects, {
      replaceStatus: async (...args: Parameters<typeof replaceStatus>) => {
        if (full)
          throw new ApiError(413, "StatusTooLarge", "the status of UpgradeRequest to-caa has 1200000 bytes");
        return replaceStatus(...args);
      },
    });
    const before = markersIn(scene);
    for (let n = 0; n < 10; n += 1) await expect(pass(scene)).rejects.toThrow("1200000 bytes");
    expect(markersIn(scene)).toBe(before);
    expect(scene.readable.filter((line) => line.startsWith("PassFailed"))).not.toEqual([]);
    full = false;
    await endsWell(scene);
  });
});

test("a Secret that rotates in the middle (F18): configuration waits for it, and nothing is installed before", async () => {
  const scene = await begun();
  await until(scene, stepIs("UpdateConfiguration"));
  const host = scene.world.hosts.get("nyc-1");
  Object.assign(host ?? {}, { secretReady: false, joined: false });
  await until(scene, (now) => progressOf(now).includes("the ini of nyc-1 waits for its Secret"));
  for (let n = 0; n < 10; n += 1) await pass(scene);
  expect((await ledgerOf(scene))?.steps.at(-1)?.id).toBe("UpdateConfiguration");
  Object.assign(host ?? {}, { secretReady: true });
  await endsWell(scene);
});

test("two operators at once (F15): each command begins once, the older one is refused by the nodes", async () => {
  const scene = await begun();
  const watch = watchScene(scene);
  await until(scene, stepIs("StopCrossSiteReplicators", 3));
  const old = scene.fences;
  restartOperator(scene);
  for (let n = 0; n < 2000; n += 1) {
    const going = await pass(scene);
    await reconcileRequest(scene.shell, limits, old, here, scene.catalog).catch(() => undefined);
    if (!going) break;
  }
  await endsWell(scene);
  expect(watch.violations).toEqual([]);
});
