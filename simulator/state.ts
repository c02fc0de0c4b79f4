/**
 * What the simulated processes of one node hold in memory and tell each other: services, logs of transactions,
 * installations, the managers' agreement. Alike in the virtual world and on a real node.
 */

/** What a binary log holds. `tracking` is a logged write to a tungsten_* schema: the very thing that must not happen. */
export type LogEntry =
  | {
      readonly kind: "row";
      readonly tx: string;
      readonly origin: string;
      readonly position: number;
      readonly at: number;
    }
  | { readonly kind: "update"; readonly tx: string; readonly position: number; readonly at: number }
  | {
      readonly kind: "heartbeat";
      readonly name: string;
      readonly schema: string;
      readonly position: number;
      readonly at: number;
    }
  | {
      readonly kind: "tracking";
      readonly schema: string;
      readonly rows: TrackingTables;
      /** An INSERT beside what is there, where a reload begins with DROP TABLE. */
      readonly insert?: true;
      readonly position: number;
      readonly at: number;
    };

/** A transaction of a real binary log: the SQL that repeats it. */
export type Statements = {
  readonly kind: "statements";
  /** The binary log's own description, which a session must know before it takes row events. */
  readonly format: string;
  readonly sql: string;
  /** DDL, which commits itself. */
  readonly standalone: boolean;
  readonly shard: string;
  /** Name of the heartbeat, if it is one. */
  readonly heartbeat: string | null;
};

/** What was found in a binary log, and where. */
export type Extracted = { readonly eventId: string; readonly entry: LogEntry | Statements };

export const heartbeatIn = (entry: LogEntry | Statements): string | null =>
  entry.kind === "heartbeat" ? entry.name : entry.kind === "statements" ? entry.heartbeat : null;

/** One event of a transaction history log. */
export type ThlEvent = {
  readonly seqno: number;
  readonly epoch: number;
  readonly eventId: string;
  readonly sourceId: string;
  readonly entry: LogEntry | Statements;
  /** When it was committed at its source, and when this log received it. */
  readonly writtenAt: number;
  readonly at: number;
};

/** `shardId` is empty in a row set by hand; `writtenAt` is when the event was committed at its source, if that is known. */
export type Commit = {
  seqno: number;
  epoch: number;
  eventId: string;
  sourceId: string;
  shardId: string;
  writtenAt?: number;
};
/** `at` and `lagMs`: when it arrived, and how long it was on its way; unknown for rows that were reloaded. */
export type HeartbeatRow = {
  seqno: number | null;
  eventId: string | null;
  name: string | null;
  at?: number;
  lagMs?: number;
};

/** Tables of a tracking schema; `commit` is null for a table without rows. */
export type TrackingTables = { readonly commit: Commit | null; readonly heartbeat: HeartbeatRow | null };

export type ProductName = "cluster" | "crossSite";

export type ServiceState = "ONLINE" | "OFFLINE:NORMAL" | "OFFLINE:ERROR" | "GOING-ONLINE:SYNCHRONIZING";

export type Service = {
  readonly name: string;
  readonly product: ProductName;
  /** Dataservice whose transactions it carries; its own site's for the local service. */
  readonly source: string;
  readonly schema: string;
  /** Its configuration as it was when the process started: later changes do not reach it. */
  readonly properties: Readonly<Record<string, string>>;
  state: ServiceState;
  since: number;
  /** Heartbeat at which to go offline; lost when the process restarts. */
  stopAt: string | null;
  error: { text: string; pending: string; seqno: number; eventId: string | null; visibleAt: number } | null;
  upstream: Upstream | null;
  /** Handshake is due then, while GOING-ONLINE. */
  handshakeAt: number;
  force: boolean;
  /** Told to go offline: done then, at a transaction; 0 when not told. */
  offlineAt: number;
  /** Events to leave out: `online -skip-seqno`. */
  readonly skip: Set<number>;
  /** A primary's service whose database went away: it says ONLINE until the database is back. */
  blind: boolean;
  /** Automatic recoveries in all, and those since the last success. */
  recoveries: number;
  tries: number;
  recoverAt: number;
  epoch: number;
  /** As a primary: event id extracted last. */
  extracted: string | null;
  /** Who fetched from its log here, and when last. */
  readonly readers: Map<string, number>;
  /** As a reader: seqno applied last; null until it has looked, after each going online. */
  applied: number | null;
};

/** A server of transactions that a service may read from. */
export type Upstream = { readonly host: string; readonly product: ProductName; readonly service: string };

/** How it answers a greeting; a refusal is the text of the error the reader ends in. */
export type Welcome = { readonly role: "master" | "slave" | "relay"; readonly refusal: string | null };

/** One installed product: what tpm left on the volume. */
export type Installed = {
  readonly product: ProductName;
  release: string;
  method: "ini" | "staging";
  /** Service name → the dataservice it reads, and what its static configuration says of it beside. */
  services: {
    name: string;
    source: string;
    properties?: Readonly<Record<string, string>>;
  }[];
  /** Who tpm made the primary of each dataservice, by the ini's master=. */
  masters: Record<string, string>;
  /** Nodes of each dataservice, by the ini's members=. */
  members: Record<string, readonly string[]>;
  /** Hosts of each dataservice that are in connectors= and not in members=; none where left out. */
  connectors?: Record<string, readonly string[]>;
  /** This host is one of them: nothing but a connector was configured here. */
  connectorOnly?: true;
  composite: {
    readonly name: string;
    readonly members: readonly string[];
    readonly multiMaster: boolean;
  } | null;
  channels: number;
  /** Its replicator speaks TLS, and only that. */
  secured?: boolean;
  /** Where `setrole -uri` told a service to read: what the replicator keeps in its dynamic properties. */
  uris?: Record<string, string>;
};

/** What the managers of a site agree on. */
export type Cluster = {
  dataservice: string;
  /** The head node: it takes writes, or relays those of another dataservice. */
  primary: string;
  /** The dataservice whose transactions a passive site relays; it takes no writes itself. */
  relaySource?: string;
  /** The node of that dataservice which its managers tell a relay to read first; the ini's master= until they do. */
  relayFrom?: string;
  /** Members of the composite that somebody failed, as this site's managers know it, with the state they show. */
  compositeOut?: Record<string, string>;
  /** An installation has said who is primary. */
  formed: boolean;
  policy: "AUTOMATIC" | "MAINTENANCE" | "MANUAL";
  /** Datasources that a failover shunned. */
  shunned: Set<string>;
  /** Datasources that somebody took out by cctrl, by name. */
  out?: Record<string, "SHUNNED(MANUALLY-SHUNNED)" | "OFFLINE">;
  faultSince: number | null;
};

export type NodeReport = {
  readonly host: string;
  readonly manager: boolean;
  readonly connector: boolean;
  /** Its connector was told to take nobody in: `router … offline`. */
  readonly closed: boolean;
  readonly database: boolean;
  /** Of the local service: position, and seconds its newest event was on the way. */
  readonly seqno: number;
  readonly latency: number;
  readonly connections: Connections;
  readonly services: readonly {
    readonly name: string;
    readonly state: ServiceState;
    readonly forMs: number;
  }[];
  /** Its replicator speaks TLS. */
  readonly secured: boolean;
  /** Its cluster product was configured for a composite. */
  readonly composite: boolean;
  /** Its site relays another one. */
  readonly passive: boolean;
  /** Members of the composite that are out by the word of its site's managers. */
  readonly compositeOut: Readonly<Record<string, string>>;
  readonly policy: Cluster["policy"];
  readonly primary: string;
};

/** Connections that clients made through a connector, in all and at present. */
export type Connections = { created: number; active: number };

/** A dataservice that a passive site relays, and the node of it that takes its writes. */
export type Relayed = { readonly source: string; readonly from: string };

/** What a manager tells another node to do. */
export type Order =
  | { readonly do: "online"; readonly service: string }
  /** `relays`: whom the site relays from now on, null for nobody; left out: as before. */
  | { readonly do: "role"; readonly primary: string; readonly relays?: Relayed | null }
  /** A relay reads another node of the active site from now on. */
  | { readonly do: "source"; readonly relays: Relayed }
  /** What a composite's managers agree on beyond one site: members that are out, a policy for all. */
  | { readonly do: "composite"; readonly out: Readonly<Record<string, string>> }
  | { readonly do: "policy"; readonly policy: Cluster["policy"] }
  | { readonly do: "router"; readonly closed: boolean }
  | { readonly do: "replicator"; readonly service: string; readonly online: boolean }
  /** Bring back the database and its local service. */
  | { readonly do: "recover" }
  /** Takes no more writes; `sessions` says whether the second product's are ended with the others. */
  | { readonly do: "fence"; readonly sessions: boolean };

export type ReplicatorProcess = { pid: number; startedAt: number; services: Map<string, Service> };

export type ToolResult = { readonly code: number; readonly out: string; readonly err: string };

/** A node as its own processes know it: the same in the virtual world and on a real node. */
export type Node = {
  readonly name: string;
  readonly ordinal: number;
  readonly cluster: Cluster;
  readonly volume: { readonly installed: Partial<Record<ProductName, Installed>> };
  replicators: Partial<Record<ProductName, ReplicatorProcess>>;
  manager: { running: boolean; since: number };
  /** `old`: it still runs the release before the last update. `closed`: cctrl took it offline. */
  connector: { running: boolean; since: number; closed?: boolean; old?: true };
  readonly connections: Connections;
  tools: readonly { readonly argv: readonly string[] }[];
};
