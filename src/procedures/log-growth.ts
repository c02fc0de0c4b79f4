/** How fast the logs on a node's volume grow, as the node measures it, and how much that is in a given time. */
import type { Volume, WrittenLog } from "../tungsten/node.ts";

/** What was written in less time says nothing of what will be: a first filling, a quiet half-hour. */
const leastSeconds = 3600;

/** A mean over days knows no peak: in the hours of a run so many times as much may be written. */
export const peakFactor = 2;

/** A log that was measured for long enough; `bytesPerHour` is a mean over those seconds. */
export type MeasuredLog = { readonly name: string; readonly bytesPerHour: number; readonly seconds: number };

/** `assumed` are the names of logs nobody can tell of, or not for long enough. */
export type Growth = { readonly measured: readonly MeasuredLog[]; readonly assumed: readonly string[] };

const measuredOf = ({ name, written }: WrittenLog): MeasuredLog | undefined =>
  written === null || written.seconds < leastSeconds
    ? undefined
    : { name, bytesPerHour: (written.bytes / written.seconds) * 3600, seconds: written.seconds };

export function growthOn({ logs }: Volume): Growth {
  const measured = logs.flatMap((log) => measuredOf(log) ?? []);
  return {
    measured,
    assumed: logs.filter((log) => measuredOf(log) === undefined).map(({ name }) => name),
  };
}

/** All measured logs of a volume together. */
export const hourly = ({ measured }: Growth): number =>
  measured.reduce((sum, { bytesPerHour }) => sum + bytesPerHour, 0);

/**
 * Bytes that a volume's measured logs may grow by in so many seconds. Nothing is taken off for what is purged meanwhile: a
 * stopped replicator purges nothing.
 */
export const grownIn = (growth: Growth, seconds: number): number =>
  Math.ceil((hourly(growth) / 3600) * seconds * peakFactor);
