/** The ledger as it was recorded, made ready for a pass: a clock that was set back, and a human's words to take up. */
import type { Ledger } from "../crds/ledger.ts";
import type { Acknowledgement, World } from "./advance.ts";

/** Clocks that differ by less are in step. */
const skewMs = 5_000;

/** What a pass decides on. */
export const takenUp = (recorded: Ledger, { now, controls }: World): Ledger =>
  hearing(onOurClock(recorded, now), controls.acknowledge);

/** A clock that was set back, or a process on another machine: what seems to lie ahead counts from now on. */
function onOurClock(ledger: Ledger, now: number): Ledger {
  const past = (time: number): number => (time > now + skewMs ? now : time);
  const attempts = Object.entries(ledger.attempts);
  const times = [ledger.cursor.since, ...attempts.map(([, { begunAt }]) => begunAt)];
  if (times.every((time) => past(time) === time)) return ledger;
  return {
    ...ledger,
    cursor: { ...ledger.cursor, since: past(ledger.cursor.since) },
    attempts: Object.fromEntries(attempts.map(([id, one]) => [id, { ...one, begunAt: past(one.begunAt) }])),
  };
}

/** Takes up a human's words about commands of the current part, so that the journal can tell them. */
function hearing(ledger: Ledger, words: readonly Acknowledgement[]): Ledger {
  const current = new Set(Object.values(ledger.attempts).map(({ key }) => key));
  const said = words
    .filter(({ command }) => current.has(command))
    .map(({ command, outcome, reason }) => [command, `${outcome}: ${reason}`.slice(0, 1000)] as const);
  if (said.every(([key, word]) => ledger.heard?.[key] === word)) return ledger;
  return { ...ledger, heard: { ...ledger.heard, ...Object.fromEntries(said) } };
}
