/** The block of ResetAllSites: which estate begins its logs anew. */
import * as z from "zod";
import { installedTopology, reference } from "./fields.ts";

export const resetAllSites = z
  .object({
    cluster: reference("A TungstenCluster; every service of every site of its estate is reset."),
    topology: installedTopology(["MSAA", "CAA"]),
    drainSeconds: z
      .int()
      .min(0)
      .max(3600)
      .default(30)
      .describe("How long clients may take to leave by themselves."),
  })
  .describe("Parameters of ResetAllSites.");
