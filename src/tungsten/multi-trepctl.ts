/**
 * multi_trepctl: the services of several hosts in one listing, by ssh. It exits 0 and prints the rows it has, whatever it
 * could not reach: a host may be named in an ERROR line, or be left out in silence ([doc-code], tungsten-cli §7).
 * So its rows prove what they say and nothing about who is missing. Transcripts multi_trepctl-*.
 */
import type { ToolOutput } from "./invocation.ts";
import {
  endsWhole,
  integerFrom,
  integerOf,
  linesOf,
  type Reading,
  type ReplicatorState,
  read,
  unreadable,
} from "./reading.ts";
import { stateFrom } from "./trepctl.ts";

/** The vendor's monitoring line (deploy-msaa); the runner does not serve it: it asks each node itself. */
export const multiTrepctlByService: readonly string[] = ["multi_trepctl", "--by-service", "list"];

export type ServiceRow = {
  readonly host: string;
  readonly service: string;
  readonly role: string;
  readonly state: ReplicatorState;
  readonly appliedSeqno: number | null;
  readonly appliedLatencySeconds: number | null;
};

export type MultiListing = {
  readonly rows: readonly ServiceRow[];
  /** Hosts it says it could not reach. Others may be missing unsaid: compare with whom you asked about. */
  readonly unreachable: readonly string[];
};

const columns = ["host", "servicename", "role", "state", "appliedlastseqno", "appliedlatency"] as const;
const unreachablePattern = /^ERROR\s*>> Net::SSH was unable to connect to (\S+) as /;

function rowFrom(cells: readonly unknown[]): ServiceRow | undefined {
  const [host, service, role, state, seqno, latency] = cells;
  if (![host, service, role, state].every((cell) => typeof cell === "string" && cell !== ""))
    return undefined;
  const applied = typeof seqno === "string" ? integerFrom(seqno) : integerOf(seqno);
  const seconds =
    typeof latency === "string" && /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(latency) ? Number(latency) : latency;
  if (applied === undefined || typeof seconds !== "number") return undefined;
  return {
    host: String(host),
    service: String(service),
    role: String(role),
    state: stateFrom(String(state)),
    appliedSeqno: applied < 0 ? null : applied,
    appliedLatencySeconds: seconds < 0 ? null : seconds,
  };
}

/** `list`, as its table or with `--output=json`. No row at all is no listing. */
export function readMultiListing(output: ToolOutput): Reading<MultiListing> {
  const lines = linesOf(output.stdout);
  const unreachable = lines
    .map((line) => unreachablePattern.exec(line)?.[1])
    .filter((host) => host !== undefined);
  const rest = lines.filter((line) => !/^ERROR\s*>> /.test(line)).join("\n");
  const cells = rest.trimStart().startsWith("[") ? jsonCells(rest) : tableCells(rest);
  if (output.exitCode !== 0 || cells === undefined || !endsWhole(output.stdout))
    return unreadable("multi_trepctl printed no whole listing");
  const rows = cells.map(rowFrom).filter((row) => row !== undefined);
  if (rows.length !== cells.length) return unreadable("a row of multi_trepctl is incomplete");
  return rows.length === 0
    ? unreadable("multi_trepctl lists no service")
    : read({ rows, unreachable: [...new Set(unreachable)] });
}

/** Rows between bars under a head whose columns are the expected ones, however wide. */
function tableCells(text: string): readonly (readonly string[])[] | undefined {
  const rows = linesOf(text)
    .filter((line) => line.trim() !== "")
    .map((line) =>
      /^\|(.*)\|$/
        .exec(line.trim())?.[1]
        ?.split("|")
        .map((cell) => cell.trim()),
    );
  const [head, ...body] = rows;
  const whole = body
    .filter((cells) => cells?.length === columns.length)
    .filter((cells) => cells !== undefined);
  return head?.join() === columns.join() && whole.length === body.length ? whole : undefined;
}

function jsonCells(text: string): readonly (readonly unknown[])[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    if (!Array.isArray(list)) return undefined;
    return list.map((row: unknown) =>
      columns.map((column) =>
        typeof row === "object" && row !== null
          ? (row as Readonly<Record<string, unknown>>)[column]
          : undefined,
      ),
    );
  } catch {
    return undefined;
  }
}
