/**
 * The ledger: the little about a run that cannot be observed again. It lives in `status.ledger` of the object that
 * asked, has one writer, and nothing else steers a procedure. Times are milliseconds since the epoch.
 */
import * as z from "zod";
import { surveySchema } from "./survey.ts";

const text = z.string().max(1024);

/** What was frozen when the plan was approved. If the live world departs from it the run halts. */
export const pinsSchema = z.object({
  /** Site → the node that was its live primary. */
  primaries: z.record(z.string(), text),
  /** The site that took the writes of an active/passive composite. */
  activeSite: text.optional(),
  /** Site → the policy its coordinator told before the run; it is what the run returns to. */
  policies: z.record(z.string(), text),
  /** Site → names of its data nodes. */
  members: z.record(z.string(), z.array(text).max(16)),
  /** Site → wanted release of both products. */
  releases: z.record(z.string(), text),
  /** Site → the replica that takes the backup. */
  backupNodes: z.record(z.string(), text),
  /** Checksums of rendered ini texts by topology kind. */
  iniSha256: z.record(z.string(), text),
  /** Site → the release that ran when the plan was approved; a way back installs it again. */
  installed: z.record(z.string(), text).optional(),
  /** The installed topology, where the steps depend on it: read from the nodes, never from objects. */
  topology: z.enum(["MSAA", "CAA", "MSMM"]).optional(),
  /** Step id → worst-case seconds, as they were reckoned when the plan was approved. */
  estimates: z.record(z.string(), z.number()).optional(),
  /** Field path → what the request's own block said, where the steps depend on it. */
  /** Who keeps positions: `TungstenPrepUpgrade` is the vendor's tool; left out: our primitives. */
  positions: text.optional(),
  parameters: z.record(z.string(), text).optional(),
});
export type Pins = z.infer<typeof pinsSchema>;

/** One target's commands within the current part. */
export const attemptSchema = z.object({
  /** Counts commands begun for this target in this part, from 1. */
  n: z.int().min(1).max(1000),
  /** Which alternative was begun. */
  alternative: z.int().min(0).max(20),
  begunAt: z.number(),
  /** The marker's key on the node; empty for effects that are no commands. */
  key: text,
});

export const haltSchema = z.object({
  reason: text,
  message: z.string().max(4096),
  at: z.number(),
  /** metadata.generation at that time: a later one means a human has spoken. */
  generation: z.int(),
});

export const ledgerSchema = z.object({
  procedure: text,
  revision: z.int(),
  /** metadata.uid of the request: a re-created namesake is another run. */
  runUid: text,
  phase: z.enum(["Planning", "Running", "Finished"]),
  direction: z.enum(["Forward", "Abort", "Revert"]),
  outcome: z.enum(["Succeeded", "Aborted", "Reverted", "Planned", "AlreadyDone"]).optional(),
  planHash: text.optional(),
  approvedAt: z.number().optional(),
  pins: pinsSchema.optional(),
  cursor: z.object({
    step: z.int().min(0),
    part: z.int().min(0),
    /** When the cursor came here. */
    since: z.number(),
    /** Counts how often the step was begun anew from its first part, from 1. */
    round: z.int().min(1),
  }),
  attempts: z.record(z.string(), attemptSchema),
  /** Values a part recorded when it was done, e.g. the name and checksum of a verified dump. */
  kept: z.record(z.string(), text),
  /** Comparisons of data, by name. */
  surveys: z.record(z.string(), surveySchema).optional(),
  steps: z
    .array(z.object({ id: text, condition: text, startedAt: z.number(), finishedAt: z.number().optional() }))
    .max(64),
  /** How many commands this run has begun, over all steps. */
  commandsBegun: z.int(),
  /** Marker key → the human's word about that command, once it was taken up. */
  heard: z.record(z.string(), text).optional(),
  halt: haltSchema.optional(),
});
export type Ledger = z.infer<typeof ledgerSchema>;
export type Attempt = z.infer<typeof attemptSchema>;

/** An untouched ledger for a new run. */
export function newLedger(procedure: string, revision: number, runUid: string, now: number): Ledger {
  return {
    procedure,
    revision,
    runUid,
    phase: "Planning",
    direction: "Forward",
    cursor: { step: 0, part: 0, since: now, round: 1 },
    attempts: {},
    kept: {},
    steps: [],
    commandsBegun: 0,
  };
}
