/** The four kinds as the API server gets them: structural, in step with the generated files, with rules that object to what they name. */
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parseAllDocuments } from "yaml";
import * as z from "zod";
import { definitionOf, group, resources } from "../../../src/crds/definition.ts";
import type { Rule } from "../../../src/crds/fields.ts";
import { parseSpec } from "../../../src/crds/parse.ts";
import { type JsonSchema, structuralSchema } from "../../../src/crds/structural.ts";
import { celFunction } from "./cel.ts";

const root = resolve(import.meta.dirname, "../../..");
// biome-ignore lint/suspicious/noExplicitAny: schemas and objects are JSON, and tests look deep into them
type Json = any;

/** Every schema below one, with its path. */
function* below(schema: Json, path: string): Generator<{ readonly path: string; readonly schema: Json }> {
  yield { path, schema };
  for (const [key, child] of Object.entries(schema.properties ?? {})) yield* below(child, `${path}.${key}`);
  if (schema.items !== undefined) yield* below(schema.items, `${path}[]`);
  if (schema.additionalProperties !== undefined) yield* below(schema.additionalProperties, `${path}{}`);
}

const schemas = resources.flatMap((resource) =>
  (["spec", "status"] as const).flatMap((part) => [
    ...below(structuralSchema(resource[part]), `${resource.kind}.${part}`),
  ]),
);

describe("generated definitions", () => {
  test.each(resources.map((resource) => [resource.kind, resource] as const))(
    "%s is in step with its file",
    (_kind, resource) => {
      const file = resolve(root, `config/crd/${group}_${resource.plural}.yaml`);
      expect(parseAllDocuments(readFileSync(file, "utf8"))[0]?.toJS()).toEqual(definitionOf(resource));
    },
  );

  test("no two kinds share a name, and none has one of kubectl's own", () => {
    const names = resources.flatMap(({ kind, plural, singular, shortNames }) => [
      kind,
      plural,
      singular,
      ...shortNames,
    ]);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => ["svc", "cm", "po", "no", "ns", "pv", "ev"].includes(name))).toEqual([]);
  });

  test.each(resources.map((resource) => [resource.kind, resource] as const))(
    "%s can be applied and looked at",
    (_kind, resource) => {
      const definition = definitionOf(resource) as Json;
      const [version] = definition.spec.versions;
      expect(JSON.stringify(definition).length).toBeLessThan(250_000);
      expect(version.subresources).toEqual({ status: {} });
      expect(definition.spec.names.categories).toEqual(["tungsten"]);
      expect(definition.metadata.annotations["helm.sh/resource-policy"]).toBe("keep");
      const known = new Set([...below(version.schema.openAPIV3Schema, "")].map(({ path }) => path));
      for (const { jsonPath } of version.additionalPrinterColumns) {
        const condition = /^\.status\.conditions\[\?\(@\.type=="\w+"\)\]\.(status|reason)$/.test(jsonPath);
        expect([jsonPath, condition || known.has(jsonPath) || jsonPath.startsWith(".metadata.")]).toEqual([
          jsonPath,
          true,
        ]);
      }
    },
  );
});

describe("every schema is structural", () => {
  test.each(schemas.map(({ path, schema }) => [path, schema] as const))("%s", (_path, schema) => {
    const open = schema["x-kubernetes-preserve-unknown-fields"] === true;
    expect(schema.type !== undefined || open).toBe(true);
    for (const word of ["$ref", "oneOf", "anyOf", "not", "const", "examples", "deprecated"])
      expect(schema).not.toHaveProperty(word);
    expect(schema.properties !== undefined && schema.additionalProperties !== undefined).toBe(false);
    if (schema.type === "array") expect(schema).toHaveProperty("items");
    if (typeof schema.pattern === "string") expect(schema.pattern).not.toMatch(/\(\?[=!<]/);
    for (const key of schema["x-kubernetes-list-map-keys"] ?? [])
      expect(
        (schema.items.required ?? []).includes(key) || schema.items.properties[key].default !== undefined,
      ).toBe(true);
    for (const key of schema.required ?? []) expect(Object.keys(schema.properties ?? {})).toContain(key);
  });

  test("below spec everything is bounded, so that rules have a price", () => {
    const unbounded = schemas
      .filter(({ path }) => path.includes(".spec"))
      .filter(({ schema }) => {
        if (schema.type === "array") return schema.maxItems === undefined;
        if (schema.type === "string") return schema.maxLength === undefined && schema.enum === undefined;
        return schema.additionalProperties !== undefined && schema.maxProperties === undefined;
      });
    expect(unbounded.map(({ path }) => path)).toEqual([]);
  });

  test("what has no structural form is refused with its path", () => {
    const refused = (schema: z.ZodType) => () => structuralSchema(schema);
    expect(refused(z.object({ a: z.union([z.string(), z.int()]) }))).toThrow(/^\.a: unions/);
    expect(refused(z.object({ a: z.string().regex(/(?=x)/) }))).toThrow(/^\.a: the pattern is not RE2/);
    expect(refused(z.object({ a: z.tuple([z.string()]) }))).toThrow(/^\.a/);
    expect(refused(z.date())).toThrow();
  });
});

/** Rules with their place; the same rule of several kinds counts for each. */
const rules: readonly { readonly path: string; readonly rule: Rule }[] = schemas.flatMap(({ path, schema }) =>
  ((schema["x-kubernetes-validations"] as Rule[] | undefined) ?? []).map((rule) => ({ path, rule })),
);

/** What each rule has to let pass, and what it has to object to: `[self, oldSelf]`. */
type Case = { readonly lets: readonly Json[][]; readonly stops: readonly Json[][] };
const changes = (field: string, a: Json, b: Json): Case => ({
  lets: [
    [{ [field]: a }, { [field]: a }],
    [{}, {}],
  ],
  stops: [
    [{ [field]: b }, { [field]: a }],
    [{}, { [field]: a }],
    [{ [field]: a }, {}],
  ],
});
const place = { name: "nyc" };
const members = [{ name: "nyc" }, { name: "london" }];
const cases: Readonly<Record<string, Case>> = {
  "dataservice cannot change": changes("dataservice", "nyc", "nyc2"),
  "initialPrimary cannot change": changes("initialPrimary", 0, 1),
  "port cannot change": changes("port", 3306, 3307),
  "className cannot change": changes("className", "fast", "slow"),
  "type cannot change": changes("type", "ActiveActive", "ActivePassive"),
  "source cannot change": changes("source", place, { name: "london" }),
  "target cannot change": changes("target", place, { name: "london" }),
  "procedure cannot change": changes("procedure", "ConvertMsaaToCaa", "VerifyData"),
  "initialPrimary must be an ordinal below nodes": {
    lets: [[{ initialPrimary: 2, nodes: 3 }]],
    stops: [[{ initialPrimary: 3, nodes: 3 }], [{ initialPrimary: 8, nodes: 1 }]],
  },
  "must not contain _from_": { lets: [["nyc"], ["from_nyc"]], stops: [["nyc_from_london"]] },
  "primarySite belongs to type ActivePassive": {
    lets: [[{ type: "ActivePassive", primarySite: "nyc" }], [{ type: "ActiveActive" }]],
    stops: [[{ type: "ActivePassive" }], [{ type: "ActiveActive", primarySite: "nyc" }]],
  },
  "writeAffinity belongs to type DynamicActiveActive": {
    lets: [[{ type: "DynamicActiveActive", writeAffinity: ["nyc"] }], [{ type: "ActiveActive" }]],
    stops: [[{ type: "DynamicActiveActive" }], [{ type: "ActiveActive", writeAffinity: ["nyc"] }]],
  },
  "primarySite must be one of members": {
    lets: [[{ members, primarySite: "london" }], [{ members }]],
    stops: [[{ members, primarySite: "tokyo" }]],
  },
  "source and target are the same TungstenCluster": {
    lets: [[{ source: place, target: { name: "london" } }]],
    stops: [[{ source: place, target: { name: "nyc" } }]],
  },
  "mode Attested needs who, when, evidence and sites": {
    lets: [
      [{ mode: "Take" }],
      [{ mode: "Attested", who: "a", when: "b", evidence: "c", sites: [{ site: "nyc" }] }],
    ],
    stops: [
      [{ mode: "Attested" }],
      [{ mode: "Attested", who: "a", when: "b", sites: [{ site: "nyc" }] }],
      [{ mode: "Attested", who: "a", when: "b", evidence: "c", sites: [] }],
      [{ mode: "Attested", who: "a", when: "b", evidence: "c" }],
    ],
  },
  "convertMsaaToCaa belongs to procedure ConvertMsaaToCaa": {
    lets: [[{ procedure: "ConvertMsaaToCaa", convertMsaaToCaa: {} }], [{ procedure: "VerifyData" }]],
    stops: [[{ procedure: "ConvertMsaaToCaa" }], [{ procedure: "VerifyData", convertMsaaToCaa: {} }]],
  },
  "verifyData belongs to procedure VerifyData": {
    lets: [[{ procedure: "VerifyData", verifyData: {} }], [{ procedure: "ConvertMsaaToCaa" }]],
    stops: [[{ procedure: "VerifyData" }], [{ procedure: "ConvertMsaaToCaa", verifyData: {} }]],
  },
  "resetSite belongs to procedure ResetSite": {
    lets: [[{ procedure: "ResetSite", resetSite: {} }], [{ procedure: "VerifyData" }]],
    stops: [[{ procedure: "ResetSite" }], [{ procedure: "VerifyData", resetSite: {} }]],
  },
  "upgradeSoftware belongs to procedure UpgradeSoftware": {
    lets: [[{ procedure: "UpgradeSoftware", upgradeSoftware: {} }], [{ procedure: "VerifyData" }]],
    stops: [[{ procedure: "UpgradeSoftware" }], [{ procedure: "VerifyData", upgradeSoftware: {} }]],
  },
  "resetAllSites belongs to procedure ResetAllSites": {
    lets: [[{ procedure: "ResetAllSites", resetAllSites: {} }], [{ procedure: "VerifyData" }]],
    stops: [[{ procedure: "ResetAllSites" }], [{ procedure: "VerifyData", resetAllSites: {} }]],
  },
  "definitiveSite must be another site than failedSite": {
    lets: [[{ failedSite: place, definitiveSite: { name: "london" } }]],
    stops: [[{ failedSite: place, definitiveSite: place }]],
  },
  "name cluster and to": {
    lets: [[{ cluster: place, to: "nyc-1" }], [{ compositeService: place, site: "nyc" }]],
    stops: [[{}], [{ cluster: place, to: "nyc-1", compositeService: place, site: "nyc" }]],
  },
  "cluster and to belong together": {
    lets: [[{ cluster: place, to: "nyc-1" }], [{}]],
    stops: [[{ cluster: place }], [{ to: "nyc-1" }]],
  },
  "compositeService and site belong together": {
    lets: [[{ compositeService: place, site: "nyc" }], [{}]],
    stops: [[{ compositeService: place }], [{ site: "nyc" }]],
  },
  "name oldPrimary, or oldSite": {
    lets: [[{ oldPrimary: "nyc-0" }], [{ oldSite: "nyc" }]],
    stops: [[{}], [{ oldPrimary: "nyc-0", oldSite: "nyc" }]],
  },
  "approval must be Manual for a procedure that deletes data": {
    lets: [
      [{ procedure: "ResetSite", approval: "Manual" }],
      [{ procedure: "VerifyData", approval: "Automatic" }],
    ],
    stops: [[{ procedure: "ResetSite", approval: "Automatic" }]],
  },
  "switch belongs to procedure Switch": {
    lets: [[{ procedure: "Switch", switch: {} }], [{ procedure: "VerifyData" }]],
    stops: [[{ procedure: "Switch" }], [{ procedure: "VerifyData", switch: {} }]],
  },
  "failover belongs to procedure Failover": {
    lets: [[{ procedure: "Failover", failover: {} }], [{ procedure: "Switch" }]],
    stops: [[{ procedure: "Failover" }], [{ procedure: "Switch", failover: {} }]],
  },
  "fixReplication belongs to procedure FixReplication": {
    lets: [[{ procedure: "FixReplication", fixReplication: {} }], [{ procedure: "Switch" }]],
    stops: [[{ procedure: "FixReplication" }], [{ procedure: "Switch", fixReplication: {} }]],
  },
  "checkPaths belongs to procedure CheckPaths": {
    lets: [[{ procedure: "CheckPaths", checkPaths: {} }], [{ procedure: "Switch" }]],
    stops: [[{ procedure: "CheckPaths" }], [{ procedure: "Switch", checkPaths: {} }]],
  },
  "skipEvent belongs to action SkipEvent": {
    lets: [[{ action: "SkipEvent", skipEvent: {} }], [{ action: "Force" }]],
    stops: [[{ action: "SkipEvent" }], [{ action: "Force", skipEvent: {} }]],
  },
  "reprovision belongs to action Reprovision": {
    lets: [[{ action: "Reprovision", reprovision: {} }], [{ action: "Online" }]],
    stops: [[{ action: "Reprovision" }], [{ action: "Online", reprovision: {} }]],
  },
  "Reprovision makes one node anew": {
    lets: [[{ action: "Reprovision", nodes: ["a"] }], [{ action: "Online", nodes: ["a", "b"] }]],
    stops: [[{ action: "Reprovision", nodes: ["a", "b"] }]],
  },
  "applySql belongs to action ApplySql": {
    lets: [[{ action: "ApplySql", applySql: {} }], [{ action: "Online" }]],
    stops: [[{ action: "ApplySql" }], [{ action: "Online", applySql: {} }]],
  },
  "window.notBefore must lie before window.notAfter": {
    lets: [
      [{}],
      [{ window: {} }],
      [{ window: { notBefore: "2026-12-01T01:00:00Z" } }],
      [{ window: { notBefore: "2026-12-01T01:00:00Z", notAfter: "2026-12-01T05:00:00Z" } }],
    ],
    stops: [[{ window: { notBefore: "2026-12-01T05:00:00Z", notAfter: "2026-12-01T01:00:00Z" } }]],
  },
};

describe("rules", () => {
  test.each(rules.map(({ path, rule }) => [path, rule.message, rule] as const))(
    "%s: %s",
    (path, message, rule) => {
      const known = Object.entries(cases).find(([start]) => message.startsWith(start))?.[1];
      expect(known).toBeDefined();
      const holds = celFunction(rule.rule);
      for (const [self, oldSelf] of known?.lets ?? [])
        expect([self, holds(self, oldSelf)]).toEqual([self, true]);
      for (const [self, oldSelf] of known?.stops ?? [])
        expect([self, holds(self, oldSelf)]).toEqual([self, false]);
      expect(known?.stops.length).toBeGreaterThan(0);
      expect(path).toMatch(/\.spec\b/);
    },
  );

  test("each says in one line what is wrong, and behind a colon or comma what to do", () => {
    for (const { rule } of rules) {
      expect(rule.message).toMatch(/^[^\n]+[:,] [^\n]+[^.!\n]$/);
      expect(rule.message.length).toBeLessThan(160);
    }
  });

  test("a field path names a property that is there", () => {
    for (const { path, rule } of rules) {
      const schema = schemas.find((each) => each.path === path)?.schema;
      if (rule.fieldPath !== undefined)
        expect(Object.keys(schema.properties)).toContain(rule.fieldPath.slice(1));
    }
  });

  test("there is no rule that no case is for", () => {
    const messages = rules.map(({ rule }) => rule.message);
    expect(Object.keys(cases).filter((start) => !messages.some((each) => each.startsWith(start)))).toEqual(
      [],
    );
  });
});

/** As the server fills in what a user left out. */
function defaulted(schema: Json, value: Json): Json {
  if (schema.properties === undefined || typeof value !== "object" || value === null) return value;
  const filled = { ...value };
  for (const [key, child] of Object.entries<Json>(schema.properties)) {
    if (filled[key] === undefined && child.default !== undefined)
      filled[key] = structuredClone(child.default);
    if (filled[key] !== undefined) filled[key] = defaulted(child, filled[key]);
  }
  return filled;
}

describe("defaults", () => {
  const least: Readonly<Record<string, object>> = {
    TungstenCluster: { release: "8.0.4-132", image: "node:1" },
    CrossSiteLink: { source: { name: "a" }, target: { name: "b" } },
    CompositeService: { type: "ActiveActive", members: [{ name: "a" }] },
    UpgradeRequest: {
      procedure: "ConvertMsaaToCaa",
      convertMsaaToCaa: { compositeService: { name: "global" }, backup: {}, limits: {} },
      verifyData: { cluster: { name: "a" } },
      resetAllSites: { cluster: { name: "a" } },
      upgradeSoftware: { cluster: { name: "a" }, release: "8.0.4-132" },
      resetSite: { failedSite: { name: "a" }, definitiveSite: { name: "b" } },
      window: {},
    },
  };

  test.each(resources.map((resource) => [resource.kind, resource] as const))(
    "%s: what the server fills in is what the operator reads into the same object",
    (kind, resource) => {
      const schema = structuralSchema(resource.spec);
      const filled = defaulted(schema, least[kind]);
      expect(parseSpec(resource.spec, least[kind])).toEqual({ spec: filled });
      expect(parseSpec(resource.spec, filled)).toEqual({ spec: filled });
    },
  );

  test.each(
    schemas
      .filter(({ schema }) => schema.default !== undefined)
      .map(({ path, schema }) => [path, schema] as const),
  )("%s: the default fits its own schema", (_path, schema) => {
    if (schema.enum !== undefined) expect(schema.enum).toContain(schema.default);
    if (schema.type === "integer") {
      expect(schema.default).toBeGreaterThanOrEqual(schema.minimum ?? schema.default);
      expect(schema.default).toBeLessThanOrEqual(schema.maximum ?? schema.default);
    }
    if (schema.type === "object")
      expect(Object.keys(schema.default)).toEqual(expect.arrayContaining(schema.required ?? []));
  });
});

describe("samples", () => {
  const folder = resolve(root, "config/samples");
  const objects: readonly Json[] = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith(".yaml"))
    .flatMap((file) => parseAllDocuments(readFileSync(resolve(folder, file), "utf8")))
    .map((document) => document.toJS());
  const ours = objects.filter(({ kind }) => kind !== "Namespace");

  test.each(ours.map((object) => [object.kind, object.metadata.name, object] as const))(
    "%s %s is sound by schema and rules",
    (kind, _name, object) => {
      const resource = resources.find((each) => each.kind === kind);
      if (resource === undefined) throw new Error(`no kind ${kind}`);
      const parsed = parseSpec(resource.spec, object.spec);
      expect(parsed).not.toHaveProperty("faults");
      const filled = defaulted(structuralSchema(resource.spec), object.spec);
      const schema = structuralSchema(resource.spec);
      for (const rule of (schema["x-kubernetes-validations"] as Rule[] | undefined) ?? [])
        if (!rule.rule.includes("oldSelf"))
          expect([rule.message, celFunction(rule.rule)(filled)]).toEqual([rule.message, true]);
      expect(unknownFields(schema, object.spec)).toEqual([]);
    },
  );

  test("of a site more link it with every other site of its mesh, both ways", () => {
    const inFile = (file: string): readonly Json[] =>
      parseAllDocuments(readFileSync(resolve(folder, file), "utf8")).map((document) => document.toJS());
    const [site, ...links] = inFile("further-site.yaml");
    const others = inFile("msaa/20-links.yaml").map(({ spec }) => spec.source.name);
    expect([...new Set(others)]).toContain(site.spec.fillFrom.site);
    expect(links.map(({ spec }) => [spec.source.name, spec.target.name]).sort()).toEqual(
      [...new Set(others)]
        .flatMap((other) => [
          ["paris", other],
          [other, "paris"],
        ])
        .sort(),
    );
  });

  test("show all four kinds", () => {
    expect(new Set(ours.map(({ kind }) => kind))).toEqual(new Set(resources.map(({ kind }) => kind)));
  });
});

/** Fields the server would prune. */
function unknownFields(schema: JsonSchema, value: Json, path = ""): readonly string[] {
  const properties = schema.properties as Record<string, JsonSchema> | undefined;
  if (properties === undefined || typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => {
    const known = properties[key];
    return known === undefined ? [`${path}.${key}`] : unknownFields(known, child, `${path}.${key}`);
  });
}

describe("what does not fit", () => {
  test.each([
    [{ release: "8.0.4-132" }, /^spec\.image: /],
    [{ release: "latest", image: "x" }, /^spec\.release: /],
    [{ release: "8.0.4", image: "x", nodes: 0 }, /^spec\.nodes: /],
    [{ release: "8.0.4", image: "x", mysql: { port: 70_000 } }, /^spec\.mysql\.port: /],
  ])("%j is told in one sentence with its field", (spec, sentence) => {
    const [resource] = resources;
    const parsed = resource === undefined ? {} : parseSpec(resource.spec, spec);
    expect(parsed).toEqual({ faults: [expect.stringMatching(sentence)] });
  });
});
