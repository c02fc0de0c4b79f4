/** Argo CD's health scripts and actions on statuses that the real loops write while an estate is converted. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { advance } from "../../../simulator/world.ts";
import { reconcileComposite } from "../../../src/controllers/composite-service.ts";
import { reconcileLink } from "../../../src/controllers/cross-site-link.ts";
import type { KubeObject, ResourceKind } from "../../../src/controllers/shell.ts";
import { reconcileCluster } from "../../../src/controllers/tungsten-cluster.ts";
import { resources } from "../../../src/crds/definition.ts";
import { clusterKind, compositeKind, linkKind, requestKind } from "../../../src/kube/kinds.ts";
import {
  askForConversion,
  limits,
  namespace,
  newScene,
  pass,
  type Scene,
  theRequest,
} from "../../simulation/scene.ts";
import { runLua } from "./lua.ts";

const root = resolve(import.meta.dirname, "../../..");
const settings = parse(readFileSync(join(root, "deploy/argocd/argocd-cm.yaml"), "utf8")) as {
  data: Record<string, string>;
};
const script = (what: "health" | "actions", kind: string): string =>
  settings.data[`resource.customizations.${what}.tungsten-operator.io_${kind}`] ?? "";
type Health = { readonly status: string; readonly message: string };
const healthOf = (object: KubeObject): Health => runLua(script("health", object.kind), object) as Health;

type Actions = {
  readonly "discovery.lua": string;
  readonly definitions: readonly { readonly name: string; readonly "action.lua": string }[];
};
const actionsOf = (kind: string): Actions => parse(script("actions", kind)) as Actions;
/** Names of the buttons that can be pressed. */
const offered = (object: KubeObject): readonly string[] =>
  Object.entries(
    runLua(actionsOf(object.kind)["discovery.lua"], object) as Record<string, { disabled: boolean }>,
  )
    .filter(([, { disabled }]) => !disabled)
    .map(([name]) => name)
    .sort();

async function press(scene: Scene, name: string): Promise<void> {
  const request = await theRequest(scene);
  const action = actionsOf(request.kind).definitions.find((each) => each.name === name);
  const after = runLua(action?.["action.lua"] ?? "", request) as KubeObject;
  scene.objects.edit(requestKind, { namespace, name: request.metadata.name }, (object) => {
    object.spec = after.spec;
  });
}

const kinds: readonly ResourceKind[] = [clusterKind, linkKind, compositeKind];
/** What Argo CD would have shown of each object, each state once. */
type Shown = Map<string, string[]>;

/** A pass of the request's loop, at every fifth one of each other; what they wrote is looked at as Argo CD does. */
async function look(scene: Scene, shown: Shown): Promise<boolean> {
  const more = await pass(scene);
  if (more && scene.calls.passes % 5 !== 1) return more;
  const patient = { ...limits, healthMs: 5000 };
  for (const kind of kinds)
    for (const { metadata } of await scene.objects.list(kind, namespace)) {
      const ref = { namespace, name: metadata.name };
      if (kind === clusterKind) await reconcileCluster(scene.shell, patient, "runner", new Map(), ref);
      if (kind === linkKind) await reconcileLink(scene.shell, patient, ref);
      if (kind === compositeKind) await reconcileComposite(scene.shell, patient, ref);
    }
  for (const kind of [requestKind, ...kinds])
    for (const object of await scene.objects.list(kind, namespace)) {
      const name = `${kind.kind} ${object.metadata.name}`;
      const states = shown.get(name) ?? [];
      const { status } = healthOf(object);
      if (states.at(-1) !== status) states.push(status);
      shown.set(name, states);
    }
  return more;
}

async function installed(): Promise<Scene> {
  const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
  advance(scene.world, 10_000);
  return scene;
}

describe("what Argo CD shows", () => {
  test("a conversion: Progressing, Suspended until the plan is approved, Progressing, Healthy; nothing is ever Degraded", async () => {
    const scene = await installed();
    const shown: Shown = new Map();
    await askForConversion(scene, { approval: "Manual" });
    expect(healthOf(await theRequest(scene)).status).toBe("Progressing");
    for (let passes = 0; passes < 20; passes += 1) await look(scene, shown);
    const waiting = healthOf(await theRequest(scene));
    expect(waiting.status).toBe("Suspended");
    expect(waiting.message).toMatch(/^read the plan, then: kubectl .* patch upg to-caa/);
    expect(shown.get("CompositeService global")?.at(-1)).toBe("Suspended");
    await press(scene, "approve");
    while (await look(scene, shown));
    await look(scene, shown);
    expect(shown.get("UpgradeRequest to-caa")).toEqual(["Suspended", "Progressing", "Healthy"]);
    expect(shown.get("CompositeService global")?.at(-1)).toBe("Healthy");
    for (const [name, states] of shown) {
      expect([name, states.includes("Degraded")]).toEqual([name, false]);
      expect([name, states.at(-1)]).toEqual([name, "Healthy"]);
    }
  });

  test("a refusal is Degraded, with its sentence", async () => {
    const scene = await installed();
    await scene.objects.remove(compositeKind, { namespace, name: "global" }, "");
    await askForConversion(scene);
    await look(scene, new Map());
    expect(healthOf(await theRequest(scene))).toEqual({
      status: "Degraded",
      message: expect.stringMatching(/names no CompositeService of this namespace; create it first/),
    });
  });

  test("a site that is down is Degraded, unless a procedure or its installation explains it", async () => {
    const scene = await installed();
    const shown: Shown = new Map();
    await askForConversion(scene, { approval: "Manual" });
    for (let passes = 0; passes < 11; passes += 1) await look(scene, shown);
    const clusters = await scene.objects.list(clusterKind, namespace);
    const [cluster] = clusters;
    const down = (conditions: object[]) =>
      healthOf({ ...(cluster as KubeObject), status: { ...cluster?.status, conditions } });
    const installedTrue = { type: "Installed", status: "True", reason: "Installed", message: "" };
    const ready = (reason: string) => ({ type: "Ready", status: "False", reason, message: reason });
    expect(down([installedTrue, ready("NotReplicating")]).status).toBe("Degraded");
    expect(down([installedTrue, ready("ProcedureRuns")]).status).toBe("Progressing");
    expect(down([ready("NotReplicating")]).status).toBe("Progressing");
    expect(down([installedTrue, ready("ReplicationError")]).status).toBe("Degraded");
    expect(down([installedTrue, ready("ClientsKeptAway")]).status).toBe("Degraded");
    const lost = { type: "Installed", status: "Unknown", reason: "VolumesLost", message: "bring them back" };
    expect(down([lost, ready("NotReplicating")])).toEqual({ status: "Degraded", message: "bring them back" });
    const [link] = await scene.objects.list(linkKind, namespace);
    const stopped = { ...link?.status, conditions: [ready("ReplicationError")] };
    expect(healthOf({ ...(link as KubeObject), status: stopped }).status).toBe("Degraded");
    expect(down([installedTrue, ready("OutOfService")]).status).toBe("Suspended");
    const named = { type: "MembershipCurrent", status: "False", reason: "OutOfService", message: "" };
    expect(down([installedTrue, named, ready("OutOfService")]).status).toBe("Degraded");
    const installing = (reason: string) => ({ type: "Installed", status: "False", reason, message: reason });
    expect(down([installing("Installing"), ready("Installing")]).status).toBe("Progressing");
    expect(down([installing("TpmRefused"), ready("Installing")])).toEqual({
      status: "Degraded",
      message: "TpmRefused",
    });
    const sound = { type: "Ready", status: "True", reason: "Replicating", message: "" };
    const change = (type: string, reason: string) =>
      down([sound, { type, status: "False", reason, message: reason }]).status;
    expect(change("ConfigurationApplied", "Applying")).toBe("Progressing");
    expect(change("DatabaseCurrent", "Restarting")).toBe("Progressing");
    expect(change("AccountsCurrent", "Settling")).toBe("Progressing");
    expect(change("TransportCurrent", "Changing")).toBe("Progressing");
    expect(change("TransportCurrent", "Disagreement")).toBe("Degraded");
    expect(change("AccountsCurrent", "FormerStillGood")).toBe("Healthy");
    expect(change("HandWorkDone", "TakingOut")).toBe("Progressing");
    expect(change("HandWorkDone", "HandWork")).toBe("Suspended");
    expect(change("HandWorkDone", "BringingBack")).toBe("Progressing");
    expect(change("HandWorkDone", "Refused")).toBe("Degraded");
    expect(change("HandWorkDone", "CommandFailed")).toBe("Degraded");
    expect(change("HandWorkDone", "Waiting")).toBe("Healthy");
    expect(change("VolumesCurrent", "Expanding")).toBe("Progressing");
    expect(change("VolumesCurrent", "ExpansionRefused")).toBe("Degraded");
    expect(change("NodesInService", "Scaling")).toBe("Progressing");
    expect(change("NodesInService", "Refused")).toBe("Degraded");
    for (const reason of ["Bringing", "NotThere"])
      expect(change("ConnectorsInService", reason)).toBe("Progressing");
    for (const reason of ["NodesFirst", "Waiting"])
      expect(change("ConnectorsInService", reason)).toBe("Healthy");
    for (const reason of ["NotRunning", "GivenUp"])
      expect(change("ConnectorsInService", reason)).toBe("Degraded");
    expect(change("ConfigurationApplied", "CommandFailed")).toBe("Degraded");
    expect(change("DatabaseCurrent", "OutcomeUnknown")).toBe("Degraded");
    for (const reason of ["Waiting", "ApprovalNeeded", "RestartPending"])
      expect(change("DatabaseCurrent", reason)).toBe("Healthy");
  });

  test.each(["Halted", "WaitsLong"])("a run that stalls (%s) is Degraded", async (reason) => {
    const request = await running();
    const stalled = { type: "Stalled", status: "True", reason, message: "see halts" };
    const before = request.status?.conditions.filter(({ type }: { type: string }) => type !== "Stalled");
    const status = { ...request.status, conditions: [...before, stalled] };
    expect(healthOf({ ...request, status })).toEqual({ status: "Degraded", message: "see halts" });
  });

  test("a run that is paused is Suspended; one whose spec was not seen yet is Progressing", async () => {
    const request = await running();
    expect(healthOf(request).status).toBe("Progressing");
    expect(healthOf({ ...request, spec: { ...request.spec, paused: true } }).status).toBe("Suspended");
    const later = { ...request.metadata, generation: 99 };
    expect(healthOf({ ...request, metadata: later }).message).toMatch(/has not seen this version/);
  });

  test("an aborted run is Degraded: what Git asks for was not done", async () => {
    const scene = await installed();
    await askForConversion(scene, { approval: "Manual" });
    for (let passes = 0; passes < 3; passes += 1) await look(scene, new Map());
    await press(scene, "abort");
    while (await pass(scene));
    expect(healthOf(await theRequest(scene))).toEqual({
      status: "Degraded",
      message: "aborted before anything was run",
    });
  });
});

async function running(): Promise<KubeObject> {
  const scene = await installed();
  await askForConversion(scene);
  for (let passes = 0; passes < 12; passes += 1) await pass(scene);
  const request = await theRequest(scene);
  expect(request.status?.ledger?.phase).toBe("Running");
  return request;
}

describe("what Argo CD offers", () => {
  test("approve only where a plan waits; the way back only on the way forward; nothing at the end", async () => {
    const scene = await installed();
    await askForConversion(scene, { approval: "Manual" });
    expect(offered(await theRequest(scene))).toEqual(["abort", "pause"]);
    for (let passes = 0; passes < 5; passes += 1) await pass(scene);
    expect(offered(await theRequest(scene))).toEqual(["abort", "approve", "pause"]);
    await press(scene, "approve");
    for (let passes = 0; passes < 12; passes += 1) await pass(scene);
    expect(offered(await theRequest(scene))).toEqual(["abort", "pause", "revert"]);
    await press(scene, "pause");
    expect(offered(await theRequest(scene))).toEqual(["abort", "resume", "revert"]);
    await press(scene, "resume");
    await press(scene, "revert");
    while (await pass(scene));
    const request = await theRequest(scene);
    expect(request.status?.ledger?.outcome).toMatch(/Aborted|Reverted/);
    expect(offered(request)).toEqual([]);
  });

  test("a TungstenCluster can be paused, and its procedures", () => {
    const cluster = { apiVersion: "", kind: "TungstenCluster", metadata: { name: "a" }, spec: { nodes: 3 } };
    expect(offered(cluster)).toEqual(["pause", "pause-procedures"]);
    const specs = actionsOf("TungstenCluster").definitions.map(
      ({ name, "action.lua": action }) => [name, (runLua(action, cluster) as KubeObject).spec] as const,
    );
    expect(Object.fromEntries(specs)).toEqual({
      pause: { nodes: 3, paused: true },
      resume: { nodes: 3, paused: false },
      "pause-procedures": { nodes: 3, proceduresPaused: true },
      "resume-procedures": { nodes: 3, proceduresPaused: false },
    });
  });

  test("every kind has a health script, and every offered button an action", () => {
    const folder = join(root, "deploy/argocd/health");
    expect(readdirSync(folder).sort()).toEqual(resources.map(({ kind }) => `${kind}.lua`).sort());
    for (const kind of ["UpgradeRequest", "TungstenCluster"]) {
      const buttons = runLua(actionsOf(kind)["discovery.lua"], { spec: {}, status: {} }) as object;
      expect(Object.keys(buttons).sort()).toEqual(
        actionsOf(kind)
          .definitions.map(({ name }) => name)
          .sort(),
      );
    }
  });
});
