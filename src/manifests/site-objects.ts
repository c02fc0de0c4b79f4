/** The objects of one site: Services, ConfigMaps, the StatefulSet of its nodes, the disruption budget, the NetworkPolicy. */
import type { TungstenClusterSpec } from "../crds/tungsten-cluster.ts";
import type { Estate, Node, Site } from "../topology/estate.ts";
import {
  connectorService,
  headlessService,
  iniConfigMap,
  myCnfConfigMap,
  runnerConfigMap,
  siteSecret,
  sshSecret,
} from "../topology/names.ts";
import { myCnfFiles } from "./my-cnf.ts";
import { networkPolicy } from "./network-policy.ts";
import { type Manifest, nodeLabels, siteLabels } from "./object.ts";
import { podTemplate } from "./pod-template.ts";

export type SiteInputs = {
  readonly estate: Estate;
  readonly site: Site;
  readonly spec: TungstenClusterSpec;
  readonly runnerScript: string;
  /** Of the claims' templates, which nobody may change later; spec.storage.size where left out. */
  readonly claimSize?: string;
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

const connector = ({ estate, site, spec }: SiteInputs): Manifest => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: meta(estate.namespace, connectorService(site.name), siteLabels(site.name)),
  spec: {
    type: spec.connector.service.type,
    selector: { "tungsten-operator.io/site": site.name },
    ports: [{ name: "connector", port: spec.connector.port, targetPort: spec.connector.port }],
  },
});

const budget = ({ estate, site }: SiteInputs): Manifest => ({
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: meta(estate.namespace, site.name, siteLabels(site.name)),
  spec: { maxUnavailable: 1, selector: { matchLabels: { "tungsten-operator.io/site": site.name } } },
});

/** OnDelete and Parallel: a template change never restarts a primary by itself, and no node waits for another to come up. */
function statefulSet({ estate, site, spec, claimSize = spec.storage.size }: SiteInputs): Manifest {
  const labels = siteLabels(site.name);
  const claim = (name: string, size: string) => ({
    metadata: { name, labels },
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: size } },
      ...(spec.storage.className !== undefined && { storageClassName: spec.storage.className }),
    },
  });
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
      template: { metadata: { labels }, spec: podSpec({ estate, site, spec }) },
      volumeClaimTemplates: [
        claim("opt", claimSize),
        ...(spec.backups === undefined ? [claim("backups", claimSize)] : []),
      ],
    },
  };
}

/** A procedure that takes a site's clients away holds the connector first: the pod leaves its Service. */
const mayComeIn = '[[ ! -e /opt/tungsten-operator/holds/connector ]] && exec 3<>"/dev/tcp/$(hostname)/$1"';

/** Restricted Pod Security: one uid for mysqld and Tungsten, nothing privileged, the root file system read-only. */
function podSpec({ site, spec }: Omit<SiteInputs, "runnerScript">) {
  const mounts = [
    { name: "opt", mountPath: "/opt" },
    { name: "backups", mountPath: "/backups" },
    { name: "runner", mountPath: "/etc/runner", readOnly: true },
    { name: "my-cnf", mountPath: "/etc/tungsten-my-cnf", readOnly: true },
    { name: "secrets", mountPath: "/etc/tungsten-secrets", readOnly: true },
    { name: "ssh", mountPath: "/etc/tungsten-ssh", readOnly: true },
    { name: "etc-tungsten", mountPath: "/etc/tungsten" },
    { name: "run", mountPath: "/run/mysqld" },
    { name: "tmp", mountPath: "/tmp" },
  ];
  const backups =
    spec.backups === undefined
      ? []
      : [{ name: "backups", persistentVolumeClaim: { claimName: spec.backups.claim } }];
  return {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 120,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 1000,
      runAsGroup: 1000,
      fsGroup: 1000,
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [
      {
        name: "tungsten",
        image: spec.image,
        env: [
          { name: "POD_UID", valueFrom: { fieldRef: { fieldPath: "metadata.uid" } } },
          { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
          { name: "POD_TEMPLATE", value: podTemplate(spec) },
        ],
        ...(spec.resources !== undefined && { resources: spec.resources }),
        ports: [
          { name: "mysql", containerPort: site.mysqlPort },
          { name: "connector", containerPort: site.connectorPort },
        ],
        // Ready means that clients can come in by this node's connector, and may. Nothing here ever restarts a database.
        readinessProbe: {
          exec: { command: ["/bin/bash", "-c", mayComeIn, "ready", String(spec.connector.port)] },
          periodSeconds: 5,
          timeoutSeconds: 5,
          failureThreshold: 3,
        },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        },
        volumeMounts: mounts,
      },
    ],
    volumes: [
      { name: "runner", configMap: { name: runnerConfigMap, defaultMode: 0o555 } },
      { name: "my-cnf", configMap: { name: myCnfConfigMap(site.name) } },
      { name: "secrets", secret: { secretName: siteSecret(site.name), defaultMode: 0o400 } },
      { name: "ssh", secret: { secretName: sshSecret, optional: true, defaultMode: 0o400 } },
      { name: "etc-tungsten", emptyDir: { medium: "Memory" } },
      { name: "run", emptyDir: {} },
      { name: "tmp", emptyDir: {} },
      ...backups,
    ],
  };
}
