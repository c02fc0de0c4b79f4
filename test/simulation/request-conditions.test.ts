/** Every condition of a request tells the truth in each phase, also after what it told before has become untrue. */
import { describe, expect, test } from "@jest/globals";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { clusterKind, compositeKind, leaseKind, requestKind } from "../../src/kube/kinds.ts";
import { askForConversion, conditionOf, namespace, newScene, pass, type Scene, theRequest } from "./scene.ts";
import { edit, progressOf, stepIs, until } from "./steering.ts";

const here = { namespace, name: "to-caa" };
const small = { sites: ["london", "nyc"], nodes: 2, seed: 12 } as const;
const lease = { namespace, name: "tungsten-site-nyc" };

/** Status and reason of these conditions; a dash where one was never told. */
const stands = (request: KubeObject, types = ["Accepted", "Planned", "Approved", "Queued"]): string =>
  types
    .map((type) => {
      const told = conditionOf(request, type);
      return told === undefined ? "-" : `${told.status} ${told.reason}`;
    })
    .join(", ");

const acceptedAs = (reason: string) => (now: KubeObject) => conditionOf(now, "Accepted")?.reason === reason;

/** A replica of nyc logs statements: pre-flight refuses. Put back, it passes. */
const logsStatements = ({ world }: Scene, does = true): void => {
  Object.assign(world.hosts.get("nyc-1")?.mysql ?? {}, { format: does ? "STATEMENT" : "ROW" });
};
/** Nobody can tell what a node is like: its pod is not there. */
const unreadable = (scene: Scene): void => {
  const { exec } = scene.shell.pods;
  Object.assign(scene.shell.pods, {
    exec: async (...args: Parameters<typeof exec>) =>
      args[0].name === "nyc-1" ? { kind: "lost", why: "no session" } : exec(...args),
  });
};
const unsound = ({ objects }: Scene): void =>
  objects.edit(compositeKind, { namespace, name: "global" }, ({ spec }) =>
    spec.members.push({ name: "oslo" }),
  );

async function asked(spec: object = {}): Promise<Scene> {
  const scene = await newScene(small);
  await askForConversion(scene, spec);
  return scene;
}

/** Approved, and nyc is somebody else's: it waits for it. */
async function queued(): Promise<Scene> {
  const scene = await newScene(small);
  const other = await askForConversion(scene, { approval: "Manual" }, {}, "other");
  await scene.objects.create(leaseKind, {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: lease,
    spec: { holderIdentity: other.metadata.uid },
  });
  await askForConversion(scene);
  await until(scene, (now) => conditionOf(now, "Queued")?.status === "True");
  return scene;
}

async function awaiting(): Promise<Scene> {
  const scene = await asked({ approval: "Manual" });
  await until(scene, (now) => conditionOf(now, "Approved")?.reason === "AwaitingApproval");
  return scene;
}

describe("before its run", () => {
  type Row = readonly [
    from: string,
    begin: () => Promise<Scene>,
    then: string,
    change: (scene: Scene) => unknown,
    reached: (now: KubeObject) => boolean,
    stands: string,
  ];
  const over = (now: KubeObject) => conditionOf(now, "Succeeded") !== undefined;
  const refused = acceptedAs("Refused");
  const checking = acceptedAs("Checking");
  const planned = "True PreflightPassed, True PlanMade";
  const rows: readonly Row[] = [
    ["nothing", asked, "refused", logsStatements, refused, "False Refused, -, -, -"],
    ["nothing", asked, "unreadable", unreadable, checking, "Unknown Checking, -, -, -"],
    [
      ...(["awaiting approval", awaiting, "refused", logsStatements, refused] as const),
      "False Refused, False Refused, False Refused, -",
    ],
    [
      ...(["awaiting approval", awaiting, "its composite is unsound", unsound, refused] as const),
      "False Refused, False Refused, False Refused, -",
    ],
    [
      ...(["awaiting approval", awaiting, "unreadable", unreadable, checking] as const),
      "Unknown Checking, Unknown Checking, Unknown Checking, -",
    ],
    [
      ...([
        "awaiting approval",
        awaiting,
        "aborted",
        (scene: Scene) => edit(scene, { abort: true }),
        over,
      ] as const),
      "True PreflightPassed, False Aborted, False Aborted, -",
    ],
    [
      ...([
        "awaiting approval",
        awaiting,
        "a dry run",
        (scene: Scene) => edit(scene, { dryRun: true }),
        over,
      ] as const),
      `${planned}, False DryRun, -`,
    ],
    [
      ...(["queued", queued, "refused", logsStatements, refused] as const),
      "False Refused, False Refused, False Refused, False Refused",
    ],
    [
      ...(["queued", queued, "unreadable", unreadable, checking] as const),
      "Unknown Checking, Unknown Checking, Unknown Checking, Unknown Checking",
    ],
    [
      "queued",
      queued,
      "its approval withdrawn",
      (scene) => edit(scene, { approval: "Manual" }),
      (now) => conditionOf(now, "Approved")?.status === "False",
      `${planned}, False AwaitingApproval, False NotApproved`,
    ],
    [
      "queued",
      queued,
      "paused",
      (scene) => edit(scene, { paused: true }),
      (now) => conditionOf(now, "Approved")?.status === "False",
      `${planned}, False Paused, False NotApproved`,
    ],
    [
      ...(["queued", queued, "aborted", (scene: Scene) => edit(scene, { abort: true }), over] as const),
      "True PreflightPassed, False Aborted, False Aborted, False Aborted",
    ],
    [
      ...(["queued", queued, "a dry run", (scene: Scene) => edit(scene, { dryRun: true }), over] as const),
      `${planned}, False DryRun, False DryRun`,
    ],
    [
      "queued",
      queued,
      "admitted",
      ({ objects }) =>
        objects.edit(leaseKind, lease, ({ spec }) => Object.assign(spec, { holderIdentity: "" })),
      (now) => now.status?.ledger?.phase === "Running",
      `${planned}, True Approved, False Admitted`,
    ],
  ];

  test.each(rows.map((row) => [row[0], row[2], row] as const))("%s, then %s", async (_from, _then, row) => {
    const [, begin, , change, reached, expected] = row;
    const scene = await begin();
    change(scene);
    expect(stands(await until(scene, reached))).toBe(expected);
  });

  test("a plan is in the status as long as it is one", async () => {
    const scene = await awaiting();
    const { hash } = (await theRequest(scene)).status.plan;
    logsStatements(scene);
    const refusal = await until(scene, acceptedAs("Refused"));
    expect([refusal.status.plan, refusal.status.ledger.planHash]).toEqual([undefined, undefined]);
    expect(JSON.stringify(refusal.status.conditions)).not.toContain(hash);
    logsStatements(scene, false);
    const again = await until(scene, (now) => conditionOf(now, "Planned")?.status === "True");
    expect(stands(again)).toBe("True PreflightPassed, True PlanMade, False AwaitingApproval, -");
    expect(again.status.plan.hash).toBe(hash);
    edit(scene, { abort: true });
    await until(scene, (now) => conditionOf(now, "Succeeded") !== undefined);
    expect((await theRequest(scene)).status.plan).toBeUndefined();
  });

  test("a refusal that is over at once by abort is told as over", async () => {
    const scene = await asked();
    logsStatements(scene);
    await until(scene, acceptedAs("Refused"));
    edit(scene, { abort: true });
    const request = await until(scene, (now) => conditionOf(now, "Succeeded") !== undefined);
    expect(stands(request, ["Accepted", "Planned", "Succeeded", "Progressing"])).toBe(
      "False Aborted, -, False Aborted, True Finished",
    );
  });

  test("a status that came back with an object of another UID tells nothing of its former run", async () => {
    const scene = await asked();
    await until(scene, stepIs("StopCrossSiteReplicators", 3));
    const { status, metadata } = await theRequest(scene);
    await scene.objects.remove(requestKind, here, metadata.uid ?? "");
    const { metadata: anew } = await askForConversion(scene);
    const restored = { ...(await theRequest(scene)), status };
    await scene.objects.replaceStatus(requestKind, { ...restored, metadata: anew });
    await pass(scene);
    const request = await theRequest(scene);
    expect(request.status.ledger.runUid).toBe(anew.uid);
    expect(
      stands(request, ["Accepted", "Planned", "Approved", "Progressing", "CrossSiteReplicatorsStopped"]),
    ).toBe("False Refused, -, -, -, -");
    expect(request.status.plan).toBeUndefined();
  });
});

describe("in its run", () => {
  const taken = async (): Promise<Scene> => {
    const scene = await asked();
    await until(scene, stepIs("StopManagers", 1));
    const other = await askForConversion(scene, { approval: "Manual" }, {}, "other");
    scene.objects.edit(leaseKind, lease, ({ spec }) => {
      spec.holderIdentity = other.metadata.uid;
    });
    await until(scene, (now) => conditionOf(now, "Queued")?.status === "True");
    return scene;
  };
  const types = ["Accepted", "Planned", "Approved", "Queued", "Progressing", "Stalled"];

  test("it waits for a site once more: Progressing says so, and budgets go on being told", async () => {
    const scene = await taken();
    const request = await theRequest(scene);
    expect(stands(request, types)).toBe(
      "True PreflightPassed, True PlanMade, True Approved, True SiteTaken, True StopManagers, False Moving",
    );
    expect(progressOf(request)).toMatch(/: waits: .*site nyc (is held by|names) UpgradeRequest other/);
    const late = await until(scene, (now) => conditionOf(now, "WithinBudget")?.status === "False");
    expect(conditionOf(late, "Queued")?.status).toBe("True");
    expect(scene.budgets.length).toBeGreaterThan(0);
  });

  test("its specs depart while it waits for a site: it stands still, and waits for no site", async () => {
    const scene = await taken();
    scene.objects.edit(clusterKind, { namespace, name: "london" }, ({ spec }) =>
      Object.assign(spec, { nodes: "two" }),
    );
    const request = await until(scene, (now) => conditionOf(now, "Stalled")?.status === "True");
    expect(stands(request, types)).toBe(
      "True PreflightPassed, True PlanMade, True Approved, False Halted, True Halted, True WorldDeparted",
    );
    expect(progressOf(request)).toMatch(/: halted, WorldDeparted: TungstenCluster london is not sound/);
  });

  test("both are over: nothing of them stays told", async () => {
    const scene = await taken();
    const nodes = (is: unknown) =>
      scene.objects.edit(clusterKind, { namespace, name: "london" }, ({ spec }) =>
        Object.assign(spec, { nodes: is }),
      );
    nodes("two");
    await until(scene, (now) => conditionOf(now, "Stalled")?.status === "True");
    nodes(2);
    await scene.objects.remove(requestKind, { namespace, name: "other" }, "");
    const request = await until(scene, (now) => now.status?.ledger?.steps.at(-1)?.id !== "StopManagers");
    expect(stands(request, types)).toMatch(
      /^True PreflightPassed, True PlanMade, True Approved, False Admitted, True \w+, False Moving$/,
    );
  });
});
