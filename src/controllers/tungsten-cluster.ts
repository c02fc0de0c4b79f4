/** The loop of a TungstenCluster: apply its objects, install its site when that is due, tell how it stands. */
import type { Told } from "../crds/conditions.ts";
import type { Ledger } from "../crds/ledger.ts";
import { parseSpec } from "../crds/parse.ts";
import { type TungstenClusterSpec, tungstenCluster } from "../crds/tungsten-cluster.ts";
import { optionFaults } from "../ini/option-catalogue.ts";
import { isConflict } from "../kube/errors.ts";
import { clusterKind, networkPolicyKind } from "../kube/kinds.ts";
import { settingFaults } from "../manifests/my-cnf.ts";
import { siteObjects } from "../manifests/site-objects.ts";
import { type Estate, type Site, siteNamed } from "../topology/estate.ts";
import { estateWith } from "../topology/estate-of.ts";
import { applyAll } from "./apply.ts";
import { clientsKeptAway } from "./clients-kept-away.ts";
import { connectorsLeft, withConnectorPods } from "./connector-pods.ts";
import { tellDrift } from "./drift.ts";
import { type Namespace, readNamespace } from "./estate-reader.ts";
import { type FurtherUsers, furtherUsers } from "./further-users.ts";
import { outOfServiceOf } from "./leaving-sites.ts";
import { writeObjectStatus } from "./object-status.ts";
import { siteFinalizer } from "./ownership.ts";
import { policyTold } from "./policy-told.ts";
import { releaseTold } from "./release-told.ts";
import { otherHolder } from "./request-sites.ts";
import { assertRecorded } from "./request-status.ts";
import type { KubeObject, ObjectRef, Shell } from "./shell.ts";
import { accountsWhenDue } from "./site-accounts.ts";
import { configurationUnknown, configureWhenDue } from "./site-configuration.ts";
import { connectorsUnknown, connectorsWhenDue } from "./site-connectors.ts";
import { databaseUnknown, maintainWhenDue } from "./site-dataserver.ts";
import { deleteSite, neededBy } from "./site-deletion.ts";
import { fillWhenDue } from "./site-filling.ts";
import { holdUnknown, holdWhenDue } from "./site-hold.ts";
import { installWhenDue } from "./site-install.ts";
import { joinWhenDue } from "./site-joining.ts";
import { leaveWhenDue } from "./site-leaving.ts";
import { leavingStill, withPods } from "./site-members.ts";
import { outOfService, partWhenDue } from "./site-parting.ts";
import { membersUnknown, scaleWhenDue } from "./site-scaling.ts";
import { ensureSiteSecret, type SiteSecret } from "./site-secret.ts";
import { transportWhenDue } from "./site-transport.ts";
import { type SiteView, viewOf } from "./site-view.ts";
import { volumesOf } from "./site-volumes.ts";
import { nothingToDo, runningLedger, type Walked, type Work } from "./site-walk.ts";
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
  readonly walked: Walked;
  /** The site's Secret as it is now, and what the estate's specs say of further users. */
  readonly secret: Exclude<SiteSecret, { refused: string }>;
  readonly further: FurtherUsers;
  /** UID of somebody else whose procedure holds the site; empty when none does, or when that one is over. */
  readonly holder: string;
};

export async function reconcileCluster(
  shell: Shell,
  limits: ClusterLimits,
  runnerScript: string,
  fences: FenceBook,
  ref: ObjectRef,
  walked: Walked = (procedure) => procedure,
): Promise<Requeue> {
  const object = await shell.objects.get(clusterKind, ref);
  if (object === undefined) return "never";
  try {
    return await passOver({ shell, limits, runnerScript, fences, object, walked });
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

type Beginning = Pick<ClusterPass, "shell" | "limits" | "runnerScript" | "fences" | "object" | "walked">;

async function passOver(beginning: Beginning): Promise<Requeue> {
  const { shell, limits, object } = beginning;
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
  const further = await furtherUsers(shell.objects, namespace, estate);
  if ("refused" in further && further.site === name) return refuse(shell, object, need, further.refused);
  const lines = "lines" in further ? further.lines : undefined;
  const secret = await ensureSiteSecret(shell.objects, where, name, spec, {
    frozen: holder !== "",
    now: shell.clock.now(),
    walking: walksWithoutAccounts(object),
    further: lines,
    secured: object.status?.configuration?.secured,
  });
  if ("refused" in secret) return refuse(shell, object, need, secret.refused);
  const again = await converge({ ...beginning, spec, namespace, estate, site, holder, secret, further });
  // What holds a deleted site may be over at any time.
  return object.metadata.deletionTimestamp === undefined ? again : { afterMs: limits.idleMs };
}

/** A procedure of the site's own during which changed accounts would reach nodes and not their databases. */
const walksWithoutAccounts = ({ status }: KubeObject): boolean =>
  status?.ledger?.phase === "Running" &&
  [
    "AddNodes",
    "RemoveNodes",
    "RemoveLinks",
    "RemoveMember",
    "ChangeTransport",
    "MaintainDataserver",
    "HoldNode",
  ].includes(status.ledger.procedure);

async function converge(pass: ClusterPass): Promise<Requeue> {
  const { shell, limits, object, estate, site, spec, runnerScript } = pass;
  const view = await viewOf(pass);
  const { leaving } = await leavingStill(shell, object, estate, pass.namespace);
  const wide = withPods(estate, site.name, object, { wanted: spec.nodes, leaving });
  const pods = withConnectorPods(wide, site.name, object, view.holder);
  const volumes = await volumesOf(pass);
  const away = clientsKeptAway(pass, view);
  const manifests = siteObjects({
    estate: pods,
    site: siteNamed(pods, site.name),
    spec,
    runnerScript,
    claimSize: volumes.template,
    clientsKeptAway: away !== undefined,
  });
  await applyAll(shell, manifests, { frozen: view.holder !== "" ? ["StatefulSet"] : [] });
  const network = await networkPolicyLeft(shell, object, spec);
  const connectors = await connectorsLeft(shell, object, pods, view);
  const works = await ownWork(pass, view);
  const walking = works.find(({ ledger }) => ledger !== undefined);
  const running = walking?.ledger?.phase === "Running";
  const accepted = say("Accepted", "True", "Accepted", "the spec is sound");
  const out = outOfServiceOf(object);
  const ready =
    out === undefined && away !== undefined
      ? say("Ready", "False", "ClientsKeptAway", away)
      : readiness(view, works, out);
  const need = { neededBy: neededBy(site.name, pass.namespace) };
  const kept = Object.assign({}, ...works.map(({ status }) => status));
  const ledger = walking?.ledger && { ledger: walking.ledger };
  const also = { leaving, ...kept, ...need, ...network, ...connectors, ...volumes.status, ...ledger };
  await tell(shell, object, { ...view.status, ...also }, [
    accepted,
    ...works.flatMap(({ told }) => told),
    volumes.told,
    releaseTold(pass, view),
    ...(await policyTold(pass, view, running)),
    tellDrift(view.drift, view.unread, view.holder !== "" || running),
    ready,
  ]);
  await walking?.act();
  return {
    afterMs:
      walking?.afterMs ?? (ready.status === "True" || out !== undefined ? limits.healthMs : limits.idleMs),
  };
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

/** What changes a site once it is installed. Whatever walks goes on first; otherwise each is begun in this order. */
type OwnWork = {
  /** Procedures whose ledger in the TungstenCluster is its own. */
  readonly walks: readonly string[];
  /** Why nothing else is begun meanwhile. */
  readonly busy: string;
  readonly due: (pass: ClusterPass, view: SiteView) => Promise<Work>;
  /** What it tells while something else is at work. */
  readonly unknown: (pass: ClusterPass, why: string) => Work;
};

const ownWorks: readonly OwnWork[] = [
  {
    walks: ["AddNodes", "RemoveNodes"],
    busy: "nodes join the site or leave it",
    due: scaleWhenDue,
    unknown: (_pass, why) => membersUnknown(why),
  },
  {
    walks: ["KeepAccounts", "SettleAccounts"],
    busy: "the accounts are being changed",
    due: accountsWhenDue,
    unknown: () => nothingToDo,
  },
  {
    walks: ["ChangeTransport"],
    busy: "the replicators' transport is being changed",
    due: transportWhenDue,
    unknown: () => nothingToDo,
  },
  {
    walks: ["RemoveLinks"],
    busy: "links leave the estate",
    due: leaveWhenDue,
    unknown: () => nothingToDo,
  },
  {
    walks: ["RemoveMember"],
    busy: "the site leaves its composite",
    due: partWhenDue,
    unknown: () => nothingToDo,
  },
  {
    walks: ["ApplyConfiguration"],
    busy: "the site's configuration is being changed",
    due: configureWhenDue,
    unknown: (_pass, why) => configurationUnknown(why),
  },
  {
    walks: ["MaintainDataserver"],
    busy: "the nodes are being restarted",
    due: maintainWhenDue,
    unknown: (_pass, why) => databaseUnknown(why),
  },
  {
    walks: ["HoldNode"],
    busy: "a node is out of service for hand work",
    due: holdWhenDue,
    unknown: holdUnknown,
  },
  // Last: a host that cannot be brought up keeps nothing of the nodes waiting.
  {
    walks: ["KeepConnectors"],
    busy: "connector pods are being installed or updated",
    due: connectorsWhenDue,
    unknown: connectorsUnknown,
  },
];

/** What the site does by itself, at most one of it a procedure: it is installed first, then kept as its spec says. */
async function ownWork(pass: ClusterPass, view: SiteView): Promise<readonly Work[]> {
  const out = outOfService(pass);
  if (out !== undefined)
    return [out, ...ownWorks.map(({ unknown }) => unknown(pass, "the site has left its composite"))];
  const filling = await fillWhenDue(pass, view);
  const joining = filling === nothingToDo ? await joinWhenDue(pass, view) : filling;
  const installing = joining === nothingToDo ? await installWhenDue(pass, view) : joining;
  if (installing !== nothingToDo)
    return [installing, ...ownWorks.map(({ unknown }) => unknown(pass, "the site is being installed"))];
  const walking = ownWorks.find(({ walks }) => walks.some((name) => runningLedger(pass, name) !== undefined));
  const works: Work[] = [];
  let busy = walking?.busy;
  for (const each of ownWorks) {
    const mayAct = busy === undefined || each === walking;
    const work = mayAct ? await each.due(pass, view) : each.unknown(pass, busy ?? "");
    if (work.ledger !== undefined) busy ??= each.busy;
    works.push(work);
  }
  return works;
}

function readiness(view: SiteView, works: readonly Work[], out: string | undefined): Told {
  if (out !== undefined) return say("Ready", "False", "OutOfService", out);
  const installing = works.find(({ ledger }) =>
    /^(InstallSite|FillSite|JoinComposite)$/.test(ledger?.procedure ?? ""),
  );
  if (installing !== undefined && installing.ledger?.phase !== "Finished")
    return say("Ready", "False", "Installing", installing.why);
  if (view.trouble === undefined)
    return say("Ready", "True", "Replicating", "every node runs and replicates");
  if (
    view.holder === "" &&
    view.error !== undefined &&
    !works.some(({ ledger }) => ledger?.phase === "Running")
  )
    return say("Ready", "False", "ReplicationError", view.error);
  const changing = view.holder !== "" || works.some(({ ledger }) => ledger?.phase === "Running");
  return changing
    ? say("Ready", "False", "ProcedureRuns", `${view.trouble}; a procedure runs on the site`)
    : say("Ready", "False", "NotReplicating", view.trouble);
}

function faultsOf(object: KubeObject, spec: TungstenClusterSpec, namespace: Namespace): readonly string[] {
  const about = `TungstenCluster/${object.metadata.name}`;
  return [
    ...optionFaults(spec.options, "spec.options"),
    ...settingFaults(spec.mysql.settings),
    ...doubleTls(spec),
    ...namespace.problems.filter((problem) => problem.about === about).map(({ sentence }) => sentence),
  ];
}

/** Two hands on one thing: tpm would take the last line. */
function doubleTls({ tls, options }: TungstenClusterSpec): readonly string[] {
  const double = Object.keys(options).find((key) =>
    /^(repl-)?java-(keystore|truststore|mysql-alias)/.test(key.replaceAll("_", "-")),
  );
  return tls === undefined || double === undefined
    ? []
    : [`spec.options.${double}: spec.tls renders it; remove one of them`];
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

/** A pause that was told is told to be over: conditions of before stay otherwise, and would still say it. */
function resumed({ spec, status }: KubeObject): readonly Told[] {
  const told: readonly Told[] = status?.conditions ?? [];
  const paused = told.some((each) => each.type === "Reconciling" && each.status === "True");
  return paused && spec?.paused !== true
    ? [say("Reconciling", "False", "Resumed", "spec.paused is not set any more")]
    : [];
}

async function tell(shell: Shell, object: KubeObject, status: object, told: readonly Told[]): Promise<void> {
  const written = await writeObjectStatus(shell, clusterKind, object, status, [...told, ...resumed(object)]);
  if (written !== undefined && "ledger" in status) assertRecorded(status.ledger as Ledger, written);
}
