/**
 * What ties objects to us: finalizers, and owner references for what may vanish with a request (plan, journal, reports).
 * The data plane has no owner (kubernetes-observed §7).
 */
import { namespaceKind } from "../kube/kinds.ts";
import type { KubeObject, Objects, ResourceKind } from "./shell.ts";

/** On a TungstenCluster, before the first of its objects is made. */
export const siteFinalizer = "tungsten-operator.io/site";
/** On a CrossSiteLink, from the first look at it until what it did on the nodes is undone. */
export const linkFinalizer = "tungsten-operator.io/link";
/** On an UpgradeRequest, from its approval to its end. */
export const runFinalizer = "tungsten-operator.io/run";

export function ownerOf(object: KubeObject): NonNullable<KubeObject["metadata"]["ownerReferences"]>[number] {
  const { apiVersion, kind, metadata } = object;
  return {
    apiVersion,
    kind,
    name: metadata.name,
    uid: metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: false,
  };
}

/** Takes one finalizer off, under resource version; without a write where it is not on. */
export async function dropFinalizer(
  objects: Pick<Objects, "patch">,
  kind: ResourceKind,
  { metadata }: KubeObject,
  finalizer: string,
): Promise<void> {
  if (!metadata.finalizers?.includes(finalizer)) return;
  const finalizers = metadata.finalizers.filter((name) => name !== finalizer);
  const ref = { namespace: metadata.namespace ?? "", name: metadata.name };
  await objects.patch(kind, ref, { metadata: { finalizers, resourceVersion: metadata.resourceVersion } });
}

/** A namespace that is deleted as a whole takes pods and volumes, whatever we hold; an object held in it would hold it for ever. */
export async function namespaceGoes(objects: Pick<Objects, "get">, name: string): Promise<boolean> {
  const found = await objects.get(namespaceKind, { namespace: "", name });
  return found?.metadata.deletionTimestamp !== undefined;
}
