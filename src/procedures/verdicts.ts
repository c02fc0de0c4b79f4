/** How judgements are put together: verdicts as values, and the rule that the unknown is never done. */
import type { Known } from "../tungsten/facts.ts";
import type { HaltReason, Verdict } from "./procedure.ts";

export const done: Verdict = { is: "done" };
export const pending = (why: string): Verdict => ({ is: "pending", why });
export const redo = (why: string): Verdict => ({ is: "redo", why });
export const broken = (reason: HaltReason, why: string): Verdict => ({ is: "broken", reason, why });
export const doneIf = (holds: boolean, why: string): Verdict => (holds ? done : pending(why));

/** Judges a known value; an unknown one is pending, and says what could not be read. */
export function knowing<T>(fact: Known<T>, subject: string, judge: (value: T) => Verdict): Verdict {
  return "known" in fact ? judge(fact.known) : pending(`${subject} cannot be read: ${fact.unknown}`);
}

const rank: Record<Verdict["is"], number> = { broken: 4, redo: 3, noted: 2, pending: 1, done: 0 };

/** The worst of several verdicts, the first among equals. All are evaluated, so that all their facts are asked. */
export function every(verdicts: readonly Verdict[]): Verdict {
  let worst: Verdict = done;
  for (const verdict of verdicts) if (rank[verdict.is] > rank[worst.is]) worst = verdict;
  return worst;
}

/** The value, or undefined when unknown. For places where not knowing already means not acting. */
export function knownValue<T>(fact: Known<T>): T | undefined {
  return "known" in fact ? fact.known : undefined;
}
