/** What a spec says of the pods of its nodes beside their image. */
import * as z from "zod";

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
