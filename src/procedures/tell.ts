/** How a run is told to humans: conditions made from ledger and decision. Nothing steers by them. */
import type { Told } from "../crds/conditions.ts";
import type { Ledger } from "../crds/ledger.ts";
import type { Decision } from "./advance.ts";
import type { Procedure } from "./procedure.ts";
import { tellData } from "./survey-report.ts";
import { hasReached, placeOf, trackOf } from "./track.ts";

/** What a human asked of the run: by spec, or by deleting the request, which stops nothing. */
export type Asked = {
  readonly paused: boolean;
  readonly abort: boolean;
  readonly revert: boolean;
  readonly deleted?: boolean;
};

/** Conditions of a run that has been approved, after a decision; `loss` is what helps while nodes are missing. */
export function tellRun(
  procedure: Procedure,
  decision: Decision,
  asked: Asked,
  loss?: string,
): readonly Told[] {
  const { ledger } = decision;
  const also = (told: Told): Told =>
    loss === undefined ? told : { ...told, message: `${told.message}. ${loss}` };
  const stand = stalled(decision);
  return [
    ...stepsTold(procedure, ledger),
    also(progressing(procedure, decision, asked)),
    stand.status === "True" ? also(stand) : stand,
    ...over(ledger),
    ...tellData(ledger),
  ];
}

/** Conditions of a run that may not act at present, though its ledger stays as it is; what it halted for stays told. */
export function tellHeldUp(procedure: Procedure, ledger: Ledger, why: string, asked: Asked): readonly Told[] {
  const decision = { kind: "wait", ledger, why, stalled: false } as const;
  return [progressing(procedure, decision, asked), ...(ledger.halt === undefined ? [stalled(decision)] : [])];
}

/** Where the run stands, in words for the printer column. */
export function cursorInWords(procedure: Procedure, ledger: Ledger): string {
  if (ledger.phase === "Planning") return "planning";
  if (ledger.phase === "Finished") return ledger.outcome ?? "finished";
  const steps = trackOf(procedure, ledger);
  const { step } = placeOf(procedure, ledger);
  if (step === undefined) return "finishing";
  const part = Math.min(ledger.cursor.part + 1, step.parts.length);
  return `${ledger.cursor.step + 1}/${steps.length} ${step.title}${step.parts.length > 1 ? ` (${part} of ${step.parts.length})` : ""}`;
}

/** A finished step's condition is True for as long as nothing has taken it back. */
function stepsTold(procedure: Procedure, ledger: Ledger): readonly Told[] {
  const takenBack = new Set(procedure.steps.filter((step) => step.lasts !== true).map((step) => step.id));
  const walked = new Set(ledger.steps.map((entry) => entry.id));
  return ledger.steps
    .filter((entry) => entry.finishedAt !== undefined && !entry.id.startsWith("Undo"))
    .map(({ id, condition }) =>
      takenBack.has(id) && (walked.has(`Undo${id}`) || ledger.direction === "Revert")
        ? { type: condition, status: "False", reason: "TakenBack", message: `${id} was taken back` }
        : { type: condition, status: "True", reason: id, message: `${id} is done` },
    );
}

function progressing(procedure: Procedure, decision: Decision, asked: Asked): Told {
  const { ledger } = decision;
  const type = "Progressing";
  if (ledger.phase === "Finished")
    return { type, status: "True", reason: "Finished", message: `finished: ${ledger.outcome}` };
  const { step } = placeOf(procedure, ledger);
  const since = new Date(ledger.cursor.since).toISOString();
  const where = cursorInWords(procedure, ledger);
  const reason = decision.kind === "halt" ? "Halted" : asked.paused ? "Paused" : (step?.id ?? "Finishing");
  const more = `${tooLate(procedure, ledger, asked)}${heldBack(procedure, ledger, asked)}`;
  const message = `${where}: ${waitsFor(decision)} (since ${since})${more}`;
  return { type, status: "True", reason, message };
}

/** A deleted request stays until its run has ended; what can be asked of it meanwhile. */
function heldBack(procedure: Procedure, ledger: Ledger, { deleted }: Asked): string {
  if (deleted !== true) return "";
  const held = "; the request is being deleted and goes when the run has ended";
  if (ledger.direction !== "Forward") return held;
  const word = !hasReached(procedure, ledger, procedure.abortUntil.step, procedure.abortUntil.part)
    ? "spec.abort"
    : hasReached(procedure, ledger, procedure.revertUntil.step, procedure.revertUntil.part)
      ? undefined
      : "spec.revert";
  return word === undefined ? held : `${held}: let it go on, or set ${word}`;
}

/** A word that came too late is answered, not passed over. */
function tooLate(procedure: Procedure, ledger: Ledger, { abort, revert }: Asked): string {
  if (ledger.direction !== "Forward" || !(abort || revert)) return "";
  const { abortUntil, revertUntil } = procedure;
  if (!hasReached(procedure, ledger, abortUntil.step, abortUntil.part)) return "";
  if (hasReached(procedure, ledger, revertUntil.step, revertUntil.part))
    return `; spec.${revert ? "revert" : "abort"} came after the point of no return: the run goes on`;
  return revert
    ? ""
    : "; spec.abort came after uninstalling had begun: set spec.revert to go back, or let it go on";
}

function waitsFor(decision: Decision): string {
  switch (decision.kind) {
    case "act": {
      const nodes = [...new Set(decision.deeds.map((deed) => deed.target.id))].sort();
      return `${decision.why}, on ${nodes.join(", ")}`;
    }
    case "wait":
      return `waits: ${decision.why}`;
    case "move":
      return decision.noted === undefined ? `done: ${decision.why}` : decision.why;
    case "halt":
      return `halted, ${decision.reason}: ${decision.message}`;
    case "finish":
      return "finished";
  }
}

/** Whether the run stands still, why, and what helps. */
export function stalled(decision: Decision): Told {
  const type = "Stalled";
  if (decision.kind === "halt") {
    const way = `See docs/operating/halts.md#${decision.reason.toLowerCase()}; set spec.acknowledge, spec.abort or spec.revert, or mend the cause.`;
    return { type, status: "True", reason: decision.reason, message: `${decision.message}. ${way}` };
  }
  if (decision.kind === "wait" && decision.stalled)
    return {
      type,
      status: "True",
      reason: "WaitsLong",
      message: `${decision.why}. It goes on by itself as soon as that changes.`,
    };
  return { type, status: "False", reason: "Moving", message: "nothing is in the way" };
}

/** What a procedure kept as `unused.NODE`, unless that is «none»: counted here, named in the ledger. */
function leftoversOf({ kept }: Ledger): string {
  const nodes = Object.entries(kept).filter(([key, value]) => key.startsWith("unused.") && value !== "none");
  return nodes.length === 0
    ? ""
    : `; empty schemas that nothing reads are left on ${nodes.length} nodes, named by unused.* in status.ledger.kept`;
}

function over(ledger: Ledger): readonly Told[] {
  const { outcome } = ledger;
  if (ledger.phase !== "Finished" || outcome === undefined) return [];
  const good = outcome === "Succeeded" || outcome === "Planned" || outcome === "AlreadyDone";
  const said = {
    Succeeded: `the procedure has run to its end${leftoversOf(ledger)}`,
    Planned: "dry run: the plan was made and nothing was run",
    AlreadyDone: "the sites remember this run as finished; nothing was run",
    Aborted: "aborted: what had been done was undone",
    Reverted: "reverted: the estate is back where it came from",
  }[outcome];
  const told: Told[] = [
    { type: "Succeeded", status: good ? "True" : "False", reason: outcome, message: said },
  ];
  if (outcome === "Reverted")
    told.push({ type: "Reverted", status: "True", reason: "Reverted", message: said });
  return told;
}
