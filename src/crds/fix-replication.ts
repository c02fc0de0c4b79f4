/** Block of FixReplication: one action against one service's error, on named nodes, with a person's reason. */
import * as z from "zod";
import { objectName, reference, rules } from "./fields.ts";
import { nodeName } from "./switch.ts";

export const fixReplicationBlock = z
  .object({
    cluster: reference("The TungstenCluster whose nodes are mended."),
    service: z
      .string()
      .max(110)
      .regex(/^[a-z][a-z0-9_]*$/)
      .describe("The replication service as trepctl names it, e.g. nyc, london or nyc_from_london."),
    nodes: z.array(nodeName).min(1).max(16).describe("On which of the site's nodes."),
    action: z
      .enum(["SkipEvent", "ApplySql", "Online", "Force"])
      .describe(
        "SkipEvent leaves one event out; ApplySql runs an approved text with the binary log off; Online tries again; Force goes on past an epoch mismatch, with proof.",
      ),
    reason: z.string().min(1).max(512).describe("Why; it stays in the sites' status and in later plans."),
    skipEvent: z
      .object({ seqno: z.int().min(0).describe("The event at which the service is stopped, and no other.") })
      .optional(),
    applySql: z
      .object({
        from: z
          .object({
            kind: z.enum(["ConfigMap", "Secret"]),
            name: objectName,
            key: z
              .string()
              .max(253)
              .regex(/^[-._a-zA-Z0-9]+$/),
          })
          .describe("Where the text lies."),
        sha256: z
          .string()
          .max(64)
          .regex(/^[0-9a-f]{64}$/)
          .describe("Checksum of the text as it was read and approved; any other text is refused."),
      })
      .optional(),
  })
  .meta(
    rules(
      {
        rule: "(self.action == 'SkipEvent') == has(self.skipEvent)",
        message: "skipEvent belongs to action SkipEvent and to no other: add or remove it",
        fieldPath: ".skipEvent",
      },
      {
        rule: "(self.action == 'ApplySql') == has(self.applySql)",
        message: "applySql belongs to action ApplySql and to no other: add or remove it",
        fieldPath: ".applySql",
      },
    ),
  )
  .describe("Parameters of FixReplication.");

export type FixReplicationBlock = z.output<typeof fixReplicationBlock>;
