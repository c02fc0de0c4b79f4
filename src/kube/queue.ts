/**
 * A keyed work queue: one worker a key, one entry however often a key is added, the earliest of several delays, back-off
 * after errors only. The semantics are those of client-go's work queue (foundation §2).
 */
import type { Timers } from "./timers.ts";

export type QueueLimits = {
  /** Keys worked on at once. */
  readonly workers: number;
  /** The first pause after an error; it doubles with each further one of the same key, up to the second. */
  readonly firstBackoffMs: number;
  readonly maxBackoffMs: number;
};

/** What the work says: look again after so long, or only when the key is added again. */
export type Again = { readonly afterMs: number } | "never";

/** What a queue tells about itself; see the metrics of the same names. */
export type QueueObserver = {
  readonly added: (key: string) => void;
  /** Seconds between being ready and being taken up. */
  readonly takenUp: (key: string, seconds: number) => void;
  readonly retried: (key: string) => void;
};

export type Queue = {
  /** Asks for work on a key, now or after a while. Of several delays the earliest counts. */
  readonly add: (key: string, afterMs?: number) => void;
  /** Resolves when what runs has ended; nothing new begins. */
  readonly stop: () => Promise<void>;
  /** Keys that are ready, waiting for a worker. */
  readonly depth: () => number;
  readonly running: () => number;
};

const silent: QueueObserver = { added: () => {}, takenUp: () => {}, retried: () => {} };

export function newQueue(
  limits: QueueLimits,
  timers: Timers,
  work: (key: string) => Promise<Again>,
  onError: (key: string, error: unknown) => void,
  observer: QueueObserver = silent,
): Queue {
  /** Ready keys in order, each with the time it became ready. */
  const ready = new Map<string, number>();
  const running = new Map<string, Promise<void>>();
  /** Keys added while they run: they are worked on once more. */
  const dirty = new Set<string>();
  const delayed = new Map<string, { due: number; cancel: () => void }>();
  const failures = new Map<string, number>();
  let stopped = false;

  const enqueue = (key: string): void => {
    if (running.has(key)) dirty.add(key);
    else if (!ready.has(key)) ready.set(key, timers.now());
    pump();
  };
  const add = (key: string, afterMs = 0): void => {
    if (stopped) return;
    observer.added(key);
    const planned = delayed.get(key);
    const due = timers.now() + afterMs;
    if (afterMs > 0 && planned !== undefined && planned.due <= due) return;
    planned?.cancel();
    delayed.delete(key);
    if (afterMs <= 0) return enqueue(key);
    const cancel = timers.after(afterMs, () => {
      delayed.delete(key);
      enqueue(key);
    });
    delayed.set(key, { due, cancel });
  };
  const run = async (key: string): Promise<void> => {
    // The work begins only after `running` knows the key: it may add its own key before its first pause.
    await Promise.resolve();
    try {
      const again = await work(key);
      failures.delete(key);
      if (again !== "never") add(key, Math.max(again.afterMs, 1));
    } catch (error) {
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      observer.retried(key);
      add(key, Math.min(limits.maxBackoffMs, limits.firstBackoffMs * 2 ** Math.min(count - 1, 30)));
      onError(key, error);
    }
  };
  const pump = (): void => {
    for (const [key, since] of ready) {
      if (stopped || running.size >= limits.workers) return;
      ready.delete(key);
      observer.takenUp(key, (timers.now() - since) / 1000);
      const done = run(key).finally(() => {
        running.delete(key);
        if (dirty.delete(key)) enqueue(key);
        else pump();
      });
      running.set(key, done);
    }
  };
  return {
    add,
    depth: () => ready.size,
    running: () => running.size,
    stop: async () => {
      stopped = true;
      for (const { cancel } of delayed.values()) cancel();
      delayed.clear();
      await Promise.allSettled(running.values());
    },
  };
}
