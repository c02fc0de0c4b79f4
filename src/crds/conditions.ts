/** Conditions stamped: transition times kept unless the status changed, every one restamped with the generation. */
import type { Condition } from "./fields.ts";

export type Told = {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
};

const messageLimit = 32_000;

/**
 * Joins what is told now with the conditions of before. Those not told now stay as history; all carry the present
 * generation, because `kubectl wait` times out on an older one.
 */
export function withConditions(
  before: readonly Condition[],
  told: readonly Told[],
  generation: number,
  now: number,
): Condition[] {
  const byType = new Map(before.map((condition) => [condition.type, condition]));
  for (const { type, status, reason, message } of told) {
    const last = byType.get(type);
    const lastTransitionTime =
      last?.status === status ? last.lastTransitionTime : new Date(now).toISOString().replace(/\.\d+Z$/, "Z");
    byType.set(type, {
      type,
      status,
      reason,
      message: message.slice(0, messageLimit),
      lastTransitionTime,
      observedGeneration: generation,
    });
  }
  return [...byType.values()].map((condition) => ({ ...condition, observedGeneration: generation }));
}
