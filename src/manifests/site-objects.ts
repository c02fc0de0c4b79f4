/** The objects of one site: Services, ConfigMaps, the StatefulSet of its nodes, the disruption budget, the NetworkPolicy. */
import type { TungstenClusterSpec } from "../crds/tungsten-cluster.ts";
import type { Estate, Node, Site } from "../topology/estate.ts";
import {
  connectorService,
  connectorsLabel,
  headlessService,
  iniConfigMap,
  myCnfConfigMap,
  nobodyLabel,
  runnerConfigMap,
} from "../topology/names.ts";
import { connectorObjects } from "./connector-objects.ts";
import { myCnfFiles } from "./my-cnf.ts";
import { networkPolicy } from "./network-policy.ts";
import { type Manifest, nodeLabels, siteLabels } from "./object.ts";
import { claim, podSpec } from "./pod-spec.ts";

export type SiteInputs = {
  readonly estate: Estate;
  readonly site: Site;
  readonly spec: TungstenClusterSpec;
  readonly runnerScript: string;
  /** Of the claims' templates, which nobody may change later; spec.storage.size where left out. */
  readonly claimSize?: string;
  /** The connectors' Service leads nowhere. */
  readonly clientsKeptAway?: boolean;
};

const meta = (namespace: string, name: string, labels: Record<string, string>) => ({
  name,
  namespace,
  labels,
});

/** Everything but Secrets, in the order in which it is applied. */
export function siteObjects(inputs: SiteInputs): readonly Manifest[] {
  const { site, spec } = inputs;
  return [
    runnerMap(inputs),
    myCnfMap(inputs),
    headless(inputs),
    ...site.nodes.map((node) => nodeService(inputs, node)),
    connector(inputs),
    budget(inputs),
    ...(spec.networkPolicy === undefined ? [] : [networkPolicy(inputs.estate, site, spec.networkPolicy)]),
    statefulSet(inputs),
    ...connectorObjects(inputs),
  ];
}

const iniLabels = {
  "app.kubernetes.io/managed-by": "tungsten-operator",
  "app.kubernetes.io/name": "tungsten-ini",
};
/** Finds the wanted inis of all estates of a namespace. */
export const iniSelector = Object.entries(iniLabels)
  .map(([key, value]) => `${key}=${value}`)
  .join(",");

/** The estate's wanted ini for people and Argo CD; what counts is the checksum on the node. */
export const iniMap = (estate: Estate, text: string): Manifest => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: meta(estate.namespace, iniConfigMap(estate.name), iniLabels),
  data: { "tungsten.ini": text },
});

const runnerMap = ({ estate, runnerScript }: SiteInputs): Manifest => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: meta(estate.namespace, runnerConfigMap, { "app.kubernetes.io/managed-by": "tungsten-operator" }),
  data: { runner: runnerScript },
});

const myCnfMap = ({ estate, site, spec }: SiteInputs): Manifest => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: meta(estate.namespace, myCnfConfigMap(site.name), siteLabels(site.name)),
  data: myCnfFiles(estate, site, spec.mysql.settings),
});

/** Peers must resolve before they are Ready. */
const headless = ({ estate, site }: SiteInputs): Manifest => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: meta(estate.namespace, headlessService(site.name), siteLabels(site.name)),
  spec: {
    clusterIP: "None",
    publishNotReadyAddresses: true,
    selector: { "tungsten-operator.io/site": site.name },
    ports: [{ name: "mysql", port: site.mysqlPort }],
  },
});

/** A headless Service named after the member, so that its short name, which tpm insists on, resolves everywhere in the namespace. */
const nodeService = ({ estate, site }: SiteInputs, node: Node): Manifest => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: meta(estate.namespace, node.name, nodeLabels(site.name, node.name)),
  spec: {
    clusterIP: "None",
    publishNotReadyAddresses: true,
    selector: { "statefulset.kubernetes.io/pod-name": node.name },
    ports: [{ name: "mysql", port: site.mysqlPort }],
  },
});

const connector = ({ estate, site, spec, clientsKeptAway = false }: SiteInputs): Manifest => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: meta(estate.namespace, connectorService(site.name), siteLabels(site.name)),
  spec: {
    type: spec.connector.service.type,
    selector: { "tungsten-operator.io/site": site.name, ...(clientsKeptAway && { [nobodyLabel]: "true" }) },
    ports: [{ name: "connector", port: spec.connector.port, targetPort: spec.connector.port }],
  },
});

/** Pods that run only a connector have a budget of their own: one of them that is away keeps no node from being moved. */
const budget = ({ estate, site }: SiteInputs): Manifest => ({
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: meta(estate.namespace, site.name, siteLabels(site.name)),
  spec: {
    maxUnavailable: 1,
    selector: {
      matchLabels: { "tungsten-operator.io/site": site.name },
      ...(site.connectors.length > 0 && {
        matchExpressions: [{ key: connectorsLabel, operator: "DoesNotExist" }],
      }),
    },
  },
});

/** OnDelete and Parallel: a template change never restarts a primary by itself, and no node waits for another to come up. */
function statefulSet({ estate, site, spec, claimSize = spec.storage.size }: SiteInputs): Manifest {
  const labels = siteLabels(site.name);
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: meta(estate.namespace, site.name, labels),
    spec: {
      serviceName: headlessService(site.name),
      replicas: site.nodes.length,
      podManagementPolicy: "Parallel",
      updateStrategy: { type: "OnDelete" },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
      selector: { matchLabels: { "tungsten-operator.io/site": site.name } },
      template: { metadata: { labels }, spec: podSpec({ site, spec }) },
      volumeClaimTemplates: [
        claim("opt", claimSize, labels, spec),
        ...(spec.backups === undefined ? [claim("backups", claimSize, labels, spec)] : []),
      ],
    },
  };
}
