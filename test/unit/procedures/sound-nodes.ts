/**
 * Facts of nodes on which nothing is wrong, for judgements that ask many things: each question is answered as a sound
 * Multi-Site/Active-Active estate would, and a test changes one answer, or silences it.
 */
import type { ConversionParameters } from "../../../src/procedures/conversion-preflight.ts";
import { dataNodes, type Estate, type Node, type Site, siteOf } from "../../../src/topology/estate.ts";
import type { Fact, Facts, Known } from "../../../src/tungsten/facts.ts";
import type { InstalledProduct, WrittenLog } from "../../../src/tungsten/node.ts";
import type { ClusterView, ReplicatorStatus } from "../../../src/tungsten/reading.ts";
import type { ServerSettings } from "../../../src/tungsten/sql.ts";

export const now = Date.parse("2026-05-03T08:00:00Z");
const release = "8.0.4-132";

export type SoundNodes = {
  readonly facts: Facts;
  /** What that node answers from now on, made of what it would have answered. */
  readonly change: <T>(node: string, fact: Fact<T>, edit: (is: T) => T) => void;
  readonly silence: (node: string, id: string, why: string) => void;
};

const statusOf = (service: string, role: string): ReplicatorStatus => ({
  service,
  role,
  state: "ONLINE",
  started: true,
  appliedSeqno: 1000,
  appliedEventId: "mysql-bin.000002:0000000000000764;17",
  appliedLatencySeconds: 0.4,
  relativeLatencySeconds: 2,
  offlineRequests: [],
  pendingError: null,
  pendingErrorSeqno: null,
  pendingExceptionMessage: null,
  transitioningTo: null,
  pipelineSource: null,
  masterConnectUri: null,
  minimumStoredSeqno: 0,
  maximumStoredSeqno: 1000,
  latestEpoch: 0,
  channels: 1,
  timeInStateSeconds: 60,
  uptimeSeconds: 600,
  autoRecoveryTotal: 0,
  sourceId: null,
});

const primaryOf = ({ nodes }: Site): string => nodes[0]?.name ?? "";
const serverId = (site: Site, node: Node): string => String(site.number * 10 + node.ordinal);

const viewOf = (site: Site): ClusterView => ({
  coordinator: primaryOf(site),
  policy: "AUTOMATIC",
  coordinatorState: "ONLINE",
  routers: [],
  datasources: site.nodes.map(({ name }) => ({
    name,
    role: name === primaryOf(site) ? "master" : "slave",
    state: "ONLINE",
    reason: null,
    replicatorState: "ONLINE",
    dataserverState: "ONLINE",
    managerState: "ONLINE",
  })),
});

const installedAs = (services: readonly string[]): InstalledProduct => ({
  release,
  method: "ini",
  services,
  ini: null,
  parallel: 1,
  secret: null,
  unfinished: null,
});

const settingsOf = (site: Site, node: Node): ServerSettings => ({
  serverId: serverId(site, node),
  logBin: "1",
  binlogFormat: "ROW",
  autoIncrementIncrement: "10",
  autoIncrementOffset: String(site.number),
  version: "10.11.19-MariaDB-log",
  binlogExpireSeconds: 604_800,
});

const crossSiteLog = (service: string): string => `crossSite:${service}`;
/** A MiB an hour, for a week. */
const quiet = (name: string): WrittenLog => ({
  name,
  written: { bytes: 7 * 24 * 1024 ** 2, seconds: 7 * 24 * 3600 },
});

/** By the first words of a question; a question nobody has thought of fails the test that asks it. */
function answered(estate: Estate, node: Node, argv: readonly string[]): unknown {
  const site = siteOf(estate, node);
  const remote = estate.sites.filter((each) => each !== site).map(({ dataservice }) => dataservice);
  const own = [site.dataservice];
  if (argv.includes("clients")) return [];
  if (argv[0] === "reach") return argv.slice(1).map((endpoint) => ({ endpoint, state: "open" }));
  if (argv[0] === "fingerprints")
    return [{ kind: "account", name: "replication-password", sha256: "a".repeat(64) }];
  if (argv[0] === "properties") return new Map();
  const answers: Readonly<Record<string, () => unknown>> = {
    "trepctl cluster": () =>
      own.map((name) => statusOf(name, node.name === primaryOf(site) ? "master" : "slave")),
    "trepctl crossSite": () => remote.map((name) => statusOf(name, "slave")),
    "installed cluster": () => installedAs(own),
    "installed crossSite": () => installedAs(remote),
    "cctrl ls": () => viewOf(site),
    "sql server": () => settingsOf(site, node),
    "sql findings": () => [],
    "sql readers": () => [],
    "sql size": () => 1024 ** 3,
    "sql oldest-transaction": () => 0,
    "sql schemas": () => new Map(),
    "sql read-only": () => node.name !== primaryOf(site),
    software: () => new Set([`tungsten-clustering-${release}`, `tungsten-replicator-${release}`]),
    holds: () => [],
    clock: () => now,
    space: () =>
      ["/opt", "/backups"].map((path) => ({
        path,
        freeBytes: 50 * 1024 ** 3,
        totalBytes: 100 * 1024 ** 3,
        logs: path === "/opt" ? ["binlog", `cluster:${own}`, ...remote.map(crossSiteLog)].map(quiet) : [],
      })),
    "my-cnf": () =>
      new Map([
        ["server-id", serverId(site, node)],
        ["binlog-format", "ROW"],
        ["auto-increment-increment", "10"],
        ["auto-increment-offset", String(site.number)],
      ]),
  };
  const answer = answers[argv.slice(0, 2).join(" ")];
  if (answer === undefined) throw new Error(`nobody has said what a sound node answers to ${argv.join(" ")}`);
  return answer();
}

export function soundNodes(estate: Estate): SoundNodes {
  const changed = new Map<string, Known<unknown>>();
  const asked = new Map<string, ReturnType<Facts["asked"]>[number]>();
  const nodes = new Map(dataNodes(estate).map((node) => [node.name, node]));
  function get<T>(name: string, { id, argv }: Fact<T>): Known<T> {
    const node = nodes.get(name);
    if (node === undefined) throw new Error(`${name} is no node of the estate`);
    asked.set(`${name} ${id}`, { node: name, query: { id, argv } });
    const known: Known<unknown> = { known: answered(estate, node, argv), at: now, asked: now };
    return (changed.get(`${name} ${id}`) ?? known) as Known<T>;
  }
  return {
    facts: {
      get,
      copies: () => ({ unknown: "not asked here" }),
      wanted: () => ({ asks: [], copies: false }),
      asked: () => [...asked.values()],
    },
    change(node, fact, edit) {
      const is = get(node, fact);
      if ("known" in is) changed.set(`${node} ${fact.id}`, { ...is, known: edit(is.known) });
    },
    silence: (node, id, why) => void changed.set(`${node} ${id}`, { unknown: why }),
  };
}

/** What somebody asks of the conversion of such an estate. */
export const soundParameters: ConversionParameters = {
  backup: { mode: "Take" },
  limits: { latencySeconds: 5, backlogEvents: 10_000, oldestTransactionSeconds: 60 },
  acknowledgedFindings: [],
};
