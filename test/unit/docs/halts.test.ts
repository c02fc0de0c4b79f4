/** docs/operating/halts.md against the code, both ways: every reason to halt and every pre-flight check has its heading, and no heading is left over. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parseAllDocuments } from "yaml";
import { newLedger } from "../../../src/crds/ledger.ts";
import { type UpgradeRequestSpec, upgradeRequest } from "../../../src/crds/upgrade-request.ts";
import { procedureOf } from "../../../src/procedures/catalog.ts";
import { checkPaths } from "../../../src/procedures/check-paths.ts";
import { connectorHosts } from "../../../src/procedures/connector-hosts.ts";
import { acceptsConversion } from "../../../src/procedures/conversion-preflight.ts";
import { convertMsaaToCaa } from "../../../src/procedures/convert-msaa-to-caa.ts";
import { failOver } from "../../../src/procedures/failover.ts";
import { fixReplication } from "../../../src/procedures/fix-replication.ts";
import type { Acceptance } from "../../../src/procedures/procedure.ts";
import { acceptsResetAll } from "../../../src/procedures/reset-all-preflight.ts";
import { acceptsReset } from "../../../src/procedures/reset-preflight.ts";
import { failSiteOver } from "../../../src/procedures/site-failover.ts";
import { switchSite } from "../../../src/procedures/site-switch.ts";
import { switchPrimary } from "../../../src/procedures/switch.ts";
import { tellRun } from "../../../src/procedures/tell.ts";
import { acceptsUpgrade } from "../../../src/procedures/upgrade-preflight.ts";
import { soundParameters as parameters } from "../procedures/sound-nodes.ts";
import { anchorOf, rowsOf } from "./markdown.ts";

const root = resolve(import.meta.dirname, "../../..");
const page = readFileSync(join(root, "docs/operating/halts.md"), "utf8");

/** The second-level headings below one first-level heading. */
function headingsBelow(title: string): readonly string[] {
  const chapter = page.split(/^# /m).find((part) => part.startsWith(`${title}\n`)) ?? "";
  return [...chapter.matchAll(/^## (.+)$/gm)].map((match) => match[1] ?? "");
}

/** The text of one heading, or of a chapter's own beginning. */
function sectionOf(chapter: string, heading?: string): string {
  const whole = page.split(/^# /m).find((part) => part.startsWith(`${chapter}\n`)) ?? "";
  const parts = whole.split(/^## /m);
  return heading === undefined ? whole : (parts.find((part) => part.startsWith(`${heading}\n`)) ?? "");
}

const four = ["Known", "Unknown", "You may", "Then"];
const wordsIn = (section: string): readonly (string | undefined)[] =>
  [...section.matchAll(/^- \*\*(.+?):\*\* \S/gm)].map((match) => match[1]);

const union = /export type HaltReason =\s*([^;]+);/.exec(
  readFileSync(join(root, "src/procedures/procedure.ts"), "utf8"),
)?.[1];
const reasons = [...(union ?? "").matchAll(/"(\w+)"/g)].map((match) => match[1] ?? "");

const reset = {
  failedSite: "nyc",
  definitiveSite: "london",
  topology: "MSAA" as const,
  donor: "",
  method: "xtrabackup" as const,
  drainSeconds: 30,
  acknowledgedFindings: [],
};
const fix = {
  site: "nyc",
  service: "london",
  nodes: ["nyc-1"],
  reason: "why",
  action: { is: "Online" as const },
};

/** Pages that tell the refusals of their own procedure, and what it asks, in its order. */
const ownPages: readonly (readonly [string, readonly Pick<Acceptance, "say">[]])[] = [
  ["fix-replication", fixReplication(fix).accepts],
  ["upgrade", acceptsUpgrade({ release: "8.0.5-140", latencySeconds: 60 })],
  ["reset-site", acceptsReset(reset)],
  ["reset-all-sites", acceptsResetAll("MSAA")],
];
const ownChapter = (name: string): string =>
  readFileSync(join(root, `docs/operating/${name}.md`), "utf8").split(/^## Refusals$/m)[1] ?? "";
const ownHeadings = (name: string): readonly string[] =>
  [...ownChapter(name).matchAll(/^### (.+)$/gm)].map((match) => match[1] ?? "");
/** Its text, without the heading. */
const ownSection = (name: string, heading: string): string =>
  ownChapter(name)
    .split(/^### /m)
    .find((part) => part.startsWith(`${heading}\n`))
    ?.slice(heading.length) ?? "";

/** Of every sample that asks for a procedure. */
function sampledRequests(): readonly UpgradeRequestSpec[] {
  const folder = join(root, "config/samples");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".yaml"))
    .flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), "utf8")))
    .map((document) => document.toJS())
    .filter((object) => object?.kind === upgradeRequest.kind)
    .map(({ spec }) => upgradeRequest.spec.parse(spec));
}

const saying = /say\(\s*"(\w+)",\s*"(True|False|Unknown)",\s*"(\w+)"/g;

describe("halts.md", () => {
  test("has one heading for each reason to halt, and none that the code does not know", () => {
    expect(reasons.length).toBeGreaterThan(5);
    expect([...headingsBelow("Halts")].sort()).toEqual([...reasons].sort());
  });

  test.each([
    ...["Halts", "Refusals"].flatMap((chapter) =>
      headingsBelow(chapter).map((heading) => [chapter, heading] as const),
    ),
    ["Halts of a site of its own", undefined] as const,
  ])("%s, %s: tells what is known, what is not, what one may do and what comes then", (chapter, heading) => {
    expect(wordsIn(sectionOf(chapter, heading))).toEqual(four);
  });

  test("has these four nowhere else, and a section that lacks one of them would be found", () => {
    const sections = page.split(/^#{1,2} /m).filter((section) => wordsIn(section).length > 0);
    const known = ["Halts", "Refusals"].flatMap(headingsBelow);
    expect(sections.length).toBe(known.length + 1);
    const whole = sectionOf("Refusals", "nothing is held on any node");
    for (const word of four) {
      expect(wordsIn(whole.replace(`- **${word}:**`, "-"))).not.toEqual(four);
      expect(wordsIn(whole.replace(new RegExp(`(- \\*\\*${word}:\\*\\*) .*`), "$1"))).not.toEqual(four);
    }
  });

  test("every reason is given somewhere in the procedures or the loop", () => {
    const sources = [
      "procedures/fate",
      "procedures/guards",
      "procedures/advance",
      "procedures/conversion-products",
      "procedures/conversion-services",
      "procedures/verify-data",
      "procedures/reset-arrival",
      "procedures/reset-copies",
      "procedures/failover",
      "controllers/request-decide",
      "procedures/fix-actions",
      "procedures/channel-parts",
      "procedures/joining-gates",
    ].map((file) => readFileSync(join(root, `src/${file}.ts`), "utf8"));
    const unused = reasons.filter((reason) => !sources.some((text) => text.includes(`"${reason}"`)));
    expect(unused).toEqual([]);
  });

  test.each(headingsBelow("Halts"))("a run halted by %s links to its heading", (reason) => {
    const ledger = { ...newLedger("ConvertMsaaToCaa", 1, "uid", 0), phase: "Running" as const };
    const decision = { kind: "halt", ledger, reason, message: "why" } as Parameters<typeof tellRun>[1];
    const told = tellRun(convertMsaaToCaa(parameters), decision, {
      paused: false,
      abort: false,
      revert: false,
    });
    const message = told.find(({ type }) => type === "Stalled")?.message ?? "";
    const anchor = /docs\/operating\/halts\.md#([^;\s]+)/.exec(message)?.[1];
    expect(anchor).toBe(anchorOf(reason));
  });

  test("what a run of another revision is told links to its heading", () => {
    const told = readFileSync(join(root, "src/controllers/request-run.ts"), "utf8");
    const anchor = /docs\/operating\/halts\.md#([a-z]+)\./.exec(told)?.[1];
    expect(headingsBelow("Not halts").map(anchorOf)).toEqual([anchor]);
  });

  test.each(["Planned", "Approved", "Queued", "Ready"])(
    "has one row for each reason that %s is given with, and no other",
    (type) => {
      const files = [
        ...readdirSync(join(root, "src/controllers")).map((file) => `controllers/${file}`),
        "procedures/tell-standing.ts",
      ];
      const hasRow = (status = "", reason = "") =>
        type === "Ready" || status !== "True" || reason === "SiteTaken";
      const given = files.flatMap((file) =>
        [...readFileSync(join(root, "src", file), "utf8").matchAll(saying)]
          .filter((match) => match[1] === type && hasRow(match[2], match[3]))
          .map((match) => `${match[2]} ${match[3]}`),
      );
      const told = rowsOf(page)
        .filter(([condition]) => condition?.startsWith(`\`${type}\` `))
        .flatMap(([condition = "", reason = ""]) =>
          reason.split(", ").map((each) => `${condition.split(" ")[1]} ${each.replaceAll("`", "")}`),
        );
      expect(given.length).toBeGreaterThan(3);
      expect([...told].sort()).toEqual([...new Set(given)].sort());
    },
  );

  test("the own pages of repairs, resets and upgrades have one heading for each of their pre-flight checks, and none that is not asked", () => {
    for (const [name, checks] of ownPages) {
      const asked = [...new Set(checks.map(({ say }) => say))];
      expect([name, ...ownHeadings(name)]).toEqual([name, ...asked]);
    }
  });

  test.each(ownPages.flatMap(([name]) => ownHeadings(name).map((heading) => [name, heading] as const)))(
    "%s, %s: tells what is known, what is not, what one may do and what comes then",
    (name, heading) => {
      const section = ownSection(name, heading);
      // Of a check that another procedure asks too the page may say so, and where.
      const elsewhere = /^\s*As for \[[^\]]+\]\(halts\.md#([^)]+)\)\.\s*$/.exec(section)?.[1];
      const there = headingsBelow("Refusals").find((other) => anchorOf(other) === elsewhere);
      const told = elsewhere === undefined ? section : sectionOf("Refusals", there ?? "nowhere");
      expect(wordsIn(told)).toEqual(four);
      // Numbers of a check are those of its request.
      if (elsewhere !== undefined) expect(there?.replace(/\d+/g, "n")).toBe(heading.replace(/\d+/g, "n"));
    },
  );

  test("on these pages too a section that lacks one of them would be found", () => {
    const section = ownSection("fix-replication", "the service is stopped by what the action is for");
    for (const word of four) expect(wordsIn(section.replace(`- **${word}:**`, "-"))).not.toEqual(four);
  });

  test("every check of every procedure that a request may ask for has its heading, here or on its own page", () => {
    const plain = (say: string): string => say.replace(/\d+/g, "n");
    const headings = [...headingsBelow("Refusals"), ...ownPages.flatMap(([name]) => ownHeadings(name))];
    const told = new Set(headings.map(plain));
    const seen = new Set<string>();
    for (const spec of sampledRequests()) {
      const { procedure } = procedureOf(spec);
      seen.add(procedure.name);
      const untold = [connectorHosts(procedure), ...procedure.accepts].filter(
        ({ say }) => !told.has(plain(say)),
      );
      expect([procedure.name, ...untold.map(({ say }) => say)]).toEqual([procedure.name]);
    }
    expect([...seen].sort()).toEqual([...upgradeRequest.spec.shape.procedure.options].sort());
  });

  test("has one heading for each pre-flight check, and none that is not asked", () => {
    const asked = [
      connectorHosts({ name: "ConvertMsaaToCaa" }),
      ...acceptsConversion(parameters),
      ...switchPrimary({ site: "nyc", to: "nyc-1", latencySeconds: 5 }).accepts,
      ...failOver({ site: "nyc", to: "nyc-1" }).accepts,
      ...checkPaths({ beats: 1, everySeconds: 60 }).accepts,
      ...switchSite({ to: "london", latencySeconds: 5 }).accepts,
      ...failSiteOver({ to: "london" }).accepts,
    ].map(({ say }) => say);
    expect(headingsBelow("Refusals")).toEqual([...new Set(asked)]);
  });
});
