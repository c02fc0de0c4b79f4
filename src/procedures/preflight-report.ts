/** The pre-flight report: every check with everything it says, all at once, and what is known of the estate. */
import type { Estate } from "../topology/estate.ts";
import type { Acceptance, AcceptanceAnswer, Finding, Objection } from "./procedure.ts";

/** A check and what it said. */
export type Asked = { readonly check: Acceptance; readonly answer: AcceptanceAnswer };

export type PreflightReport = {
  /** For humans; stored in a ConfigMap beside the plan. */
  readonly text: string;
  /** Checks by their worst word. */
  readonly ok: number;
  readonly refused: number;
  readonly unknown: number;
};

const everywhere = "estate";

/** Everything a check objects to; nothing when it is satisfied. */
export function objectionsOf(answer: AcceptanceAnswer): readonly Objection[] {
  if ("objections" in answer) return answer.objections;
  if ("refused" in answer) return [{ on: everywhere, refused: answer.refused }];
  return "unknown" in answer ? [{ on: everywhere, unknown: answer.unknown }] : [];
}

export const findingsOf = (answer: AcceptanceAnswer): readonly Finding[] =>
  "findings" in answer ? (answer.findings ?? []) : [];

/** Every refusal of every check, in the checks' order, without repetition. */
export const refusalsOf = (asked: readonly Asked[]): readonly string[] => [
  ...new Set(
    asked.flatMap(({ answer }) =>
      objectionsOf(answer).flatMap((each) => ("refused" in each ? [each.refused] : [])),
    ),
  ),
];

export const unknownsOf = (asked: readonly Asked[]): readonly string[] => [
  ...new Set(
    asked.flatMap(({ answer }) =>
      objectionsOf(answer).flatMap((each) => ("unknown" in each ? [each.unknown] : [])),
    ),
  ),
];

/** The first sentence, and how many more the report holds. */
export const firstOf = (sentences: readonly string[]): string =>
  sentences.length <= 1
    ? (sentences[0] ?? "")
    : `${sentences[0]} (and ${sentences.length - 1} more in the pre-flight report)`;

type Word = "ok" | "refused" | "unknown";

function wordOf(answer: AcceptanceAnswer): Word {
  const objections = objectionsOf(answer);
  if (objections.some((each) => "refused" in each)) return "refused";
  return objections.length > 0 ? "unknown" : "ok";
}

/** One row for each check and site: what refuses first, then what is not known, then what is well. `knows` are lines of facts. */
export function preflightReport(
  title: string,
  estate: Estate,
  asked: readonly Asked[],
  knows: readonly string[],
): PreflightReport {
  const count = (word: Word): number => asked.filter(({ answer }) => wordOf(answer) === word).length;
  const [ok, refused, unknown] = [count("ok"), count("refused"), count("unknown")];
  const findings = asked.flatMap(({ answer }) => findingsOf(answer));
  const rows = asked.flatMap((each) => rowsOf(each, estate));
  const chapter = (word: Word, heading: string): string[] => {
    const own = rows.filter((row) => row.word === word);
    return own.length === 0 ? [] : ["", heading, ...table(own)];
  };
  const text = [
    title,
    `${asked.length} checks: ${ok} ok, ${refused} refuse, ${unknown} unknown. Nothing was changed on any node.`,
    ...chapter("refused", "REFUSED: mend these; they are asked again by themselves"),
    ...chapter("unknown", "UNKNOWN: could not be learnt; nothing begins before it is"),
    ...(findings.length === 0
      ? []
      : ["", "FINDINGS you acknowledged", ...findings.map(({ id, text: said }) => `  ${id}: ${said}`)]),
    ...(knows.length === 0 ? [] : ["", "KNOWN", ...knows.map((line) => `  ${line}`)]),
    ...chapter("ok", "OK"),
  ];
  return { text: `${text.join("\n")}\n`, ok, refused, unknown };
}

type Row = { readonly word: Word; readonly on: string; readonly check: string; readonly sentence: string };

/** A check that some sites object to is well on the others. */
function rowsOf({ check, answer }: Asked, estate: Estate): readonly Row[] {
  const objections = objectionsOf(answer);
  const rows = objections.map(
    (each): Row =>
      "refused" in each
        ? { word: "refused", on: each.on, check: check.say, sentence: each.refused }
        : { word: "unknown", on: each.on, check: check.say, sentence: each.unknown },
  );
  if (rows.length === 0) return [{ word: "ok", on: "every site", check: check.say, sentence: "" }];
  if (objections.some(({ on }) => on === everywhere)) return rows;
  const well = estate.sites.filter(({ name }) => objections.every(({ on }) => on !== name));
  return [
    ...rows,
    ...well.map(({ name }): Row => ({ word: "ok", on: name, check: check.say, sentence: "" })),
  ];
}

function table(rows: readonly Row[]): string[] {
  const width = Math.max(...rows.map(({ on }) => on.length)) + 2;
  return rows.flatMap(({ on, check, sentence }) => [
    `  ${on.padEnd(width)}${check}`,
    ...(sentence === "" ? [] : [`  ${" ".repeat(width)}→ ${sentence}`]),
  ]);
}
