/** Time and chance as a value, so that back-off, deadlines and jitter can be tested without waiting. */

export type Timers = {
  /** Monotonic milliseconds; only differences mean anything. */
  readonly now: () => number;
  /** Runs something once after so many milliseconds; the answer calls it off. */
  readonly after: (ms: number, run: () => void) => () => void;
  /** A number in [0, 1), for jitter: many clients of one server must not come back in step. */
  readonly random: () => number;
};

export const realTimers: Timers = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

/** Resolves after so many milliseconds, or as soon as `signal` aborts; it never rejects. */
export function pause(timers: Timers, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const wake = (): void => {
      cancel();
      signal?.removeEventListener("abort", wake);
      resolve();
    };
    const cancel = timers.after(ms, wake);
    signal?.addEventListener("abort", wake);
  });
}
