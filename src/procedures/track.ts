/** Which steps a run walks: the procedure's own, their undo backwards, or the way back further than undo can go. */
import type { Ledger } from "../crds/ledger.ts";
import type { Part, Procedure, Step, Target } from "./procedure.ts";

const undoOf = (step: Step): Step => ({
  ...step,
  id: `Undo${step.id}`,
  title: `Undo: ${step.title}`,
  parts: typeof step.undo === "string" ? [] : step.undo,
});

/** The steps of the ledger's direction. Abort undoes every forward step that was begun, last first. */
export function trackOf(procedure: Procedure, ledger: Ledger): readonly Step[] {
  if (ledger.direction === "Forward") return procedure.steps;
  if (ledger.direction === "Revert") return procedure.revert;
  const begun = new Set(ledger.steps.map((entry) => entry.id));
  return procedure.steps
    .filter((step) => begun.has(step.id))
    .reverse()
    .map(undoOf);
}

/** The step and part the cursor stands at; part is undefined behind the step's last one, both behind the last step. */
export function placeOf(procedure: Procedure, ledger: Ledger): { step?: Step; part?: Part } {
  const step = trackOf(procedure, ledger)[ledger.cursor.step];
  const part = step?.parts[ledger.cursor.part];
  return { ...(step && { step }), ...(part && { part }) };
}

/** The flat name of a command's marker: unique to run, direction, step, part, target, round and attempt. */
export function markerKey(ledger: Ledger, step: Step, target: Target, attempt: number): string {
  const { part, round } = ledger.cursor;
  return [ledger.runUid, step.id, part, target.id, `r${round}`, `a${attempt}`].join("_");
}

/**
 * Has the forward track come to (or past) this step, at or after this part? A step that was begun anew counts as reached
 * whole: nobody knows any more how far its former round went.
 */
export function hasReached(procedure: Procedure, ledger: Ledger, stepId: string, part: number): boolean {
  if (ledger.direction !== "Forward") return false;
  const index = procedure.steps.findIndex((step) => step.id === stepId);
  const { cursor } = ledger;
  if (cursor.step !== index) return cursor.step > index;
  if (cursor.round > 1) return true;
  return cursor.part > part || (cursor.part === part && Object.keys(ledger.attempts).length > 0);
}
