/** How commands ended, for the journal: told when the run has done with them. */
import type { Attempt, Ledger } from "../crds/ledger.ts";
import type { Facts } from "../tungsten/facts.ts";
import type { MarkerState } from "../tungsten/invocation.ts";
import { marker } from "../tungsten/node-facts.ts";
import type { Entry } from "./journal.ts";
import type { Procedure, Run } from "./procedure.ts";
import { placeOf } from "./track.ts";

/** What is kept of a tool's output; the whole lies with its marker on the node. */
const longestOutput = 600;

/**
 * One entry for each command that the next ledger does not follow any more: its part is done, or another attempt takes
 * its place. A marker that cannot be read tells so; the node keeps the truth.
 */
export function endsOf(
  procedure: Procedure,
  before: Ledger,
  after: Ledger,
  { run, facts, now }: { readonly run: Run; readonly facts: Facts; readonly now: number },
): readonly Entry[] {
  const { step, part } = placeOf(procedure, before);
  if (step === undefined || part === undefined) return [];
  const kept = new Set(Object.values(after.attempts).map(({ key }) => key));
  return part.on(run).flatMap((target): readonly Entry[] => {
    const attempt: Attempt | undefined = before.attempts[target.id];
    const effect = attempt && part.run[attempt.alternative]?.effect(target, run, attempt.n);
    if (attempt === undefined || effect === undefined || !("begin" in effect)) return [];
    const state = facts.get(effect.on.name, marker(attempt.key));
    if (kept.has(attempt.key)) return [];
    const told = "known" in state ? endOf(state.known) : { ended: "unknown", text: state.unknown };
    const at = new Date(now).toISOString();
    return [{ at, event: "end", step: step.id, node: effect.on.name, key: attempt.key, ...told }];
  });
}

function endOf(state: MarkerState): Pick<Entry, "ended" | "seconds" | "text"> {
  switch (state.state) {
    case "exited": {
      const { exitCode, stdout, stderr } = state.output;
      const output = `${stdout.trim()}\n${stderr.trim()}`.trim();
      const text = output.length <= longestOutput ? output : `…${output.slice(-longestOutput)}`;
      const seconds = Math.round((state.endedAt - state.beganAt) / 100) / 10;
      return { ended: `exit ${exitCode}`, seconds, ...(text !== "" && { text }) };
    }
    case "refused":
      return { ended: "refused", text: state.reason };
    default:
      return { ended: state.state };
  }
}
