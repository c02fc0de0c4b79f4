/** The simulated world as data: hosts with their volume, database, logs, services, managers and connectors. Times are virtual milliseconds. */
import type { Steps } from "./outside.ts";
import type {
  Cluster,
  Installed,
  LogEntry,
  Node,
  ProductName,
  ThlEvent,
  ToolResult,
  TrackingTables,
} from "./state.ts";
import type { Keys } from "./tools/keys.ts";

export type Random = () => number;

export type Mysql = {
  up: boolean;
  readOnly: boolean;
  serverId: number;
  offset: number;
  increment: number;
  format: string;
  /** Transaction → how often it was applied here: a double shows as 2. */
  rows: Map<string, number>;
  /** Rows that were updated since; an update whose row is missing is only a warning in a log. */
  updated: Set<string>;
  /** Rows that somebody put there by hand: an event that brings one of them fails. */
  strays: Set<string>;
  /** Highest number applied of each origin, to see what comes out of order. */
  lastOfOrigin: Map<string, number>;
  outOfOrder: number;
  log: LogEntry[];
  position: number;
  /** "empty": the database exists without tables, as uninstall leaves it. */
  schemas: Map<string, TrackingTables | "empty">;
  /** Rows of trep_commit_seqno, where a service applies over several channels or was stopped uncleanly while it did. */
  channelRows: Map<string, number>;
  /** Text of this node's my.cnf as it is mounted, and as the server read it when it started; empty where nobody mounts one. */
  mounted: string;
  started: string;
  /** Where my.cnf says something else than the running server. */
  file: Map<string, string>;
  expireSeconds: number;
  findings: { kind: string; name: string }[];
  /** Size of all tables; a gigabyte unless a test says otherwise. */
  bytes?: number;
  oldestTransaction: number;
  /** The replication and application accounts exist. */
  accounts: boolean;
  /** Account → the passwords it takes: the present one, then former ones that are still good. */
  logins: Map<string, readonly string[]>;
  /** Where it is not the version all others have. */
  version?: string;
  /** Its data directory is empty, or half a copy: it cannot start. */
  hollow?: boolean;
};

/** A running tool, asleep until `wakeAt`. */
export type ToolProcess = {
  readonly pid: number;
  readonly argv: readonly string[];
  readonly steps: Steps<ToolResult>;
  wakeAt: number;
  readonly finished: (result: ToolResult) => void;
};

export type Marker = {
  readonly life: number;
  readonly began: number;
  readonly argv: readonly string[];
  /** null: that process was killed. */
  pid?: number | null;
  refused?: string;
  /** Its keeper was killed: nobody records how the tool ends. */
  unkept?: boolean;
  result?: ToolResult;
  ended?: number;
};

/** What survives a pod: products, logs, markers, holds, kept files. */
export type Volume = {
  installed: Partial<Record<ProductName, Installed>>;
  installedIni: Partial<Record<ProductName, string>>;
  /** Marker of the tpm that began to change a product and was not seen to end well: the entrypoint starts nothing of it. */
  unfinished: Partial<Record<ProductName, string>>;
  thl: Map<string, ThlEvent[]>;
  markers: Map<string, Marker>;
  holds: Set<string>;
  kept: Map<string, string>;
  fence: bigint;
  ini: string | null;
  backups: Map<string, string>;
  software: Set<string>;
  /** Fields of each line of the connector's user.map: account, password, service. */
  userMap: (readonly string[])[];
  /** Further users that the runner made here. */
  usersMade: Set<string>;
  /** Those whose lines it wrote into user.map. */
  usersMapped: Set<string>;
  /** Version of the Secret that tpm last ran with, and the password its replicator logs in with since. */
  installedSecret: Partial<Record<ProductName, string>>;
  installedWord: Partial<Record<ProductName, string>>;
};

/** Time, chance and listeners: what a world and a real node have in common. */
export type Ambient = {
  readonly now: number;
  readonly random: Random;
  /** What each tool with no transcript prints differs by seed. */
  readonly variant: number;
  readonly listeners: ((event: WorldEvent) => void)[];
  readonly newPid: () => number;
};

export type Host = Omit<Node, "tools"> & {
  readonly site: string;
  podUid: string;
  /** What its pod was made from; empty where nobody says. */
  template: string;
  /** What its clock is ahead of the world's. */
  clockSkewMs: number;
  freeBytes: number;
  /** Since when the logs on its volume were written, in the world's time, and how fast each of them grows. */
  logsBegan: number;
  logBytesPerHour: number;
  /** The unpacked package holds the vendor's tool. */
  hasPrepUpgrade: boolean;
  /** Counts container lives; a process of an earlier life is gone. */
  life: number;
  up: boolean;
  mysql: Mysql;
  readonly volume: Volume;
  /** /etc/tungsten/tungsten.ini as joined; lost with the container. */
  joined: boolean;
  secretReady: boolean;
  /** Files of the mounted Secret, and as they were when the ini was joined last. */
  secret: Map<string, string>;
  joinedSecret: ReadonlyMap<string, string>;
  /** Accounts, key stores, ssh keys. */
  readonly keys: Keys;
  tools: ToolProcess[];
  /** Slow nodes sleep this many times longer. */
  slowness: number;
  /** What its services read is so much older than what their sources hold. */
  lagMs: number;
};

export type Site = Cluster & { readonly name: string; client: Client; lookAt: number };

/** A writer at a site's connectors. */
export type Client = {
  rate: number;
  due: number;
  next: number;
  acknowledged: string[];
  refused: number;
  /** Longest stretch without an acknowledged write, and where the current one began. */
  longestGap: number;
  lastAck: number;
};

/** What happened, for invariants and stories. */
export type WorldEvent =
  | {
      readonly kind: "command";
      readonly host: string;
      readonly key: string;
      readonly fence: bigint;
      readonly argv: readonly string[];
      readonly stdin: string;
      /** How many second looks the script took just before. */
      readonly checks: number;
    }
  | { readonly kind: "log"; readonly host: string; readonly entry: LogEntry }
  | {
      readonly kind: "state";
      readonly host: string;
      readonly product: ProductName;
      readonly service: string;
      readonly from: string;
      readonly to: string;
    }
  | { readonly kind: "heartbeat"; readonly host: string; readonly name: string; readonly onPrimary: boolean }
  | { readonly kind: "policy"; readonly site: string; readonly policy: string }
  | {
      readonly kind: "process";
      readonly host: string;
      readonly what: string;
      readonly verb: "start" | "stop";
    }
  | {
      readonly kind: "tpm";
      readonly host: string;
      readonly product: ProductName;
      readonly verb: string;
      readonly when: "begin" | "end";
    }
  | { readonly kind: "tracking-dropped"; readonly host: string; readonly schema: string }
  | { readonly kind: "datasource"; readonly host: string; readonly verb: string }
  | { readonly kind: "router"; readonly host: string; readonly closed: boolean }
  | { readonly kind: "database"; readonly host: string; readonly up: boolean }
  /** A copy of another node's data: what was there goes when it begins. */
  | {
      readonly kind: "copied";
      readonly host: string;
      readonly from: string;
      readonly when: "begin" | "end";
      readonly by: "copy-datadir" | "tprovision";
    }
  | { readonly kind: "restore"; readonly host: string; readonly schema: string; readonly logged: boolean }
  | { readonly kind: "dump"; readonly host: string; readonly schema: string; readonly name: string }
  | {
      readonly kind: "forcing";
      readonly host: string;
      readonly service: string;
      readonly epochError: boolean;
    }
  | {
      readonly kind: "force";
      readonly host: string;
      readonly service: string;
      readonly epochError: boolean;
      readonly sameEvent: boolean;
    }
  | { readonly kind: "primary"; readonly site: string; readonly from: string; readonly to: string }
  /** Dataservices: another member of an active/passive composite takes the writes. */
  | { readonly kind: "active-site"; readonly from: string; readonly to: string; readonly forced: boolean }
  | { readonly kind: "read-only"; readonly host: string; readonly value: boolean; readonly by: string }
  /** Accounts of a database or a user.map have changed. */
  | { readonly kind: "accounts"; readonly host: string; readonly verb: string }
  | { readonly kind: "by-hand"; readonly host: string; readonly tx: string; readonly add: boolean }
  | { readonly kind: "fault"; readonly what: string }
  | { readonly kind: "secret-leak"; readonly where: string };

export type World = Ambient & {
  now: number;
  readonly seed: number;
  readonly hosts: Map<string, Host>;
  /** Hosts that run only a connector: no database, no replicator, no manager. */
  readonly connectors: Map<string, Host>;
  readonly sites: Map<string, Site>;
  /** Built as a composite: one product carries every service. */
  composite?: true;
  /** Pairs of sites that cannot reach each other, "a|b" in name order. */
  readonly cuts: Set<string>;
  /** `SITE:PORT` that a NetworkPolicy of that site keeps out, in silence. */
  readonly swallowed: Set<string>;
  /** Faults that bite on the next fitting occasion; see faults.ts. */
  readonly traps: Trap[];
  /** One-shot: the password every tool would have to know; must never be printed. */
  readonly canary: string;
};

/** A process of one command's run is killed, the container lives on. Each is a row of the table of kills. */
export type RunDeath =
  | "starter-dies-before-claim"
  | "starter-dies-after-claim"
  | "child-dies-unnamed"
  | "child-dies-before-tool"
  | "both-dies-before-tool"
  | "keeper-dies-before-tool"
  | "keeper-dies-at-end";

/** A fault waiting for its moment. */
export type Trap = {
  readonly at:
    | "before-claim"
    | "after-claim"
    | RunDeath
    | "running"
    | "after-exit"
    | "reply"
    | "dump-short"
    | "backup-short"
    | "disk-full"
    | "observe";
  readonly host: string;
  /** Skips so many occasions first. */
  after: number;
};

export const emit = (world: Pick<Ambient, "listeners">, event: WorldEvent): void => {
  for (const listener of world.listeners) listener(event);
};

/** Host and site by name; an unknown name is a fault of the caller. */
export function hostOf(world: World, name: string): Host {
  const host = hostNamed(world, name);
  if (host === undefined) throw new Error(`no host ${name}`);
  return host;
}

/** The same, where there may be none. */
export const hostNamed = (world: World, name: string): Host | undefined =>
  world.hosts.get(name) ?? world.connectors.get(name);

export function siteOf(world: World, name: string): Site {
  const site = world.sites.get(name);
  if (site === undefined) throw new Error(`no site ${name}`);
  return site;
}

export const hostsOf = (world: World, site: string): Host[] =>
  [...world.hosts.values()].filter((host) => host.site === site).sort((a, b) => a.ordinal - b.ordinal);

/** Of a site, hosts that run only a connector. */
export const connectorsAt = (world: World, site: string): Host[] =>
  [...world.connectors.values()].filter((host) => host.site === site).sort((a, b) => a.ordinal - b.ordinal);

export const reaches = (world: World, a: Host, b: Host): boolean =>
  a.up && b.up && (a.site === b.site || !world.cuts.has([a.site, b.site].sort().join("|")));

/** mulberry32: small, fast, and the same everywhere. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
