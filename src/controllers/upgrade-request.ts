/**
 * The loop of an UpgradeRequest: read it live, gather fresh facts, decide, record the decision under resource version,
 * then act. What acting returns is only logged; the next pass observes again (DESIGN §5).
 */
import { type Ledger, ledgerSchema, newLedger } from "../crds/ledger.ts";
import { parseSpec } from "../crds/parse.ts";
import { type UpgradeRequestSpec, upgradeRequest } from "../crds/upgrade-request.ts";
import { isConflict } from "../kube/errors.ts";
import { requestKind } from "../kube/kinds.ts";
import { type About, procedureOf } from "../procedures/catalog.ts";
import type { Estate } from "../topology/estate.ts";
import { estateWith } from "../topology/estate-of.ts";
import { type Namespace, readNamespace } from "./estate-reader.ts";
import { finishRequest } from "./request-end.ts";
import { planRequest } from "./request-planning.ts";
import { runRequest } from "./request-run.ts";
import { writeStatus } from "./request-status.ts";
import type { KubeObject, ObjectRef, Shell } from "./shell.ts";

/** When to look again; "never" until something changes. */
export type Requeue = { readonly afterMs: number } | "never";

export type RequestLimits = {
  /** Commands of one part that run side by side. */
  readonly width: number;
  /** Between looks at something that runs. */
  readonly pollMs: number;
  /** Between looks at something that only a human or a changed world can move. */
  readonly idleMs: number;
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
  const parsed = parseSpec(upgradeRequest.spec, request.spec);
  const ledger = ledgerOf(request, shell.clock.now());
  if ("faults" in parsed)
    return refuse(
      shell,
      request,
      ledger ?? freshLedger(request, shell.clock.now()),
      parsed.faults.join("; "),
    );
  if (ledger === undefined) return refuseLedger(shell, request);
  if (ledger.phase === "Finished") return finishRequest(shell, request, ledger, fences);
  const { about } = catalog(parsed.spec);
  const namespace = await readNamespace(shell.objects, request.metadata.namespace ?? "");
  const estate = estateFor(about, namespace);
  if (estate === undefined) return refuse(shell, request, ledger, noEstate(about));
  const pass: Pass = {
    shell,
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

/** Without its composite a conversion is refused by its own pre-flight, which needs some estate to look at. */
function estateFor(about: About, namespace: Namespace): Estate | undefined {
  if ("site" in about) return estateWith(namespace.estates, about.site);
  const members = namespace.estates.find((estate) => estate.composite?.name === about.composite);
  return members ?? estateWith(namespace.estates, [...namespace.clusters.keys()][0] ?? "");
}

const noEstate = (about: About): string =>
  "site" in about
    ? `this namespace has no TungstenCluster ${about.site}; name one of the estate's sites`
    : "this namespace has no TungstenCluster; create the sites first";

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

async function refuse(shell: Shell, request: KubeObject, ledger: Ledger, why: string): Promise<Requeue> {
  const told = [{ type: "Accepted", status: "False" as const, reason: "Refused", message: why }];
  await writeStatus(shell, request, { ledger, told, cursor: "refused" });
  return { afterMs: 30_000 };
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
