/** The table of lies as text, 120 columns wide: what was shown, and whom it fooled. */
import type { Lie, Shown, Untold } from "./lie.ts";
import type { Said } from "./stage.ts";

export const width = 120;
const indent = "     ";
const left = 58;

export type Row = { readonly number: number; readonly lie: Lie; readonly shown: Shown };

/** The naive client believed what is not so, and the careful look saw what is. */
export const fools = ({ truth, naive }: Shown): boolean => naive !== truth;
export const sees = ({ truth, careful }: Shown): boolean => careful === truth;

const clip = (text: string, room: number): string =>
  text.length <= room ? text : `${text.slice(0, room - 1)}…`;

/** Words of a text, in lines no longer than `room`. */
function wrapped(text: string, room: number): readonly string[] {
  const lines: string[] = [];
  const words = text.split(" ").flatMap((word) => word.match(new RegExp(`.{1,${room}}`, "g")) ?? [""]);
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= room)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Two texts side by side, each wrapped in its own half. */
function sideBySide(a: string, b: string): readonly string[] {
  const [one, two] = [wrapped(a, left - 2), wrapped(b, width - indent.length - left)];
  return Array.from({ length: Math.max(one.length, two.length) }, (_, index) =>
    `${indent}${(one[index] ?? "").padEnd(left)}${two[index] ?? ""}`.trimEnd(),
  );
}

/** A run of a tool in one line: its words, its exit code, the line that speaks. */
export function brief({ line, code, out, err }: Said, beginning?: string): string {
  const lines = out.split("\n");
  const speaks =
    lines.find((each) => beginning !== undefined && each.trimStart().startsWith(beginning)) ??
    lines.find((each) => each.trim() !== "");
  const spoken = speaks?.replace(/\s+/g, " ").trim();
  const told = spoken ?? (err === "" ? "nothing printed" : `stderr: ${err.split("\n")[0]}`);
  return `$ ${line} — exit ${code}, ${told}`;
}

export function rowText({ number, lie, shown }: Row): readonly string[] {
  const mark = fools(shown) && sees(shown) ? "" : "  NOT SHOWN";
  const head = `${String(number).padStart(3)}  ${lie.name}${mark}`;
  const cites = `[${lie.cites.join(", ")}]`;
  return [
    `${head}${cites.padStart(width - head.length)}`,
    ...wrapped(lie.lie, width - indent.length).map((line) => indent + line),
    ...sideBySide(
      clip(brief(shown.said, shown.line), 2 * (left - 2)),
      `asked: ${lie.asks} In truth: ${shown.truth}`,
    ),
    ...sideBySide(`naive: ${lie.naive} → ${shown.naive}`, `careful: ${lie.careful} → ${shown.careful}`),
  ];
}

export const groupText = (tool: string): readonly string[] => [
  "",
  `${tool} ${"─".repeat(width - tool.length - 1)}`,
];

export const untoldText = (untold: readonly Untold[]): readonly string[] => [
  ...groupText("not shown here, and why"),
  ...untold.flatMap(({ cites, lie, why }) => [
    ...wrapped(`${lie} [${cites}]`, width - indent.length).map((line) => indent + line),
    ...wrapped(`— ${why}`, width - 2 * indent.length).map((line) => indent + indent + line),
  ]),
];

/** One row with everything that was run for it. */
export function detailText(
  row: Row,
  ran: readonly { readonly where: string; readonly said: Said }[],
): readonly string[] {
  const runs = ran.flatMap(({ where, said }) => [
    "",
    `${where} ${said.line}`,
    ...said.out.split("\n").filter((line, index, all) => line !== "" || index < all.length - 1),
    ...said.err
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => `[stderr] ${line}`),
    `[exit ${said.code}]`,
  ]);
  return [...rowText(row), ...runs];
}

export function countText(rows: readonly Row[]): string {
  const fooled = rows.filter(({ shown }) => fools(shown)).length;
  const caught = rows.filter(({ shown }) => !sees(shown)).length;
  return `${rows.length} lies, ${fooled} naive clients fooled, ${caught} careful looks fooled`;
}
