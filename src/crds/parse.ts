/** Objects from the API server parsed once, where a controller begins; what does not fit is told in one sentence a fault. */
import type * as z from "zod";

export type Parsed<T> = { readonly spec: T } | { readonly faults: readonly string[] };

/** Parses `spec` with a kind's schema: defaults filled in, faults as `spec.path: what is wrong`. */
export function parseSpec<Spec extends z.ZodType>(schema: Spec, spec: unknown): Parsed<z.output<Spec>> {
  const result = schema.safeParse(spec);
  if (result.success) return { spec: result.data };
  return {
    faults: result.error.issues.map((issue) => `spec.${issue.path.join(".")}: ${issue.message}; correct it`),
  };
}
