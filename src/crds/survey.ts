/** A survey: how far a comparison of the estate's data has come. Part of the ledger, because a reading cannot be repeated as it was. */
import * as z from "zod";

const text = z.string().max(1024);
const count = z.int().min(0);

/** Hex digits of the names' UTF-8, as the runner takes them. */
const tableName = z.object({ schema: z.string().max(512), table: z.string().max(512) });

/** One node's standing in the table that is being read. */
export const tallySchema = z.object({
  equal: count,
  differs: count,
  unknown: count,
  /** What was wrong first, for the report. */
  detail: text,
  /** Not compared any more in this table; `detail` says why. */
  left: z.boolean(),
});
export type Tally = z.infer<typeof tallySchema>;

/** What is being compared: the table's being there and its columns, or the rows between two cuts. */
export const comparisonSchema = z.object({
  what: z.enum(["table", "rows"]),
  /** Rows behind `from` up to `to`; `to` is empty until it was asked. */
  from: text,
  to: text,
  /** The reference's last key when an open end was first read; rows appended later are not part of the survey. */
  lastKey: text.optional(),
  /** The table's last chunk, cut off at `lastKey` because rows are being appended. */
  tail: z.boolean(),
  /** How often it was read. */
  readings: count,
  /** Nodes that were not equal to the reference in any reading so far. */
  open: z.array(text).max(200),
  /** Of these and the reference: who did not answer in the latest reading. */
  silent: z.array(text).max(200),
  /** When the latest reading was made. */
  readAt: z.number(),
  /** The latest reading by node. */
  last: z.record(z.string(), text),
  /** Nodes that differed in two readings between which neither they nor the reference had changed. */
  still: z.array(text).max(200),
  /** Site → the seqno every node has to reach before the next reading; absent: not known yet. */
  wanted: z.record(z.string(), count).optional(),
  /** Every node has reached it, or was given up. */
  caughtUp: z.boolean(),
});
export type Comparison = z.infer<typeof comparisonSchema>;

export const surveySchema = z.object({
  finished: z.boolean(),
  /** Lines of the report that belong to finished tables. */
  lines: count,
  /** Tables that are equal on every node; that differ on one; that could not be read on one and differ on none. */
  tables: z.object({ equal: count, differing: count, unknown: count }),
  chunks: count,
  /** Rows of the reference. */
  rows: count,
  /** The last table that is finished. */
  behind: tableName.optional(),
  table: tableName.extend({ cuttable: z.boolean() }).optional(),
  /** Where the next chunk of the table begins. */
  from: text,
  comparison: comparisonSchema.optional(),
  /** By node name, for the table that is being read. */
  nodes: z.record(z.string(), tallySchema),
  /** No chunk is read before. */
  notBefore: z.number(),
});
export type Survey = z.infer<typeof surveySchema>;

export const newSurvey = (): Survey => ({
  finished: false,
  lines: 0,
  tables: { equal: 0, differing: 0, unknown: 0 },
  chunks: 0,
  rows: 0,
  from: "start",
  nodes: {},
  notBefore: 0,
});
