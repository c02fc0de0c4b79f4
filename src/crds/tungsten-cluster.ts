/** TungstenCluster: one dataservice at one site. */
import * as z from "zod";
import {
  age,
  type CustomResource,
  conditions,
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
      .object({ active: z.boolean().default(true) })
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
      .describe("Tungsten release on the nodes' volumes, e.g. 8.0.4-132."),
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
        port: port.default(3306),
        service: z
          .object({ type: z.enum(["ClusterIP", "NodePort", "LoadBalancer"]).default("ClusterIP") })
          .default({ type: "ClusterIP" }),
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
        className: objectName.optional(),
      })
      .meta(rules(...immutable("className")))
      .default({ size: "10Gi" }),
    backups: z
      .object({ claim: objectName })
      .optional()
      .describe("A second volume for what must lie off the node."),
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
      })
      .default({ configuration: "Automatic", dataserver: "OnApproval", switchBack: false, approved: "" })
      .describe("How a change of this spec reaches nodes that are installed already."),
    fillFrom: z
      .object({ site: objectName })
      .optional()
      .describe(
        "A new site that joins others, by CrossSiteLinks or as a member of their CompositeService, gets the data of a replica of this TungstenCluster before Tungsten is installed; without effect once it is installed.",
      ),
    maintenance,
    retention: z
      .enum(["Retain", "Delete"])
      .default("Retain")
      .describe("What happens to volumes when the object is deleted."),
    paused: z.boolean().default(false).describe("Stops reconciling this object."),
    proceduresPaused: z.boolean().default(false).describe("Admits no new procedure to the site."),
  })
  .meta(
    rules(...immutable("dataservice", "initialPrimary"), {
      rule: "self.initialPrimary < self.nodes",
      message: "initialPrimary must be an ordinal below nodes: choose 0 to nodes - 1",
      fieldPath: ".initialPrimary",
    }),
  )
  .describe("What the site should be.");

const status = z.object({
  observedGeneration: z.int().optional(),
  siteNumber: z
    .int()
    .min(1)
    .max(999)
    .optional()
    .describe("What server ids and the auto-increment offset are made from; given once, never changed."),
  topology: z.string().max(16).optional(),
  primary: z.string().max(64).optional(),
  policy: z.string().max(32).optional(),
  sitesOut: z
    .array(z.string().max(64))
    .max(64)
    .optional()
    .describe(
      "Active/passive: members of the composite that this site's managers hold for failed or shunned, as they told last.",
    ),
  nodesReady: z.string().max(16).optional(),
  lag: z
    .string()
    .max(16)
    .optional()
    .describe(
      "How far the slowest service of any node is behind its source: the delay of what just came, 0s where nothing is under way, `unknown` where that cannot be told.",
    ),
  nodes: z
    .array(
      z.object({
        name: z.string().max(64),
        role: z.string().max(32).optional(),
        state: z.string().max(64).optional(),
        seqno: z.int().optional(),
        latencySeconds: z
          .number()
          .optional()
          .describe("The delay of the last event, however long ago that came."),
        release: z.string().max(32).optional(),
        iniChecksum: z.string().max(64).optional(),
      }),
    )
    .max(16)
    .optional()
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] }),
  connectors: z
    .array(
      z.object({
        name: z.string().max(64),
        state: z.string().max(64),
        release: z.string().max(32).optional(),
        iniChecksum: z.string().max(64).optional(),
      }),
    )
    .max(16)
    .optional()
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] })
    .describe("Pods that run only a connector, and whether that runs."),
  services: z
    .array(
      z.object({
        host: z.string().max(64),
        service: z.string().max(128),
        role: z.string().max(32),
        state: z.string().max(64),
        seqno: z.int().optional(),
        latencySeconds: z.number().optional(),
        heartbeat: z.string().max(128).optional().describe("The last heartbeat that arrived, by name."),
        heartbeatAt: z.string().max(40).optional().describe("When it arrived, by the node's clock."),
      }),
    )
    .max(512)
    .optional()
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["host", "service"] })
    .describe("Every replication service of every node, as multi_trepctl --by-service lists them."),
  configuration: z
    .object({
      topology: z.string().max(16),
      sha256: z.string().max(64),
      shape: z.string().max(64),
      wishes: z.string().max(64),
      ground: z.string().max(64).optional(),
      sites: z.array(z.string().max(64)).max(64).optional(),
      primaries: z.record(z.string(), z.string().max(64)),
      members: z.array(z.string().max(64)).max(16),
      connectors: z.array(z.string().max(64)).max(16).optional(),
      secured: z.boolean().optional(),
    })
    .optional()
    .describe(
      "The tungsten.ini that every node of the site was last seen to run from, and what it was made from.",
    ),
  filledFrom: z
    .string()
    .max(64)
    .optional()
    .describe("The replica whose data the site got before it was installed."),
  leaving: z
    .array(z.string().max(64))
    .max(16)
    .optional()
    .describe("Nodes that are out of service and whose pods stay until every site has been told."),
  accounts: z
    .object({ secret: z.string().max(64), current: z.boolean(), settled: z.boolean() })
    .optional()
    .describe(
      "Which version of the site's Secret its databases and connectors were last seen to know, and whether nothing of before is left.",
    ),
  runningProcedure: z.string().max(128).optional(),
  networkPolicy: z
    .string()
    .max(64)
    .optional()
    .describe("Name of the NetworkPolicy that spec.networkPolicy asked for."),
  storage: z
    .object({ template: z.string().max(32), size: z.string().max(32), nodes: z.int() })
    .optional()
    .describe(
      "The size that every volume was last seen to have, of so many nodes, and the one the StatefulSet's templates were made with.",
    ),
  neededBy: z
    .string()
    .max(300)
    .optional()
    .describe("The CompositeService or CrossSiteLink that has to go before this site can; empty if none."),
  drift: z
    .array(z.object({ what: z.string().max(1024), since: z.string().max(40) }))
    .max(100)
    .optional()
    .describe("What somebody changed on the nodes by hand, and when it was first seen."),
  finishedRuns: z
    .array(
      z.object({
        uid: z.string().max(64),
        name: z.string().max(253),
        procedure: z.string().max(64),
        outcome: z.string().max(32),
        finishedAt: z.string().max(40),
        notes: z
          .array(z.string().max(1024))
          .max(32)
          .optional()
          .describe("Events it left out and services it forced, with the reason; later plans show them."),
        steps: z
          .array(z.object({ id: z.string().max(64), seconds: z.int() }))
          .max(64)
          .optional()
          .describe("How long its steps took; the next run of the procedure is estimated by it."),
      }),
    )
    .max(20)
    .optional()
    .describe(
      "Procedures that ended here, newest last: a request that is created again under the same name is recognised.",
    ),
  ledger: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ "x-kubernetes-preserve-unknown-fields": true, "x-kubernetes-map-type": "atomic" })
    .describe("What the operator steers the installation by; written by nobody else."),
  conditions,
});

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
