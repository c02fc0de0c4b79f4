/**
 * Every kubectl command that a page prints, against the schemas, the sources and the repository: kinds, fields, conditions,
 * keys, labels and files that it names are there, and kubectl would take it.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { type AnyResource, resources } from "../../../src/crds/definition.ts";
import { type JsonSchema, structuralSchema } from "../../../src/crds/structural.ts";

const root = resolve(import.meta.dirname, "../../..");
const operating = join(root, "docs/operating");
const pages = ["README.md", ...readdirSync(operating).map((name) => `docs/operating/${name}`)];
const sources = ["src/controllers", "src/procedures", "src/topology", "src/manifests"]
  .flatMap((room) => readdirSync(join(root, room)).map((name) => join(root, room, name)))
  .map((path) => readFileSync(path, "utf8"))
  .join("\n");

type Printed = { readonly page: string; readonly line: string };

/** Commands of the fences, one a line; those inside `$(…)` stand in their line. */
const printed: readonly Printed[] = pages.flatMap((page) =>
  [...readFileSync(join(root, page), "utf8").matchAll(/^```\w*\n([\s\S]*?)^```/gm)]
    .flatMap(([, block = ""]) => block.replaceAll("\\\n", " ").split("\n"))
    .filter((line) => /^(\$ )?(\w+=\$\()?kubectl (?!tungsten )/.test(line))
    .map((line) => ({ page, line })),
);

const others =
  /^(cm|configmaps?|secrets?|pvc|pods?|deployments?|namespaces?|events|leases?|serviceaccounts?)$/;
const words = (kind: AnyResource): readonly string[] => [kind.singular, kind.plural, ...kind.shortNames];
const kindNamed = (word: string): AnyResource | undefined =>
  resources.find((kind) => words(kind).includes(word));

/** What the first of these verbs speaks of: `upg`, `upg/to-caa` or `secrets,configmaps`. */
function spokenOf(line: string): readonly string[] {
  const rest = /kubectl .*?\b(?:get|describe|patch|wait|delete|scale)\s+(.*)$/.exec(line)?.[1] ?? "";
  const word = rest.split(/\s+/).find((each) => each !== "" && !each.startsWith("-")) ?? "";
  return /^(config|deploy)\//.test(word) ? [] : word.replace(/\/.*/, "").split(",");
}

/** The names in `.status.nodes[0].name`, in order. */
const partsOf = (path: string): readonly string[] =>
  path
    .replace(/\[[^\]]*\]/g, "")
    .split(/(?<!\\)\./)
    .filter((part) => part !== "")
    .map((part) => part.replaceAll("\\.", "."));

/** The first part that the schema does not have; a map takes any. */
function unknownPart(schema: JsonSchema | undefined, parts: readonly string[]): string | undefined {
  const [part, ...rest] = parts;
  if (part === undefined || schema === undefined || schema["x-kubernetes-preserve-unknown-fields"] === true)
    return undefined;
  if (schema.items !== undefined) return unknownPart(schema.items as JsonSchema, parts);
  if (schema.additionalProperties !== undefined) return undefined;
  const child = (schema.properties as Record<string, JsonSchema> | undefined)?.[part];
  return child === undefined ? part : unknownPart(child, rest);
}

const schemas = new Map(
  resources.map((kind) => [
    kind.kind,
    {
      properties: {
        spec: structuralSchema(kind.spec),
        status: structuralSchema(kind.status),
        metadata: { additionalProperties: {} },
      },
    },
  ]),
);
const schemaOf = ({ kind }: AnyResource): JsonSchema => schemas.get(kind) ?? {};

/** Paths of a patch: every leaf of it. */
function leavesOf(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (Array.isArray(value))
    return value.length === 0 ? [path] : value.flatMap((each) => leavesOf(each, path));
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([key, child]) => leavesOf(child, [...path, key]));
}

const patchIn = (line: string): unknown => {
  const plain = / -p '([^']*)'/.exec(line)?.[1];
  const escaped = / -p "((?:\\.|[^"\\])*)"/.exec(line)?.[1]?.replaceAll('\\"', '"');
  const text = plain ?? escaped;
  return text === undefined ? undefined : JSON.parse(text);
};

/** What is wrong with a command; empty where nothing is. */
function faultsOf(line: string): readonly string[] {
  const faults: string[] = [];
  const fault = (wrong: boolean, what: string): void => void (wrong && faults.push(what));
  const spoken = spokenOf(line);
  const known = (word: string) => word === "tungsten" || others.test(word) || kindNamed(word) !== undefined;
  for (const word of spoken) fault(word !== "" && !known(word), `no kind ${word}`);
  const many = spoken.length > 1 || spoken[0] === "tungsten";
  fault(many && / (-w|--watch)\b/.test(line), "kubectl watches one kind at a time");
  for (const [, path = ""] of line.matchAll(/ -f ([\w./-]+)/g))
    fault(!existsSync(join(root, path)), `no file ${path}`);
  for (const [, type = ""] of line.matchAll(/condition=(\w+)|@\.type=="(\w+)"/g))
    fault(type !== "" && !sources.includes(`"${type}"`), `no condition ${type}`);
  for (const [, label = ""] of line.matchAll(/ -l ([\w./-]+)/g))
    fault(!sources.includes(`"${label}"`), `no label ${label}`);
  fault(/ wait /.test(line) && !line.includes(" --timeout="), "kubectl waits 30 seconds and no longer");
  const kind = kindNamed(spoken[0] ?? "");
  for (const [, path = ""] of line.matchAll(/\{(\.[^}]+)\}/g)) {
    if (path.startsWith(".data.")) fault(!isKey(partsOf(path)[1] ?? ""), `no key ${path}`);
    else if (kind !== undefined) {
      const part = unknownPart(schemaOf(kind), partsOf(path));
      fault(part !== undefined && !/^\.(type|reason|message)$/.test(path), `no field ${part} of ${path}`);
    }
  }
  if (kind !== undefined)
    for (const leaf of leavesOf(patchIn(line) ?? []))
      fault(unknownPart(schemaOf(kind), leaf) !== undefined, `no field ${leaf.join(".")}`);
  return faults;
}

/** A key of a ConfigMap or Secret that the operator writes. */
const isKey = (key: string): boolean =>
  [`data: { ${key}:`, `"${key}": `, `Key = "${key}";`].some((text) => sources.includes(text));

describe("printed commands", () => {
  test("there are many", () => expect(printed.length).toBeGreaterThan(80));

  test.each(printed.map(({ page, line }) => [page, line]))("%s: %s", (_page, line) => {
    expect(faultsOf(line)).toEqual([]);
  });
});

describe("a command that would fail is seen", () => {
  test.each([
    ["kubectl -n estate get csvc,tc -w", "kubectl watches one kind at a time"],
    ["kubectl -n estate get cm -l tungsten-operator.io/request=x", "no label tungsten-operator.io/request"],
    ["kubectl get tungstens", "no kind tungstens"],
    ["kubectl apply -f config/samples/none.yaml", "no file config/samples/none.yaml"],
    ["kubectl -n estate get upg a -o jsonpath='{.status.plan.hush}'", "no field hush of .status.plan.hush"],
    ["kubectl -n estate get configmap a -o jsonpath='{.data.text}'", "no key .data.text"],
    ["kubectl -n estate wait tc/nyc --for=condition=Aplied --timeout=1h", "no condition Aplied"],
    ["kubectl -n estate wait tc/nyc --for=condition=Ready", "kubectl waits 30 seconds and no longer"],
    [`kubectl -n estate patch tc nyc -p '{"spec":{"halted":true}}'`, "no field spec.halted"],
  ])("%s", (line, what) => {
    expect(faultsOf(line)).toEqual([what]);
  });
});
