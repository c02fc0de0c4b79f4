/** docs/operating/metrics.md against the registry, both ways: name, type and labels. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "@jest/globals";
import { newMetrics } from "../../../src/telemetry/metrics.ts";
import { rowsOf } from "./markdown.ts";

const page = readFileSync(resolve(import.meta.dirname, "../../../docs/operating/metrics.md"), "utf8");

/** Our own metrics as the registry holds them; prom-client's defaults are not the page's subject. */
function registered(): readonly string[] {
  const metrics = newMetrics();
  metrics.watchQueue(() => 0);
  metrics.watchLoop(() => 0);
  const all = metrics.registry.getMetricsAsArray() as unknown as readonly {
    name: string;
    labelNames: readonly string[];
  }[];
  return all
    .filter(({ name }) => /^(tungsten_operator|workqueue)_/.test(name))
    .map(({ name, labelNames }) => `${name} ${labelNames.filter((label) => label !== "le").join(", ")}`);
}

const documented = rowsOf(page)
  .filter(([name]) => name?.startsWith("`"))
  .map(([name = "", , labels = ""]) => `${name.replaceAll("`", "")} ${labels}`);

test("every metric has its row, with its labels, and no row is left over", () => {
  expect(registered().length).toBeGreaterThan(10);
  expect([...documented].sort()).toEqual([...registered()].sort());
});

test("the type in each row is the one that is served", async () => {
  const metrics = newMetrics();
  metrics.watchQueue(() => 0);
  metrics.watchLoop(() => 0);
  const served = await metrics.registry.metrics();
  for (const [name = "", type] of rowsOf(page).filter(([cell]) => cell?.startsWith("`")))
    expect(served).toContain(`# TYPE ${name.replaceAll("`", "")} ${type}\n`);
});

test("every row says what to do about it", () => {
  const rows = rowsOf(page).filter(([name]) => name?.startsWith("`"));
  expect(rows.filter((cells) => cells.length !== 5 || cells[3] === "" || cells[4] === "")).toEqual([]);
});
