/**
 * Compares the estate's data: every table of every node with one node of reference, chunk by chunk. Rows move while one
 * reads, so a chunk that differs is read again after replication has caught up, and told only when that did not help.
 * Nothing is written on any node, and nothing is mended.
 */
import { type Comparison, newSurvey, type Survey } from "../crds/survey.ts";
import { dataNodes } from "../topology/estate.ts";
import {
  type Boundary,
  boundary,
  chunk,
  nextTable,
  type TableFound,
  tableInWords,
  whole,
} from "../tungsten/chunks.ts";
import { type Known, notAskedYet } from "../tungsten/facts.ts";
import type { Judgement, Verdict } from "./procedure.ts";
import {
  absent,
  type Context,
  compared,
  giveUp,
  type Stride,
  type SurveyParameters,
} from "./survey-compare.ts";
import { nodesBehind, positionsCovering } from "./survey-lag.ts";
import { done, pending } from "./verdicts.ts";

/** Strides of one pass; more than a pass can ask for. */
const mostStrides = 8;

/** Done when every table has been read. The target's node is the reference. `then` has the last word. */
export const surveyed =
  (name: string, parameters: SurveyParameters, then: (survey: Survey) => Verdict = () => done): Judgement =>
  (target, look) => {
    const before = look.run.surveys[name] ?? newSurvey();
    if (before.finished) return then(before);
    if (look.now < before.notBefore) return pending("pauses between two chunks");
    const reference = target.node.name;
    const others = dataNodes(look.run.estate)
      .map((node) => node.name)
      .filter((node) => node !== reference);
    return walk(name, before, { look, parameters, reference, others });
  };

function walk(name: string, before: Survey, context: Context): Verdict {
  let survey = before;
  const lines: string[] = [];
  let waits = "";
  for (let n = 0; n < mostStrides && !survey.finished; n += 1) {
    const stride = strideOf(survey, context);
    if ("waits" in stride) {
      waits = stride.waits;
      break;
    }
    survey = stride.survey;
    lines.push(...(stride.lines ?? []));
    if (stride.rowsRead === true) break;
  }
  if (survey === before) return pending(waits);
  const afterMs = context.parameters.pauseMilliseconds;
  const state = { ...survey, lines: before.lines + lines.length, notBefore: context.look.now + afterMs };
  return {
    is: "noted",
    why: surveyInWords(state),
    noted: { survey: name, state, recorded: before.lines, lines, afterMs },
  };
}

/** For the Progressing condition. */
export function surveyInWords({ table, tables, chunks, rows }: Survey): string {
  const read = tables.equal + tables.differing + tables.unknown;
  const found = `${read} tables read, ${tables.differing} differ, ${tables.unknown} unknown; ${chunks} chunks, ${rows} rows`;
  return table === undefined ? found : `reads ${tableInWords(table)}; ${found}`;
}

function strideOf(survey: Survey, context: Context): Stride {
  const { comparison } = survey;
  if (comparison === undefined) return begin(survey, context);
  if (comparison.readings > 0 && !comparison.caughtUp) return catchUp(survey, comparison, context);
  return comparison.what === "table"
    ? readTable(survey, comparison, context)
    : readRows(survey, comparison, context);
}

/** The next comparison: the next table, or the next chunk of the one at hand. */
function begin(survey: Survey, { others }: Context): Stride {
  const what = survey.table === undefined ? "table" : "rows";
  const open = others.filter((node) => survey.nodes[node]?.left !== true);
  const comparison: Comparison = {
    what,
    from: survey.from,
    to: survey.table?.cuttable === false ? "end" : "",
    tail: false,
    readings: 0,
    open: [...open],
    silent: [],
    readAt: 0,
    last: {},
    still: [],
    caughtUp: false,
  };
  return { survey: { ...survey, comparison } };
}

/** Waits until every node that was read and differs has applied what was committed anywhere at that time. */
function catchUp(survey: Survey, comparison: Comparison, context: Context): Stride {
  const { look, parameters, reference } = context;
  const { estate, pins } = look.run;
  const where = { estate, facts: look.facts, primaries: pins.primaries };
  const tooLong = look.now - comparison.readAt > parameters.lagSeconds * 1000;
  const next = (change: Partial<Comparison>): Stride => ({
    survey: { ...survey, comparison: { ...comparison, ...change } },
  });
  const differing = comparison.open.filter((node) => !comparison.silent.includes(node));
  if (differing.length === 0 || comparison.silent.includes(reference)) return next({ caughtUp: true });
  if (comparison.wanted === undefined) {
    const lag = positionsCovering(comparison.readAt, where);
    if (lag.is === "wanted") return next({ wanted: lag.wanted });
    if (!tooLong) return { waits: `waits for the sources: ${lag.is === "unknown" ? lag.why : ""}` };
    const why = `the sources' positions could not be told within ${parameters.lagSeconds} s`;
    return giveUp(survey, comparison, new Map(differing.map((node) => [node, why])), context);
  }
  const lag = nodesBehind([reference, ...differing], comparison.wanted, where);
  if (lag.is !== "behind" || lag.nodes.size === 0) return next({ caughtUp: true });
  const [first] = lag.nodes.values();
  if (!tooLong) return { waits: `waits until replication has caught up: ${first}` };
  const late = lag.nodes.has(reference) ? differing : [...lag.nodes.keys()];
  const reason = (node: string) =>
    `has not caught up within ${parameters.lagSeconds} s: ${lag.nodes.get(node) ?? first}`;
  return giveUp(survey, comparison, new Map(late.map((node) => [node, reason(node)])), context);
}

const isNotAsked = (fact: Known<unknown>): boolean => "unknown" in fact && fact.unknown === notAskedYet;
const nameOf = ({ schema, table }: TableFound): string => `${schema} ${table}`;

/** Which table comes next, on whom it is, and whether its columns are the reference's. */
function readTable(survey: Survey, comparison: Comparison, context: Context): Stride {
  const { look, reference, others } = context;
  const answers = new Map(
    [reference, ...others].map((node) => [node, look.facts.get(node, nextTable(survey.behind))]),
  );
  const own = answers.get(reference);
  if (own === undefined || "unknown" in own)
    return { waits: `${reference}, with which the others are compared, cannot be asked: ${own?.unknown}` };
  if ([...answers.values()].some(isNotAsked)) return { waits: notAskedYet };
  const found = [...answers.values()].flatMap((answer) =>
    "known" in answer && answer.known !== "none" ? [answer.known] : [],
  );
  const [next] = found.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  if (next === undefined) return finish(survey, answers, context);
  const fresh = survey.table === undefined || nameOf({ ...next, ...survey.table }) !== nameOf(next);
  const mine = own.known !== "none" && nameOf(own.known) === nameOf(next) ? own.known : undefined;
  const table = { schema: next.schema, table: next.table, cuttable: (mine ?? next).cuttable };
  const from = fresh
    ? { ...comparison, readings: 0, open: [...others], silent: [], first: {}, moved: [] }
    : comparison;
  const readings = new Map(
    [...answers].map(([node, answer]): [string, Known<string>] => [
      node,
      "unknown" in answer
        ? answer
        : {
            at: answer.at,
            known:
              answer.known === "none" || nameOf(answer.known) !== nameOf(next)
                ? absent
                : answer.known.structure,
          },
    ]),
  );
  return compared({ ...survey, table, nodes: fresh ? {} : survey.nodes }, from, readings, context);
}

/** No node that could be asked has a further table. */
function finish(
  survey: Survey,
  answers: ReadonlyMap<string, Known<TableFound | "none">>,
  { others }: Context,
): Stride {
  const silent = others.flatMap((node) => {
    const answer = answers.get(node);
    return answer !== undefined && "unknown" in answer
      ? [`(further tables)\t${node}\tunknown\t\t${answer.unknown}`]
      : [];
  });
  const { comparison: _, table: __, ...rest } = survey;
  const unknown = rest.tables.unknown + (silent.length > 0 ? 1 : 0);
  return { survey: { ...rest, finished: true, tables: { ...rest.tables, unknown } }, lines: silent };
}

/** The rows between two cuts; the second cut is asked of the reference first. */
function readRows(survey: Survey, comparison: Comparison, context: Context): Stride {
  const { look, parameters, reference } = context;
  const { table } = survey;
  if (table === undefined) return { waits: "no table is chosen" };
  const { rowsPerChunk, secondsPerChunk } = parameters;
  const cut: Known<Boundary> =
    comparison.to === ""
      ? look.facts.get(reference, boundary(table, rowsPerChunk, secondsPerChunk, comparison.from))
      : { known: { cut: comparison.to }, at: look.now };
  if (isNotAsked(cut)) return { waits: notAskedYet };
  if ("unknown" in cut) return compared(survey, comparison, new Map([[reference, cut]]), context);
  const { cut: to, last: lastKey } = cut.known;
  const question = table.cuttable
    ? chunk(table, secondsPerChunk, { from: comparison.from, to })
    : whole(table, rowsPerChunk, secondsPerChunk);
  const readings = new Map(
    [reference, ...comparison.open].map((node): [string, Known<string>] => {
      const answer = look.facts.get(node, question);
      if ("unknown" in answer) return [node, answer];
      return [node, { at: answer.at, known: `${answer.known.rows} ${answer.known.sum}` }];
    }),
  );
  if ([...readings.values()].some(isNotAsked)) return { waits: notAskedYet };
  const bounds = { to, ...(lastKey !== undefined && { lastKey }) };
  const stride = compared(survey, { ...comparison, ...bounds }, readings, context);
  return "survey" in stride ? { ...stride, rowsRead: true } : stride;
}
