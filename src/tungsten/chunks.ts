/** Tables read in chunks: the runner's questions and how their answers are read; see docs/reference/runner-protocol.md. */
import { type Fact, factOf } from "./facts.ts";
import type { ToolOutput } from "./invocation.ts";
import { endsWhole, integerFrom, linesOf, type Reading, read, unreadable } from "./reading.ts";

/** A table by the hex digits of its names, as the runner takes them. Compared as texts they order as the bytes do. */
export type TableName = { readonly schema: string; readonly table: string };

export type TableFound = TableName & {
  /** Can its key be walked in words? If not it is read whole, up to a number of rows. */
  readonly cuttable: boolean;
  /** Checksum over its columns; equal on nodes whose rows may be compared. */
  readonly structure: string;
};

/** The bounds of one chunk: rows behind `from` up to `to`. A cut is a row's key, `start` or `end`. */
export type Cuts = { readonly from: string; readonly to: string };

/** `sum` is decimal and longer than a number of ours: it is only ever compared. */
export type ChunkSum = { readonly rows: number; readonly sum: string };

const namePattern = /^([0-9a-f]{2})+$/;
const cutPattern = /^(n-?\d+(\.\d+)?|[xb]([0-9a-f]{2})*)(,(n-?\d+(\.\d+)?|[xb]([0-9a-f]{2})*))*$/;
/** The ledger keeps cuts; a longer key is told as unreadable. */
const longestCut = 1000;

/** The one line of an answer, empty if there is none; a line without its end may end in half a key. */
function lineOf({ exitCode, stdout, stderr }: ToolOutput): Reading<string> {
  if (exitCode !== 0)
    return unreadable(`mysql exited ${exitCode}: ${linesOf(stderr.trim())[0]?.slice(0, 120) ?? ""}`);
  if (!endsWhole(stdout) || stdout.trim().includes("\n")) return unreadable("mysql answered no whole line");
  return read(stdout.trim());
}

/** `schema.table` for humans; what is no UTF-8 shows as replacement characters. */
export function tableInWords({ schema, table }: TableName): string {
  const text = (hex: string): string =>
    new TextDecoder().decode(
      Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16)),
    );
  return `${text(schema)}.${text(table)}`;
}

export function readNextTable(output: ToolOutput): Reading<TableFound | "none"> {
  const line = lineOf(output);
  if ("unreadable" in line) return line;
  if (line.read === "") return read("none");
  const [schema = "", table = "", key = "", structure = ""] = line.read.split("\t");
  if (!namePattern.test(schema) || !namePattern.test(table) || key === "" || structure === "")
    return unreadable("the answer about the next table is incomplete");
  return read({ schema, table, cuttable: /^[nxb](,[nxb])*$/.test(key), structure });
}

/** Where the next cut lies. `last`: the key of the last row, where fewer rows are left and at least one. */
export type Boundary = { readonly cut: string; readonly last?: string };

export function readBoundary(output: ToolOutput): Reading<Boundary> {
  const line = lineOf(output);
  if ("unreadable" in line) return line;
  const [cut = "", last] = line.read.split("\t");
  if (cut.length > longestCut || (last ?? "").length > longestCut)
    return unreadable("the table's key is too long to be cut by");
  const sound = (cut === "end" || cutPattern.test(cut)) && (last === undefined || cutPattern.test(last));
  if (!sound) return unreadable("the cut could not be read");
  return read(last === undefined ? { cut } : { cut, last });
}

export function readChunk(output: ToolOutput): Reading<ChunkSum> {
  const line = lineOf(output);
  if ("unreadable" in line) return line;
  const [, counted, sum, unreckoned] = /^(\d+)\t(\d+)\t(\d+)$/.exec(line.read) ?? [];
  const rows = integerFrom(counted);
  if (rows === undefined || sum === undefined) return unreadable("the chunk's sum could not be read");
  return unreckoned === "0" ? read({ rows, sum }) : unreadable(`${unreckoned} rows have no checksum`);
}

const readWhole = (output: ToolOutput): Reading<ChunkSum> =>
  output.exitCode === 0 && output.stdout.trim() === "more"
    ? unreadable("it has no key to be cut by, and more rows than a chunk may have")
    : readChunk(output);

/** A thing of a user, by its kind and the hex digits of its names. */
export type Belonging = TableName & { readonly kind: string };

/** `table shop.orders` for humans. */
export const belongingInWords = (thing: Belonging): string => `${thing.kind} ${tableInWords(thing)}`;

export function readBelongings(output: ToolOutput): Reading<Belonging | "none"> {
  const line = lineOf(output);
  if ("unreadable" in line) return line;
  if (line.read === "") return read("none");
  const [kind = "", schema = "", table = ""] = line.read.split("\t");
  if (!/^[a-z]+$/.test(kind) || !namePattern.test(schema) || !namePattern.test(table))
    return unreadable("the answer about what the server holds is incomplete");
  return read({ kind, schema, table });
}

/**
 * What somebody may want of a server that is to be overwritten, one thing of it: a table, which may be one with versions, a
 * sequence, view, routine or event in a schema that is neither the server's nor Tungsten's.
 */
export const belongings: Fact<Belonging | "none"> = factOf(["sql", "belongings"], readBelongings);

/** The first table of a user's schema behind that one. */
export const nextTable = (behind: TableName | undefined): Fact<TableFound | "none"> =>
  factOf(
    ["sql", "next-table", ...(behind === undefined ? ["start"] : ["after", behind.schema, behind.table])],
    readNextTable,
  );

/** The cut `rows` rows behind `from`. */
export const boundary = ({ schema, table }: TableName, rows: number, seconds: number, from: string) =>
  factOf(["sql", "boundary", schema, table, String(rows), String(seconds), from], readBoundary);

export const chunk = ({ schema, table }: TableName, seconds: number, { from, to }: Cuts) =>
  factOf(["sql", "chunk", schema, table, String(seconds), from, to], readChunk);

/** The whole table, if it has no more than `rows` rows. */
export const whole = ({ schema, table }: TableName, rows: number, seconds: number) =>
  factOf(["sql", "whole", schema, table, String(rows), String(seconds)], readWhole);
