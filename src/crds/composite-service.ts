/** CompositeService: several TungstenClusters as one composite. */
import * as z from "zod";
import {
  age,
  type CustomResource,
  conditions,
  dataservice,
  immutable,
  objectName,
  ready,
  rules,
} from "./fields.ts";

const spec = z
  .object({
    dataservice: dataservice.optional(),
    type: z
      .enum(["ActivePassive", "ActiveActive", "DynamicActiveActive"])
      .describe(
        "One site takes the writes, every site does, or the first of writeAffinity that is available.",
      ),
    members: z
      .array(z.object({ name: objectName }))
      .min(1)
      .max(50)
      .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] })
      .describe("TungstenClusters of this namespace."),
    primarySite: objectName
      .optional()
      .describe(
        "ActivePassive: the member that takes the writes at first. Afterwards that is a fact: a Switch moves it, and nothing moves it back.",
      ),
    writeAffinity: z
      .array(objectName)
      .max(50)
      .optional()
      .describe("DynamicActiveActive: members in the order in which connectors write to them."),
    onRemoval: z
      .object({
        unread: z
          .enum(["Await", "Abandon"])
          .default("Await")
          .describe(
            "What travels to a member that is taken out, and from it. Await: it arrives first. Abandon: it is given up, and a member with a node that cannot be read is left as it is. May be changed while the member is on its way out.",
          ),
      })
      .default({ unread: "Await" })
      .describe("What becomes of a member that is taken out of the list."),
  })
  .meta(
    rules(
      ...immutable("dataservice", "type"),
      {
        rule: "(self.type == 'ActivePassive') == has(self.primarySite)",
        message: "primarySite belongs to type ActivePassive: set it there, remove it elsewhere",
        fieldPath: ".primarySite",
      },
      {
        rule: "(self.type == 'DynamicActiveActive') == has(self.writeAffinity)",
        message: "writeAffinity belongs to type DynamicActiveActive: set it there, remove it elsewhere",
        fieldPath: ".writeAffinity",
      },
      {
        rule: "!has(self.primarySite) || self.members.exists(m, m.name == self.primarySite)",
        message: "primarySite must be one of members: add it there or name another",
        fieldPath: ".primarySite",
      },
    ),
  )
  .describe("Which sites form the composite, and how.");

const status = z.object({
  observedGeneration: z.int().optional(),
  primarySite: z
    .string()
    .max(64)
    .optional()
    .describe("ActivePassive: the member that takes the writes, as its managers told last."),
  sites: z
    .array(
      z.object({
        name: z.string().max(64),
        state: z.string().max(64),
        services: z.array(z.string().max(128)).max(50).optional(),
      }),
    )
    .max(50)
    .optional()
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] }),
  conditions,
});

export const compositeService = {
  kind: "CompositeService",
  plural: "compositeservices",
  singular: "compositeservice",
  shortNames: ["csvc"],
  description:
    "Several TungstenClusters as one composite: active/passive, active/active or dynamic active/active.",
  spec,
  status,
  columns: [
    { name: "Type", type: "string", jsonPath: ".spec.type" },
    ready("Ready", "Ready"),
    { name: "Reason", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
    age,
  ],
} satisfies CustomResource<typeof spec, typeof status>;

export type CompositeServiceSpec = z.output<typeof spec>;
