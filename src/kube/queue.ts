/** A keyed work queue: one worker a key, one entry however often a key is added, the earliest of several delays, back-off after errors only. */

export type QueueLimits = {
  readonly workers: number;
  readonly firstBackoffMs: number;
  readonly maxBackoffMs: number;
};

/** Injected so that tests need not wait. */
export type Timers = {
  readonly now: () => number;
  readonly after: (ms: number, run: () => void) => () => void;
};

export const realTimers: Timers = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** What the work says: look again after so long, or only when the key is added again. */
export type Again = { readonly afterMs: number } | "never";

export type Queue = {
  readonly add: (key: string, afterMs?: number) => void;
  /** Resolves when what runs has ended; nothing new begins. */
  readonly stop: () => Promise<void>;
  readonly depth: () => number;
};

export function newQueue(
  limits: QueueLimits,
  timers: Timers,
  work: (key: string) => Promise<Again>,
  onError: (key: string, error: unknown) => void,
): Queue {
  const ready: string[] = [];
  const running = new Map<string, Promise<void>>();
  const dirty = new Set<string>();
  const delayed = new Map<string, { due: number; cancel: () => void }>();
  const failures = new Map<string, number>();
  let stopped = false;

  const enqueue = (key: string): void => {
    if (stopped) return;
    if (running.has(key)) dirty.add(key);
    else if (!ready.includes(key)) ready.push(key);
    pump();
  };
  const add = (key: string, afterMs = 0): void => {
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
    try {
      const again = await work(key);
      failures.delete(key);
      if (again !== "never") add(key, Math.max(again.afterMs, 1));
    } catch (error) {
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      onError(key, error);
      add(key, Math.min(limits.maxBackoffMs, limits.firstBackoffMs * 2 ** (count - 1)));
    }
  };
  const pump = (): void => {
    while (!stopped && running.size < limits.workers && ready.length > 0) {
      const key = ready.shift();
      if (key === undefined) return;
      const done = run(key).finally(() => {
        running.delete(key);
        if (dirty.delete(key)) enqueue(key);
        pump();
      });
      running.set(key, done);
    }
  };
  return {
    add,
    depth: () => ready.length + running.size,
    stop: async () => {
      stopped = true;
      for (const { cancel } of delayed.values()) cancel();
      await Promise.allSettled(running.values());
    },
  };
}
