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
    const input = namespace.composites.find(({ name }) => name === ref.name);
    const members = input?.members ?? parsed.spec.members.map(({ name }) => name);
    const sites = members.map((name) => siteStatus(namespace, name));
    // With nothing installed anywhere it begins where the spec says, whatever was before.
    const bare = members.every((name) => statusOf(namespace, name).topology === "None");
    const before: string | undefined = bare ? undefined : object.status?.primarySite;
    const primarySite = activeAmong(namespace, members, parsed.spec.type, before) ?? before;
    const told = { sites, primarySite };
    const elsewhere = movedAway(parsed.spec.primarySite, primarySite);
    const leavers = input?.leaving?.members ?? [];
    await writeObjectStatus(shell, compositeKind, object, told, [
      say("Accepted", "True", "Accepted", "the spec is sound"),
      leavers.length > 0
        ? say("Ready", "False", "Leaving", leaving(namespace, leavers))
        : readiness({ name: ref.name, type: parsed.spec.type, elsewhere }, namespace, members),
    ]);
    return { afterMs: limits.idleMs };
  } catch (error) {
    if (isConflict(error)) return { afterMs: 50 };
    throw error;
  }
}

/** What each site that is named no more tells of its way out, or of the way in that it is on still. */
const leaving = (namespace: Namespace, leavers: readonly string[]): string =>
  leavers
    .map((site) => {
      const { procedure, phase } = statusOf(namespace, site).ledger ?? {};
      const comes = phase === "Running" && /^(FillSite|JoinComposite)$/.test(procedure ?? "");
      const told = conditionOf(namespace, site, comes ? "Installed" : "MembershipCurrent")?.message;
      return `${site}${comes ? ", on its way in" : ""}: ${told ?? "not begun"}`;
    })
    .join("; ")
    .slice(0, 1000);

const statusOf = (namespace: Namespace, site: string) => namespace.clusters.get(site)?.status ?? {};

const forms = { ActivePassive: "CAP", ActiveActive: "CAA", DynamicActiveActive: "DAA" } as const;
type CompositeType = keyof typeof forms;
type Condition = { readonly type: string; readonly status: string; readonly message: string };

const conditionOf = (namespace: Namespace, site: string, type: string): Condition | undefined =>
  (statusOf(namespace, site).conditions ?? []).find((each: Condition) => each.type === type);

/**
 * The one member whose head is a primary by its own managers' word; undefined in between, and the one told last stays. It
 * stays too while nobody tells that it takes the writes no more: a site that comes back may hold itself for the primary.
 */
function activeAmong(
  namespace: Namespace,
  members: readonly string[],
  type: CompositeType,
  before: string | undefined,
): string | undefined {
  if (type !== "ActivePassive") return undefined;
  const [writing, ...more] = members.filter((site) => headIs(namespace, site, ["primary"]));
  if (writing === undefined || more.length > 0) return undefined;
  const changes = before !== undefined && before !== writing && members.includes(before);
  return changes && !tookLeave(namespace, before, writing) ? undefined : writing;
}

const headIs = (namespace: Namespace, site: string, roles: readonly string[]): boolean => {
  const { topology, nodes = [] } = statusOf(namespace, site);
  return (
    topology === "CAP" &&
    (nodes as readonly { role?: string }[]).some(({ role }) => roles.includes(role ?? ""))
  );
};

/** By its own managers' word, or, while they are silent, because the one that writes now has failed it over. */
const tookLeave = (namespace: Namespace, before: string, writing: string): boolean =>
  headIs(namespace, before, ["relay", "shunned"]) ||
  (statusOf(namespace, writing).sitesOut ?? []).includes(before);

/** The writes moved after the spec was written; nothing moves them back. */
const movedAway = (spec: string | undefined, live: string | undefined): string =>
  spec === undefined || live === undefined || spec === live
    ? ""
    : `; ${live} takes the writes and spec.primarySite names ${spec}: set it to ${live}, or ask for a Switch back`;

/**
 * The sites' own status tells the installed topology, which they have from their nodes and managers; the composite refuses
 * to form over what must be converted first.
 */
function readiness(
  { name, type, elsewhere }: { name: string; type: CompositeType; elsewhere: string },
  namespace: Namespace,
  members: readonly string[],
): Told {
  const topologies = members.map((site) => String(statusOf(namespace, site).topology ?? "Unknown"));
  const busy = siteWithProcedure(namespace, members);
  if (topologies.every((topology) => topology === forms[type])) {
    const out = members.find((site) => conditionOf(namespace, site, "Ready")?.status !== "True");
    const untold = untoldOf(namespace, members);
    if (out === undefined && untold !== undefined) return say("Ready", "False", "AwaitingSites", untold);
    if (out === undefined)
      return say("Ready", "True", "Replicating", `${members.length} sites replicate as ${type}${elsewhere}`);
    if (busy === undefined) return say("Ready", "False", "NotReplicating", `${out} is not Ready`);
  }
  const installing = installation(namespace, members);
  if (installing !== undefined) return say("Ready", "False", "Installing", installing);
  if (busy !== undefined) return say("Ready", "False", "ProcedureRuns", `a procedure runs on ${busy}`);
  return unformed(name, type, members, topologies);
}

/** A site whose nodes run from a text that does not name every member: it reads nothing of those yet. */
function untoldOf(namespace: Namespace, members: readonly string[]): string | undefined {
  for (const site of members) {
    const named: readonly string[] = statusOf(namespace, site).configuration?.sites ?? members;
    const missing = members.filter((name) => !named.includes(name));
    if (missing.length > 0)
      return `${site} has not been told of ${missing.join(", ")}; its condition ConfigurationApplied says what it waits for`;
  }
  return undefined;
}

/** How far the sites' own installations are, one after the other in the user's order. */
function installation(namespace: Namespace, members: readonly string[]): string | undefined {
  const runs = members.some((site) => {
    const { procedure, phase } = statusOf(namespace, site).ledger ?? {};
    return /^(InstallSite|FillSite|JoinComposite)$/.test(procedure ?? "") && phase === "Running";
  });
  if (!runs) return undefined;
  return members
    .map((site) => `${site}: ${conditionOf(namespace, site, "Installed")?.message ?? "not begun"}`)
    .join("; ")
    .slice(0, 1000);
}

function unformed(
  name: string,
  type: CompositeType,
  members: readonly string[],
  topologies: readonly string[],
): Told {
  const told = `the sites are ${members.map((site, index) => `${site} ${topologies[index]}`).join(", ")}`;
  const multiSite = topologies.includes("MSAA") || topologies.includes("Mixed");
  if (multiSite && type !== "ActivePassive")
    return say(
      "Ready",
      "False",
      "AwaitingConversion",
      `the sites run Multi-Site/Active-Active: create an UpgradeRequest with procedure ConvertMsaaToCaa and convertMsaaToCaa.compositeService.name: ${name}`,
    );
  const otherwise = topologies.find((each) => !["None", "Unknown", forms[type]].includes(each));
  if (otherwise !== undefined)
    return say(
      "Ready",
      "False",
      "InstalledOtherwise",
      `${told}: a site that runs already is not made ${type} by installing; nothing is done`,
    );
  return say("Ready", "False", "AwaitingSites", told);
}

function siteStatus(namespace: Namespace, site: string): object {
  const { topology, services = [] } = statusOf(namespace, site);
  const crossing = (services as readonly { service: string }[])
    .map(({ service }) => service)
    .filter((service) => service.includes("_from_"));
  return {
    name: site,
    state: String(topology ?? "Unknown"),
    ...(crossing.length > 0 && { services: [...new Set(crossing)].sort() }),
  };
}

async function refuse(shell: Shell, object: KubeObject, why: string): Promise<Requeue> {
  await writeObjectStatus(shell, compositeKind, object, {}, [
    say("Accepted", "False", "Refused", why),
    say("Ready", "False", "Refused", why),
  ]);
  return { afterMs: 30_000 };
}
