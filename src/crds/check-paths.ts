/** Block of CheckPaths: heartbeats over every path of an estate, once or at intervals. */
import * as z from "zod";
import { reference } from "./fields.ts";

export const checkPathsBlock = z
  .object({
    cluster: reference("A TungstenCluster; every path of its whole estate is checked."),
    beats: z.int().min(1).max(60).default(1).describe("How many heartbeats each primary sends."),
    everySeconds: z
      .int()
      .min(10)
      .max(3600)
      .default(60)
      .describe("Between two of them; the last one has as long to arrive everywhere."),
  })
  .describe("Parameters of CheckPaths.");
