/** The pod of a node, and what of it the pod of a connector shares: container, probe, volumes, security. */
import type { TungstenClusterSpec } from "../crds/tungsten-cluster.ts";
import type { Site } from "../topology/estate.ts";
import { myCnfConfigMap, runnerConfigMap, siteSecret, sshSecret } from "../topology/names.ts";
import { podTemplate } from "./pod-template.ts";

/** A procedure that takes a site's clients away holds the connector first: the pod leaves its Service. */
const mayComeIn = '[[ ! -e /opt/tungsten-operator/holds/connector ]] && exec 3<>"/dev/tcp/$(hostname)/$1"';

/** A volume that a StatefulSet's controller asks for, one for each pod. */
export const claim = (
  name: string,
  size: string,
  labels: Readonly<Record<string, string>>,
  { storage }: Pick<TungstenClusterSpec, "storage">,
) => ({
  metadata: { name, labels },
  spec: {
    accessModes: ["ReadWriteOnce"],
    resources: { requests: { storage: size } },
    ...(storage.className !== undefined && { storageClassName: storage.className }),
  },
});

type PodInputs = { readonly site: Site; readonly spec: TungstenClusterSpec };

/** Restricted Pod Security: one uid for mysqld and Tungsten, nothing privileged, the root file system read-only. */
export function podSpec({ site, spec }: PodInputs) {
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

/**
 * The pod of a host that runs only a connector: the same image and contract, and no database, as no my.cnf bears its
 * name. Nothing of it has to lie off the node.
 */
export function connectorPodSpec({ site, spec }: PodInputs) {
  const { backups: _, resources: _nodes, ...rest } = spec;
  const { resources } = spec.connector;
  const whole = podSpec({ site, spec: { ...rest, ...(resources !== undefined && { resources }) } });
  return {
    ...whole,
    containers: whole.containers.map((container) => ({
      ...container,
      ports: container.ports.filter(({ name }) => name === "connector"),
    })),
    volumes: [...whole.volumes, { name: "backups", emptyDir: {} }],
  };
}
