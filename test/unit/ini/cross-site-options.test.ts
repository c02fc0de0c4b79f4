/** What links' options become in a composite: each option of the catalogue goes over or is refused with its way out. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { carriedOptions, carriedServices, postProcessSections } from "../../../src/ini/cross-site-options.ts";
import { readIni } from "../../../src/ini/document.ts";
import { optionLines } from "../../../src/ini/option-catalogue-data.ts";
import { tungstenIni } from "../../../src/ini/tungsten-ini.ts";
import { expectGolden } from "../../golden.ts";
import { cluster, composite, estateOf, link } from "../estates.ts";

const sites = ["london", "nyc", "tokyo"];
const filters = {
  "svc-applier-filters": "replicate",
  property: "replicator.filter.replicate.ignore=scratch,tmp",
};
const estate = estateOf({
  clusters: sites.map((name) => cluster(name)),
  links: [
    link("nyc", "london", filters),
    link("london", "nyc", { cluster_slave_auto_recovery_max_attempts: "5", log_slave_updates: "true" }),
    link("tokyo", "nyc"),
  ],
  composites: [composite(sites)],
});

test("byte by byte", () => {
  const text = tungstenIni(estate, "CAA", {});
  expectGolden(join(import.meta.dirname, "golden/caa-3-options.ini"), text.trimEnd().split("\n"));
});

test("the text is read back as it was meant, whatever the order of its keys", () => {
  const reading = readIni(tungstenIni(estate, "CAA", {}));
  const document = "document" in reading ? reading.document : [];
  const sections = postProcessSections(estate);
  expect(sections.length).toBe(9);
  for (const { name, entries } of sections)
    expect(document.find((section) => section.name === name)?.entries.toSorted()).toEqual(entries.toSorted());
});

test("MSAA keeps them in the links' own sections", () => {
  const reading = readIni(tungstenIni(estate, "MSAA", {}));
  const document = "document" in reading ? reading.document : [];
  expect(document.find(({ name }) => name === "nyc_london")?.entries).toEqual(
    expect.arrayContaining(Object.entries(filters)),
  );
  expect(document.some(({ name }) => name.includes("_from_") || name === "nyc.replicator")).toBe(false);
});

test("without options there is nothing to post-process, and services go online by themselves", () => {
  const plain = estateOf({ clusters: sites.map((name) => cluster(name)), composites: [composite(sites)] });
  expect(postProcessSections(plain)).toEqual([]);
  expect(tungstenIni(plain, "CAA", {})).not.toContain("auto-enable");
});

test("an option that alone is refused makes no section", () => {
  const refused = estateOf({
    clusters: sites.map((name) => cluster(name)),
    links: [link("nyc", "london", { "thl-port": "2114" })],
    composites: [composite(sites)],
  });
  expect(carriedServices(refused)).toEqual([]);
});

describe("every option of the catalogue", () => {
  const names = optionLines.map((line) => line.split(" ")[0] ?? "").filter((name) => name !== "property");
  test.each(names)("%s goes over, or is refused with a way out", (name) => {
    const { carried, refused } = carriedOptions({ [name]: "1" });
    expect(carried.length + refused.length).toBe(1);
    if (refused[0] !== undefined) expect(refused[0].why).toMatch(/; (remove it|set it)/);
  });

  test("the ones that go over", () => {
    const over = names.filter((name) => carriedOptions({ [name]: "1" }).carried.length > 0);
    expect(over).toEqual([
      "allow-bidi-unsafe",
      "auto-recovery-delay-interval",
      "auto-recovery-max-attempts",
      "auto-recovery-reset-interval",
      "buffer-size",
      "cluster-slave-auto-recovery-delay-interval",
      "cluster-slave-auto-recovery-max-attempts",
      "cluster-slave-auto-recovery-reset-interval",
      "consistency-policy",
      "drop-static-columns-in-updates",
      "log-slave-updates",
      "optimize-row-events",
      "svc-allow-any-remote-service",
      "svc-applier-block-commit-interval",
      "svc-applier-block-commit-size",
      "svc-applier-filters",
      "svc-datasource-applier-init-script",
      "svc-fail-on-zero-row-update",
      "svc-remote-filters",
      "svc-reposition-on-source-id-change",
      "svc-shard-default-db",
      "svc-thl-filters",
      "thl-do-checksum",
      "thl-log-connection-timeout",
      "thl-log-file-size",
      "thl-log-fsync",
      "thl-log-retention",
      "track-schema-changes",
    ]);
  });

  test.each([
    ["replicator.stage.q-to-dbms.blockCommitRowCount=5", true],
    ["replicator.prometheus.exporter.port=28092", false],
    ["replicator.rmi_port=10012", false],
  ])("property=%s", (property, goes) => {
    expect(carriedOptions({ property }).carried.length === 1).toBe(goes);
  });
});
