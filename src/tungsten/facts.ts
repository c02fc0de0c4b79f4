/**
 * Facts: what the queries said, each known or unknown with the reason. A fact is a query and the reader of its output
 * in one value, so that asking and reading cannot drift apart.
 */
import type { Query, ToolOutput } from "./invocation.ts";
import type { Reading } from "./reading.ts";

/** Milliseconds since the epoch. */
export type Instant = number;

/** Learnt by `at`, by our clock. Where it was asked of a node, also since when we waited: it was true at some time in between. */
export type Known<T> =
  | { readonly known: T; readonly at: Instant; readonly asked?: Instant }
  | { readonly unknown: string };

/** One thing that can be asked of a node. `id` is unique among facts: equal ids mean equal queries. */
export type Fact<T> = {
  readonly id: string;
  readonly argv: readonly string[];
  readonly read: (output: ToolOutput) => Reading<T>;
};

/** What a node answered to one query, or why there is no answer. */
export type Answer =
  | { readonly output: ToolOutput; readonly at: Instant; readonly asked?: Instant }
  | { readonly missing: string };

/** A wish for one fact of one node. */
export type Ask = { readonly node: string; readonly query: Query };

/** Files of a run copied off the nodes: name → SHA-256 of the content. */
export type Copies = ReadonlyMap<string, string>;

/**
 * The facts of one pass. Asking for one that was not gathered gives unknown and remembers the wish in `wanted`, so the
 * shell knows what to gather; judgements therefore never declare what they need.
 */
export type Facts = {
  readonly get: <T>(node: string, fact: Fact<T>) => Known<T>;
  /** Content checksums of what this run has copied off the nodes. */
  readonly copies: () => Known<Copies>;
  readonly wanted: () => { readonly asks: readonly Ask[]; readonly copies: boolean };
  /** Every question so far, answered or not. */
  readonly asked: () => readonly Ask[];
};

export const notAskedYet = "not asked yet";

/** Facts over what was gathered so far: answers by node and query id, and the copies if they were listed. */
export function factsFrom(
  answers: ReadonlyMap<string, ReadonlyMap<string, Answer>>,
  copies: Known<Copies> | undefined,
): Facts {
  const wanted = new Map<string, Ask>();
  const asked = new Map<string, Ask>();
  let copiesWanted = false;
  return {
    get<T>(node: string, fact: Fact<T>): Known<T> {
      const answer = answers.get(node)?.get(fact.id);
      const key = `${node} ${fact.id}`;
      const question = { node, query: { id: fact.id, argv: fact.argv } };
      asked.set(key, question);
      if (answer === undefined) {
        wanted.set(key, question);
        return { unknown: notAskedYet };
      }
      if ("missing" in answer) return { unknown: answer.missing };
      const reading = fact.read(answer.output);
      if (!("read" in reading)) return { unknown: reading.unreadable };
      const { at, asked: since = at } = answer;
      return { known: reading.read, at, asked: since };
    },
    copies() {
      if (copies === undefined) copiesWanted = true;
      return copies ?? { unknown: notAskedYet };
    },
    asked: () => [...asked.values()],
    wanted: () => ({ asks: [...wanted.values()], copies: copiesWanted }),
  };
}

/** Longer answers are not read: none of a tool's comes near it. In characters of stdout and of stderr. */
export const longestAnswer = 4_000_000;

/** What an output was read as, by its reader: a pass decides several times, and many judgements ask for the same. */
const readings = new WeakMap<ToolOutput, Map<unknown, Reading<unknown>>>();

function readOnce<T>(output: ToolOutput, read: (output: ToolOutput) => Reading<T>): Reading<T> {
  const known = readings.get(output) ?? new Map<unknown, Reading<unknown>>();
  readings.set(output, known);
  const before = known.get(read);
  if (before !== undefined) return before as Reading<T>;
  const reading = read(output);
  known.set(read, reading);
  return reading;
}

/** The fact behind a query: its id is its words, so that equal questions are asked once. The shell shortens it on the wire. */
export function factOf<T>(argv: readonly string[], read: (output: ToolOutput) => Reading<T>): Fact<T> {
  return {
    id: argv.join(" "),
    argv,
    read: (output) =>
      output.stdout.length > longestAnswer || output.stderr.length > longestAnswer
        ? { unreadable: `the answer has more than ${longestAnswer} characters` }
        : readOnce(output, read),
  };
}
