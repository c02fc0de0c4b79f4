/** The block of UpgradeSoftware: which estate gets which release. */
import * as z from "zod";
import { reference } from "./fields.ts";

export const upgradeSoftware = z
  .object({
    cluster: reference("A TungstenCluster; every node of every site of its estate is updated."),
    release: z
      .string()
      .min(1)
      .max(32)
      .regex(/^[0-9]+\.[0-9]+\.[0-9]+(-[0-9]+)?$/)
      .describe("The release that every TungstenCluster of the estate names in spec.release."),
    limits: z
      .object({
        latencySeconds: z
          .int()
          .min(0)
          .max(3600)
          .default(60)
          .describe("Nobody may be further behind than this."),
      })
      .default({ latencySeconds: 60 }),
  })
  .describe("Parameters of UpgradeSoftware.");
