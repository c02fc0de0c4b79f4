/** The loop of a TungstenCluster: apply its objects, install its site when that is due, tell how it stands. */
import type { Told } from "../crds/conditions.ts";
import { withConditions } from "../crds/conditions.ts";
import type { Condition } from "../crds/fields.ts";
import type { Ledger } from "../crds/ledger.ts";
import { parseSpec } from "../crds/parse.ts";
import { type TungstenClusterSpec, tungstenCluster } from "../crds/tungsten-cluster.ts";
import { optionFaults } from "../ini/option-catalogue.ts";
import { isConflict } from "../kube/errors.ts";
import { clusterKind, networkPolicyKind } from "../kube/kinds.ts";
import { settingFaults } from "../manifests/my-cnf.ts";
import { siteObjects } from "../manifests/site-objects.ts";
import type { Estate, Site } from "../topology/estate.ts";
import { estateWith } from "../topology/estate-of.ts";
import { applyAll } from "./apply.ts";
import { tellDrift } from "./drift.ts";
import { type Namespace, readNamespace } from "./estate-reader.ts";
import { siteFinalizer } from "./ownership.ts";
import { policyTold } from "./policy-told.ts";
import { otherHolder } from "./request-sites.ts";
import { assertRecorded } from "./request-status.ts";
import type { KubeObject, ObjectRef, Shell } from "./shell.ts";
import { deleteSite, neededBy } from "./site-deletion.ts";
import { type Installing, installWhenDue } from "./site-install.ts";
import { ensureSiteSecret } from "./site-secret.ts";
import { type SiteView, viewOf } from "./site-view.ts";
import type { FenceBook, RequestLimits, Requeue } from "./upgrade-request.ts";

export type ClusterLimits = RequestLimits & { readonly healthMs: number };

export type ClusterPass = {
  readonly shell: Shell;
  readonly limits: ClusterLimits;
  readonly object: KubeObject;
  readonly spec: TungstenClusterSpec;
  readonly namespace: Namespace;
  readonly estate: Estate;
  readonly site: Site;
  readonly runnerScript: string;
  readonly fences: FenceBook;
  /** UID of somebody else whose procedure holds the site; empty when none does, or when that one is over. */
  readonly holder: string;
};

export async function reconcileCluster(
  shell: Shell,
  limits: ClusterLimits,
  runnerScript: string,
  fences: FenceBook,
  ref: ObjectRef,
): Promise<Requeue> {
  const object = await shell.objects.get(clusterKind, ref);
  if (object === undefined) return "never";
  try {
    return await passOver(shell, limits, runnerScript, fences, object);
  } catch (error) {
    if (isConflict(error)) return { afterMs: 50 };
    await tellFailure(shell, ref, error);
    throw error;
  }
}

const say = (type: string, status: Told["status"], reason: string, message: string): Told => ({
  type,
  status,
  reason,
  message,
});

async function passOver(
  shell: Shell,
  limits: ClusterLimits,
  runnerScript: string,
  fences: FenceBook,
  object: KubeObject,
): Promise<Requeue> {
  const { name, uid, namespace: where = "" } = object.metadata;
  const namespace = await readNamespace(shell.objects, where);
  const holder = await otherHolder(shell.objects, where, name, uid);
  if (object.metadata.deletionTimestamp !== undefined)
    if ((await deleteSite(shell, object, namespace, holder)) === "gone") return "never";
  const need = { neededBy: neededBy(name, namespace), runningProcedure: holder };
  const parsed = parseSpec(tungstenCluster.spec, object.spec);
  const faults = "faults" in parsed ? parsed.faults : faultsOf(object, parsed.spec, namespace);
  if ("faults" in parsed || faults.length > 0) return refuse(shell, object, need, faults.join("; "));
  const { spec } = parsed;
  if (spec.paused) {
    await tell(shell, object, need, [
      say("Accepted", "True", "Accepted", "the spec is sound"),
      say("Reconciling", "True", "Paused", "spec.paused is set: nothing is reconciled"),
    ]);
    return { afterMs: limits.healthMs };
  }
  const estate = estateWith(namespace.estates, name);
  const site = estate?.sites.find((each) => each.name === name);
  if (estate === undefined || site === undefined)
    return refuse(shell, object, need, "the site is in no estate");
  if (!object.metadata.finalizers?.includes(siteFinalizer)) return addFinalizer(shell, object);
  const missing = await ensureSiteSecret(shell.objects, where, name, spec, holder !== "");
  if (missing !== undefined) return refuse(shell, object, need, missing);
  const about = { shell, limits, object, spec, namespace, estate, site };
  const again = await converge({ ...about, runnerScript, fences, holder });
  // What holds a deleted site may be over at any time.
  return object.metadata.deletionTimestamp === undefined ? again : { afterMs: limits.idleMs };
}

async function converge(pass: ClusterPass): Promise<Requeue> {
  const { shell, limits, object, estate, site, spec, runnerScript } = pass;
  const view = await viewOf(pass);
  const manifests = siteObjects({ estate, site, spec, runnerScript });
  await applyAll(shell, manifests, { frozen: view.holder !== "" ? ["StatefulSet"] : [] });
  const network = await networkPolicyLeft(shell, object, spec);
  const installing: Installing = await installWhenDue(pass, view);
  const accepted = say("Accepted", "True", "Accepted", "the spec is sound");
  const ready = readiness(view, installing);
  const need = { neededBy: neededBy(site.name, pass.namespace) };
  const ledger = installing.ledger && { ledger: installing.ledger };
  await tell(shell, object, { ...view.status, ...need, ...network, ...ledger }, [
    accepted,
    ...installing.told,
    ...(await policyTold(pass, view)),
    tellDrift(view.drift, view.unread, view.holder !== "" || installing.ledger?.phase === "Running"),
    ready,
  ]);
  await installing.act();
  return { afterMs: installing.afterMs ?? (ready.status === "True" ? limits.healthMs : limits.idleMs) };
}

/** One that the spec no longer asks for is removed once; the status remembers that there is one. */
async function networkPolicyLeft(
  shell: Shell,
  { metadata, status }: KubeObject,
  spec: TungstenClusterSpec,
): Promise<{ readonly networkPolicy: string | undefined }> {
  const { name, namespace = "" } = metadata;
  if (spec.networkPolicy !== undefined) return { networkPolicy: name };
  if (status?.networkPolicy === undefined) return { networkPolicy: undefined };
  const found = await shell.objects.get(networkPolicyKind, { namespace, name });
  if (found !== undefined)
    await shell.objects.remove(networkPolicyKind, { namespace, name }, found.metadata.uid ?? "");
  return { networkPolicy: undefined };
}

function readiness(view: SiteView, installing: Installing): Told {
  if (installing.ledger !== undefined && installing.ledger.phase !== "Finished")
    return say("Ready", "False", "Installing", installing.why);
  if (view.trouble === undefined)
    return say("Ready", "True", "Replicating", "every node runs and replicates");
  if (view.holder === "" && view.error !== undefined)
    return say("Ready", "False", "ReplicationError", view.error);
  return view.holder === ""
    ? say("Ready", "False", "NotReplicating", view.trouble)
    : say("Ready", "False", "ProcedureRuns", `${view.trouble}; a procedure runs on the site`);
}

function faultsOf(object: KubeObject, spec: TungstenClusterSpec, namespace: Namespace): readonly string[] {
  const about = `TungstenCluster/${object.metadata.name}`;
  return [
    ...optionFaults(spec.options, "spec.options"),
    ...settingFaults(spec.mysql.settings),
    ...namespace.problems.filter((problem) => problem.about === about).map(({ sentence }) => sentence),
  ];
}

async function refuse(shell: Shell, object: KubeObject, status: object, why: string): Promise<Requeue> {
  await tell(shell, object, status, [
    say("Accepted", "False", "Refused", why),
    say("Ready", "False", "Refused", why),
  ]);
  return { afterMs: 30_000 };
}

/** What keeps failing stands where people look. Telling it may fail too; the first error is the one that counts. */
async function tellFailure(shell: Shell, ref: ObjectRef, error: unknown): Promise<void> {
  try {
    const object = await shell.objects.get(clusterKind, ref);
    const why = `the last pass failed and is tried again: ${error instanceof Error ? error.message : String(error)}`;
    if (object !== undefined) await tell(shell, object, {}, [say("Ready", "Unknown", "PassFailed", why)]);
  } catch (untold) {
    shell.log.warn({ name: ref.name, error: String(untold) }, "the failure could not be told in the status");
  }
}

async function addFinalizer(shell: Shell, object: KubeObject): Promise<Requeue> {
  const finalizers = [...(object.metadata.finalizers ?? []), siteFinalizer];
  const ref = { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
  await shell.objects.patch(clusterKind, ref, {
    metadata: { finalizers, resourceVersion: object.metadata.resourceVersion },
  });
  return { afterMs: 1 };
}

async function tell(shell: Shell, object: KubeObject, status: object, told: readonly Told[]): Promise<void> {
  const before: Record<string, unknown> = object.status ?? {};
  const generation = object.metadata.generation ?? 0;
  const conditions = withConditions(
    (before.conditions as Condition[] | undefined) ?? [],
    told,
    generation,
    shell.clock.now(),
  );
  const after = { ...before, ...status, observedGeneration: generation, conditions };
  if (JSON.stringify(after) === JSON.stringify(before)) return;
  const written = await shell.objects.replaceStatus(clusterKind, { ...object, status: after });
  if ("ledger" in status) assertRecorded(status.ledger as Ledger, written);
  shell.meters.apiWrite("TungstenCluster", "status");
}
