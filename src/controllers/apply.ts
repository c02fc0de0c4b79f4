/** Server-side apply of desired objects, skipped where the live object carries the checksum of what is wanted, and still holds it. */
import { budgetKind, configMapKind, networkPolicyKind, serviceKind, statefulSetKind } from "../kube/kinds.ts";
import type { Manifest } from "../manifests/object.ts";
import { sha256Of } from "./checksum.ts";
import type { KubeObject, ResourceKind, Shell } from "./shell.ts";

const appliedAnnotation = "tungsten-operator.io/applied";
const kinds: Readonly<Record<string, ResourceKind>> = {
  Service: serviceKind,
  ConfigMap: configMapKind,
  StatefulSet: statefulSetKind,
  PodDisruptionBudget: budgetKind,
  NetworkPolicy: networkPolicyKind,
};

/** Everything wanted stands in the live object, whatever else the server put beside it. */
function holds(live: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted))
    return Array.isArray(live) && wanted.every((item, index) => listHolds(live, item, index));
  if (typeof wanted !== "object" || wanted === null) return live === wanted;
  if (typeof live !== "object" || live === null) return false;
  return Object.entries(wanted).every(
    ([key, value]) => value === undefined || holds((live as Record<string, unknown>)[key], value),
  );
}

/** Lists of objects are merged by key, and others may add entries; in lists of words the place counts. */
const listHolds = (live: readonly unknown[], item: unknown, index: number): boolean =>
  typeof item === "object" ? live.some((other) => holds(other, item)) : live[index] === item;

/** Applies what differs, and of `frozen` kinds only what is missing; returns how many objects were written. */
export async function applyAll(
  shell: Shell,
  manifests: readonly Manifest[],
  { frozen = [] }: { readonly frozen?: readonly string[] } = {},
): Promise<number> {
  let written = 0;
  for (const manifest of manifests) {
    const kind = kinds[manifest.kind];
    if (kind === undefined) throw new Error(`no kind ${manifest.kind}`);
    const checksum = sha256Of(JSON.stringify(manifest)).slice(0, 16);
    const { namespace, name } = manifest.metadata;
    const live = await shell.objects.get(kind, { namespace, name });
    if (live !== undefined && frozen.includes(manifest.kind)) continue;
    if (live?.metadata.annotations?.[appliedAnnotation] === checksum && holds(live, manifest)) continue;
    const annotations = { ...manifest.metadata.annotations, [appliedAnnotation]: checksum };
    await shell.objects.apply(kind, {
      ...manifest,
      metadata: { ...manifest.metadata, annotations },
    } as KubeObject);
    shell.meters.apiWrite(manifest.kind, "apply");
    written += 1;
  }
  return written;
}
