/** Replicator errors by their text: pattern, kind, remedy, source. Adding a case is adding a row and a transcript. */
import type { ReplicatorStatus } from "./reading.ts";

export type ErrorKind =
  | "epoch-mismatch"
  | "does-not-contain"
  | "log-seek-failure"
  | "apply-failure"
  | "extract-failure"
  | "unknown-error";

type Row = {
  readonly pattern: RegExp;
  readonly kind: ErrorKind;
  readonly remedy: string;
  readonly source: string;
};

const table: readonly Row[] = [
  {
    pattern: /Log epoch numbers do not match/,
    kind: "epoch-mismatch",
    remedy: "online -force, only when the source holds the same EVENTID at that seqno",
    source: "vendor page step 12.3; tungsten-observed-conversion §3",
  },
  {
    pattern: /does not contain requested transaction/,
    kind: "does-not-contain",
    remedy: "plain online once the server dialled holds it; force does not help",
    source: "vendor page step 12.4; tungsten-observed-conversion §3, §4(c)",
  },
  {
    pattern: /Log seek failure/,
    kind: "log-seek-failure",
    remedy: "the position lies before the log of the server dialled: restore the rows, then online",
    source: "tungsten-observed-conversion §4(a)",
  },
  {
    pattern: /Event application failed|did not apply|Statement failed on slave/,
    kind: "apply-failure",
    remedy: "mend the data by hand, then online",
    source: "tungsten-observed §5",
  },
  {
    pattern: /Failed to extract|Event extraction failed/,
    kind: "extract-failure",
    remedy: "plain online",
    source: "tungsten-observed-conversion §5",
  },
];

/** The kind of a service's pending error; null without any text (it comes one poll late). */
export function classifyError(
  status: ReplicatorStatus,
): { readonly kind: ErrorKind; readonly remedy: string } | null {
  const text = `${status.pendingExceptionMessage ?? ""}\n${status.pendingError ?? ""}`;
  if (text.trim() === "") return null;
  const row = table.find(({ pattern }) => pattern.test(text));
  return row === undefined
    ? { kind: "unknown-error", remedy: "look at the service's log" }
    : { kind: row.kind, remedy: row.remedy };
}

/** Node, event, kind and remedy of a service that an error has stopped, free of the error's own text, which quotes rows. */
export function errorInWords(status: ReplicatorStatus, node: string): string | undefined {
  const error = status.state === "OFFLINE:ERROR" ? classifyError(status) : null;
  if (error === null) return undefined;
  const at = status.pendingErrorSeqno === null ? "" : ` at event ${status.pendingErrorSeqno}`;
  return `service ${status.service} of ${node} is OFFLINE:ERROR${at} (${error.kind}); what mends it: ${error.remedy}`;
}
