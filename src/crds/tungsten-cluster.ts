/** TungstenCluster: one dataservice at one site. */
import * as z from "zod";
import {
  age,
  type CustomResource,
  dataservice,
  immutable,
  objectName,
  options,
  port,
  ready,
  reference,
  rules,
} from "./fields.ts";
import { connectorPods, maintenance, podResources } from "./node-pod.ts";
import { status } from "./tungsten-cluster-status.ts";

const selector = z.object({
  matchLabels: z.record(z.string().max(317), z.string().max(63)).meta({ maxProperties: 50 }).optional(),
  matchExpressions: z
    .array(
      z.object({
        key: z.string().max(317),
        operator: z.enum(["In", "NotIn", "Exists", "DoesNotExist"]),
        values: z.array(z.string().max(63)).max(50).optional(),
      }),
    )
    .max(20)
    .optional(),
});

/** As the `from` of a Kubernetes NetworkPolicy. */
const networkPeers = z
  .array(
    z.object({
      podSelector: selector.optional(),
      namespaceSelector: selector.optional(),
      ipBlock: z
        .object({ cidr: z.string().max(64), except: z.array(z.string().max(64)).max(50).optional() })
        .optional(),
    }),
  )
  .max(50);

const networkPolicy = z
  .object({
    clients: networkPeers
      .optional()
      .describe("Who may come to the connector's port; left out: everybody, empty: nobody but the site."),
    monitoring: networkPeers
      .optional()
      .describe("Who may come to the REST interfaces and metrics; left out: nobody."),
    peers: networkPeers
      .optional()
      .describe("Hosts of the estate outside this namespace; they may come as its other sites do."),
  })
  .optional()
  .describe(
    "Its presence makes a NetworkPolicy that admits to the site's pods what the estate needs, and nothing else.",
  );

const spec = z
  .object({
    dataservice: dataservice.optional(),
    nodes: z
      .int()
      .min(1)
      .max(9)
      .default(3)
      .describe(
        "Members that hold data: <name>-0 … <name>-(n-1). A higher number adds nodes, filled from a replica; a lower one takes out the last.",
      ),
    witness: z
      .object({
        active: z.boolean().default(true).describe("false is as if there were no spec.witness."),
      })
      .optional()
      .describe("Adds a voting member without data; its name follows those of the nodes."),
    initialPrimary: z
      .int()
      .min(0)
      .max(8)
      .default(0)
      .describe("Ordinal of the primary at the first install; afterwards the primary is a fact."),
    release: z
      .string()
      .min(1)
      .max(32)
      .regex(/^[0-9]+\.[0-9]+\.[0-9]+(-[0-9]+)?$/)
      .describe(
        "Tungsten release to install, e.g. 8.0.4-132; its packages lie on the nodes' volumes. Another one is brought by an UpgradeRequest, procedure UpgradeSoftware.",
      ),
    image: z
      .string()
      .min(1)
      .max(512)
      .describe(
        "Image that honours the node contract. A change restarts the nodes one by one, by the word of spec.changes.",
      ),
    resources: podResources,
    mysql: z
      .object({
        port: port
          .default(13306)
          .describe("Where MySQL listens; the connector takes the applications' port."),
        settings: z
          .record(z.string().max(64), z.string().max(1024))
          .meta({ maxProperties: 200 })
          .default({})
          .describe("Joined with what the operator renders into my.cnf; a clash is refused."),
      })
      .meta(rules(...immutable("port")))
      .default({ port: 13306, settings: {} }),
    connector: z
      .object({
        port: port.default(3306).describe("Where applications log in, at Service <name>-connector."),
        service: z
          .object({ type: z.enum(["ClusterIP", "NodePort", "LoadBalancer"]).default("ClusterIP") })
          .default({ type: "ClusterIP" })
          .describe("That Service."),
        ...connectorPods,
      })
      .meta(rules(...immutable("port")))
      .default({ port: 3306, service: { type: "ClusterIP" }, replicas: 0 }),
    credentials: z
      .object({
        replication: reference("Secret with keys username and password.").optional(),
        application: reference("Secret with keys username and password.").optional(),
      })
      .default({})
      .describe("Secrets of the accounts; those not named are generated."),
    users: z
      .array(reference("Secret with keys username and password."))
      .max(16)
      .default([])
      .describe(
        "Secrets of further application users, kept equal in the databases and connectors of the whole estate.",
      ),
    tls: z
      .object({
        secret: reference("Secret with keys tls.crt, tls.key and ca.crt, as cert-manager writes it."),
      })
      .optional()
      .describe(
        "Replicators of both products speak TLS with this certificate; all sites and links of an estate have to agree.",
      ),
    storage: z
      .object({
        size: z
          .string()
          .max(32)
          .default("10Gi")
          .describe(
            "Of each volume. It may grow, where the storage class lets volumes grow; it never shrinks.",
          ),
        className: objectName.optional().describe("StorageClass; the cluster's default when left out."),
      })
      .meta(rules(...immutable("className")))
      .default({ size: "10Gi" }),
    backups: z
      .object({ claim: objectName.describe("Name of the PersistentVolumeClaim.") })
      .optional()
      .describe(
        "One claim that every node of the site mounts at /backups, in place of one for each node, which is made otherwise.",
      ),
    networkPolicy,
    options: options.default({}),
    policy: z
      .enum(["Automatic", "Maintenance"])
      .default("Automatic")
      .describe(
        "The policy the managers should have; a differing one is told, never set behind a DBA's back.",
      ),
    changes: z
      .object({
        configuration: z
          .enum(["Automatic", "OnApproval"])
          .default("Automatic")
          .describe(
            "When changed options are brought to the nodes by tpm update: as soon as the site is sound, or once you approve the text by its checksum.",
          ),
        dataserver: z
          .enum(["Automatic", "OnApproval"])
          .default("OnApproval")
          .describe(
            "When nodes are restarted for a changed my.cnf, image or resources, replicas first, the primary last after a switch: as soon as the site is sound, or once you approve it by its checksum.",
          ),
        switchBack: z
          .boolean()
          .default(false)
          .describe("Whether the primary of before such a restart becomes the primary again at its end."),
        approved: z
          .string()
          .regex(/^([0-9a-f]{8,64})?$/)
          .max(64)
          .default("")
          .describe(
            "The checksum a condition asks you to approve, or its first 8 digits at least; it fits no other text.",
          ),
        rebuild: z
          .string()
          .max(64)
          .default("")
          .describe(
            "The UID of the claim of a node whose volume was lost: it is installed and filled from a replica. It fits no other volume.",
          ),
      })
      .default({
        configuration: "Automatic",
        dataserver: "OnApproval",
        switchBack: false,
        approved: "",
        rebuild: "",
      })
      .describe("How a change of this spec reaches nodes that are installed already."),
    fillFrom: z
      .object({ site: objectName.describe("Name of the TungstenCluster that lends it.") })
      .optional()
      .describe(
        "A new site that joins others, by CrossSiteLinks or as a member of their CompositeService, gets the data of a replica of this TungstenCluster before Tungsten is installed; without effect once it is installed.",
      ),
    maintenance,
    retention: z
      .enum(["Retain", "Delete"])
      .default("Retain")
      .describe("What happens to volumes when the object is deleted."),
    paused: z
      .boolean()
      .default(false)
      .describe(
        "Stops reconciling this object: nothing is done and nothing looked at. Runs of UpgradeRequests go on.",
      ),
    proceduresPaused: z
      .boolean()
      .default(false)
      .describe("Admits no new procedure to the site, and no change of it; what has begun goes on."),
  })
  .meta(
    rules(...immutable("dataservice", "initialPrimary"), {
      rule: "self.initialPrimary < self.nodes",
      message: "initialPrimary must be an ordinal below nodes: choose 0 to nodes - 1",
      fieldPath: ".initialPrimary",
    }),
  )
  .describe("What the site should be.");

export const tungstenCluster = {
  kind: "TungstenCluster",
  plural: "tungstenclusters",
  singular: "tungstencluster",
  shortNames: ["tc"],
  description: "One Tungsten dataservice at one site: its nodes, release, MySQL, connector and credentials.",
  spec,
  status,
  columns: [
    { name: "Type", type: "string", jsonPath: ".status.topology" },
    { name: "Primary", type: "string", jsonPath: ".status.primary" },
    { name: "Nodes", type: "string", jsonPath: ".status.nodesReady" },
    { name: "Policy", type: "string", jsonPath: ".status.policy" },
    { name: "Lag", type: "string", jsonPath: ".status.lag" },
    ready("Ready", "Ready"),
    age,
  ],
} satisfies CustomResource<typeof spec, typeof status>;

export type TungstenClusterSpec = z.output<typeof spec>;
export type TungstenClusterStatus = z.infer<typeof status>;
