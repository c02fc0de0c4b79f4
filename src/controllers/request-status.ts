/** The status of an UpgradeRequest: one writer, whole PUTs under resource version, nothing written when nothing changed. */
import { isDeepStrictEqual } from "node:util";
import { type Told, withConditions } from "../crds/conditions.ts";
import type { Condition } from "../crds/fields.ts";
import { type Ledger, ledgerSchema } from "../crds/ledger.ts";
import type { UpgradeRequestStatus } from "../crds/upgrade-request.ts";
import { requestKind } from "../kube/kinds.ts";
import { dataSummaries } from "../procedures/survey-report.ts";
import type { KubeObject, Shell } from "./shell.ts";

export type StatusChange = {
  readonly ledger: Ledger;
  readonly told: readonly Told[];
  readonly cursor: string;
  /** Left out: that of before stays; `none`: it is a plan no more, and nobody can approve its hash. */
  readonly plan?: NonNullable<UpgradeRequestStatus["plan"]> | "none";
  readonly preflight?: UpgradeRequestStatus["preflight"];
};

/** A sentence about what is being waited for may be this old; everything else is written at once. */
const oldestWordsMs = 10_000;
const worded = ["Progressing", "Stalled"];

/**
 * Writes the status and returns the object as the server has it now. Throws on conflict: somebody else was first. Where
 * nothing but the wording of a wait has changed, the sentence of a moment ago stays for a while.
 */
export async function writeStatus(
  shell: Shell,
  request: KubeObject,
  change: StatusChange,
): Promise<KubeObject> {
  const before = statusOfBefore(request, change.ledger);
  const generation = request.metadata.generation ?? 0;
  const conditions = withConditions(
    (before.conditions as Condition[] | undefined) ?? [],
    change.told,
    generation,
    shell.clock.now(),
  );
  const data = dataSummaries(request.metadata.name, change.ledger);
  const status = {
    ...before,
    observedGeneration: generation,
    cursor: change.cursor,
    ledger: change.ledger,
    conditions,
    ...(change.plan !== undefined && { plan: change.plan === "none" ? undefined : change.plan }),
    ...(change.preflight !== undefined && { preflight: change.preflight }),
    ...(data.length > 0 && { data }),
  };
  const text = JSON.stringify(status);
  const former = JSON.stringify(request.status ?? {});
  if (text === former) return request;
  const uid = request.metadata.uid ?? "";
  const now = shell.clock.now();
  const recent = now - (shell.statusWrites.get(uid) ?? Number.NEGATIVE_INFINITY) < oldestWordsMs;
  if (recent && JSON.stringify({ ...status, conditions: inFormerWords(before, conditions) }) === former)
    return request;
  const written = await shell.objects.replaceStatus(requestKind, { ...request, status });
  shell.meters.apiWrite("UpgradeRequest", "status");
  shell.statusWrites.set(uid, now);
  assertRecorded(change.ledger, written);
  tellEvents(shell, request, (before.conditions as Condition[] | undefined) ?? [], conditions);
  return written;
}

/** The conditions that this run has told so far. */
export const toldBefore = (request: KubeObject, ledger: Ledger): readonly Told[] =>
  (statusOfBefore(request, ledger).conditions as Condition[] | undefined) ?? [];

/** What was last told about waiting for sites. Nothing but the telling goes by this. */
export const queuedAs = ({ status }: KubeObject): Condition | undefined =>
  ((status?.conditions ?? []) as readonly Condition[]).find(({ type }) => type === "Queued");

/** A status that a restore brought back with an object of another UID is another run's: nothing of it is told on. */
function statusOfBefore({ status }: KubeObject, { runUid }: Ledger): Record<string, unknown> {
  const recorded: unknown = status?.ledger?.runUid;
  return recorded === undefined || recorded === runUid ? (status ?? {}) : {};
}

/** The conditions with the sentences of before, where one still says the same by status and reason. */
function inFormerWords(
  before: Readonly<Record<string, unknown>>,
  conditions: readonly Condition[],
): readonly Condition[] {
  const former = (before.conditions as Condition[] | undefined) ?? [];
  return conditions.map((condition) => {
    const last = former.find(({ type }) => type === condition.type);
    const same = last?.status === condition.status && last.reason === condition.reason;
    return last !== undefined && same && worded.includes(condition.type)
      ? { ...condition, message: last.message }
      : condition;
  });
}

/** Their False is no trouble of its own: it waits for a human, or another condition says what is wrong. */
const harmless = ["Planned", "Approved", "Queued"];

/** One event for each condition that turned, so that `kubectl describe` tells the story. */
function tellEvents(
  shell: Shell,
  request: KubeObject,
  before: readonly Condition[],
  after: readonly Condition[],
): void {
  for (const condition of after) {
    const last = before.find((each) => each.type === condition.type);
    if (
      last?.status === condition.status &&
      (condition.type !== "Stalled" || last.reason === condition.reason)
    )
      continue;
    if (last === undefined && condition.status === "False" && condition.type === "Stalled") continue;
    const bad = (condition.type === "Stalled" && condition.status === "True") || condition.status === "False";
    shell.events.emit(
      request,
      bad && !harmless.includes(condition.type) ? "Warning" : "Normal",
      condition.reason,
      `${condition.type}: ${condition.message}`,
    );
  }
}

/**
 * The server answers with what it stored. A ledger that came back otherwise was pruned by an older CRD: nothing may be
 * carried out on a record that does not exist.
 */
export function assertRecorded(sent: Ledger, stored: KubeObject): void {
  const recorded = ledgerSchema.safeParse(stored.status?.ledger);
  if (recorded.success && isDeepStrictEqual(recorded.data, sent)) return;
  // A field that is there and undefined is no field to the server.
  if (recorded.success && sortedText(recorded.data) === sortedText(sent)) return;
  throw new Error(
    `the API server did not store status.ledger of ${stored.kind} ${stored.metadata.name} as it was sent: its CRD is older than this operator; apply config/crd`,
  );
}

const sortedText = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
