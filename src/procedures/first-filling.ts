/**
 * A new node is filled over a database that this walk has seen empty, in the very script that fills it: a walk may wait for
 * hours, and people write meanwhile. Once the tool has begun, what lies there is its own, whole or not, and it may begin once
 * more. Which of the two holds is read from the way that was taken last: ways that were taken before the tool began come first
 * in the list, those behind it last. A walk that begins anew is told by `seenEmptyKey`.
 */
import type { Ledger } from "../crds/ledger.ts";
import { belongingInWords, belongings } from "../tungsten/chunks.ts";
import type { Facts } from "../tungsten/facts.ts";
import type { Precheck } from "../tungsten/invocation.ts";
import { marker } from "../tungsten/node-facts.ts";
import { endedWell } from "./guards.ts";
import type { Alternative, Effect, Guard, Judgement, Look, Run, Target } from "./procedure.ts";
import { database } from "./reset-commands.ts";
import { databaseIs, processStopped } from "./reset-states.ts";
import { check, safely } from "./site-commands.ts";
import { doneIf, every, knowing } from "./verdicts.ts";

/** Under which a ledger keeps that the node was seen empty by the tool that fills it: what it holds since is a copy. */
export const seenEmptyKey = (node: string): string => `seenEmpty.${node}`;

export type FirstFilling = {
  /** The tool with the checks it gets; it leaves nothing of what was there. */
  readonly tool: (target: Target, run: Run, prechecks: readonly Precheck[]) => Effect;
  readonly when: string;
  /** Nothing applies there, and nobody reads from it. */
  readonly ready: Judgement;
  /** How the tool's own script sees that nothing was written: a running database is asked, of one at rest the files. */
  readonly looks: "no-tables" | "no-table-files";
  /** What brings it there, as long as it is not. */
  readonly remedies: readonly Alternative[];
};

type Begun = "yes" | "no" | "unknown";

/** By the latest command of the part. A tool whose checks refused it has not begun, nor one that never reached its node. */
const begunBy = (
  { key, alternative }: { key: string; alternative: number },
  again: number,
  node: string,
  facts: Facts,
): Begun => {
  if (alternative !== 0) return alternative >= again ? "yes" : "no";
  const state = facts.get(node, marker(key));
  if ("unknown" in state) return "unknown";
  return ["running", "exited", "interrupted"].includes(state.known.state) ? "yes" : "no";
};

/** Whether this walk's tool, or the one's before it, has put there what the node holds. */
const begunOn = ({ node }: Target, look: Look, again: number): Begun =>
  look.run.kept[seenEmptyKey(node.name)] === "true" ? "yes" : begunBy(look, again, node.name, look.facts);

const begunIs =
  (wanted: Begun, again: number): Judgement =>
  (target, look) =>
    doneIf(begunOn(target, look, again) === wanted, `whether ${target.node.name} was begun to be filled`);

const empty: Judgement = ({ node }, look) =>
  knowing(look.facts.get(node.name, belongings), `what the database of ${node.name} holds`, (thing) =>
    doneIf(thing === "none", `the database of ${node.name} holds something of a user`),
  );

/** Told and waited out, before a command is spent on it. What cannot be read is refused by the script. */
const nothingWritten = (again: number): Guard => ({
  say: "nobody has written into the new database, unless a copy was begun there",
  objects(target, look) {
    if (begunOn(target, look, again) !== "no") return undefined;
    const { name } = target.node;
    const thing = look.facts.get(name, belongings);
    return "unknown" in thing || thing.known === "none"
      ? undefined
      : `the database of ${name} holds ${belongingInWords(thing.known)} by now, which somebody may want: drop it there once you are sure that nobody does`;
  },
});

const only = (alternative: Alternative, wanted: Judgement, words: string): Alternative => ({
  ...alternative,
  when: `${alternative.when}; ${words}`,
  holds: (target, look) =>
    every([wanted(target, look), ...(alternative.holds ? [alternative.holds(target, look)] : [])]),
});

/** What a part that fills a new node runs, its guard, and when its tool has ended well. */
export function firstFilling({ tool, when, ready, looks, remedies }: FirstFilling) {
  const again = againAt(remedies.length);
  const [before, behind] = [begunIs("no", again), begunIs("yes", again)];
  const asked = looks === "no-tables" ? [empty] : [];
  const run: readonly Alternative[] = [
    {
      when: `${when}, and its database empty`,
      holds: (target, look) => every([before, ready, ...asked].map((judge) => judge(target, look))),
      effect: (target, on) => tool(target, on, [check(looks)]),
    },
    ...[looks === "no-tables" ? databaseStopped : databaseRuns, ...remedies].map((remedy) =>
      only(remedy, before, "nothing was copied yet"),
    ),
    {
      when: `${when}, and what lies there is a copy that was begun`,
      holds: (target, look) => every([behind(target, look), ready(target, look)]),
      effect: (target, on) => tool(target, on, []),
    },
    ...[...(looks === "no-tables" ? [databaseLeft(again)] : []), ...remedies].map((remedy) =>
      only(remedy, behind, "a copy was begun"),
    ),
  ];
  return {
    run,
    guards: [nothingWritten(again), ...(looks === "no-tables" ? [] : [notStarted(again)])],
    endedWell: (what: string): Judgement => endedWell(what, [0, again]),
  };
}

/** Where the tool's second way stands: behind the first one, the database's remedy and the others. */
const againAt = (remedies: number): number => remedies + 2;

/** One that is down cannot be asked what it holds. */
const databaseStopped: Alternative = {
  when: "its database is stopped",
  holds: databaseIs("stopped"),
  effect: database("start"),
};

/** Somebody has started it, and made nothing of it. */
const databaseRuns: Alternative = {
  when: "its database runs, and is empty",
  holds: (target, look) => every([databaseIs("running")(target, look), empty(target, look)]),
  effect: (target) =>
    safely(target.node, ["database", "stop"], {
      deadlineSeconds: 1800,
      prechecks: [check("no-tables")],
    }),
};

/** Half a copy is nobody's database: whoever started one knows what they want of it, and nothing is thrown away below them. */
const notStarted = (again: number): Guard => ({
  say: "nobody has started a database over a copy that is not whole",
  objects(target, look) {
    if (begunOn(target, look, again) !== "yes") return undefined;
    const { name } = target.node;
    return databaseIs("running")(target, look).is === "done"
      ? `the database of ${name} was started over a copy that is not whole: stop it there, and the copy is made anew`
      : undefined;
  },
});

/** What the tool leaves behind, when it was the last thing that was begun, is its own to mend. */
const databaseLeft = (again: number): Alternative => ({
  when: "a restart has left its database stopped",
  holds: (target, look) =>
    every([
      doneIf(look.alternative !== 0 && look.alternative !== again, "the tool has begun"),
      databaseIs("stopped")(target, look),
      processStopped("cluster")(target, look),
    ]),
  effect: database("start"),
});

/** Where a procedure fills new nodes: ids of the steps, the part's place in each, and how many remedies it was given. */
export type FillingPart = { readonly steps: RegExp; readonly part: number; readonly remedies: number };

/** What a walk that begins anew keeps of one that stands in such a part: whom its tool has begun to fill. */
export const begunIn = (
  { attempts }: Pick<Ledger, "attempts">,
  remedies: number,
  facts: Facts,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(attempts)
      .filter(([node, attempt]) => begunBy(attempt, againAt(remedies), node, facts) === "yes")
      .map(([node]) => [seenEmptyKey(node), "true"] as const),
  );
