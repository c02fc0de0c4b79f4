/** Desired objects as data, and the labels every one of them carries. No owner references: the data plane outlives deletions (kubernetes-observed §7). */
import { connectorsLabel, nodeLabel, siteLabel } from "../topology/names.ts";

export type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
};

export const siteLabels = (site: string): Record<string, string> => ({
  "app.kubernetes.io/name": "tungsten-cluster",
  "app.kubernetes.io/instance": site,
  "app.kubernetes.io/managed-by": "tungsten-operator",
  [siteLabel]: site,
});

export const nodeLabels = (site: string, node: string): Record<string, string> => ({
  ...siteLabels(site),
  [nodeLabel]: node,
});

/** Of pods that run only a connector. */
export const connectorLabels = (site: string): Record<string, string> => ({
  ...siteLabels(site),
  [connectorsLabel]: site,
});
