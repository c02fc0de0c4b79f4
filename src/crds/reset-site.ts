/** The block of ResetSite: which site is made anew, and from which one. */
import * as z from "zod";
import { installedTopology, reference, rules } from "./fields.ts";

/** How long clients may take to leave, and what a human has read. */
export const resetSite = z
  .object({
    failedSite: reference("The TungstenCluster whose data are thrown away and made anew."),
    definitiveSite: reference(
      "The TungstenCluster whose data are right. Nobody but you can know that: compare them first.",
    ),
    topology: installedTopology(["MSAA", "CAA", "MSMM"]),
    donor: z
      .string()
      .max(63)
      .regex(/^[a-z0-9-]*$/)
      .default("")
      .describe(
        "Replica of the definitive site whose data are copied, by its pod's name; empty: its last one that is ONLINE.",
      ),
    method: z
      .enum(["xtrabackup", "mysqldump"])
      .default("xtrabackup")
      .describe(
        "How the vendor's tool copies to the failed site's nodes; in MSAA to its replicas, the primary gets files.",
      ),
    drainSeconds: z
      .int()
      .min(0)
      .max(3600)
      .default(30)
      .describe("How long the failed site's clients may take to leave by themselves."),
    acknowledgedFindings: z
      .array(z.string().max(256))
      .max(200)
      .default([])
      .describe("Findings a human has read, by id: what exists nowhere else and will be gone, among them."),
  })
  .meta(
    rules({
      rule: "self.failedSite.name != self.definitiveSite.name",
      message: "definitiveSite must be another site than failedSite: name the one whose data are right",
      fieldPath: ".definitiveSite",
    }),
  )
  .describe("Parameters of ResetSite.");
