/**
 * `kubectl tungsten services`: every replication service of every node of a namespace, in the rows and the order of the
 * vendor's `multi_trepctl --by-service` (deploy-msaa), and one column more: how long ago a heartbeat last arrived there. It
 * reads the TungstenClusters' status, so it shows what the operator saw at its last look, and needs no ssh.
 */
import type { Kubectl } from "./kubectl.ts";

export class ServicesError extends Error {}

type Row = {
  readonly host: string;
  readonly service: string;
  readonly role: string;
  readonly state: string;
  readonly seqno?: number;
  readonly latencySeconds?: number;
  readonly heartbeatAt?: string;
};

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** Rows of all TungstenClusters; one whose services nobody has told yet gives none. */
export async function readServiceRows(kubectl: Kubectl): Promise<readonly Row[]> {
  const { code, stdout, stderr } = await kubectl(["get", "tungstenclusters", "-o", "json"]);
  if (code !== 0) throw new ServicesError(stderr.trim() || `kubectl exited ${code}`);
  let list: unknown;
  try {
    list = JSON.parse(stdout);
  } catch {
    throw new ServicesError("kubectl printed no JSON");
  }
  const items = (list as { items?: readonly { status?: { services?: readonly Row[] } }[] }).items;
  if (!Array.isArray(items)) throw new ServicesError("kubectl printed no list of TungstenClusters");
  return items.flatMap(({ status }) => status?.services ?? []).filter(({ host }) => text(host) !== "");
}

/** By service; of each its primary first, then its other nodes by name. */
function byService(a: Row, b: Row): number {
  const rank = ({ role }: Row): number => (role === "master" ? 0 : 1);
  return a.service.localeCompare(b.service) || rank(a) - rank(b) || a.host.localeCompare(b.host);
}
const byHost = (a: Row, b: Row): number => a.host.localeCompare(b.host) || a.service.localeCompare(b.service);

const ago = (row: Row, now: number): string => {
  const at = row.heartbeatAt === undefined ? Number.NaN : Date.parse(row.heartbeatAt);
  return Number.isNaN(at) ? "never" : `${Math.max(0, Math.round((now - at) / 1000))}s ago`;
};

const columns = ["host", "servicename", "role", "state", "appliedlastseqno", "appliedlatency", "heartbeat"];
/** Numbers stand to the right, as the tool prints them. */
const right = new Set([4, 5]);

/** Unknown numbers are -1, as the tool prints them. */
const cells = (row: Row, now: number): readonly string[] => [
  row.host,
  row.service,
  row.role,
  row.state,
  String(row.seqno ?? -1),
  (row.latencySeconds ?? -1).toFixed(3),
  ago(row, now),
];

/** The table as text; `now` in milliseconds since the epoch. */
export function serviceTable(
  rows: readonly Row[],
  now: number,
  order: "service" | "host" = "service",
): string {
  const sorted = [...rows].sort(order === "service" ? byService : byHost);
  const lines = [columns, ...sorted.map((row) => cells(row, now))];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => (line[index] ?? "").length)));
  const padded = (line: readonly string[], head: boolean): string =>
    `| ${line
      .map((cell, index) =>
        right.has(index) && !head ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0),
      )
      .join(" | ")} |\n`;
  return lines.map((line, index) => padded(line, index === 0)).join("");
}

/** Services that are not ONLINE; the plugin's exit code tells whether there are any. */
export const notOnline = (rows: readonly Row[]): number =>
  rows.filter(({ state }) => state !== "ONLINE").length;
