/**
 * The engine: one pure function from what was recorded and what was observed to one decision. It knows no procedure by
 * name. The shell writes the decision's ledger under resource version before it carries out any effect (DESIGN §5).
 */
import type { Attempt, Ledger } from "../crds/ledger.ts";
import type { Facts } from "../tungsten/facts.ts";
import { fateOf } from "./fate.ts";
import type {
  Effect,
  HaltReason,
  Look,
  Noted,
  Part,
  Procedure,
  Run,
  Step,
  Target,
  Verdict,
} from "./procedure.ts";
import { takenUp } from "./recorded.ts";
import { everyNode } from "./scopes.ts";
import { hasReached, markerKey, placeOf } from "./track.ts";
import { every } from "./verdicts.ts";

/** A human's word about a command whose outcome is unknown. */
export type Acknowledgement = {
  readonly command: string;
  readonly outcome: "Succeeded" | "Failed" | "Retry";
  readonly reason: string;
};

/** What the request's spec says about the run, as of now. */
export type Controls = {
  readonly generation: number;
  readonly paused: boolean;
  readonly abort: boolean;
  readonly revert: boolean;
  readonly acknowledge: readonly Acknowledgement[];
};

/** How many commands of one part may run side by side. */
export type World = {
  readonly run: Run;
  readonly facts: Facts;
  readonly now: number;
  readonly controls: Controls;
  readonly width: number;
};

/** An effect with the key of its marker and the target it serves. */
export type Deed = { readonly effect: Effect; readonly target: Target; readonly key: string };

/** The only five answers. Each carries the ledger to record; `act` is carried out only after that. */
export type Decision =
  | { readonly kind: "act"; readonly ledger: Ledger; readonly deeds: readonly Deed[]; readonly why: string }
  | { readonly kind: "wait"; readonly ledger: Ledger; readonly why: string; readonly stalled: boolean }
  | { readonly kind: "move"; readonly ledger: Ledger; readonly why: string; readonly noted?: Noted }
  | {
      readonly kind: "halt";
      readonly ledger: Ledger;
      readonly reason: HaltReason;
      readonly message: string;
    }
  | { readonly kind: "finish"; readonly ledger: Ledger };

const maxRounds = 10;
const defaultStallSeconds = 300;
/** A call that was cut may reach its node for as long as a session lasts (settings: EXEC_SESSION_MS and the handshake). */
export const mayStillArriveMs = 90_000;

/** Decides what a running procedure does next. */
export function advance(procedure: Procedure, recorded: Ledger, world: World): Decision {
  const ledger = takenUp(recorded, world);
  if (ledger.phase === "Finished") return { kind: "finish", ledger };
  const turned = turnAround(procedure, ledger, world);
  if (turned !== undefined) return turned;
  const { step, part } = placeOf(procedure, ledger);
  if (step === undefined) return finish(ledger);
  const opened = openStep(ledger, step, world.now);
  if (part === undefined) return nextStep(opened, world.now);
  if (opened.cursor.part === 0 && idle(opened) && opened.direction === "Forward") {
    const held = holdsOf(procedure, step, world);
    if (held.is === "broken") return halt(opened, held.reason, held.why, world);
    if (held.is !== "done") return wait(opened, part, held.why, world);
  }
  return walkPart(opened, step, part, world);
}

const idle = (ledger: Ledger): boolean => Object.keys(ledger.attempts).length === 0;

function walkPart(ledger: Ledger, step: Step, part: Part, world: World): Decision {
  const states = part.on(world.run).map((target) => stateOf(ledger, part, target, world));
  const verdict = every(states.map((state) => state.verdict));
  if (verdict.is === "done") return nextPart(ledger, step, part, states, world);
  if (verdict.is === "broken") return halt(ledger, verdict.reason, verdict.why, world);
  if (verdict.is === "redo") {
    const busy = busyIn(part, ledger, world);
    return busy === undefined ? again(ledger, verdict.why, world) : wait(ledger, part, busy, world);
  }
  const standing = stillHalted(ledger, world);
  if (standing !== undefined) return standing;
  if (world.controls.paused && idle(ledger)) return wait(ledger, part, "paused by spec.paused", world);
  if (verdict.is === "noted") return note(ledger, verdict.noted, verdict.why, world.now);
  return actOrWait({ ...withoutHalt(ledger) }, step, part, states, world);
}

type TargetState = {
  readonly target: Target;
  readonly verdict: Verdict;
  readonly attempt: Attempt | undefined;
  readonly look: Look;
};

function stateOf(ledger: Ledger, part: Part, target: Target, world: World): TargetState {
  const attempt = ledger.attempts[target.id];
  const { run, facts, now } = world;
  const look = {
    run,
    facts,
    now,
    attempt: attempt?.n ?? 0,
    key: attempt?.key ?? "",
    alternative: attempt?.alternative ?? -1,
  };
  return { target, verdict: part.done(target, look), attempt, look };
}

function actOrWait(
  ledger: Ledger,
  step: Step,
  part: Part,
  states: readonly TargetState[],
  world: World,
): Decision {
  const fates = states.flatMap((state) =>
    state.verdict.is === "pending"
      ? [{ state, fate: fateOf(state.attempt, part, state.target, state.verdict.why, world) }]
      : [],
  );
  for (const { fate } of fates) if (fate.is === "halt") return halt(ledger, fate.reason, fate.why, world);
  // A node that does not answer may be running its command.
  const busy = fates.filter(({ fate }) => fate.is === "running" || fate.is === "unknown").length;
  const deeds: Deed[] = [];
  const attempts: Record<string, Attempt> = { ...ledger.attempts };
  const waits: string[] = [];
  let late = false;
  for (const { state, fate } of fates) {
    const say = (why: string) => void waits.push(`${state.target.id}: ${why}`);
    if (fate.is !== "begin") {
      late ||= "late" in fate && fate.late === true;
      say(fate.why);
      continue;
    }
    const chosen = choose(part, state);
    const alternative = typeof chosen === "string" ? undefined : part.run[chosen];
    if (typeof chosen === "string" || alternative === undefined) {
      say(typeof chosen === "string" ? chosen : "nothing to do");
      continue;
    }
    const attempt =
      deeds.length + busy < world.width
        ? attemptFor(ledger, step, state, chosen, fate.sameKey, world)
        : "waits for its turn";
    if (typeof attempt === "string") {
      say(attempt);
      continue;
    }
    attempts[state.target.id] = attempt;
    const effect = alternative.effect(state.target, world.run, attempt.n);
    deeds.push({ effect, target: state.target, key: "begin" in effect ? attempt.key : "" });
  }
  if (deeds.length === 0) return wait({ ...ledger, attempts }, part, summary(waits), world, late);
  const next = { ...ledger, attempts, commandsBegun: ledger.commandsBegun + deeds.length };
  return { kind: "act", ledger: next, deeds, why: part.what };
}

/** The index of the alternative to take, or the sentence that says why none may be taken now. */
function choose(part: Part, state: TargetState): number | string {
  const objections = (part.guards ?? []).map((guard) => guard.objects(state.target, state.look));
  const tests = part.run.map((alternative) => alternative.holds?.(state.target, state.look));
  const objection = objections.find((sentence) => sentence !== undefined);
  if (objection !== undefined) return objection;
  const index = tests.findIndex((verdict) => verdict === undefined || verdict.is === "done");
  if (index >= 0) return index;
  return state.verdict.is === "pending" ? state.verdict.why : "nothing to do";
}

/**
 * The attempt to begin now: the recorded one under its own key when nothing of it has reached the node, else the next.
 * A call that was cut may still arrive; until it can no more, nothing else is begun in its place.
 */
function attemptFor(
  ledger: Ledger,
  step: Step,
  { attempt, target }: TargetState,
  alternative: number,
  sameKey: boolean,
  { now }: World,
): Attempt | string {
  if (sameKey && attempt?.alternative === alternative) return { ...attempt, begunAt: now };
  if (sameKey && attempt !== undefined && now - attempt.begunAt < mayStillArriveMs)
    return "its former command was never seen to begin and may still arrive";
  const n = (attempt?.n ?? 0) + 1;
  return { n, alternative, begunAt: now, key: markerKey(ledger, step, target, n) };
}

/** A part that has no target in this estate is passed by. */
function nextPart(
  ledger: Ledger,
  step: Step,
  part: Part,
  states: readonly TargetState[],
  world: World,
): Decision {
  const recorded = states.map((state) => part.record?.(state.target, state.look) ?? {});
  const kept = Object.assign({ ...ledger.kept }, ...recorded);
  const next = step.parts.findIndex(
    (later, index) => index > ledger.cursor.part && later.on(world.run).length > 0,
  );
  const cursor = { ...ledger.cursor, part: next < 0 ? step.parts.length : next, since: world.now };
  return { kind: "move", ledger: { ...withoutHalt(ledger), cursor, kept, attempts: {} }, why: part.what };
}

function nextStep(ledger: Ledger, now: number): Decision {
  const steps = ledger.steps.map((entry, index) =>
    index === ledger.steps.length - 1 ? { ...entry, finishedAt: now } : entry,
  );
  const { id = "", condition = "" } = steps.at(-1) ?? {};
  const cursor = { step: ledger.cursor.step + 1, part: 0, since: now, round: 1 };
  return {
    kind: "move",
    ledger: { ...ledger, steps, cursor, attempts: {} },
    why: id.startsWith("Undo") ? "undone" : condition,
  };
}

function openStep(ledger: Ledger, step: Step, now: number): Ledger {
  const last = ledger.steps.at(-1);
  if (last?.id === step.id && last.finishedAt === undefined) return ledger;
  const entry = { id: step.id, condition: step.condition, startedAt: now };
  return { ...ledger, steps: [...ledger.steps, entry] };
}

function again(ledger: Ledger, why: string, world: World): Decision {
  const round = ledger.cursor.round + 1;
  if (round > maxRounds)
    return halt(ledger, "PositionsDisagree", `${why}; given up after ${maxRounds} rounds`, world);
  const cursor = { ...ledger.cursor, part: 0, round, since: world.now };
  return { kind: "move", ledger: { ...ledger, cursor, attempts: {} }, why };
}

/** The cursor stays; only what a survey has learnt is added. */
function note(ledger: Ledger, noted: Noted, why: string, now: number): Decision {
  const surveys = { ...ledger.surveys, [noted.survey]: noted.state };
  const cursor = { ...ledger.cursor, since: now };
  return { kind: "move", ledger: { ...withoutHalt(ledger), surveys, cursor }, why, noted };
}

function finish(ledger: Ledger): Decision {
  const outcomes = { Forward: "Succeeded", Abort: "Aborted", Revert: "Reverted" } as const;
  return {
    kind: "finish",
    ledger: { ...withoutHalt(ledger), phase: "Finished", outcome: outcomes[ledger.direction] },
  };
}

function withoutHalt(ledger: Ledger): Ledger {
  const { halt: _, ...rest } = ledger;
  return rest;
}

function halt(ledger: Ledger, reason: HaltReason, message: string, world: World): Decision {
  const before = ledger.halt;
  const at = before?.reason === reason && before.message === message ? before.at : world.now;
  const told = { reason, message: message.slice(0, 4000), at, generation: world.controls.generation };
  return { kind: "halt", ledger: { ...ledger, halt: told }, reason, message };
}

/** A halted run goes on when its part is done after all, or when a human has changed the spec since. */
function stillHalted(ledger: Ledger, world: World): Decision | undefined {
  const standing = ledger.halt;
  if (standing === undefined || world.controls.generation > standing.generation) return undefined;
  return { kind: "halt", ledger, reason: standing.reason as HaltReason, message: standing.message };
}

/** `late`: a command runs longer than its deadline, whatever the part's own patience. */
function wait(ledger: Ledger, part: Part, why: string, world: World, late = false): Decision {
  const stallMs = (part.stallSeconds ?? defaultStallSeconds) * 1000;
  return { kind: "wait", ledger, why, stalled: late || world.now - ledger.cursor.since > stallMs };
}

const summary = (waits: readonly string[]): string =>
  waits.length <= 3 ? waits.join("; ") : `${waits.slice(0, 3).join("; ")}; and ${waits.length - 3} more`;

/** `holds` are asked before every step; they speak of the whole estate, so any target will do. */
function holdsOf(procedure: Procedure, step: Step, { run, facts, now }: World): Verdict {
  const [any] = everyNode(run);
  if (any === undefined) return { is: "done" };
  const holds = [...procedure.holds, ...(step.holds ?? [])];
  return every(holds.map((hold) => hold(any, { run, facts, now, attempt: 0, key: "", alternative: -1 })));
}

/** Turns the run to abort or revert when the spec asks for it and the procedure allows it. */
function turnAround(procedure: Procedure, ledger: Ledger, world: World): Decision | undefined {
  const { controls, now } = world;
  if (ledger.direction !== "Forward" || !(controls.abort || controls.revert)) return undefined;
  const { abortUntil, revertUntil } = procedure;
  const tooLateToAbort = hasReached(procedure, ledger, abortUntil.step, abortUntil.part);
  const tooLate = hasReached(procedure, ledger, revertUntil.step, revertUntil.part);
  // Before anything was uninstalled both words mean the same; the way back of revert would wait there for dumps.
  const direction = !tooLateToAbort ? "Abort" : controls.revert && !tooLate ? "Revert" : undefined;
  if (direction === undefined) return undefined;
  const { part } = placeOf(procedure, ledger);
  const busy = part && busyIn(part, ledger, world);
  if (busy !== undefined && part !== undefined) return wait(ledger, part, `turning around: ${busy}`, world);
  const cursor = { step: 0, part: 0, since: now, round: 1 };
  const turned: Ledger = { ...withoutHalt(ledger), direction, cursor, attempts: {} };
  return { kind: "move", ledger: turned, why: `${direction} asked for by the request's spec` };
}

/** A command of this part that runs or may run: turning around, and beginning a step anew, wait for it. */
function busyIn(part: Part, ledger: Ledger, world: World): string | undefined {
  const targets = part.on(world.run).filter((target) => ledger.attempts[target.id] !== undefined);
  const fates = targets.map((target) =>
    fateOf(ledger.attempts[target.id], part, target, "waits for it", world),
  );
  const index = fates.findIndex((fate) => fate.is === "running" || fate.is === "unknown");
  return index < 0
    ? undefined
    : `first ${targets[index]?.id} has to come to its end: ${fates[index]?.why ?? ""}`;
}
