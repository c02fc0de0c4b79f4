/** docs/operating/rbac.md against config/rbac/operator.yaml, both ways, and against the code that each row names. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "@jest/globals";
import { parseAllDocuments } from "yaml";
import { rowsOf } from "./markdown.ts";

const root = resolve(import.meta.dirname, "../../..");
const text = (path: string): string => readFileSync(join(root, path), "utf8");

type Rule = { readonly resources: readonly string[]; readonly verbs: readonly string[] };

const pairs = (resources: readonly string[], verbs: readonly string[]): readonly string[] =>
  resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`));

const granted = parseAllDocuments(text("config/rbac/operator.yaml"))
  .map((document) => document.toJS() as { kind: string; rules?: readonly Rule[] })
  .filter(({ kind }) => kind === "ClusterRole")
  .flatMap(({ rules }) => (rules ?? []).flatMap((rule) => pairs(rule.resources, rule.verbs)));

const rows = rowsOf(text("docs/operating/rbac.md")).filter(([resource]) => resource !== "resource");

test("every granted verb has a reason, and no reason is given for a verb that is not granted", () => {
  const list = (cell = "") => cell.split(",").map((word) => word.trim());
  const explained = rows.flatMap(([resources, verbs]) => pairs(list(resources), list(verbs)));
  expect(granted.length).toBeGreaterThan(30);
  expect([...new Set(explained)].sort()).toEqual([...new Set(granted)].sort());
});

test("no verb is granted twice", () => {
  expect(granted.filter((pair, index) => granted.indexOf(pair) !== index)).toEqual([]);
});

test("the code that each row names says what the row quotes", () => {
  const missing = rows.filter(([, , , file = "", words = ""]) => {
    const path = /^\[([^\]]+)\]/.exec(file)?.[1] ?? "";
    return !existsSync(join(root, path)) || !text(path).includes(words.replace(/^`|`$/g, ""));
  });
  expect(missing).toEqual([]);
});
