/** The journal: what a run did, as lines. Every command's line is written before the command is sent. */

import type { Ledger } from "../crds/ledger.ts";
import { withoutSecrets } from "../tungsten/secrets.ts";
import type { Decision, Deed } from "./advance.ts";

export type Entry = {
  /** RFC 3339. */
  readonly at: string;
  readonly event:
    | "asked"
    | "approved"
    | "begin"
    | "end"
    | "copy"
    | "renew"
    | "move"
    | "kept"
    | "halt"
    | "heard"
    | "finish";
  readonly step?: string;
  readonly node?: string;
  /** The marker's key, for begun commands. */
  readonly key?: string;
  readonly command?: string;
  /** What was fed to the command, where it is short; longer texts stand in the plan under their checksum. */
  readonly stdin?: string;
  /** How a command ended: its exit code, or refused, interrupted, unbegun. */
  readonly ended?: string;
  /** Seconds it ran, by its node's clock. */
  readonly seconds?: number;
  readonly text?: string;
};

/**
 * The lines a decision adds; waiting adds none, and what a survey notes stands in its report. A human's word about a
 * command comes before what follows from it.
 */
export function entriesOf(decision: Decision, before: Ledger, stepId: string, now: number): readonly Entry[] {
  const at = new Date(now).toISOString();
  const heard = Object.entries(decision.ledger.heard ?? {})
    .filter(([key, word]) => before.heard?.[key] !== word)
    .map(([key, text]): Entry => ({ at, event: "heard", step: stepId, key, text }));
  return [...heard, ...consequences(decision, before, stepId, at)];
}

function begun({ effect, key }: Deed, step: string, at: string): Entry {
  if ("keep" in effect) return { at, event: "copy", step, node: effect.from.name, text: effect.keep };
  if ("renewPodOf" in effect)
    return { at, event: "renew", step, node: effect.renewPodOf.name, text: "its pod is deleted" };
  const { begin, on } = effect;
  return {
    at,
    event: "begin",
    step,
    node: on.name,
    key,
    command: begin.argv.join(" "),
    ...fed(begin.stdin),
  };
}

function consequences(decision: Decision, before: Ledger, stepId: string, at: string): readonly Entry[] {
  switch (decision.kind) {
    case "wait":
      return [];
    case "act":
      return decision.deeds.map((deed) => begun(deed, stepId, at));
    case "move":
      if (decision.noted !== undefined) return [];
      return [
        ...keptBy(decision.ledger, before).map((text): Entry => ({ at, event: "kept", step: stepId, text })),
        { at, event: "move", step: stepId, text: decision.why },
      ];
    case "halt":
      if (before.halt?.reason === decision.reason && before.halt.message === decision.message) return [];
      return [{ at, event: "halt", step: stepId, text: `${decision.reason}: ${decision.message}` }];
    case "finish":
      if (before.phase === "Finished") return [];
      return [{ at, event: "finish", text: decision.ledger.outcome ?? "" }];
  }
}

const longestStdin = 400;
const fed = (stdin: string | undefined): { readonly stdin?: string } =>
  stdin === undefined || stdin.length > longestStdin ? {} : { stdin };

/** What a finished part recorded: positions, dumps, backups with their checksums. */
const keptBy = (ledger: Ledger, before: Ledger): readonly string[] =>
  Object.entries(ledger.kept)
    .filter(([name, value]) => before.kept[name] !== value)
    .map(([name, value]) => `${name} = ${value}`);

/** Entries as text, one JSON object a line. Commands and sentences are masked: a tool may have quoted a password. */
export const linesOf = (entries: readonly Entry[]): string =>
  entries.map((entry) => `${JSON.stringify(entry, masked)}\n`).join("");

const masked = (_key: string, value: unknown): unknown =>
  typeof value === "string" ? withoutSecrets(value) : value;

/** The same for people: one line an entry, what a tool printed indented below it. */
export const textOf = (entries: readonly Entry[]): string => entries.map(lineOf).join("");

function lineOf(entry: Entry): string {
  const { at, event, step, node, command, stdin, ended, seconds, text } = entry;
  const end =
    ended === undefined ? undefined : `${ended}${seconds === undefined ? "" : ` after ${seconds} s`}`;
  const fedWith = stdin === undefined ? undefined : `<<< ${JSON.stringify(stdin)}`;
  const said = text === undefined || event === "end" ? text : text.replaceAll("\n", " ");
  const [first = "", ...more] = (event === "end" ? (said ?? "") : "")
    .split("\n")
    .filter((line) => line !== "");
  const words = [at, event, step, node, end, command, fedWith, event === "end" ? undefined : said];
  const head = words.filter((word) => word !== undefined && word !== "").join("  ");
  const below = [first, ...more].filter((line) => line !== "").map((line) => `    | ${line}\n`);
  return withoutSecrets(`${head}\n${below.join("")}`);
}
