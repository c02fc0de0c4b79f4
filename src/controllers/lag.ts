/**
 * How far behind a site stands. trepctl tells two numbers, and neither is that: appliedLatency is the delay of the last
 * event, however long ago it came, and stays small when a service hangs; relativeLatency is the age of that event, and
 * grows for ever where nobody writes (tungsten-observed §3.2). Together with the position of the source they tell it.
 */
import type { ReplicatorStatus } from "../tungsten/reading.ts";
import type { KubeObject } from "./shell.ts";

/** One service, and the last seqno its source was seen to have; undefined when nobody has seen it. */
export type Reader = {
  readonly status: ReplicatorStatus | undefined;
  readonly sourceSeqno: number | undefined;
};

/** An event that came within this time tells how replication does now. */
const recentSeconds = 10;

/**
 * Seconds behind the source, undefined when it cannot be told. Behind in position: since the event it stands at was
 * committed. Not behind: the last event's delay if it came just now, else nothing is under way.
 */
export function lagOf({ status, sourceSeqno }: Reader): number | undefined {
  if (status?.state !== "ONLINE") return undefined;
  const { appliedLatencySeconds: delay, relativeLatencySeconds: age, appliedSeqno } = status;
  if (delay === null || age === null) return undefined;
  if (age - delay <= recentSeconds) return delay;
  if (sourceSeqno === undefined || appliedSeqno === null) return undefined;
  return appliedSeqno < sourceSeqno ? age : 0;
}

/** The worst of them in whole seconds, for the printer column; `unknown` when one cannot be told. */
export function lagInWords(readers: readonly Reader[]): string {
  const all = readers.map(lagOf);
  if (all.length === 0 || all.includes(undefined)) return "unknown";
  return `${Math.ceil(Math.max(...all.map((lag) => lag ?? 0)))}s`;
}

/** Where a site's own service stood on its primary when its TungstenCluster was last looked at. */
export function seqnoOf(cluster: KubeObject | undefined): number | undefined {
  const { primary, nodes = [] } = cluster?.status ?? {};
  const found: unknown = nodes.find(({ name }: { name: string }) => name === primary)?.seqno;
  return typeof found === "number" ? found : undefined;
}
