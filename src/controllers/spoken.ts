/**
 * Who said something in a spec, as far as the API server tells it. Where a policy of ours stamps the authenticated user
 * on the object it is that user. Else it is the field manager that last wrote the field: a name the client chose
 * (`kubectl-patch`, `argocd-controller`), no user; the user stands in the API server's audit log under that time.
 */
import type { KubeObject } from "./shell.ts";

type ManagedFields = {
  readonly manager?: string;
  readonly operation?: string;
  readonly time?: string;
  readonly subresource?: string;
  readonly fieldsV1?: Record<string, unknown>;
};

/** Which annotation names the user who wrote a field; the chart's policies know them by the same names. */
const stamps: Readonly<Record<string, string>> = {
  procedure: "tungsten-operator.io/requested-by",
  approvedPlan: "tungsten-operator.io/approved-by",
  approval: "tungsten-operator.io/approved-by",
};

/**
 * Who last wrote `spec.FIELD`; a sentence for the journal. An annotation counts only where it is `stamped`: elsewhere
 * anybody could have written it.
 */
export function whoSaid(object: KubeObject, field: string, stamped: boolean): string {
  const user = stamped ? object.metadata.annotations?.[stamps[field] ?? ""] : undefined;
  const manager = whoWrote(object, field);
  if (user !== undefined) return `by user «${user}», as the API server authenticated it, ${manager}`;
  return stamped ? `${manager}; no user was stamped` : manager;
}

function whoWrote(object: KubeObject, field: string): string {
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
