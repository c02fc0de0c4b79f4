/** What parsers return: a value that was read, or why the text could not be. Parsers are total: they never throw. */

/** `unreadable` is one sentence with a short excerpt, free of user data. */
export type Reading<T> = { readonly read: T } | { readonly unreadable: string };

export const read = <T>(value: T): Reading<T> => ({ read: value });
export const unreadable = <T>(why: string): Reading<T> => ({ unreadable: why });

/** A text whose last line has no end was cut off somewhere: its last word may be half of one. */
export const endsWhole = (text: string): boolean => text === "" || text.endsWith("\n");

/** Lines without their ends, whether the tool wrote LF or, at a terminal, CR LF. */
export const linesOf = (text: string): readonly string[] => text.split(/\r?\n/);

/** A whole number as programs write it, which a double can hold exactly; anything else is undefined, never 0. */
export const integerFrom = (text: string | null | undefined): number | undefined => {
  if (text == null || !/^(?:0|-?[1-9]\d{0,15})$/.test(text)) return undefined;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : undefined;
};

/** A whole number of JSON, by the same measure. */
export const integerOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) ? value : undefined;

/** A replication service's state. A word nobody has heard of is kept and is never healthy. */
export type ReplicatorState =
  | "ONLINE"
  | "OFFLINE:NORMAL"
  | "OFFLINE:ERROR"
  | "GOING-ONLINE:SYNCHRONIZING"
  | "GOING-ONLINE:PROVISIONING"
  | "GOING-ONLINE:RESTORING"
  | "GOING-OFFLINE"
  | "START"
  | { readonly unrecognised: string };

/** One service as `trepctl services -full -json` or `status` tells it. Positions are null while the service is offline. */
export type ReplicatorStatus = {
  readonly service: string;
  readonly state: ReplicatorState;
  /** false: configured but not loaded; every other field is then unknown. */
  readonly started: boolean;
  readonly role: string;
  readonly appliedSeqno: number | null;
  readonly appliedEventId: string | null;
  /** From commit at the source to commit here, of the last event, however long ago that came. */
  readonly appliedLatencySeconds: number | null;
  /** Since the last event was committed at the source; grows for ever where nobody writes. */
  readonly relativeLatencySeconds: number | null;
  /** As printed, split at ";" and trimmed; e.g. `Offline at heartbeat event: NAME`. Empty when NONE. */
  readonly offlineRequests: readonly string[];
  readonly pendingError: string | null;
  readonly pendingErrorSeqno: number | null;
  readonly pendingExceptionMessage: string | null;
  readonly transitioningTo: string | null;
  readonly pipelineSource: string | null;
  readonly masterConnectUri: string | null;
  readonly minimumStoredSeqno: number | null;
  readonly maximumStoredSeqno: number | null;
  readonly latestEpoch: number | null;
  readonly channels: number | null;
  readonly timeInStateSeconds: number | null;
  readonly uptimeSeconds: number | null;
  readonly autoRecoveryTotal: number | null;
  readonly sourceId: string | null;
};

/** A row of `trep_commit_seqno`: where a service stands in its source's log. */
export type CommitRow = {
  readonly taskId: number;
  readonly seqno: number;
  readonly fragno: number;
  readonly lastFrag: boolean;
  readonly sourceId: string;
  readonly epoch: number;
  readonly eventId: string;
  readonly shardId: string;
};

/** The only row of `heartbeat`. On a primary seqno and eventId are null. */
export type HeartbeatRow = {
  readonly seqno: number | null;
  readonly eventId: string | null;
  readonly name: string | null;
};

/** The tracking schema of one service as rows; `commits` is empty when the table is. */
export type TrackingRows = {
  readonly commits: readonly CommitRow[];
  readonly heartbeat: HeartbeatRow | null;
};

/** Header of one THL event. */
export type ThlHeader = {
  readonly seqno: number;
  readonly epoch: number;
  readonly eventId: string;
  readonly sourceId: string;
};

/** `thl info`: the range a log holds; null where it is empty. */
export type ThlRange = { readonly min: number | null; readonly max: number | null };

export type ProcessState = "running" | "stopped" | "absent" | { readonly unrecognised: string };

export type Policy = "AUTOMATIC" | "MAINTENANCE" | "MANUAL" | { readonly unrecognised: string };

/** One service in the short listing of `trepctl services`: nothing about errors or armed requests. */
export type ServiceLine = Pick<
  ReplicatorStatus,
  "service" | "state" | "started" | "role" | "appliedSeqno" | "appliedLatencySeconds"
>;

/** One datasource box of `cctrl ls`. */
export type Datasource = {
  readonly name: string;
  readonly role: string;
  /** The whole word up to its reason, e.g. ONLINE, SHUNNED, FAILED; unknown words are kept. */
  readonly state: string;
  readonly reason: string | null;
  readonly replicatorState: string | null;
  readonly dataserverState: string | null;
  readonly managerState: string | null;
  /** Its replicator speaks TLS by the manager's word; left out where nothing is told. */
  readonly ssl?: true;
};

/** `cctrl ls` of one dataservice. */
export type ClusterView = {
  readonly coordinator: string;
  readonly policy: Policy;
  readonly coordinatorState: string;
  /** `active`: client connections now; null where it is not told. */
  readonly routers: readonly {
    readonly name: string;
    readonly state: string;
    readonly active: number | null;
  }[];
  readonly datasources: readonly Datasource[];
};

/** Composite `ls`: coordinators per member and one box per composite datasource. */
export type CompositeView = {
  readonly policy: Policy;
  readonly members: readonly {
    readonly name: string;
    readonly coordinator: string;
    readonly policy: Policy;
  }[];
  readonly datasources: readonly { readonly name: string; readonly role: string; readonly state: string }[];
};
