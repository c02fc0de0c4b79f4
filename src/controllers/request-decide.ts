/**
 * What one pass of a run decides: one decision after the other, until something has to be done, awaited or told. They
 * are recorded together before anything is done. No part is judged on a look that may be older than what the part before
 * it did.
 */
import type { Ledger } from "../crds/ledger.ts";
import { advance, type Controls, type Decision } from "../procedures/advance.ts";
import type { Entry } from "../procedures/journal.ts";
import { endsOf } from "../procedures/journal-ends.ts";
import { departed, renderedInis, reworded, runOf } from "../procedures/prepare.ts";
import type { Procedure } from "../procedures/procedure.ts";
import { placeOf } from "../procedures/track.ts";
import { type Answer, type Ask, type Facts, factsFrom } from "../tungsten/facts.ts";
import { marker } from "../tungsten/node-facts.ts";
import {
  askNode,
  type Gathered,
  gatherFor,
  nothingGathered,
  rememberAsks,
  rememberedAsks,
} from "./gather.ts";
import { lentFor } from "./request-planning.ts";
import { listCopies } from "./run-copies.ts";
import type { PodRef } from "./shell.ts";
import type { Pass } from "./upgrade-request.ts";

/** One decision of a pass: the ledger it was made on, the step it was made in, and how the commands ended that it has done with. */
export type Link = {
  readonly decision: Decision;
  readonly before: Ledger;
  readonly stepId: string;
  readonly ends: readonly Entry[];
};

/** Everything that stays the same during a pass. */
type Setting = {
  readonly pass: Pass;
  readonly procedure: Procedure;
  readonly pods: ReadonlyMap<string, PodRef>;
  readonly ini: Readonly<Record<string, string>>;
};

/** The decisions of this pass in their order; only the last one can be anything but a move. */
export async function decideAll(
  pass: Pass,
  procedure: Procedure,
  frozen: Readonly<Record<string, string>>,
  pods: ReadonlyMap<string, PodRef>,
): Promise<readonly [...Link[], Link]> {
  const { ledger, estate, shell, request } = pass;
  if (ledger.pins === undefined) throw new Error("a running ledger without pins");
  const lent = lentFor(estate);
  const ini = renderedInis(ledger.pins.primaries, lent);
  const changed = reworded(ledger.pins, frozen) ?? departed(ledger.pins, estate, ini, lent);
  if (changed === undefined) return chain({ pass, procedure, pods, ini });
  const decision = haltDeparted(ledger, changed, request.metadata.generation ?? 0, shell.clock.now());
  return [{ decision, before: ledger, stepId: stepIdOf(procedure, ledger), ends: [] }];
}

async function chain(setting: Setting): Promise<readonly [...Link[], Link]> {
  const { pass, procedure } = setting;
  const { shell, limits } = pass;
  const began = shell.clock.now();
  const links: Link[] = [];
  let ledger = pass.ledger;
  let gathered = nothingGathered();
  let expected = rememberedAsks(shell, aroundOf(setting, ledger));
  let stale = false;
  for (;;) {
    const { part } = placeOf(procedure, ledger);
    if (part !== undefined && (stale || (links.length > 0 && (part.guards ?? []).length > 0))) {
      expected = foreseen(setting, ledger, gathered);
      gathered = nothingGathered();
      stale = false;
    }
    const around = aroundOf(setting, ledger);
    const { decided, asked } = await gatherFor(shell, around, gathered, expected, (facts) =>
      linkOf(setting, ledger, facts),
    );
    expected = [];
    stale ||= links.length === 0; // the part may have been waited for, and its commands have just ended
    const tooLong = shell.clock.now() - began > limits.pollMs;
    if (!goesOn(ledger, decided.decision) || tooLong) {
      rememberAsks(shell, around, [...asked, ...markersOf(decided.decision)]);
      rememberRunning(setting, decided, gathered);
      return [...links, decided];
    }
    links.push(decided);
    ledger = decided.decision.ledger;
  }
}

/**
 * A part is judged on the same look as the one before it only when that one was done when this pass came to it, without
 * a command: then nothing that it waited for can have happened between two of the look's questions.
 */
function goesOn(before: Ledger, decision: Decision): boolean {
  if (decision.kind !== "move" || decision.noted !== undefined) return false;
  const { cursor, direction } = decision.ledger;
  const anew = cursor.step === before.cursor.step && cursor.round !== before.cursor.round;
  return direction === before.direction && !anew;
}

function linkOf(setting: Setting, ledger: Ledger, facts: Facts): Link {
  const { pass, procedure, ini } = setting;
  const { spec, request, limits, shell, estate } = pass;
  const controls: Controls = {
    generation: request.metadata.generation ?? 0,
    paused: spec.paused,
    abort: spec.abort,
    revert: spec.revert,
    acknowledge: spec.acknowledge,
  };
  const { pins } = ledger;
  if (pins === undefined) throw new Error("a running ledger without pins");
  const { notAfter } = spec.window ?? {};
  const run = {
    ...runOf(ledger, request.metadata.name, estate, pins, ini),
    ...(notAfter !== undefined && { notAfter: Date.parse(notAfter) }),
  };
  const now = shell.clock.now();
  const decision = advance(procedure, ledger, { run, facts, now, controls, width: limits.width });
  return {
    decision,
    before: ledger,
    stepId: stepIdOf(procedure, ledger),
    ends: endsOf(procedure, ledger, decision.ledger, { run, facts, now }),
  };
}

/** What the next part will ask. An old look is good enough to tell that; nothing is decided on it. */
function foreseen(setting: Setting, ledger: Ledger, { answers, copies }: Gathered): readonly Ask[] {
  const facts = factsFrom(answers, copies);
  linkOf(setting, ledger, facts);
  return facts.asked();
}

/** What was begun is looked at next; asking for it at once saves a session. */
const markersOf = (decision: Decision): readonly Ask[] =>
  decision.kind !== "act"
    ? []
    : decision.deeds.flatMap(({ effect, key }) => {
        if (!("begin" in effect)) return [];
        const { id, argv } = marker(key);
        return [{ node: effect.on.name, query: { id, argv } }];
      });

/** Notes which commands this pass leaves running: those it saw run and those it is about to begin. */
function rememberRunning({ pass }: Setting, { decision }: Link, { answers }: Gathered): void {
  const { shell, request, ledger } = pass;
  const questions = shell.questions.get(ledger.runUid);
  if (questions === undefined || (decision.kind !== "wait" && decision.kind !== "act")) return;
  const begun = markersOf(decision);
  const seen = questions.asks.filter(({ node, query }) => runs(answers.get(node)?.get(query.id), query.argv));
  const at = shell.clock.now();
  const generation = request.metadata.generation ?? 0;
  shell.questions.set(ledger.runUid, {
    ...questions,
    running: { asks: [...begun, ...seen], at, generation },
  });
}

/** A marker that tells a command in the middle of its work. */
function runs(answer: Answer | undefined, argv: readonly string[]): boolean {
  const [tool, key] = argv;
  if (tool !== "marker" || key === undefined || answer === undefined || "missing" in answer) return false;
  const reading = marker(key).read(answer.output);
  return "read" in reading && (reading.read.state === "running" || reading.read.state === "starting");
}

/**
 * Looks at one of the commands that ran, on its one node. While it runs the part cannot be done, so the whole look may
 * wait; not for longer than `pollMostMs`, because of what happens to the others, nor when a human has spoken.
 */
export async function merelyRuns(pass: Pass, pods: ReadonlyMap<string, PodRef>): Promise<boolean> {
  const { shell, ledger, limits, request } = pass;
  const last = shell.questions.get(ledger.runUid);
  const [one] = last?.running?.asks ?? [];
  if (last?.running === undefined || one === undefined || last.place !== placeOfQuestions(ledger))
    return false;
  const { at, generation } = last.running;
  if (generation !== request.metadata.generation || shell.clock.now() - at >= limits.pollMostMs) return false;
  const answers = await askNode(shell, pods.get(one.node), one.node, [one]);
  return runs(answers.get(one.query.id), one.query.argv);
}

const aroundOf = ({ pass: { shell, request }, pods }: Setting, ledger: Ledger) => ({
  pods,
  copies: () => listCopies(shell.objects, request),
  about: { uid: ledger.runUid, place: placeOfQuestions(ledger) },
});

/** Where questions are worth asking again: a survey's chunk is over once it is noted. */
const placeOfQuestions = ({ cursor, surveys }: Ledger): string =>
  [...Object.values(cursor), ...Object.values(surveys ?? {}).map(({ notBefore }) => notBefore)].join(".");

const stepIdOf = (procedure: Procedure, ledger: Ledger): string => placeOf(procedure, ledger).step?.id ?? "";

/** Told as a halt, and over as soon as the specs fit again. */
export function haltDeparted(ledger: Ledger, message: string, generation: number, now: number): Decision {
  const halt = {
    reason: "WorldDeparted",
    message,
    at: ledger.halt?.message === message ? ledger.halt.at : now,
    generation: generation - 1,
  };
  return { kind: "halt", ledger: { ...ledger, halt }, reason: "WorldDeparted", message };
}
