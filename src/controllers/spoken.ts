/**
 * Who said something in a spec, as far as the API server tells it: the field manager that last wrote the field, how and
 * when. A field manager is a name the client chose (`kubectl-patch`, `argocd-controller`), no user: the user stands in
 * the API server's audit log under that time.
 */
import type { KubeObject } from "./shell.ts";

type ManagedFields = {
  readonly manager?: string;
  readonly operation?: string;
  readonly time?: string;
  readonly subresource?: string;
  readonly fieldsV1?: Record<string, unknown>;
};

/** Who last wrote `spec.FIELD`; a sentence for the journal. */
export function whoWrote(object: KubeObject, field: string): string {
  const entries: readonly ManagedFields[] = object.metadata.managedFields ?? [];
  const owners = entries.filter(({ fieldsV1 }) => {
    const spec = fieldsV1?.["f:spec"];
    return typeof spec === "object" && spec !== null && `f:${field}` in spec;
  });
  if (owners.length === 0) return "by whom the API server does not tell";
  return owners
    .map(
      ({ manager = "?", operation = "?", time = "?" }) =>
        `by field manager «${manager}» (${operation}) at ${time}`,
    )
    .join(", and ");
}
