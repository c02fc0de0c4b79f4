/**
 * Watches the event loop: a timer that comes late tells how long nothing else of the program could run. A leader that
 * stands still does not renew its Lease and does not serve a probe in time; one that does so again and again is better
 * begun anew.
 */

export type LoopWatch = {
  /** The longest time the loop stood still within the last minute, in milliseconds; an ongoing stall counts. */
  readonly worstMs: () => number;
  readonly stop: () => void;
};

type Timers = { readonly now: () => number; readonly after: (ms: number, run: () => void) => () => void };

const everyMs = 500;
/** Longer than three probes of the chart's Deployment, so that kubelet sees a stall that is over. */
export const rememberedMs = 60_000;

/** `stood` is told of each tick that came later than a second. */
export function watchLoop(timers: Timers, stood: (ms: number) => void = () => {}): LoopWatch {
  let due = timers.now() + everyMs;
  let stalls: readonly { readonly at: number; readonly ms: number }[] = [];
  let cancel = timers.after(everyMs, tick);
  const lateBy = (): number => Math.max(0, timers.now() - due);
  function tick(): void {
    const now = timers.now();
    const ms = lateBy();
    if (ms > 1000) stood(ms);
    stalls = [
      ...stalls.filter(({ at, ms: other }) => now - at < rememberedMs && other > ms),
      { at: now, ms },
    ];
    due = now + everyMs;
    cancel = timers.after(everyMs, tick);
  }
  return {
    worstMs: () => {
      const now = timers.now();
      return Math.max(lateBy(), ...stalls.filter(({ at }) => now - at < rememberedMs).map(({ ms }) => ms));
    },
    stop: () => cancel(),
  };
}
