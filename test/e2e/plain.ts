/** Plain MariaDB pods with volumes, on which the harness proves itself without anything of Tungsten. */
import { join, resolve } from "node:path";
import type { Cluster } from "../../local/cluster.ts";

export const plainImage = "tungsten-operator.io/plain-mariadb:e2e";
const accounts = {
  "replication-user": "tungsten",
  "replication-password": "replicates",
  "application-user": "app",
  "application-password": "writes",
};
const folder = resolve(import.meta.dirname, "plain");

export const providePlain = (cluster: Pick<Cluster, "provide">): Promise<void> =>
  cluster.provide({ dockerfile: join(folder, "Dockerfile"), context: folder, name: plainImage });

/**
 * `count` pods `<name>-0` … with one volume each, behind the Service `<name>-connector` on port 3306, with the accounts
 * of the Secret `<name>-tungsten`, as the operator's sites have them.
 */
export function plainSite(name: string, count: number, serverId = 1): object {
  const labels = { site: name };
  const service = (metadata: string, spec: object) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: metadata },
    spec: { selector: labels, ...spec },
  });
  return {
    apiVersion: "v1",
    kind: "List",
    items: [
      { apiVersion: "v1", kind: "Secret", metadata: { name: `${name}-tungsten` }, stringData: accounts },
      service(`${name}-nodes`, { clusterIP: "None", ports: [{ port: 13306 }] }),
      service(`${name}-connector`, { ports: [{ port: 3306, targetPort: 13306 }] }),
      {
        apiVersion: "apps/v1",
        kind: "StatefulSet",
        metadata: { name },
        spec: {
          serviceName: `${name}-nodes`,
          replicas: count,
          podManagementPolicy: "Parallel",
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: podSpec(name, serverId) },
          volumeClaimTemplates: [
            {
              metadata: { name: "opt" },
              spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
            },
          ],
        },
      },
    ],
  };
}

/** As the operator makes its nodes: restricted, one uid, the root file system read-only. */
const podSpec = (name: string, serverId: number) => ({
  terminationGracePeriodSeconds: 10,
  securityContext: {
    runAsNonRoot: true,
    ...{ runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 },
    seccompProfile: { type: "RuntimeDefault" },
  },
  containers: [
    {
      name: "tungsten",
      image: plainImage,
      imagePullPolicy: "IfNotPresent",
      env: [{ name: "SERVER_ID", value: String(serverId) }],
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      },
      readinessProbe: { tcpSocket: { port: 13306 }, periodSeconds: 1 },
      volumeMounts: [
        { name: "opt", mountPath: "/opt" },
        { name: "run", mountPath: "/run/mysqld" },
        { name: "tmp", mountPath: "/tmp" },
        { name: "secrets", mountPath: "/etc/tungsten-secrets", readOnly: true },
      ],
    },
  ],
  volumes: [
    { name: "run", emptyDir: {} },
    { name: "tmp", emptyDir: {} },
    { name: "secrets", secret: { secretName: `${name}-tungsten` } },
  ],
});
