/** When a change of an object is worth a pass, and whose: what people say, not what we wrote ourselves. */
import type { KubeObject } from "./shell.ts";

/**
 * Remembers what people say in each object (spec by its generation, labels, annotations, finalizers, deletion), and
 * which runs have finished on a site: policy, topology and primary are others then. Answers whether that changed. The
 * rest of a status never wakes its own loop: it would write a status, and wake itself.
 */
export function saidSomethingNew(): (object: KubeObject, gone: boolean) => boolean {
  const heard = new Map<string, string>();
  return ({ metadata, status }, gone) => {
    const uid = metadata.uid ?? "";
    if (gone) {
      heard.delete(uid);
      return true;
    }
    const { generation, labels, annotations, finalizers, deletionTimestamp } = metadata;
    const runs: readonly { uid?: string }[] = status?.finishedRuns ?? [];
    const said = JSON.stringify([
      ...[generation, labels, annotations, finalizers, deletionTimestamp],
      runs.map((run) => run.uid),
    ]);
    if (heard.get(uid) === said) return false;
    heard.set(uid, said);
    return true;
  };
}

/** The sites that a CrossSiteLink or CompositeService names: what becomes of it concerns them. Of other kinds, none. */
export function sitesNamedBy({ spec }: KubeObject): readonly string[] {
  const named = [spec?.source, spec?.target, ...(Array.isArray(spec?.members) ? spec.members : [])];
  return named.flatMap((each: { name?: unknown } | undefined) =>
    typeof each?.name === "string" ? [each.name] : [],
  );
}
