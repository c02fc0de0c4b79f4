/** The comparing half of a survey: a reading against the reference's, what is open after it, and what is told in the end. */
import type { Comparison, Survey, Tally } from "../crds/survey.ts";
import { tableInWords } from "../tungsten/chunks.ts";
import type { Known } from "../tungsten/facts.ts";
import type { Look } from "./procedure.ts";
import { reportLines } from "./survey-report.ts";

export type SurveyParameters = {
  readonly rowsPerChunk: number;
  /** After so long the server itself ends the reading of a chunk. */
  readonly secondsPerChunk: number;
  readonly pauseMilliseconds: number;
  /** How often a chunk that differs is read before that is told. */
  readonly readings: number;
  /** How long a reading waits for replication to catch up before the nodes behind count as unknown. */
  readonly lagSeconds: number;
};

export type Context = {
  readonly look: Look;
  readonly parameters: SurveyParameters;
  readonly reference: string;
  /** Data nodes but the reference. */
  readonly others: readonly string[];
};

/** One step of a survey: what is known now, lines of finished tables; or why there is none yet. */
export type Stride =
  | { readonly survey: Survey; readonly lines?: readonly string[]; readonly rowsRead?: true }
  | { readonly waits: string };

/** A node's reading of a table that it does not have. */
export const absent = "absent";

/** What each node answered, as a text to compare. */
export type Readings = ReadonlyMap<string, Known<string>>;

/** One reading: who is equal to the reference now is equal; the others are read again, or told. */
export function compared(
  survey: Survey,
  comparison: Comparison,
  readings: Readings,
  context: Context,
): Stride {
  const { look, parameters, reference } = context;
  const own = readingOf(readings, reference);
  let { nodes } = survey;
  const open: string[] = [];
  for (const node of comparison.open) {
    if (own === undefined || readingOf(readings, node) !== own) open.push(node);
    else if (comparison.what === "rows") nodes = tallied(nodes, node, "equal");
  }
  const unchanged = (node: string): boolean =>
    readingOf(readings, node) !== undefined && readingOf(readings, node) === comparison.last[node];
  const still = open.filter(
    (node) => comparison.still.includes(node) || (unchanged(reference) && unchanged(node)),
  );
  const { wanted: _, ...rest } = comparison;
  const next: Comparison = {
    ...rest,
    open,
    last: { ...comparison.last, ...known(readings) },
    still,
    readings: comparison.readings + 1,
    silent: [reference, ...open].filter((node) => readingOf(readings, node) === undefined),
    readAt: look.now,
    caughtUp: false,
  };
  const read = { ...survey, nodes, comparison: next };
  if (open.length === 0) return conclude(read, next, readings, context);
  const appended = own !== undefined && comparison.readings > 0 && !unchanged(reference);
  if (appended && next.to === "end" && next.lastKey !== undefined)
    return { survey: { ...read, comparison: cutOff(next, next.lastKey) } };
  return next.readings >= parameters.readings ? conclude(read, next, readings, context) : { survey: read };
}

/**
 * A table whose end moves is compared up to the key that was the last one before replication caught up: every node has
 * had to reach that. Begins anew, and at once.
 */
const cutOff = (comparison: Comparison, to: string): Comparison => ({
  ...comparison,
  to,
  tail: true,
  readings: 1,
  last: {},
  still: [],
  silent: [],
  caughtUp: true,
});

const known = (readings: Readings): Record<string, string> =>
  Object.fromEntries(
    [...readings].flatMap(([node, answer]) => ("known" in answer ? [[node, answer.known] as const] : [])),
  );

function readingOf(readings: Readings, node: string): string | undefined {
  const answer = readings.get(node);
  return answer !== undefined && "known" in answer ? answer.known : undefined;
}

/** What is still open now differs, or could not be read. Then on to the next chunk, or to the end of the table. */
function conclude(survey: Survey, comparison: Comparison, readings: Readings, context: Context): Stride {
  const { reference } = context;
  const own = readings.get(reference);
  let { nodes } = survey;
  for (const node of comparison.open) nodes = judged(nodes, node, comparison, readings, reference);
  const { comparison: _, ...rest } = { ...survey, nodes };
  const rows = Number((readingOf(readings, reference) ?? comparison.last[reference] ?? "0").split(" ")[0]);
  const counted =
    comparison.what === "rows"
      ? { ...rest, chunks: rest.chunks + 1, rows: rest.rows + rows, from: comparison.to }
      : { ...rest, from: "start" };
  const allLeft = context.others.every((node) => nodes[node]?.left === true);
  const gone = comparison.what === "table" && own !== undefined && "known" in own && own.known === absent;
  const over =
    comparison.what === "rows" && (comparison.to === "end" || comparison.to === "" || comparison.tail);
  return allLeft || gone || over ? tableOver(counted, context) : { survey: counted };
}

function judged(
  nodes: Survey["nodes"],
  node: string,
  { what, from, to, still }: Comparison,
  readings: Readings,
  reference: string,
): Survey["nodes"] {
  const own = readings.get(reference);
  const its = readings.get(node);
  const unread = own === undefined || "unknown" in own ? [reference, own] : [node, its];
  const silent = unread[1] as Known<string> | undefined;
  if (silent === undefined || "unknown" in silent) {
    const why = `${String(unread[0])} could not be read: ${silent === undefined ? "not asked" : silent.unknown}`;
    return tallied(nodes, node, "unknown", why, { left: true });
  }
  if (!still.includes(node))
    return tallied(nodes, node, "unknown", `rows behind ${from} up to ${to} changed between all readings`);
  if (what === "table") {
    const missing = readingOf(readings, node) === absent;
    const why = missing
      ? "has no such table"
      : readingOf(readings, reference) === absent
        ? `${reference} has no such table`
        : "its columns differ";
    return tallied(nodes, node, "differs", why, { left: true });
  }
  return tallied(nodes, node, "differs", `keys behind ${from} up to ${to}`);
}

function tableOver(survey: Survey, { others }: Context): Stride {
  const { table, nodes, ...rest } = survey;
  if (table === undefined) return { survey };
  const tallies = others.map((node) => nodes[node]);
  const kind = tallies.some((tally) => (tally?.differs ?? 0) > 0)
    ? "differing"
    : tallies.some((tally) => (tally?.unknown ?? 0) > 0)
      ? "unknown"
      : "equal";
  return {
    survey: {
      ...rest,
      tables: { ...rest.tables, [kind]: rest.tables[kind] + 1 },
      behind: { schema: table.schema, table: table.table },
      from: "start",
      nodes: {},
    },
    lines: reportLines(tableInWords(table), nodes, others),
  };
}

/** These nodes are unknown here and are left out of the rest of this table; the others go on. */
export function giveUp(
  survey: Survey,
  comparison: Comparison,
  reasons: ReadonlyMap<string, string>,
  context: Context,
): Stride {
  let { nodes } = survey;
  for (const [node, why] of reasons) nodes = tallied(nodes, node, "unknown", why, { left: true });
  const open = comparison.open.filter((node) => !reasons.has(node));
  const rest = { ...survey, nodes, comparison: { ...comparison, open, caughtUp: true } };
  return open.length === 0 ? conclude(rest, rest.comparison, new Map(), context) : { survey: rest };
}

function tallied(
  nodes: Survey["nodes"],
  node: string,
  as: "equal" | "differs" | "unknown",
  detail = "",
  { left = false } = {},
): Survey["nodes"] {
  const none: Tally = { equal: 0, differs: 0, unknown: 0, detail: "", left: false };
  const before = nodes[node] ?? none;
  const after = {
    ...before,
    [as]: before[as] + 1,
    detail: before.detail === "" ? detail.slice(0, 200) : before.detail,
    left: before.left || left,
  };
  return { ...nodes, [node]: after };
}
