/** Owner references for what may vanish with a request: plan and journal. Never for the data plane (kubernetes-observed §7). */
import type { KubeObject } from "./shell.ts";

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
