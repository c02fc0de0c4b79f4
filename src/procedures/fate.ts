/** What became of a target's latest command, and what follows: wait, begin (again), or stop and ask a human. */
import type { Attempt } from "../crds/ledger.ts";
import type { Command, MarkerState } from "../tungsten/invocation.ts";
import { marker } from "../tungsten/node-facts.ts";
import { withoutSecrets } from "../tungsten/secrets.ts";
import type { World } from "./advance.ts";
import type { HaltReason, Part, Target } from "./procedure.ts";

export type Fate =
  /** `sameKey`: the recorded command was never begun; begin it under its own key. */
  | { readonly is: "begin"; readonly why: string; readonly sameKey: boolean }
  /** `late`: it runs longer than its deadline. Nobody kills it; people are told. */
  | { readonly is: "running" | "settling" | "unknown"; readonly why: string; readonly late?: boolean }
  | { readonly is: "halt"; readonly reason: HaltReason; readonly why: string };

const defaultTries = 5;
const defaultSettleSeconds = 15;

/** `pendingWhy` is what `done` still misses; it goes into sentences for humans. */
export function fateOf(
  attempt: Attempt | undefined,
  part: Part,
  target: Target,
  pendingWhy: string,
  world: World,
): Fate {
  if (attempt === undefined) return { is: "begin", why: pendingWhy, sameKey: false };
  const effect = part.run[attempt.alternative]?.effect(target, world.run, attempt.n);
  const settleMs = (part.settleSeconds ?? defaultSettleSeconds) * 1000;
  if (effect === undefined || !("begin" in effect))
    return world.now - attempt.begunAt < 1000
      ? { is: "settling", why: pendingWhy }
      : { is: "begin", why: pendingWhy, sameKey: true };
  const state = world.facts.get(effect.on.name, marker(attempt.key));
  if ("unknown" in state) return { is: "unknown", why: `its marker cannot be read: ${state.unknown}` };
  const said = world.controls.acknowledge.find((word) => word.command === attempt.key);
  const context = { attempt, command: effect.begin, part, pendingWhy, settleMs, now: world.now };
  return said === undefined ? byMarker(state.known, context) : byHuman(said.outcome, state.known, context);
}

type Context = {
  readonly attempt: Attempt;
  readonly command: Command;
  readonly part: Part;
  readonly pendingWhy: string;
  readonly settleMs: number;
  readonly now: number;
};

function byHuman(outcome: "Succeeded" | "Failed" | "Retry", state: MarkerState, context: Context): Fate {
  if (state.state === "running" || state.state === "starting") return byMarker(state, context);
  if (outcome !== "Succeeded") return { is: "begin", why: `a human said ${outcome}`, sameKey: false };
  return { is: "settling", why: `a human said it succeeded; ${context.pendingWhy}` };
}

/**
 * When a command ended, on our own clock: it began when we recorded it, and how long it took is the node's word. So a
 * node whose clock is wrong, or is set, changes nothing here.
 */
const endedAt = (attempt: Attempt, { beganAt, endedAt: end }: { beganAt: number; endedAt: number }): number =>
  attempt.begunAt + Math.max(0, end - beganAt);

function byMarker(state: MarkerState, context: Context): Fate {
  const { attempt, command, now, settleMs, pendingWhy } = context;
  switch (state.state) {
    case "absent":
      return { is: "begin", why: "recorded but never begun", sameKey: true };
    case "unbegun":
      return retry(context, "it was claimed and its tool never began", attempt.begunAt);
    case "starting":
      return { is: "running", why: `${words(command)} is starting` };
    case "running": {
      const late = now - attempt.begunAt > command.deadlineSeconds * 1000;
      const overdue = late
        ? `, longer than its deadline of ${command.deadlineSeconds} s; it is not killed`
        : "";
      return { is: "running", why: `${words(command)} runs${overdue}`, late };
    }
    case "refused":
      return retry(context, `the second check refused ${words(command)}: ${state.reason}`, attempt.begunAt);
    case "interrupted":
      if (command.repeat === "safe")
        return retry(context, `${words(command)} was interrupted`, attempt.begunAt);
      return {
        is: "halt",
        reason: "OutcomeUnknown",
        why: `${words(command)} began and its end was not seen (marker ${attempt.key}); look at the node, then set spec.acknowledge for this command`,
      };
    case "exited": {
      const { exitCode } = state.output;
      const ended = endedAt(attempt, state);
      if (exitCode === 0 && now - ended < settleMs) return { is: "settling", why: pendingWhy };
      const outcome = `${words(command)} exited ${exitCode}${excerpt(state)}, and ${pendingWhy}`;
      if (command.repeat === "safe") return retry(context, outcome, ended);
      return { is: "halt", reason: "CommandFailed", why: `${outcome} (marker ${attempt.key})` };
    }
  }
}

/** A new attempt after a pause that doubles, until the tries are used up. */
function retry(context: Context, why: string, since: number): Fate {
  const { attempt, part, now } = context;
  if (attempt.n >= (part.tries ?? defaultTries))
    return { is: "halt", reason: "CommandFailed", why: `${why}; given up after ${attempt.n} attempts` };
  const pauseMs = Math.min(60_000, 1000 * 2 ** attempt.n);
  if (now - since < pauseMs) return { is: "settling", why: `${why}; tries again` };
  return { is: "begin", why, sameKey: false };
}

const words = (command: Command): string => command.argv.join(" ");

/** The last line in which a tool names an error, or else its first line, without secrets; the whole output lies with the marker. */
function excerpt(state: Extract<MarkerState, { state: "exited" }>): string {
  const lines = `${state.output.stderr}\n${state.output.stdout}`
    .split("\n")
    .filter((text) => text.trim() !== "");
  const line = lines.findLast((text) => /\b(ERROR|FATAL)\b/.test(text)) ?? lines[0];
  return line === undefined ? "" : ` («${withoutSecrets(line).trim().slice(0, 160)}»)`;
}
