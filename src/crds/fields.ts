/** Fields that several kinds share, and how a CEL rule is attached to a schema. */
import * as z from "zod";

/** One CEL rule with its sentence: field path, value, what to do. */
export type Rule = { readonly rule: string; readonly message: string; readonly fieldPath?: string };

export const rules = (...list: readonly Rule[]): { "x-kubernetes-validations": readonly Rule[] } => ({
  "x-kubernetes-validations": list,
});

/** Rules that hold on the parent of fields that may be set once: removing and setting again does not get round them. */
export const immutable = (...fields: readonly string[]): readonly Rule[] =>
  fields.map((field) => ({
    rule: `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`,
    message: `${field} cannot change after creation: delete the object and create another`,
    fieldPath: `.${field}`,
  }));

/** A procedure's own block is there exactly when the procedure is asked for. */
export const blockOf = (procedure: string, block: string): Rule => ({
  rule: `(self.procedure == '${procedure}') == has(self.${block})`,
  message: `${block} belongs to procedure ${procedure} and to no other: add or remove the block`,
  fieldPath: `.${block}`,
});

export const objectName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);

/** Which of the vendor's pages is walked; the nodes have to be installed so. */
export const installedTopology = <const Kinds extends readonly ["MSAA", ...string[]]>(kinds: Kinds) =>
  z
    .enum(kinds)
    .default("MSAA")
    .describe(
      `The topology whose ${kinds.includes("MSMM") ? "page of the vendor's is walked; MSMM: multi-site releases before 6" : "services are reset"}. Refused where the nodes are installed otherwise.`,
    );

export const reference = (what: string) => z.object({ name: objectName }).describe(what);

export const dataservice = z
  .string()
  .min(1)
  .max(48)
  .regex(/^[a-z][a-z0-9_]*$/)
  .meta(
    rules({
      rule: "!self.contains('_from_')",
      message:
        "must not contain _from_, which Composite Active/Active uses for its own services: choose another name",
    }),
  )
  .describe("Tungsten's name of the dataservice; default: metadata.name with - as _.");

export const port = z.int().min(1).max(65535);

export const options = z
  .record(z.string().max(63), z.string().max(1024))
  .meta({ maxProperties: 100 })
  .describe("Further tpm options, by their names in the option catalogue.");

export const condition = z.object({
  type: z.string().max(64),
  status: z.enum(["True", "False", "Unknown"]),
  observedGeneration: z.int().optional(),
  lastTransitionTime: z.string().max(40),
  reason: z.string().max(128),
  message: z.string().max(32768),
});
export type Condition = z.infer<typeof condition>;

export const conditions = z
  .array(condition)
  .max(64)
  .optional()
  .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] })
  .describe("How the object stands, for humans, kubectl wait and Argo CD.");

export type Column = {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "date";
  readonly jsonPath: string;
  readonly priority?: number;
};

/** Everything about one kind from which its CustomResourceDefinition is made. */
export type CustomResource<Spec extends z.ZodType, Status extends z.ZodType> = {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly spec: Spec;
  readonly status: Status;
  readonly columns: readonly Column[];
};

export const ready = (name: string, type: string): Column => ({
  name,
  type: "string",
  jsonPath: `.status.conditions[?(@.type=="${type}")].status`,
});
export const age: Column = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" };
