/** What a spec says of single nodes and their pods, beside the image. */
import * as z from "zod";
import { objectName } from "./fields.ts";

/** A Kubernetes quantity, e.g. 500m, 2, 16Gi. */
const quantities = z
  .record(
    z.string().max(63),
    z
      .string()
      .max(32)
      .regex(/^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/),
  )
  .meta({ maxProperties: 10 });

/** As `resources` of a container. */
export const podResources = z
  .object({
    requests: quantities.optional().describe("What is set aside for the node, e.g. cpu and memory."),
    limits: quantities.optional().describe("What it may not exceed."),
  })
  .optional()
  .describe(
    "Resources of the container in which database and Tungsten run. A change restarts the nodes one by one, by the word of spec.changes.",
  );

/** A node that a person wants for himself. */
export const maintenance = z
  .object({ node: objectName.describe("A replica, e.g. nyc-1; the primary is refused: switch first.") })
  .optional()
  .describe(
    "A replica to be taken out of service for work by hand. The site stays in MAINTENANCE until this is removed; then the node is brought back.",
  );

/** Of `spec.connector`: pods beside the nodes. */
export const connectorPods = {
  replicas: z
    .int()
    .min(0)
    .max(9)
    .default(0)
    .describe(
      "Pods that run only a connector, beside those of the nodes: <name>-connector-0 and on. The connector's Service gives clients to both.",
    ),
  resources: z
    .object({
      requests: quantities.optional().describe("What is set aside for each, e.g. cpu and memory."),
      limits: quantities.optional().describe("What it may not exceed."),
    })
    .optional()
    .describe("Resources of those pods. They are replaced one by one as soon as this or spec.image changes."),
};
