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

/**
 * The same, and those that the object named before its last change: a member that is taken out has the most to do. What
 * is gone is forgotten with the answer.
 */
export function sitesConcerned(): (object: KubeObject, gone: boolean) => readonly string[] {
  const before = new Map<string, readonly string[]>();
  return (object, gone) => {
    const uid = object.metadata.uid ?? "";
    const now = sitesNamedBy(object);
    const concerned = [...new Set([...now, ...(before.get(uid) ?? [])])];
    if (gone || now.length === 0) before.delete(uid);
    else before.set(uid, now);
    return concerned;
  };
}
