/** Blocks of the procedures that move a site's primary: Switch, which loses nothing, and Failover, which is forced. */
import * as z from "zod";
import { objectName, type Rule, reference, rules } from "./fields.ts";

/** A member of a dataservice: `nyc-1`. */
export const nodeName = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);

/** A node of a site, or a site of a composite. */
const onePair = (node: string, site: string): Rule => ({
  rule: "has(self.cluster) != has(self.compositeService)",
  message: `name cluster and to, ${node}, or compositeService and site, ${site}: one pair of them`,
});
const pairs: readonly Rule[] = [
  {
    rule: "has(self.cluster) == has(self.to)",
    message: "cluster and to belong together: set the other one too, or remove both",
  },
  {
    rule: "has(self.compositeService) == has(self.site)",
    message: "compositeService and site belong together: set the other one too, or remove both",
  },
];

export const switchBlock = z
  .object({
    cluster: reference("The TungstenCluster whose primary moves; with `to`.").optional(),
    to: nodeName
      .optional()
      .describe("The replica that becomes the primary, e.g. nyc-1; of a passive site, the relay."),
    compositeService: reference(
      "The ActivePassive CompositeService of which another site takes the writes; with `site`.",
    ).optional(),
    site: objectName.optional().describe("The member that takes the writes, e.g. london."),
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
  .meta(rules(onePair("to move a site's primary", "to move a composite's writes"), ...pairs))
  .describe("Parameters of Switch: a node of a site, or a site of an active/passive composite.");

export const failoverBlock = z
  .object({
    cluster: reference("The TungstenCluster whose primary is lost; with `to`.").optional(),
    to: nodeName
      .optional()
      .describe("The replica that becomes the primary; it has to be the most advanced one."),
    compositeService: reference(
      "The ActivePassive CompositeService of which the site that takes the writes is lost as a whole; with `site`.",
    ).optional(),
    site: objectName
      .optional()
      .describe("The member that takes the writes; its relay has to be the most advanced node that is left."),
    confirmed: z
      .object({
        oldPrimary: nodeName
          .optional()
          .describe("With cluster: the node you have made sure is down and stays down."),
        oldSite: objectName
          .optional()
          .describe(
            "With compositeService: the site of which you have made sure that all of it is down and stays down.",
          ),
        uid: z
          .string()
          .max(64)
          .describe("metadata.uid of this request: the word counts for this run and for no other."),
      })
      .meta(
        rules({
          rule: "has(self.oldPrimary) != has(self.oldSite)",
          message: "name oldPrimary, or oldSite where a whole site is lost: one of them",
        }),
      )
      .optional()
      .describe(
        "The second word, beside the approval of the plan: until it is there the run changes nothing. The condition Progressing prints the command that gives it.",
      ),
  })
  .meta(
    rules(onePair("to give a site another primary", "to give a composite another writing site"), ...pairs),
  )
  .describe("Parameters of Failover: of a site's primary, or of an active/passive composite's writing site.");
