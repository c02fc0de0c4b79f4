/**
 * The loop of an UpgradeRequest: read it live, gather fresh facts, decide, record the decision under resource version,
 * then act. What acting returns is only logged; the next pass observes again (DESIGN §5).
 */
import { type Ledger, ledgerSchema, newLedger } from "../crds/ledger.ts";
import { parseSpec } from "../crds/parse.ts";
import { type UpgradeRequestSpec, upgradeRequest } from "../crds/upgrade-request.ts";
import { isConflict } from "../kube/errors.ts";
import { requestKind } from "../kube/kinds.ts";
import { type About, holdsSites, procedureOf } from "../procedures/catalog.ts";
import { stalled } from "../procedures/tell.ts";
import { say, tellStanding } from "../procedures/tell-standing.ts";
import { type Estate, withActiveSite } from "../topology/estate.ts";
import { estateWith } from "../topology/estate-of.ts";
import { approvedTexts } from "./approved-texts.ts";
import { type Namespace, readNamespace } from "./estate-reader.ts";
import { haltDeparted } from "./request-decide.ts";
import { finishRequest, letGoWithNamespace, letGoWithSites } from "./request-end.ts";
import { dropHarmless, planRequest } from "./request-planning.ts";
import { runRequest } from "./request-run.ts";
import { giveSitesBack } from "./request-sites.ts";
import { queuedAs, toldBefore, writeStatus } from "./request-status.ts";
import type { KubeObject, ObjectRef, Shell } from "./shell.ts";

/** When to look again; "never" until something changes. */
export type Requeue = { readonly afterMs: number } | "never";

export type RequestLimits = {
  /** Commands of one part that run side by side. */
  readonly width: number;
  /** Between looks at something that runs. */
  readonly pollMs: number;
  /** The most between looks at something that has run for long. */
  readonly pollMostMs: number;
  /** Between looks at something that only a human or a changed world can move. */
  readonly idleMs: number;
  /** The API server stamps who asked and who approved; else only field managers are known. */
  readonly authorsStamped?: boolean;
};

/** Everything one pass works on. */
export type Pass = {
  readonly shell: Shell;
  readonly limits: RequestLimits;
  readonly request: KubeObject;
  readonly spec: UpgradeRequestSpec;
  readonly ledger: Ledger;
  readonly estate: Estate;
  readonly namespace: Namespace;
  /** Fences by run UID and site that this process has taken; lives as long as the process. */
  readonly fences: FenceBook;
  readonly procedureOf: Catalog;
  /** Texts that the spec names by object and checksum, by checksum. */
  readonly texts: ReadonlyMap<string, string>;
};
/** Where procedures come from; tests hand in mutated ones to see the invariants bite. */
export type Catalog = typeof procedureOf;
export type FenceBook = Map<string, Map<string, string>>;

export async function reconcileRequest(
  shell: Shell,
  limits: RequestLimits,
  fences: FenceBook,
  ref: ObjectRef,
  catalog: Catalog = procedureOf,
): Promise<Requeue> {
  const request = await shell.objects.get(requestKind, ref);
  if (request === undefined) return "never";
  try {
    return await passOver(shell, limits, fences, request, catalog);
  } catch (error) {
    if (isConflict(error)) return { afterMs: 50 };
    const why = error instanceof Error ? error.message : String(error);
    shell.events.emit(request, "Warning", "PassFailed", `a pass failed and is tried again: ${why}`);
    throw error;
  }
}

async function passOver(
  shell: Shell,
  limits: RequestLimits,
  fences: FenceBook,
  request: KubeObject,
  catalog: Catalog,
): Promise<Requeue> {
  if (await letGoWithNamespace(shell, request)) return "never";
  const ledger = ledgerOf(request, shell.clock.now());
  if (ledger === undefined) return refuseLedger(shell, request);
  if (ledger.phase === "Finished") return finishRequest(shell, request, ledger, fences);
  const stop = ledger.phase === "Running" ? standStill : refuse;
  const namespace = await readNamespace(shell.objects, request.metadata.namespace ?? "");
  const leavesNothing = ledger.phase === "Planning" || !holdsSites(ledger.procedure);
  if (leavesNothing && request.metadata.deletionTimestamp !== undefined)
    return dropHarmless(shell, request, namespace, fences);
  if (ledger.phase === "Running" && (await letGoWithSites(shell, request, ledger, namespace))) return "never";
  const parsed = parseSpec(upgradeRequest.spec, request.spec);
  const estate =
    "faults" in parsed ? parsed.faults.join("; ") : estateOf(namespace, ledger, catalog(parsed.spec).about);
  if ("faults" in parsed || typeof estate === "string") {
    if (ledger.phase === "Planning") await giveSitesBack(shell, request, namespace, fences);
    return stop(shell, limits, request, ledger, String(estate));
  }
  const texts = await approvedTexts(shell.objects, request.metadata.namespace ?? "", parsed.spec);
  if (typeof texts === "string") {
    if (ledger.phase === "Planning") await giveSitesBack(shell, request, namespace, fences);
    return stop(shell, limits, request, ledger, texts);
  }
  const pass: Pass = {
    shell,
    texts,
    limits,
    request,
    spec: parsed.spec,
    ledger,
    estate,
    namespace,
    fences,
    procedureOf: catalog,
  };
  return ledger.phase === "Planning" ? planRequest(pass) : runRequest(pass);
}

/**
 * The estate a request is about: before approval the one its spec names, and no other; afterwards the one
 * its pinned sites are in, whatever became of the CompositeService. A sentence when there is none.
 */
function estateOf(namespace: Namespace, { pins }: Ledger, about: About): Estate | string {
  const [pinned] = Object.keys(pins?.members ?? {});
  if (pinned !== undefined)
    return (
      estateAsPinned(namespace, pinned, pins) ??
      `TungstenCluster ${pinned} ${whyNone(namespace, pinned, "is gone")}; this run was made for it: bring it back`
    );
  if ("site" in about)
    return (
      estateWith(namespace.estates, about.site) ??
      (namespace.leftOut.has(`TungstenCluster/${about.site}`)
        ? `TungstenCluster ${about.site} ${whyNone(namespace, about.site, "")}`
        : `this namespace has no TungstenCluster ${about.site}; name one of the estate's sites`)
    );
  const { composite, field } = about;
  const named = namespace.estates.find((estate) => estate.composite?.name === composite);
  if (named !== undefined) return named;
  const fault = namespace.leftOut.get(`CompositeService/${composite}`);
  if (fault !== undefined) return `CompositeService ${composite} is not sound: ${fault}`;
  const input = namespace.composites.find(({ name }) => name === composite);
  if (input === undefined) return `${field} names no CompositeService of this namespace; create it first`;
  const bad = input.members.find((member) => namespace.leftOut.has(`TungstenCluster/${member}`));
  if (bad !== undefined)
    return `TungstenCluster ${bad}, a member of CompositeService ${composite}, ${whyNone(namespace, bad, "")}`;
  const problem = namespace.problems.find(({ about }) => about === `CompositeService/${composite}`)?.sentence;
  return `CompositeService ${composite} is not sound: ${problem ?? "its sites are linked with those of another CompositeService; delete those links"}`;
}

/** A run sees the composite's writing site as it was approved; that it has moved is for its steps to see. */
function estateAsPinned({ estates }: Namespace, site: string, pins: Ledger["pins"]): Estate | undefined {
  const estate = estateWith(estates, site);
  return estate && pins ? withActiveSite(estate, pins.activeSite) : estate;
}

/** Why a TungstenCluster is in no estate. */
function whyNone({ leftOut }: Namespace, site: string, absent: string): string {
  const fault = leftOut.get(`TungstenCluster/${site}`);
  return fault === undefined ? absent : `is not sound: ${fault}`;
}

const freshLedger = (request: KubeObject, now: number): Ledger =>
  newLedger(String(request.spec?.procedure ?? "unknown"), 1, request.metadata.uid ?? "", now);

/** The recorded ledger, or a fresh one; undefined when what is recorded cannot be read, which stops everything. */
function ledgerOf(request: KubeObject, now: number): Ledger | undefined {
  const recorded: unknown = request.status?.ledger;
  if (recorded === undefined) return freshLedger(request, now);
  const parsed = ledgerSchema.safeParse(recorded);
  if (!parsed.success) return undefined;
  return parsed.data.runUid === request.metadata.uid ? parsed.data : freshLedger(request, now);
}

async function refuse(
  shell: Shell,
  { idleMs }: RequestLimits,
  request: KubeObject,
  ledger: Ledger,
  why: string,
): Promise<Requeue> {
  await writeStatus(shell, request, {
    ledger: { ...ledger, planHash: undefined },
    told: tellStanding({ is: "refused", why }, toldBefore(request, ledger)),
    cursor: "refused",
    plan: "none",
  });
  return { afterMs: idleMs };
}

/** A run whose specs are gone or unsound does nothing until they are back. */
async function standStill(
  shell: Shell,
  { idleMs }: RequestLimits,
  request: KubeObject,
  ledger: Ledger,
  why: string,
): Promise<Requeue> {
  const decision = haltDeparted(ledger, why, request.metadata.generation ?? 0, shell.clock.now());
  const cursor: string = request.status?.cursor ?? "";
  const told = [
    stalled(decision),
    say("Progressing", "True", "Halted", `${cursor}: halted, WorldDeparted: ${why}`),
    ...(queuedAs(request)?.status === "True"
      ? [say("Queued", "False", "Halted", "it asks for no site; Stalled says why")]
      : []),
  ];
  await writeStatus(shell, request, { ledger: decision.ledger, told, cursor });
  return { afterMs: idleMs };
}

/** A ledger we cannot read is left as it is: it may be a newer version's. Nothing is done on a guess. */
async function refuseLedger(shell: Shell, request: KubeObject): Promise<Requeue> {
  shell.log.error({ name: request.metadata.name }, "status.ledger cannot be read; nothing is done");
  shell.events.emit(
    request,
    "Warning",
    "LedgerUnreadable",
    "status.ledger cannot be read by this version of the operator; run the version that wrote it",
  );
  return { afterMs: 60_000 };
}
