/**
 * What the simulated tools and engines may ask of their surroundings, and the two ways to be answered. They are generators
 * that yield such requests: the virtual world answers at once (virtual.ts), a real node in its own time (node/answers.ts).
 */
import type {
  Commit,
  Extracted,
  Installed,
  NodeReport,
  Order,
  ProductName,
  Service,
  ThlEvent,
  TrackingTables,
  Upstream,
  Welcome,
} from "./state.ts";

/** Where a reader stands when it greets a server; `force` switches the epoch check off. */
export type Standing = { readonly seqno: number; readonly epoch: number; readonly force: boolean };

/** What a server of transactions hands out: its oldest seqno (null: its log is empty), events behind the reader's, or an objection. */
export type Batch = {
  readonly first: number | null;
  readonly events: readonly ThlEvent[];
  readonly refusal: string | null;
};

/** First and last event of a log; null when it holds none. */
export type LogEnds = { readonly first: ThlHeader; readonly last: ThlHeader } | null;
export type ThlHeader = Omit<ThlEvent, "entry">;

/** An event that could not be applied: which one, and the server's own words. */
export type ApplyFault = { readonly seqno: number; readonly eventId: string; readonly text: string };

export type Outside = {
  /** Lets a tool's own time pass, in milliseconds. */
  sleep(ms: number): void;
  /** Waits until no step of this service is under way, so that it can be turned. */
  still(service: Service): void;

  databaseUp(): boolean;
  /** The database service; what speaks against starting it, or null. */
  startDatabase(): string | null;
  stopDatabase(): void;
  /** Whether the data directory holds a database, running or not. */
  holdsDatabase(): boolean;
  /** The data directory goes; only below a stopped database. */
  emptyDatabase(): void;
  /** Becomes a copy of a host's running database; what speaks against it, or null. */
  copyDatabase(from: string): string | null;
  readOnly(): boolean;
  setReadOnly(value: boolean): void;
  /** undefined: no such schema; "empty": the schema is there without its tables. */
  tracking(schema: string): TrackingTables | "empty" | undefined;
  /** Makes tables and commit row where they are missing; never logged. */
  prepareTracking(schema: string, commit: Commit): void;
  /** A service begins to apply over so many channels: what speaks against it, or null. */
  openChannels(schema: string, channels: number): string | null;
  setCommit(schema: string, commit: Commit): void;
  /** dsctl's INSERT of a position, which is logged like any other. */
  insertCommit(schema: string, commit: Commit): void;
  /** Tables go, the database stays; never logged. */
  dropTracking(schema: string): void;
  makeSchema(schema: string): void;
  /** Overwrites the heartbeat row; only a logged one travels. */
  writeHeartbeat(schema: string, name: string, logged: boolean): void;
  /** Where a primary begins to extract that never extracted before. */
  logBeginning(): string;
  /** What the binary log holds behind an event id, or the reason why it cannot be read. */
  logAfter(eventId: string): readonly Extracted[] | string;
  /** Applies events in order, each with its commit row in one transaction; stops at the first that fails. */
  apply(schema: string, events: readonly ThlEvent[]): ApplyFault | null;

  /** tungsten.ini as it is joined, or null. */
  configuration(): string | null;
  /** Lays out a product as tpm does, or removes it. */
  install(product: ProductName, installed: Installed | null): void;
  /** Writes down what changed of an installed product, in place. */
  reconfigure(product: ProductName, installed: Installed): void;
  thlEnds(log: string): LogEnds;
  thlAt(log: string, seqno: number): ThlHeader | undefined;
  /** The newest event that this source wrote itself. */
  thlNewestOf(log: string, sourceId: string): ThlHeader | undefined;
  /** Stored events behind a seqno; a real log tells a part, so ask again until there are none. */
  thlAfter(log: string, seqno: number): readonly ThlEvent[];
  thlAppend(log: string, events: readonly ThlEvent[]): void;
  thlDrop(log: string): void;

  /** Dials a server of transactions; undefined when nobody serves there. */
  hello(upstream: Upstream, standing: Standing): Welcome | undefined;
  fetch(upstream: Upstream, standing: Standing): Batch | undefined;
  /** What a node's manager tells about it; undefined when the node cannot be reached. */
  report(host: string): NodeReport | undefined;
  order(host: string, order: Order): void;
  /** Makes known to the other managers of the site what this one changed. */
  publish(): void;
};

export type Request = { [K in keyof Outside]: readonly [K, Parameters<Outside[K]>] }[keyof Outside];
export type Steps<T> = Generator<Request, T, unknown>;

/** One request; its answer comes back typed. */
export function* ask<K extends keyof Outside>(
  what: K,
  ...words: Parameters<Outside[K]>
): Steps<ReturnType<Outside[K]>> {
  return (yield [what, words] as unknown as Request) as ReturnType<Outside[K]>;
}

type Answering = (...words: readonly unknown[]) => unknown;

/** The answer to one request. */
export const answered = (outside: Outside, [what, words]: Request): unknown =>
  (outside[what] as Answering)(...words);

/** Runs to the end at once; sleeping takes no time. */
export function finish<T>(outside: Outside, steps: Steps<T>): T {
  let next = steps.next();
  while (next.done !== true) next = steps.next(answered(outside, next.value));
  return next.value;
}
