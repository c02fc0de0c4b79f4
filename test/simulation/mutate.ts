/** Ways to break the operator on purpose: copies of a procedure with parts dropped, trusted, swapped or changed. */
import type { Catalog } from "../../src/controllers/upgrade-request.ts";
import { procedureOf } from "../../src/procedures/catalog.ts";
import type { Effect, Part, Procedure, Step, Target } from "../../src/procedures/procedure.ts";
import { done } from "../../src/procedures/verdicts.ts";
import type { Command } from "../../src/tungsten/invocation.ts";

export type Change = (procedure: Procedure) => Procedure;

/** The catalogue, each procedure changed. */
export const changedBy =
  (...changes: readonly Change[]): Catalog =>
  (spec) => {
    const entry = procedureOf(spec);
    return { ...entry, procedure: changes.reduce((procedure, change) => change(procedure), entry.procedure) };
  };

const ofSteps =
  (change: (steps: readonly Step[]) => readonly Step[]): Change =>
  (procedure) => ({ ...procedure, steps: change(procedure.steps) });

export const inStep = (id: string, change: (step: Step) => Step): Change =>
  ofSteps((steps) => steps.map((step) => (step.id === id ? change(step) : step)));

const ofParts = (id: string, change: (part: Part, index: number) => readonly Part[]): Change =>
  inStep(id, (step) => ({ ...step, parts: step.parts.flatMap(change) }));

export const withoutStep = (id: string): Change => inStep(id, (step) => ({ ...step, parts: [] }));
export const withoutPart = (id: string, index: number): Change =>
  ofParts(id, (part, at) => (at === index ? [] : [part]));
export const changePart = (id: string, index: number, change: (part: Part) => Part): Change =>
  ofParts(id, (part, at) => [at === index ? change(part) : part]);

export const unguarded = (part: Part): Part => ({ ...part, guards: [] });
/** Takes a command's beginning for its success. */
export const trusting = (part: Part): Part => ({
  ...part,
  done: (target, look) => (look.attempt > 0 ? done : part.done(target, look)),
});
/** Takes the part for done without looking. */
export const blind = (part: Part): Part => ({ ...part, done: () => done });

/** Every part of every step, forward and back. */
export const everywhere =
  (change: (part: Part) => Part): Change =>
  (procedure) => ({
    ...procedure,
    steps: procedure.steps.map((step) => ({ ...step, parts: step.parts.map(change) })),
    revert: procedure.revert.map((step) => ({ ...step, parts: step.parts.map(change) })),
  });

type Sent = { readonly begin: Command; readonly on: Target["node"] };

/** Changes commands on their way to the nodes. */
export const everyCommand = (change: (sent: Sent, target: Target) => Sent): Change =>
  everywhere((part) => ({
    ...part,
    run: part.run.map((alternative) => ({
      ...alternative,
      effect: (target, run, attempt): Effect => {
        const effect = alternative.effect(target, run, attempt);
        return "begin" in effect ? change(effect, target) : effect;
      },
    })),
  }));

/** Commands whose words fit are changed. */
export const commandsLike = (pattern: RegExp, change: (sent: Sent, target: Target) => Sent): Change =>
  everyCommand((sent, target) => (pattern.test(sent.begin.argv.join(" ")) ? change(sent, target) : sent));

export const withoutPrechecks: Change = everyCommand((sent) => ({
  ...sent,
  begin: { ...sent.begin, prechecks: [] },
}));

export const withoutHolds: Change = (procedure) => ({ ...procedure, holds: [] });

/** A step taken out of its place and put before another. */
export const movedBefore = (id: string, before: string): Change =>
  ofSteps((steps) => {
    const step = steps.find((each) => each.id === id);
    const others = steps.filter((each) => each.id !== id);
    return step === undefined
      ? steps
      : others.flatMap((each) => (each.id === before ? [step, each] : [each]));
  });

/** Steps i and j exchanged, counted from 0 in the order they are walked. */
export const swapped = (i: number, j: number): Change =>
  ofSteps((steps) =>
    steps.map((step, index) => (index === i ? steps[j] : index === j ? steps[i] : step) ?? step),
  );
