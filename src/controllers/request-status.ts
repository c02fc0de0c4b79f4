/** The status of an UpgradeRequest: one writer, whole PUTs under resource version, nothing written when nothing changed. */
import { type Told, withConditions } from "../crds/conditions.ts";
import type { Condition } from "../crds/fields.ts";
import type { Ledger } from "../crds/ledger.ts";
import type { UpgradeRequestStatus } from "../crds/upgrade-request.ts";
import { requestKind } from "../kube/kinds.ts";
import type { KubeObject, Shell } from "./shell.ts";

export type StatusChange = {
  readonly ledger: Ledger;
  readonly told: readonly Told[];
  readonly cursor: string;
  readonly plan?: UpgradeRequestStatus["plan"];
};

/** Writes the status and returns the object as the server has it now. Throws on conflict: somebody else was first. */
export async function writeStatus(
  shell: Shell,
  request: KubeObject,
  change: StatusChange,
): Promise<KubeObject> {
  const before: Record<string, unknown> = request.status ?? {};
  const generation = request.metadata.generation ?? 0;
  const conditions = withConditions(
    (before.conditions as Condition[] | undefined) ?? [],
    change.told,
    generation,
    shell.clock.now(),
  );
  const status = {
    ...before,
    observedGeneration: generation,
    cursor: change.cursor,
    ledger: change.ledger,
    conditions,
    ...(change.plan !== undefined && { plan: change.plan }),
  };
  if (JSON.stringify(status) === JSON.stringify(before)) return request;
  const written = await shell.objects.replaceStatus(requestKind, { ...request, status });
  shell.meters.apiWrite("UpgradeRequest", "status");
  tellEvents(shell, request, (before.conditions as Condition[] | undefined) ?? [], conditions);
  return written;
}

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
      bad && condition.type !== "Approved" ? "Warning" : "Normal",
      condition.reason,
      `${condition.type}: ${condition.message}`,
    );
  }
}
