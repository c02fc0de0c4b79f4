/** The demo's live story: journal entries of a run, as they come, turned into lines for people. */
import { convertMsaaToCaa } from "../src/procedures/convert-msaa-to-caa.ts";
import type { Entry } from "../src/procedures/journal.ts";

const { steps } = convertMsaaToCaa({
  backup: { mode: "Take" },
  limits: { latencySeconds: 5, backlogEvents: 10_000, oldestTransactionSeconds: 60 },
  acknowledgedFindings: [],
});

/** The vendor's number and title of a step. */
export function stepTitle(id: string): string {
  const step = steps.find((each) => each.id === id);
  return step === undefined ? id : `${step.n}. ${step.title}`;
}

const widest = 96;
const shortened = (text: string): string => (text.length <= widest ? text : `${text.slice(0, widest - 1)}…`);
const seconds = (from: string, to: string): string =>
  `${((Date.parse(to) - Date.parse(from)) / 1000).toFixed(1)} s`;

const words = ({ event, text, command }: Entry): string =>
  event === "copy" ? `copy ${text ?? ""}` : (command ?? "").replace(/[0-9a-f]{64}/g, "<sha256>");

/** The nodes, then each kind of command once, with how many of them there were. */
function deedLines(deeds: readonly Entry[]): readonly string[] {
  const nodes = [...new Set(deeds.map(({ node }) => node ?? ""))].sort();
  const kinds = Map.groupBy(deeds.map(words), (command) => command.split(" ")[0]);
  const commands = [...kinds.values()].map(([first = "", ...more]) =>
    more.length === 0 ? shortened(first) : `${shortened(first)}   ×${more.length + 1}`,
  );
  return [shortened(nodes.join(" ")), ...commands].map((line) => `            ${line}`);
}

export type Story = {
  /** Lines for entries that were not told yet; the journal only grows. */
  readonly tell: (journal: readonly Entry[]) => readonly string[];
};

/** A step gets a headline, each part of it one line when it is done, with its nodes, its commands and its time. */
export function newStory(): Story {
  let told = 0;
  let step = "";
  let since = "";
  let deeds: Entry[] = [];
  const conditions = new Set(steps.map(({ condition }) => condition));

  const lineOf = (entry: Entry): readonly string[] => {
    const lines: string[] = [];
    if (entry.step !== undefined && entry.step !== step) {
      step = entry.step;
      since = entry.at;
      lines.push("", `  step ${stepTitle(step)}`);
    }
    if (entry.event === "begin" || entry.event === "copy") deeds.push(entry);
    if (entry.event === "halt" || entry.event === "heard") lines.push(`      ${entry.event}: ${entry.text}`);
    if (entry.event === "finish") return [...lines, "", `  ${entry.text}`];
    if (entry.event !== "move") return lines;
    const took = seconds(since, entry.at);
    since = entry.at;
    const done = conditions.has(entry.text ?? "");
    lines.push(done ? `      → condition ${entry.text}` : `      ✓ ${shortened(entry.text ?? "")}   ${took}`);
    if (deeds.length > 0) lines.push(...deedLines(deeds));
    deeds = [];
    return lines;
  };
  return {
    tell: (journal) => {
      const fresh = journal.slice(told);
      told = journal.length;
      return fresh.flatMap(lineOf);
    },
  };
}
