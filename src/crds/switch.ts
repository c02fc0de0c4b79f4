/** Blocks of the procedures that move a site's primary: Switch, which loses nothing, and Failover, which is forced. */
import * as z from "zod";
import { reference } from "./fields.ts";

/** A member of a dataservice: `nyc-1`. */
export const nodeName = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);

export const switchBlock = z
  .object({
    cluster: reference("The TungstenCluster whose primary moves."),
    to: nodeName.describe("The replica that becomes the primary, e.g. nyc-1."),
    limits: z
      .object({
        latencySeconds: z
          .int()
          .min(0)
          .max(3600)
          .default(5)
          .describe("Nobody may be further behind than this."),
      })
      .default({ latencySeconds: 5 }),
  })
  .describe("Parameters of Switch.");

export const failoverBlock = z
  .object({
    cluster: reference("The TungstenCluster whose primary is lost."),
    to: nodeName.describe("The replica that becomes the primary; it has to be the most advanced one."),
    confirmed: z
      .object({
        oldPrimary: nodeName.describe("The node you have made sure is down and stays down."),
        uid: z
          .string()
          .max(64)
          .describe("metadata.uid of this request: the word counts for this run and for no other."),
      })
      .optional()
      .describe(
        "The second word, beside the approval of the plan: until it is there the run changes nothing. The condition Progressing prints the command that gives it.",
      ),
  })
  .describe("Parameters of Failover.");
