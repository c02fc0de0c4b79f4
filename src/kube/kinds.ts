/** The kinds of objects the program reads or writes. */
import type { ResourceKind } from "../controllers/shell.ts";

const core = (plural: string, kind: string): ResourceKind => ({ group: "", version: "v1", plural, kind });
const own = (plural: string, kind: string): ResourceKind => ({
  group: "tungsten-operator.io",
  version: "v1alpha1",
  plural,
  kind,
});

export const namespaceKind = core("namespaces", "Namespace");
export const podKind = core("pods", "Pod");
export const serviceKind = core("services", "Service");
export const configMapKind = core("configmaps", "ConfigMap");
export const secretKind = core("secrets", "Secret");
export const claimKind = core("persistentvolumeclaims", "PersistentVolumeClaim");
export const statefulSetKind: ResourceKind = {
  group: "apps",
  version: "v1",
  plural: "statefulsets",
  kind: "StatefulSet",
};
export const budgetKind: ResourceKind = {
  group: "policy",
  version: "v1",
  plural: "poddisruptionbudgets",
  kind: "PodDisruptionBudget",
};
export const networkPolicyKind: ResourceKind = {
  group: "networking.k8s.io",
  version: "v1",
  plural: "networkpolicies",
  kind: "NetworkPolicy",
};
export const leaseKind: ResourceKind = {
  group: "coordination.k8s.io",
  version: "v1",
  plural: "leases",
  kind: "Lease",
};
export const eventKind: ResourceKind = {
  group: "events.k8s.io",
  version: "v1",
  plural: "events",
  kind: "Event",
};
export const clusterKind = own("tungstenclusters", "TungstenCluster");
export const compositeKind = own("compositeservices", "CompositeService");
export const linkKind = own("crosssitelinks", "CrossSiteLink");
export const requestKind = own("upgraderequests", "UpgradeRequest");
