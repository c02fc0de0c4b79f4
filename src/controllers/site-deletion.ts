/** Deleting a TungstenCluster: refused while others depend on it, its objects in order, its volumes only if that was asked for before. */
import {
  budgetKind,
  claimKind,
  clusterKind,
  configMapKind,
  secretKind,
  serviceKind,
  statefulSetKind,
} from "../kube/kinds.ts";
import { siteLabel } from "../topology/names.ts";
import type { Namespace } from "./estate-reader.ts";
import { otherHolder } from "./request-sites.ts";
import type { KubeObject, ResourceKind, Shell } from "./shell.ts";
import type { RequestLimits, Requeue } from "./upgrade-request.ts";

export const siteFinalizer = "tungsten-operator.io/site";

/** Clients first, then what runs, then what it ran from. */
const order: readonly ResourceKind[] = [serviceKind, statefulSetKind, budgetKind, configMapKind, secretKind];

export async function deleteSite(
  shell: Shell,
  object: KubeObject,
  all: Namespace,
  limits: RequestLimits,
): Promise<Requeue> {
  const { name } = object.metadata;
  const namespace = object.metadata.namespace ?? "";
  if (!object.metadata.finalizers?.includes(siteFinalizer)) return "never";
  const needed = neededBy(name, all);
  const holder = await otherHolder(shell.objects, namespace, name, object.metadata.uid);
  if (needed !== "" || holder !== "") {
    const why =
      needed !== ""
        ? `${needed} needs it; remove it there first`
        : `the procedure of UpgradeRequest with UID ${holder} runs on it; let it end or abort it first`;
    shell.events.emit(object, "Warning", "DeletionHeld", `not deleted: ${why}`);
    return { afterMs: limits.idleMs };
  }
  const kinds = object.spec?.retention === "Delete" ? [...order, claimKind] : order;
  for (const kind of kinds)
    for (const child of await shell.objects.list(kind, namespace, `${siteLabel}=${name}`))
      await shell.objects.remove(kind, { namespace, name: child.metadata.name }, child.metadata.uid ?? "");
  const finalizers = object.metadata.finalizers.filter((each) => each !== siteFinalizer);
  await shell.objects.patch(
    clusterKind,
    { namespace, name },
    { metadata: { finalizers, resourceVersion: object.metadata.resourceVersion } },
  );
  return "never";
}

/** The object that still needs the site, by kind and name; empty if none. The deletion policy reads it in the status. */
export function neededBy(name: string, { links, composites }: Namespace): string {
  const composite = composites.find(({ members }) => members.includes(name));
  if (composite !== undefined) return `CompositeService ${composite.name}`;
  const link = links.find(({ source, target }) => source === name || target === name);
  return link === undefined ? "" : `CrossSiteLink ${link.name}`;
}
