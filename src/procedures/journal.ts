/** The journal: what a run did, as lines. Every command's line is written before the command is sent. */

import type { Ledger } from "../crds/ledger.ts";
import { withoutSecrets } from "../tungsten/secrets.ts";
import type { Decision } from "./advance.ts";

export type Entry = {
  /** RFC 3339. */
  readonly at: string;
  readonly event: "begin" | "copy" | "move" | "halt" | "heard" | "finish";
  readonly step?: string;
  readonly node?: string;
  /** The marker's key, for begun commands. */
  readonly key?: string;
  readonly command?: string;
  readonly text?: string;
};

/**
 * The lines a decision adds; waiting adds none, and what a survey notes stands in its report. A human's word about a
 * command comes before what follows from it.
 */
export function entriesOf(decision: Decision, before: Ledger, stepId: string, now: number): readonly Entry[] {
  const at = new Date(now).toISOString();
  const heard = Object.entries(decision.ledger.heard ?? {})
    .filter(([key, word]) => before.heard?.[key] !== word)
    .map(([key, text]): Entry => ({ at, event: "heard", step: stepId, key, text }));
  return [...heard, ...consequences(decision, before, stepId, at)];
}

function consequences(decision: Decision, before: Ledger, stepId: string, at: string): readonly Entry[] {
  switch (decision.kind) {
    case "wait":
      return [];
    case "act":
      return decision.deeds.map(({ effect, key }) =>
        "begin" in effect
          ? {
              at,
              event: "begin",
              step: stepId,
              node: effect.on.name,
              key,
              command: effect.begin.argv.join(" "),
            }
          : { at, event: "copy", step: stepId, node: effect.from.name, text: effect.keep },
      );
    case "move":
      if (decision.noted !== undefined) return [];
      return [{ at, event: "move", step: stepId, text: decision.why }];
    case "halt":
      if (before.halt?.reason === decision.reason && before.halt.message === decision.message) return [];
      return [{ at, event: "halt", step: stepId, text: `${decision.reason}: ${decision.message}` }];
    case "finish":
      if (before.phase === "Finished") return [];
      return [{ at, event: "finish", text: decision.ledger.outcome ?? "" }];
  }
}

/** Entries as text, one JSON object a line. Commands and sentences are masked: a tool may have quoted a password. */
export const linesOf = (entries: readonly Entry[]): string =>
  entries.map((entry) => `${JSON.stringify(entry, masked)}\n`).join("");

const masked = (_key: string, value: unknown): unknown =>
  typeof value === "string" ? withoutSecrets(value) : value;
