/** What a TungstenCluster tells of itself. */
import * as z from "zod";
import { conditions } from "./fields.ts";

/** As last seen on the nodes and told by their managers; what could not be read is left out, never guessed. */
export const status = z.object({
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
  leftComposite: z
    .string()
    .max(64)
    .optional()
    .describe(
      "The CompositeService that the site has left as a passive member: it is out of service, with all its data.",
    ),
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
        sites: z
          .array(z.string().max(253))
          .max(200)
          .optional()
          .describe("The sites that were in it; one that joins later is not asked to remember it."),
        asked: z
          .array(z.string().max(1200))
          .max(20)
          .optional()
          .describe(
            "What its steps depended on, a line for each field: another request of its name is no rerun.",
          ),
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
