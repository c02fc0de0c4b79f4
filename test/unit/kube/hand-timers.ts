/** Timers that only a test moves, beside sockets that are real. */
import type { Timers } from "../../../src/kube/timers.ts";

export type HandTimers = Timers & {
  /** Lets so many milliseconds pass: alarms that are due ring, in order. */
  readonly advance: (ms: number) => void;
  readonly pending: () => number;
};

export function handTimers(): HandTimers {
  let now = 0;
  const alarms = new Set<{ due: number; run: () => void }>();
  return {
    now: () => now,
    random: () => 0.5,
    after: (ms, run) => {
      const alarm = { due: now + ms, run };
      alarms.add(alarm);
      return () => void alarms.delete(alarm);
    },
    advance: (ms) => {
      const end = now + ms;
      for (;;) {
        const [next] = [...alarms].filter(({ due }) => due <= end).sort((a, b) => a.due - b.due);
        if (next === undefined) break;
        now = Math.max(now, next.due);
        alarms.delete(next);
        next.run();
      }
      now = end;
    },
    pending: () => alarms.size,
  };
}

/** Turns the event loop until something holds; real sockets need that much. */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${what} never came about`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
