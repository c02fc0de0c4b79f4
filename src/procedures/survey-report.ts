/** What a comparison of data tells: a line for each table and node, a summary for the status, a condition. */
import type { Told } from "../crds/conditions.ts";
import type { Ledger } from "../crds/ledger.ts";
import type { Survey, Tally } from "../crds/survey.ts";

/** The head of every page of a report. */
export const reportHead = "TABLE\tNODE\tRESULT\tCHUNKS\tDETAIL";

function resultOf(tally: Tally | undefined): string {
  if (tally === undefined) return "unknown";
  if (tally.differs > 0) return "differs";
  return tally.unknown > 0 ? "unknown" : "equal";
}

function chunksOf(tally: Tally | undefined): string {
  if (tally === undefined) return "";
  const { equal, differs, unknown } = tally;
  const bad = differs > 0 ? differs : unknown;
  return bad === 0 ? String(equal) : `${bad} of ${equal + differs + unknown}`;
}

/** One line for each node but the reference. Tabs and line ends within a name or a reason become blanks. */
export const reportLines = (
  table: string,
  nodes: Survey["nodes"],
  others: readonly string[],
): readonly string[] =>
  others.map((node) => {
    const tally = nodes[node];
    return [table, node, resultOf(tally), chunksOf(tally), tally?.detail ?? ""]
      .map((word) => word.replace(/[\t\n\r]/g, " "))
      .join("\t");
  });

/** Where a survey's report lies: the name of its first page. */
export const reportPage = (request: string, survey: string, page: number): string =>
  `${request}-${survey}-${page}`;

export type DataSummary = {
  readonly when: string;
  readonly finished: boolean;
  readonly tables: Survey["tables"];
  readonly chunks: number;
  readonly rows: number;
  readonly report: string;
};

/** For `status.data`: one entry for each survey of the run. */
export const dataSummaries = (request: string, ledger: Ledger): readonly DataSummary[] =>
  Object.entries(ledger.surveys ?? {}).map(([when, { finished, tables, chunks, rows }]) => ({
    when,
    finished,
    tables,
    chunks,
    rows,
    report: reportPage(request, when, 1),
  }));

/** The latest finished survey as a condition: True only when every table was read on every node and was equal. */
export function tellData(ledger: Ledger): readonly Told[] {
  const last = Object.entries(ledger.surveys ?? {})
    .filter(([, survey]) => survey.finished)
    .at(-1);
  if (last === undefined) return [];
  const [when, { tables, chunks, rows }] = last;
  const read = `${tables.equal} tables equal, ${tables.differing} differ, ${tables.unknown} unknown (${chunks} chunks, ${rows} rows); report ${when}`;
  const type = "DataEqual";
  if (tables.differing > 0)
    return [{ type, status: "False", reason: "Differs", message: `${read}; nothing was changed` }];
  if (tables.unknown > 0) return [{ type, status: "Unknown", reason: "NotAllRead", message: read }];
  return [{ type, status: "True", reason: "Equal", message: read }];
}
