/** The node contract on its page and in its check are one; the check reads answers without ever taking silence for a yes. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { contractLines, contractScript, readFindings, reportOf } from "../../../src/cli/contract.ts";

const page = readFileSync(resolve(import.meta.dirname, "../../../docs/operating/node-image.md"), "utf8");

describe("page and check", () => {
  test("say the same lines, numbered alike and without a gap", () => {
    const onPage = [...page.matchAll(/^\| (\d+) \| (.+?) \| .+ \|$/gm)].map(([, number, sentence]) => ({
      number: Number(number),
      sentence,
    }));
    expect(onPage.filter(({ number }) => number < 1000)).toEqual(contractLines());
    expect(contractLines().map(({ number }) => number)).toEqual(
      contractLines().map((_line, index) => index + 1),
    );
    expect(contractLines().length).toBeGreaterThan(30);
  });

  test("every line the page speaks of elsewhere is there", () => {
    const spoken = [...page.matchAll(/\blines? (\d+)(?: (?:to|and) (\d+))?/g)].flatMap((match) =>
      match.slice(1),
    );
    for (const number of spoken.filter((each) => each !== undefined))
      expect(contractLines().map((line) => line.number)).toContain(Number(number));
  });
});

describe("the script", () => {
  test("answers every line even on a machine that is no node, and says yes to none that needs one", () => {
    const ran = spawnSync("bash", ["-s", "--"], { input: contractScript(), encoding: "utf8" });
    expect(ran.stdout).toMatch(new RegExp(`^end\t${contractLines().length}\t$`, "m"));
    const findings = readFindings(ran.stdout);
    const of = (part: string) => findings.find(({ sentence }) => sentence.includes(part))?.verdict;
    expect(findings.every(({ verdict, why }) => (verdict === "ok") === (why === ""))).toBe(true);
    for (const part of ["mounted read-only at", "`/opt` is one durable volume"])
      expect([part, of(part)]).toEqual([part, "FAIL"]);
    expect(of("The database runs, and")).toBe("cannot tell");
  });
});

describe("reading", () => {
  const lines = [
    { number: 1, sentence: "One." },
    { number: 2, sentence: "Two." },
    { number: 3, sentence: "Three." },
    { number: 4, sentence: "Four." },
  ];

  test("0 is kept, 1 is broken, everything else cannot be told; so cannot what was not answered", () => {
    const findings = readFindings("1\t0\t\n2\t1\tit is not\n3\t127\todd\nnoise\n", lines);
    expect(findings.map(({ verdict, why }) => [verdict, why])).toEqual([
      ["ok", ""],
      ["FAIL", "it is not"],
      ["cannot tell", "odd"],
      ["cannot tell", "the node gave no answer"],
    ]);
    expect(reportOf(findings)).toBe(
      [
        "ok           1  One.",
        "FAIL         2  Two.",
        "                → it is not",
        "cannot tell  3  Three.",
        "                → odd",
        "cannot tell  4  Four.",
        "                → the node gave no answer",
        "1 ok, 1 FAIL, 2 cannot tell",
        "",
      ].join("\n"),
    );
  });
});
