/** A request before approval: pre-flight and plan anew on every pass, until a human names the plan's hash. */
import type { Told } from "../crds/conditions.ts";
import type { Ledger } from "../crds/ledger.ts";
import { tungstenIni } from "../ini/tungsten-ini.ts";
import { requestKind } from "../kube/kinds.ts";
import { inMinutes, totalOf } from "../procedures/estimate.ts";
import type { Entry } from "../procedures/journal.ts";
import { type Lent, type Prepared, prepare } from "../procedures/prepare.ts";
import { endings, type Standing, say, tellStanding } from "../procedures/tell-standing.ts";
import type { Estate } from "../topology/estate.ts";
import { sha256Of } from "./checksum.ts";
import { pastOf, seenOn } from "./durations.ts";
import { type Namespace, readPods } from "./estate-reader.ts";
import { endedBefore, isDone } from "./finished-runs.ts";
import { withFacts } from "./gather.ts";
import { appendJournal } from "./journal-pages.ts";
import { dropFinalizer, runFinalizer } from "./ownership.ts";
import { keepPlan, planPage, whereToRead } from "./plan-pages.ts";
import { keepPreflight, preflightStatus } from "./preflight-page.ts";
import {
  type Admitted,
  closedSite,
  giveSitesBack,
  lostSite,
  outOfServiceIn,
  takeSites,
} from "./request-sites.ts";
import { type StatusChange, toldBefore, writeStatus } from "./request-status.ts";
import { listCopies } from "./run-copies.ts";
import type { KubeObject, Shell } from "./shell.ts";
import { whoSaid } from "./spoken.ts";
import type { FenceBook, Pass, Requeue } from "./upgrade-request.ts";

/** Every pass of a run renders the same texts: the last few are remembered by what they were made of. */
const rendered = new Map<string, string>();
const mostRendered = 32;

const compositeForms = { ActivePassive: "CAP", ActiveActive: "CAA", DynamicActiveActive: "DAA" } as const;
/** Texts are asked for as MSAA's, or by any other word as those of the composite, whatever that is. */
export const compositeForm = ({ composite }: Estate) => compositeForms[composite?.type ?? "ActiveActive"];

/** What planning borrows: ini rendering for this estate, and hashing. */
export const lentFor = (estate: Estate): Lent => ({
  sha256: sha256Of,
  renderIni: (kind, primaries) => {
    const form = kind === "MSAA" ? "MSAA" : compositeForm(estate);
    const key = JSON.stringify([form, estate, primaries]);
    const text = rendered.get(key) ?? tungstenIni(estate, form, primaries);
    rendered.delete(key);
    rendered.set(key, text);
    if (rendered.size > mostRendered) rendered.delete(rendered.keys().next().value ?? "");
    return text;
  },
});

export async function planRequest(pass: Pass): Promise<Requeue> {
  const { shell, request, ledger, estate, spec } = pass;
  if (spec.abort) return end(pass, "Aborted");
  const { procedure } = pass.procedureOf(spec);
  if (procedure.readsOnly !== true && isDone(pass)) return end(pass, "AlreadyDone");
  const pods = await readPods(shell.objects, estate.namespace);
  const around = {
    pods,
    copies: () => listCopies(shell.objects, request),
    about: { uid: ledger.runUid, place: "planning" },
  };
  const clusters = estate.sites.map(({ name }) => pass.namespace.clusters.get(name));
  const lent = {
    ...lentFor(estate),
    seen: seenOn(clusters, procedure.name),
    past: pastOf(clusters),
    outOfService: outOfServiceIn(pass),
  };
  const prepared = await withFacts(shell, around, (facts) =>
    prepare(procedure, ledger, request.metadata.name, estate, facts, lent),
  );
  await keepPreflight(shell.objects, request, prepared.report);
  if (prepared.is !== "planned") return tellUnplanned(pass, prepared);
  await keepPlan(shell.objects, request, prepared.hash, prepared.plan.text);
  return approve(pass, prepared);
}

type Planned = Extract<Prepared, { is: "planned" }>;
async function tellUnplanned(pass: Pass, prepared: Exclude<Prepared, Planned>): Promise<Requeue> {
  const refused = prepared.is === "refused";
  if (refused) await giveSitesBack(pass.shell, pass.request, pass.namespace, pass.fences);
  const standing = { is: refused ? "refused" : "checking", why: prepared.why } as const;
  await writeStatus(pass.shell, pass.request, {
    ledger: { ...pass.ledger, ...(refused && { planHash: undefined }) },
    told: tellStanding(standing, toldBefore(pass.request, pass.ledger)),
    cursor: standing.is,
    preflight: preflightStatus(pass.request, prepared.report),
    ...(refused && { plan: "none" as const }),
  });
  return { afterMs: pass.limits.idleMs };
}

function planStatus(request: KubeObject, { plan, hash }: Planned): Exclude<StatusChange["plan"], undefined> {
  const interruption = plan.interruptions.map(({ site, seconds }) => ({ site, seconds }));
  const findings = plan.findings.map(({ id, text }) => ({ id, text }));
  return {
    hash,
    short: hash.slice(0, 8),
    commands: plan.commands,
    pointOfNoReturn: plan.pointOfNoReturn,
    interruption,
    findings,
    stored: planPage(request, hash),
  };
}

async function approve(pass: Pass, prepared: Planned): Promise<Requeue> {
  const { shell, request, spec, limits } = pass;
  const { hash, plan } = prepared;
  const planned = `${plan.commands} commands; read ${whereToRead(request, hash, plan.text)}; hash ${hash}`;
  const ledger: Ledger = { ...pass.ledger, planHash: hash };
  const tell = (standing: Standing, cursor: string) =>
    writeStatus(shell, request, {
      ledger,
      told: tellStanding(standing, toldBefore(request, ledger)),
      cursor,
      plan: planStatus(request, prepared),
      preflight: preflightStatus(request, prepared.report),
    });
  if (spec.dryRun) return endDryRun({ ...pass, ledger }, prepared, planned);
  const objection = notApproved(pass, hash) ?? tooShort(pass, totalOf(prepared.pins.estimates ?? {}));
  if (objection !== undefined) {
    await giveSitesBack(shell, request, pass.namespace, pass.fences);
    await tell({ is: "awaiting", plan: planned, objection }, "awaiting approval");
    return { afterMs: limits.idleMs };
  }
  const admitted = await admit(pass);
  if ("queued" in admitted) {
    await tell({ is: "queued", plan: planned, hash, why: admitted.queued }, "queued");
    return { afterMs: limits.idleMs };
  }
  // What was seen before the sites were ours may be what another run left half-way: plan once more.
  return admitted.fresh ? { afterMs: 0 } : begin(pass, prepared, planned);
}

/** What only reads needs no site to itself. */
async function admit(pass: Pass): Promise<Admitted> {
  if (pass.procedureOf(pass.spec).procedure.readsOnly === true) return { fresh: false };
  const closed = closedSite(pass);
  if (closed !== undefined) {
    await giveSitesBack(pass.shell, pass.request, pass.namespace, pass.fences);
    return { queued: closed };
  }
  const admitted = await takeSites(pass);
  if ("queued" in admitted || admitted.fresh) return admitted;
  const lost = await lostSite(pass);
  return lost === undefined ? admitted : { queued: lost };
}

const refOf = (request: KubeObject) => ({
  namespace: request.metadata.namespace ?? "",
  name: request.metadata.name,
});

/** Why the run may not begin yet; undefined when it may. */
function notApproved(pass: Pass, hash: string): Told | undefined {
  const { spec, shell, request } = pass;
  const now = shell.clock.now();
  const earlier = endedBefore(pass);
  const how = `kubectl -n ${request.metadata.namespace} patch upg ${request.metadata.name} --type merge -p '{"spec":{"approvedPlan":"${hash}"}}'`;
  if (spec.approval === "Manual" && spec.approvedPlan === "")
    return say("Approved", "False", "AwaitingApproval", `read the plan, then: ${how}`);
  if (spec.approval === "Automatic" && spec.approvedPlan === "" && earlier !== undefined)
    return say(
      "Approved",
      "False",
      "AwaitingApproval",
      `a run of this name ended as ${earlier} before, so it does not begin by itself again; read the plan, then: ${how}`,
    );
  if (spec.approvedPlan !== "" && spec.approvedPlan !== hash)
    return say(
      "Approved",
      "False",
      "PlanOutdated",
      `spec.approvedPlan is ${spec.approvedPlan.slice(0, 12)}…, the plan for the world as it is now is ${hash}; read it and approve it: ${how}`,
    );
  if (spec.paused) return say("Approved", "False", "Paused", "spec.paused is set; the run does not begin");
  const { notBefore, notAfter } = spec.window ?? {};
  if (notBefore !== undefined && now < Date.parse(notBefore))
    return say("Approved", "False", "WindowClosed", `the run may begin at ${notBefore}`);
  if (notAfter !== undefined && now > Date.parse(notAfter))
    return say("Approved", "False", "WindowClosed", `spec.window ended at ${notAfter}; set a later one`);
  return undefined;
}

/** A window that the run would outlast at worst. */
function tooShort({ spec, shell }: Pass, seconds: number): Told | undefined {
  const { notAfter } = spec.window ?? {};
  if (notAfter === undefined || shell.clock.now() + seconds * 1000 <= Date.parse(notAfter)) return undefined;
  const why = `at worst the run takes ${inMinutes(seconds)}, and spec.window ends at ${notAfter}; set a later notAfter, or ask when the window opens`;
  return say("Approved", "False", "WindowTooShort", why);
}

/** Freezes the pins and puts the finalizer on; from here on the plan never changes. */
async function begin(pass: Pass, prepared: Planned, planned: string): Promise<Requeue> {
  const { shell, request } = pass;
  const { procedure, frozen } = pass.procedureOf(pass.spec);
  const now = shell.clock.now();
  const finalizers = [...new Set([...(request.metadata.finalizers ?? []), runFinalizer])];
  const held = await shell.objects.patch(requestKind, refOf(request), {
    metadata: { finalizers, resourceVersion: request.metadata.resourceVersion },
  });
  const ledger: Ledger = {
    ...pass.ledger,
    phase: "Running",
    planHash: prepared.hash,
    pins: { ...prepared.pins, parameters: { ...frozen } },
    procedure: procedure.name,
    revision: procedure.revision,
    approvedAt: now,
    cursor: { step: 0, part: 0, since: now, round: 1 },
  };
  const standing: Standing = { is: "begun", plan: planned, hash: prepared.hash };
  const told = tellStanding(standing, toldBefore(request, ledger));
  // Written before the ledger: a crash between the two tells it twice, never not at all.
  await appendJournal(shell.objects, held, approvalOf(pass, prepared.hash, now));
  await writeStatus(shell, held, { ledger, told, cursor: "begun", plan: planStatus(request, prepared) });
  shell.log.info({ name: request.metadata.name, hash: prepared.hash }, "run begun");
  return { afterMs: 0 };
}

function approvalOf({ request, spec, limits }: Pass, hash: string, now: number): readonly Entry[] {
  const who = (field: string): string => whoSaid(request, field, limits.authorsStamped === true);
  const at = new Date(now).toISOString();
  const approved =
    spec.approvedPlan === hash
      ? `plan ${hash}: spec.approvedPlan written ${who("approvedPlan")}`
      : `plan ${hash}, without a human: spec.approval Automatic written ${who("approval")}`;
  const asked = `UpgradeRequest ${request.metadata.name} (UID ${request.metadata.uid}): spec.procedure ${spec.procedure} written ${who("procedure")}`;
  return [
    { at, event: "asked", text: asked },
    { at, event: "approved", text: approved },
  ];
}

/** The plan is told together with the end: there is nothing between them. */
async function endDryRun(pass: Pass, prepared: Planned, planned: string): Promise<Requeue> {
  return endWith(pass, "Planned", {
    told: tellStanding({ is: "dryRun", plan: planned }, toldBefore(pass.request, pass.ledger)),
    plan: planStatus(pass.request, prepared),
    preflight: preflightStatus(pass.request, prepared.report),
  });
}

/** Over without a run: there is no plan of it. */
const end = (pass: Pass, outcome: "AlreadyDone" | "Aborted"): Promise<Requeue> =>
  endWith(pass, outcome, {
    told: tellStanding(
      { is: outcome === "Aborted" ? "aborted" : "alreadyDone" },
      toldBefore(pass.request, pass.ledger),
    ),
    plan: "none",
  });

async function endWith(
  { shell, request, ...pass }: Pass,
  outcome: keyof typeof endings,
  change: Omit<StatusChange, "ledger" | "cursor">,
): Promise<Requeue> {
  const succeeded = say("Succeeded", outcome === "Aborted" ? "False" : "True", outcome, endings[outcome]);
  await writeStatus(shell, request, {
    ...change,
    ledger: { ...pass.ledger, phase: "Finished", outcome },
    told: [...change.told, succeeded, say("Progressing", "True", "Finished", endings[outcome])],
    cursor: outcome,
  });
  return { afterMs: 0 };
}

/** Deleted before it has begun, or while it only reads: nothing is half-done. Its sites go back, and it goes. */
export async function dropHarmless(
  shell: Shell,
  request: KubeObject,
  namespace: Namespace,
  fences: FenceBook,
): Promise<Requeue> {
  await giveSitesBack(shell, request, namespace, fences);
  await dropFinalizer(shell.objects, requestKind, request, runFinalizer);
  return "never";
}
