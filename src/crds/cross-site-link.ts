/** CrossSiteLink: one direction of MSAA replication through the second Tungsten Replicator product. */
import * as z from "zod";
import {
  age,
  type CustomResource,
  conditions,
  immutable,
  options,
  ready,
  reference,
  rules,
} from "./fields.ts";

const spec = z
  .object({
    source: reference("TungstenCluster whose transactions travel."),
    target: reference("TungstenCluster that applies them."),
    options: options.default({}),
    tls: z
      .boolean()
      .default(false)
      .describe("Its events travel by TLS; both its sites, and all others of the estate, have to agree."),
    onDeletion: z
      .object({
        unread: z
          .enum(["Await", "Abandon"])
          .default("Await")
          .describe(
            "What the source has committed and the target has not applied. Await: it arrives first. Abandon: it is given up, and a site all of whose links are given up is left out where a node of it cannot be read. May be changed while the link is being deleted.",
          ),
        trackingSchema: z
          .enum(["Keep", "Drop"])
          .default("Keep")
          .describe(
            "The target's position of the source. Keep: it stays in the databases, so that the link may be created again and goes on from there. Drop: its tables go.",
          ),
      })
      .default({ unread: "Await", trackingSchema: "Keep" })
      .describe("What becomes of what the link did, when it is deleted."),
  })
  .meta(
    rules(...immutable("source", "target"), {
      rule: "self.source.name != self.target.name",
      message: "source and target are the same TungstenCluster: a site cannot read itself, name another",
      fieldPath: ".target",
    }),
  )
  .describe("Which site reads which.");

const status = z.object({
  observedGeneration: z.int().optional(),
  nodesReady: z.string().max(16).optional(),
  lag: z
    .string()
    .max(16)
    .optional()
    .describe(
      "How far the slowest node is behind its source: the delay of what just came, 0s where nothing is under way, `unknown` where that cannot be told.",
    ),
  nodes: z
    .array(
      z.object({
        name: z.string().max(64),
        state: z.string().max(64),
        seqno: z.int().optional(),
        latencySeconds: z.number().optional(),
      }),
    )
    .max(16)
    .optional()
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] }),
  conditions,
});

export const crossSiteLink = {
  kind: "CrossSiteLink",
  plural: "crosssitelinks",
  singular: "crosssitelink",
  shortNames: ["xsl"],
  description:
    "One direction of Multi-Site/Active-Active replication: the source's transactions applied at the target.",
  spec,
  status,
  columns: [
    { name: "From", type: "string", jsonPath: ".spec.source.name" },
    { name: "To", type: "string", jsonPath: ".spec.target.name" },
    { name: "Nodes", type: "string", jsonPath: ".status.nodesReady" },
    { name: "Lag", type: "string", jsonPath: ".status.lag" },
    ready("Ready", "Ready"),
    ready("Superseded", "Superseded"),
    age,
  ],
} satisfies CustomResource<typeof spec, typeof status>;

export type CrossSiteLinkSpec = z.output<typeof spec>;
