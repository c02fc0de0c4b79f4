/**
 * The vocabulary a procedure is written in: steps made of parts, each part saying on whom, run what, done when.
 * DESIGN §5 gives the reasons; `advance.ts` is the engine that walks it.
 */
import type { Pins } from "../crds/ledger.ts";
import type { Survey } from "../crds/survey.ts";
import type { Estate, Node, Site } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import type { Command } from "../tungsten/invocation.ts";

/** Why a run stopped and waits for a human; each has its section in docs/operating/halts.md. */
export type HaltReason =
  | "OutcomeUnknown"
  | "CommandFailed"
  | "PrimaryMoved"
  | "PositionsDisagree"
  | "DumpUnverified"
  | "WorldDeparted"
  | "EpochUnproven"
  | "RowsNotRestored"
  | "HistoryPurged"
  | "DataDiffers"
  | "PrimaryAlive"
  | "SqlLogged"
  | "EventsOnlyThere"
  | "CopyUnproven"
  | "ChannelsNotJoined";

/**
 * The only five answers of a judgement. `redo`: begin the step anew, in a fresh round, from its first part. `noted`:
 * something was learnt that cannot be asked again; keep it, and look again.
 */
export type Verdict =
  | { readonly is: "done" }
  | { readonly is: "pending"; readonly why: string }
  | { readonly is: "redo"; readonly why: string }
  | { readonly is: "noted"; readonly why: string; readonly noted: Noted }
  | { readonly is: "broken"; readonly reason: HaltReason; readonly why: string };

/** What a reading adds to a survey: its state for the ledger, and lines for its report. */
export type Noted = {
  /** The survey's name, unique in the run. */
  readonly survey: string;
  readonly state: Survey;
  /** How many lines the report had before; whatever lies behind them belongs to a pass that was not recorded. */
  readonly recorded: number;
  readonly lines: readonly string[];
  readonly afterMs: number;
};

/** Whom a part acts on. `id` is unique within a part, e.g. `nyc`, `nyc-0` or `nyc-0.london`. */
export type Target = {
  readonly id: string;
  /** Where the command runs. */
  readonly node: Node;
  readonly site: Site;
  /** The remote site this node applies, for readers. */
  readonly source?: Site;
};

/** A run as judgements and commands see it: frozen things and what was recorded. */
export type Run = {
  readonly requestName: string;
  readonly uid: string;
  /** First eight hex digits of the UID: part of every name the run makes on nodes. */
  readonly tag: string;
  readonly estate: Estate;
  readonly pins: Pins;
  readonly kept: Readonly<Record<string, string>>;
  /** Comparisons of data, by name. */
  readonly surveys: Readonly<Record<string, Survey>>;
  readonly round: number;
  /** End of the spec's window as it says now, in milliseconds since the epoch. */
  readonly notAfter?: number;
  /** Nodes that a human has given up: nothing is asked of them any more. */
  readonly lost?: readonly string[];
  /** Rendered ini texts by topology kind. */
  readonly ini: Readonly<Record<string, string>>;
};

/** What a judgement looks at: the run, the facts, and the target's latest command in this part. */
export type Look = {
  readonly run: Run;
  readonly facts: Facts;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Counts commands from 1; 0 before the first. */
  readonly attempt: number;
  /** Marker key of the latest command; empty before the first. */
  readonly key: string;
  /** Which of the part's ways to go on that was, by its place in `run`; -1 before the first. */
  readonly alternative: number;
};

export type Judgement = (target: Target, look: Look) => Verdict;

/** An objection to acting now, or nothing. Objections are told and waited out. */
export type Guard = {
  readonly say: string;
  readonly objects: (target: Target, look: Look) => string | undefined;
};

export type Effect =
  | { readonly begin: Command; readonly on: Node }
  /** Copy a kept file off its node, under the same name. */
  | { readonly keep: string; readonly from: Node }
  /** Delete the pod of this node, so that it comes back by the StatefulSet's present template. */
  | { readonly renewPodOf: Node };

/** One way to go on. `when` is printed in the plan; the first whose test holds is taken. `attempt` counts from 1. */
export type Alternative = {
  readonly when: string;
  readonly holds?: Judgement;
  readonly effect: (target: Target, run: Run, attempt: number) => Effect;
};

export type Part = {
  /** One line for humans: what this part achieves. */
  readonly what: string;
  /** How the vendor's page writes it, printed beside our commands. */
  readonly vendor?: string;
  readonly on: (run: Run) => readonly Target[];
  readonly guards?: readonly Guard[];
  readonly run: readonly Alternative[];
  readonly done: Judgement;
  /** After a command ended, how long `done` may take to become true before a safe command is begun again. */
  readonly settleSeconds?: number;
  /** Commands begun for one target before the run halts with CommandFailed. */
  readonly tries?: number;
  /** When longer than this in one part, the run is told as stalled; it goes on as soon as the facts allow. */
  readonly stallSeconds?: number;
  /** Put into the ledger once the part is done on all targets. */
  readonly record?: (target: Target, look: Look) => Readonly<Record<string, string>>;
};

export type Step = {
  /** The vendor page's number; 0 where a track has none. */
  readonly n: number;
  /** PascalCase, never renamed once released. */
  readonly id: string;
  /** The vendor page's title. */
  readonly title: string;
  /** The condition that this step establishes. */
  readonly condition: string;
  readonly parts: readonly Part[];
  /** Asked before this step alone, beside those of the procedure. */
  readonly holds?: readonly Judgement[];
  /** How to go back from here: parts that run on abort, or a sentence saying why there are none. */
  readonly undo: readonly Part[] | string;
  /** What it made stays, whichever way the run goes: a backup, a dump. */
  readonly lasts?: true;
};

/**
 * How long something may be reduced, from the beginning of one step to the end of one of others. When it is spent it is
 * told (condition WithinBudget) and counted, and nothing else happens.
 */
export type Budget = {
  readonly id: string;
  /** What is reduced, as a clause: "no manager fails over". */
  readonly what: string;
  readonly from: string;
  /** Ids of the steps that end it, on any way. */
  readonly until: readonly string[];
  readonly seconds: (estate: Estate) => number;
};

export type Interruption = { readonly site: string; readonly seconds: number; readonly why: string };

/** Something pre-flight found that a human has to know, and perhaps to acknowledge by name. */
export type Finding = { readonly id: string; readonly text: string; readonly needsWord: boolean };

/** A part of the forward track: step id and index of the part. */
export type Place = { readonly step: string; readonly part: number };

export type Procedure = {
  readonly name: string;
  readonly revision: number;
  /** It begins no command and changes nothing: it takes no site's Lease, and may be asked again under its name. */
  readonly readsOnly?: true;
  /** A node that is lost for good may be given up by spec.lostNodes. */
  readonly goesOnWithout?: true;
  /** Where the vendor describes it. */
  readonly source: string;
  /** Pre-flight; each asks live and returns one sentence of refusal, nothing, or what it could not learn. */
  readonly accepts: readonly Acceptance[];
  /** Worst-case seconds by step id, where no earlier run tells. */
  readonly estimate?: (estate: Estate, facts: Facts) => Readonly<Record<string, number>>;
  /** What pre-flight has learnt beside, as lines of its report: sizes, estimates. */
  readonly knows?: (estate: Estate, facts: Facts) => readonly string[];
  /** Re-asked before every step of the forward track. */
  readonly holds: readonly Judgement[];
  /** Reads the world once for what is to be frozen; undefined while something is unknown. */
  readonly pins: (estate: Estate, facts: Facts) => PinsReading;
  readonly steps: readonly Step[];
  /** Once a command of this part of this step has begun, abort is refused. */
  readonly abortUntil: Place;
  /** Steps that go back further than abort can, where defined; possible until a command of `revertUntil` began: the point of no return. */
  readonly revert: readonly Step[];
  readonly revertUntil: Place;
  readonly interruptions: (estate: Estate) => readonly Interruption[];
  /** What people have to refrain from while it runs, as sentences of the plan. */
  readonly warns?: readonly string[];
  readonly budgets: readonly Budget[];
};

export type PinsReading = { readonly pins: Omit<Pins, "iniSha256"> } | { readonly unknown: string };

/** What a pre-flight check says against one site; `on` is its name, or `estate`. */
export type Objection =
  | { readonly on: string; readonly refused: string }
  | { readonly on: string; readonly unknown: string };

/** What a pre-flight check says: nothing to object, one thing against the whole estate, or all it objects to. */
export type AcceptanceAnswer =
  | { readonly ok: true; readonly findings?: readonly Finding[] }
  | { readonly refused: string }
  | { readonly unknown: string }
  | { readonly objections: readonly Objection[]; readonly findings?: readonly Finding[] };

export type Acceptance = {
  readonly say: string;
  readonly ask: (estate: Estate, facts: Facts) => AcceptanceAnswer;
};
