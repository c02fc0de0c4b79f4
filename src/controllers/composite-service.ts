/** The loop of a CompositeService: over an MSAA estate it waits to be converted; once converted it tells how the composite stands. */
import { compositeService } from "../crds/composite-service.ts";
import type { Told } from "../crds/conditions.ts";
import { parseSpec } from "../crds/parse.ts";
import { isConflict } from "../kube/errors.ts";
import { compositeKind } from "../kube/kinds.ts";
import { type Namespace, readNamespace, siteWithProcedure } from "./estate-reader.ts";
import { writeObjectStatus } from "./object-status.ts";
import type { KubeObject, ObjectRef, Shell } from "./shell.ts";
import type { ClusterLimits } from "./tungsten-cluster.ts";
import type { Requeue } from "./upgrade-request.ts";

const say = (type: string, status: Told["status"], reason: string, message: string): Told => ({
  type,
  status,
  reason,
  message,
});

export async function reconcileComposite(
  shell: Shell,
  limits: ClusterLimits,
  ref: ObjectRef,
): Promise<Requeue> {
  const object = await shell.objects.get(compositeKind, ref);
  if (object === undefined || object.metadata.deletionTimestamp !== undefined) return "never";
  try {
    const parsed = parseSpec(compositeService.spec, object.spec);
    if ("faults" in parsed) return await refuse(shell, object, parsed.faults.join("; "));
    const namespace = await readNamespace(shell.objects, ref.namespace);
    const own = namespace.problems
      .filter(({ about }) => about === `CompositeService/${ref.name}`)
      .map(({ sentence }) => sentence);
    if (own.length > 0) return await refuse(shell, object, own.join("; "));
    const members = parsed.spec.members.map(({ name }) => name);
    const sites = members.map((name) => siteStatus(namespace, name));
    await writeObjectStatus(shell, compositeKind, object, { sites }, [
      say("Accepted", "True", "Accepted", "the spec is sound"),
      readiness(ref.name, parsed.spec.type, namespace, members),
    ]);
    return { afterMs: limits.idleMs };
  } catch (error) {
    if (isConflict(error)) return { afterMs: 50 };
    throw error;
  }
}

const statusOf = (namespace: Namespace, site: string) => namespace.clusters.get(site)?.status ?? {};

/** The sites' own status tells the installed topology; the composite refuses to form over what must be converted first. */
function readiness(name: string, type: string, namespace: Namespace, members: readonly string[]): Told {
  const topologies = members.map((site) => String(statusOf(namespace, site).topology ?? "Unknown"));
  const ready = (site: string) =>
    (statusOf(namespace, site).conditions ?? []).some(
      (each: { type: string; status: string }) => each.type === "Ready" && each.status === "True",
    );
  const busy = siteWithProcedure(namespace, members);
  if (topologies.every((topology) => topology === "CAA")) {
    const out = members.find((site) => !ready(site));
    if (out === undefined)
      return say("Ready", "True", "Replicating", `${members.length} sites replicate as ${type}`);
    if (busy === undefined) return say("Ready", "False", "NotReplicating", `${out} is not Ready`);
  }
  if (busy !== undefined) return say("Ready", "False", "ProcedureRuns", `a procedure runs on ${busy}`);
  if (topologies.includes("MSAA") || topologies.includes("Mixed")) {
    const way =
      "create an UpgradeRequest with procedure ConvertMsaaToCaa and convertMsaaToCaa.compositeService.name";
    return say(
      "Ready",
      "False",
      "AwaitingConversion",
      `the sites run Multi-Site/Active-Active: ${way}: ${name}`,
    );
  }
  return say(
    "Ready",
    "False",
    "AwaitingSites",
    `the sites are ${members.map((site, index) => `${site} ${topologies[index]}`).join(", ")}`,
  );
}

function siteStatus(namespace: Namespace, site: string): object {
  const status = statusOf(namespace, site);
  return { name: site, state: String(status.topology ?? "Unknown") };
}

async function refuse(shell: Shell, object: KubeObject, why: string): Promise<Requeue> {
  await writeObjectStatus(shell, compositeKind, object, {}, [
    say("Accepted", "False", "Refused", why),
    say("Ready", "False", "Refused", why),
  ]);
  return { afterMs: 30_000 };
}
