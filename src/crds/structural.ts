/** zod → the structural OpenAPI schema a CustomResourceDefinition demands. What the server refuses is refused here first. */
import * as z from "zod";

export type JsonSchema = { readonly [key: string]: unknown };

const keep = new Set([
  "type",
  "description",
  "default",
  "enum",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "pattern",
  "minItems",
  "maxItems",
  "minProperties",
  "maxProperties",
  "nullable",
  "required",
]);
const formats = new Set(["int32", "int64", "date-time"]);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The whole conversion; throws with the path of what has no structural form. */
export function structuralSchema(schema: z.ZodType): JsonSchema {
  const raw = z.toJSONSchema(schema, {
    target: "openapi-3.0",
    io: "input",
    reused: "inline",
    cycles: "throw",
    unrepresentable: "throw",
  });
  return convert(raw as Record<string, unknown>, "");
}

function convert(schema: Record<string, unknown>, path: string): JsonSchema {
  const refuse = (what: string): never => {
    throw new Error(`${path || "<root>"}: ${what}`);
  };
  if (schema.anyOf !== undefined || schema.oneOf !== undefined)
    refuse("unions have no structural form; use a discriminator field and a rule");
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema))
    if (keep.has(key) || key.startsWith("x-kubernetes-")) out[key] = value;
  if (typeof schema.format === "string" && formats.has(schema.format)) out.format = schema.format;
  if (typeof out.pattern === "string" && /\(\?[=!<]/.test(out.pattern)) refuse("the pattern is not RE2");
  if (out.type === "integer") narrow(out);
  if (out.format === "date-time") delete out.pattern;
  if (out.type === "array") {
    if (!isObject(schema.items)) refuse("an array needs one schema for its items");
    else out.items = convert(schema.items, `${path}[]`);
  }
  if (out.type === "object") objectParts(schema, out, path);
  if (out.type === undefined) out["x-kubernetes-preserve-unknown-fields"] = true;
  return out;
}

/** Bounds that only say "a safe integer" go; the others stay. */
function narrow(out: Record<string, unknown>): void {
  if (out.minimum === Number.MIN_SAFE_INTEGER) delete out.minimum;
  if (out.maximum === Number.MAX_SAFE_INTEGER) delete out.maximum;
}

function objectParts(schema: Record<string, unknown>, out: Record<string, unknown>, path: string): void {
  const properties = isObject(schema.properties) ? Object.entries(schema.properties) : [];
  const more = schema.additionalProperties;
  if (properties.length > 0) {
    out.properties = Object.fromEntries(
      properties.map(([key, value]) => [key, convert(value as Record<string, unknown>, `${path}.${key}`)]),
    );
  } else if (
    isObject(more) &&
    Object.keys(more).length > 0 &&
    out["x-kubernetes-preserve-unknown-fields"] === undefined
  )
    out.additionalProperties = convert(more, `${path}{}`);
  else if (more !== false && isObject(more)) out["x-kubernetes-preserve-unknown-fields"] = true;
  if (Array.isArray(out.required) && out.required.length === 0) delete out.required;
}
