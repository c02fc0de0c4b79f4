/** The runner's closed lists stand three times: in the script, in its twin, on the protocol page. They say the same. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { checkShapes, commandShapes, queryShapes, wordFits } from "../../../simulator/runner-words.ts";

const root = resolve(import.meta.dirname, "../../..");
const words = readFileSync(resolve(root, "src/runner/words.sh"), "utf8");
const page = readFileSync(resolve(root, "docs/reference/runner-protocol.md"), "utf8");

const listOf = (name: string): readonly string[] => {
  const text = new RegExp(`^readonly ${name}=\\(\\n([\\s\\S]*?)\\n\\)$`, "m").exec(words)?.[1] ?? "";
  return [...text.matchAll(/^ {2}"([^"]*)"$/gm)].map((match) => match[1] ?? "");
};
const section = (title: string): string =>
  new RegExp(`^## ${title}[^\\n]*\\n([\\s\\S]*?)(?=^## |$(?![\\s\\S]))`, "m").exec(page)?.[1] ?? "";
/** The first cells of a section's table, split at the middle dot; `…` stands for what the cell before it says. */
const toolsOn = (title: string): readonly string[] =>
  [...section(title).matchAll(/^\| (`.*?) \|/gm)].flatMap((row) =>
    [...(row[1] ?? "").matchAll(/`([^`]+)`/g)].map((cell) => (cell[1] ?? "").split(" ")[0] ?? ""),
  );
const tools = (shapes: readonly string[]) =>
  [...new Set(shapes.map((shape) => shape.split(" ")[0]?.replace("...", "") ?? ""))].sort();

describe.each([
  ["QUERIES", queryShapes, "Queries"],
  ["COMMANDS", commandShapes, "Commands"],
  ["CHECKS", checkShapes, "Checks"],
] as const)("%s", (name, shapes, title) => {
  test("script and twin admit the same", () => {
    expect(listOf(name).length).toBeGreaterThan(5);
    expect(listOf(name)).toEqual(shapes);
  });
  test("the page names the same tools", () => {
    expect(tools(toolsOn(title).filter((tool) => tool !== "…" && tool !== "PRODUCT"))).toEqual(tools(shapes));
  });
});

describe("patterns", () => {
  const samples = [
    "cluster",
    "crossSite",
    "second",
    "manager",
    "yes",
    "no",
    "maybe",
    "alpha",
    "alpha_1",
    "al-pha",
    "tungsten_",
    "tungsten_a",
    "tungsten_a_from_b",
    "tungsten_from_b",
    "tungsten__from_",
    ".hidden",
    "-dash",
    "_under",
    "a.b-c_d",
    "x".repeat(180),
    "x".repeat(181),
    "8.0.4-132",
    "v8",
    "8",
    "0",
    "05",
    "5",
    "-1",
    "-",
    "1".repeat(19),
    "1".repeat(20),
    "a".repeat(64),
    "A".repeat(64),
    "a".repeat(63),
    "mysql-bin.000002:0000000000002055;-1",
    "nyc-0:13306",
    "nyc-0",
    ":13306",
    "nyc:123456",
    "10.0.0.1:1",
    "MAINTENANCE",
    "Automatic",
    "never",
    "OFFLINE:NORMAL",
    "ONLINE",
    "online",
    "../x",
    "a/b",
    "epoch",
    "a,b",
    "a#b",
  ];
  const patterns = [
    "PRODUCT",
    "HOLD",
    "YESNO",
    "SERVICE",
    "SCHEMA",
    "CROSSING",
    "NAME",
    "KEY",
    "RELEASE",
    "FENCE",
    "NUMBER",
    "SEQNO",
    "SHA256",
    "EVENTID",
    "ENDPOINT",
    "HOST",
    "POLICY",
    "STATE",
  ];

  test("every pattern takes the same words in the script and in the twin", () => {
    const lines = patterns.flatMap((pattern) => samples.map((sample) => `${pattern} ${sample}`));
    const program = `set -u; shopt -s globasciiranges nullglob\n${words}\nwhile read -r p w; do if fits "$p" "$w"; then echo "$p $w yes"; else echo "$p $w no"; fi; done`;
    const ran = spawnSync("bash", ["-c", program], { input: `${lines.join("\n")}\n`, encoding: "utf8" });
    const twin = lines.map((line) => {
      const [pattern = "", sample = ""] = line.split(" ");
      return `${line} ${wordFits(pattern, sample) ? "yes" : "no"}`;
    });
    expect(ran.stdout.trim().split("\n")).toEqual(twin);
    expect(twin.filter((line) => line.endsWith("yes")).length).toBeGreaterThan(100);
  });
});
