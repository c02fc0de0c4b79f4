/** The one way in which the loops of sites, links and composites write an object's status. */
import { type Told, withConditions } from "../crds/conditions.ts";
import type { Condition } from "../crds/fields.ts";
import type { KubeObject, ResourceKind, Shell } from "./shell.ts";

/** Adds what is told to the status as it was; writes only what differs. The object as written, or nothing if all was the same. */
export async function writeObjectStatus(
  shell: Shell,
  kind: ResourceKind,
  object: KubeObject,
  status: object,
  told: readonly Told[],
): Promise<KubeObject | undefined> {
  const before: Record<string, unknown> = object.status ?? {};
  const generation = object.metadata.generation ?? 0;
  const conditions = withConditions(
    (before.conditions as Condition[] | undefined) ?? [],
    told,
    generation,
    shell.clock.now(),
  );
  const after = { ...before, ...status, observedGeneration: generation, conditions };
  if (JSON.stringify(after) === JSON.stringify(before)) return undefined;
  const written = await shell.objects.replaceStatus(kind, { ...object, status: after });
  shell.meters.apiWrite(kind.kind, "status");
  return written;
}
