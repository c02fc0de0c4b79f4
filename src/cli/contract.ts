/** The node contract: its numbered lines, the script that asks a node about each, and the reading of what it answers. */
import { readFileSync } from "node:fs";

/** One numbered line of docs/operating/node-image.md. */
export type ContractLine = { readonly number: number; readonly sentence: string };

export type Verdict = "ok" | "FAIL" | "cannot tell";
export type Finding = ContractLine & { readonly verdict: Verdict; readonly why: string };

/** Sent to `bash -s` in the node's container; with the argument `--restart` it restarts the database. */
export const contractScript = (): string => readFileSync(new URL("./contract.sh", import.meta.url), "utf8");

/** Each function `line_N` of the script opens with the line's sentence. */
export function contractLines(script = contractScript()): readonly ContractLine[] {
  return [...script.matchAll(/^# (.+)\nline_(\d+)\(\)/gm)].map(([, sentence = "", number]) => ({
    number: Number(number),
    sentence,
  }));
}

/**
 * One finding for each line, in order. A line without an answer cannot be told: the session may have ended early, and
 * what is not said is not kept.
 */
export function readFindings(stdout: string, lines = contractLines()): readonly Finding[] {
  const answers = new Map<number, readonly [string, string]>();
  for (const line of stdout.split("\n")) {
    const [number = "", exit, why = ""] = line.split("\t");
    if (/^\d+$/.test(number) && exit !== undefined) answers.set(Number(number), [exit, why]);
  }
  return lines.map((line) => {
    const [exit, why] = answers.get(line.number) ?? ["", "the node gave no answer"];
    if (exit === "0") return { ...line, verdict: "ok", why: "" };
    return { ...line, verdict: exit === "1" ? "FAIL" : "cannot tell", why };
  });
}

/** One line of text for each finding, and a last one with the sums. */
export function reportOf(findings: readonly Finding[]): string {
  const text = findings.map(({ number, sentence, verdict, why }) => {
    const head = `${verdict.padEnd(11)} ${String(number).padStart(2)}  ${sentence}`;
    return why === "" ? head : `${head}\n                → ${why}`;
  });
  const count = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict).length;
  const sums = `${count("ok")} ok, ${count("FAIL")} FAIL, ${count("cannot tell")} cannot tell`;
  return `${[...text, sums].join("\n")}\n`;
}
