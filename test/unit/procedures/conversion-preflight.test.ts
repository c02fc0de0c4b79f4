/**
 * The conversion's pre-flight, check by check: on a sound estate nothing is objected; one thing is changed, and exactly one
 * check objects to it, in exactly these words. What a node does not answer is unknown, and never passed over.
 */
import { describe, expect, test } from "@jest/globals";
import {
  acceptsConversion,
  type ConversionParameters,
} from "../../../src/procedures/conversion-preflight.ts";
import { waysKnown } from "../../../src/procedures/conversion-preflight-ports.ts";
import { objectionsOf } from "../../../src/procedures/preflight-report.ts";
import type { Objection } from "../../../src/procedures/procedure.ts";
import type { Estate } from "../../../src/topology/estate.ts";
import type { EstateInputs } from "../../../src/topology/estate-of.ts";
import type { Fact } from "../../../src/tungsten/facts.ts";
import type { WrittenLog } from "../../../src/tungsten/node.ts";
import {
  clusterView,
  dataSize,
  findings,
  fingerprints,
  holds,
  installed,
  logClients,
  logReaders,
  nodeClock,
  oldestTransaction,
  properties,
  reach,
  readOnly,
  schemas,
  serverFile,
  serverSettings,
  services,
  software,
  space,
} from "../../../src/tungsten/node-facts.ts";
import type { ReplicatorStatus } from "../../../src/tungsten/reading.ts";
import type { ServerSettings } from "../../../src/tungsten/sql.ts";
import { cluster, composite, estateOf, mesh } from "../estates.ts";
import { soundParameters as parameters, type SoundNodes, soundNodes } from "./sound-nodes.ts";

const names = ["london", "nyc"];
const inputs = {
  clusters: names.map((name) => cluster(name, { nodes: 2 })),
  links: mesh(names),
  composites: [composite(names)],
};

type Case = {
  readonly of: string;
  readonly estate?: Partial<EstateInputs>;
  readonly parameters?: Partial<ConversionParameters>;
  readonly world?: (is: SoundNodes) => void;
  readonly refused?: string;
  readonly unknown?: string;
};

const change =
  <T>(node: string, fact: Fact<T>, edit: (is: T) => T) =>
  (is: SoundNodes): void =>
    is.change(node, fact, edit);
const status = (product: "cluster" | "crossSite", more: Partial<ReplicatorStatus>, node = "nyc-1") =>
  change(node, services(product), (all) =>
    all === "down" ? all : all.map((each) => ({ ...each, ...more })),
  );
const install = (product: "cluster" | "crossSite", more: object, node = "nyc-1") =>
  change(node, installed(product), (is) => is && { ...is, ...more });
const view = (more: object, node = "nyc-1") => change(node, clusterView, (is) => ({ ...is, ...more }));
/** The running server and its file alike. */
const server =
  (more: Partial<ServerSettings>, node = "nyc-1") =>
  (is: SoundNodes): void => {
    is.change(node, serverSettings, (before) => ({ ...before, ...more }));
    const inFile: readonly [string, string | undefined][] = [
      ["server-id", more.serverId],
      ["binlog-format", more.binlogFormat],
      ["auto-increment-increment", more.autoIncrementIncrement],
      ["auto-increment-offset", more.autoIncrementOffset],
    ];
    for (const [key, value] of inFile)
      if (value !== undefined) is.change(node, serverFile, (file) => new Map(file).set(key, value));
  };
const all =
  (...changes: readonly ((is: SoundNodes) => void)[]) =>
  (is: SoundNodes): void => {
    for (const each of changes) each(is);
  };
/** Further packages that lie unpacked on a site's nodes. */
const unpacked = (site: string, ...packages: readonly string[]) =>
  all(
    ...[0, 1].map((ordinal) => change(`${site}-${ordinal}`, software, (is) => new Set([...is, ...packages]))),
  );
const gib = 1024 ** 3;
const free = (path: string, size: number) =>
  change("nyc-1", space, (is) =>
    is.map((each) => (each.path === path ? { ...each, freeBytes: size * gib } : each)),
  );
/** All that lie on that volume. */
const logs = (path: string, written: Readonly<Record<string, WrittenLog["written"]>>) =>
  change("nyc-1", space, (is) =>
    is.map((each) =>
      each.path === path
        ? { ...each, logs: Object.entries(written).map(([name, so]) => ({ name, written: so })) }
        : each,
    ),
  );
const makeRoom = "make room, or let spec.storage.size of TungstenCluster nyc grow";
const reckoned = `and 2 times what 3 runs of at worst 0.9 h would write has to fit beside 4 GiB, a tenth of it at least; ${makeRoom}`;
const found = (kind: string, name: string) => change("nyc-1", findings, (is) => [...is, { kind, name }]);
const only = (name: string, more: object) => ({
  clusters: names.map((each) => cluster(each, { nodes: 2, ...(each === name && more) })),
});
const acknowledge = (id: string) =>
  `if that is intended add "${id}" to spec.convertMsaaToCaa.acknowledgedFindings`;
const account = (name: string, sha256: string | null, node = "nyc-1") =>
  change(node, fingerprints("estate.global"), (all) => [
    ...all.filter((key) => key.name !== name),
    { kind: "account" as const, name, sha256 },
  ]);
const keys =
  (kind: "store" | "identity" | "host" | "authorized" | "known", name: string, sums: readonly string[]) =>
  (is: SoundNodes): void =>
    ["london-0", "london-1", "nyc-0", "nyc-1"].forEach((node, index) => {
      is.change(node, fingerprints("estate.global"), (all) => [
        ...all,
        { kind, name, sha256: sums[index] ?? sums[0] ?? null },
      ]);
    });
const attested = {
  mode: "Attested" as const,
  who: "Ada",
  when: "2026-05-03T02:00:00Z",
  evidence: "s3",
  sites: names.map((site) => ({ site, sha256: "a".repeat(64), lsn: "1" })),
};
const sshWell = all(
  keys("identity", "identity key", ["i"]),
  keys("host", "host key", ["h"]),
  keys("authorized", "authorized key#1", ["i"]),
  keys("known", "known key#1", ["h"]),
);
const retention = "replicator.store.thl.log_file_retention";

const composed = "the CompositeService names every linked site, each linked with each both ways";
const releases = "the target release is 6 or later, and both products of a node are at one release";
const first = "MSAA is what is installed: the cluster product";
const second = "MSAA is what is installed: the second product";
const primary = "every site has exactly one primary, ONLINE";
const cluster5 = "every cluster service is ONLINE without error, latency under 5 s";
const crossSite5 = "every crossSite service is ONLINE without error, latency under 5 s";
const backlog = "no service between sites has more than 10000 events left to apply";
const servers = "row-based binary logs, server ids and auto-increment offsets fit several writable sites";
const databases = "what the databases hold that active/active sites stumble over is known and acknowledged";
const room = "every volume has room for a release, the dumps and logs that grow";
const file = "my.cnf says what the running server does";
const kept = "binary logs and THL are kept for three worst-case runs, and at least a day";
const accounts = "every node logs in with the same accounts";
const stores = "key stores are the same on every node, where connections are secured";
const ssh = "ssh keys, where they are mounted, lead from every node to every other";
const backupRoom = "the backups volume has room for a backup of the data";
const backupSaid = "an attested backup is there for every site, with its evidence, and young enough";
const ports = "every node reaches every node of the other sites on the ports of CAA";
const clocks = "the clocks of all nodes are within 5 s of each other";

const portsOf = (node: string) => [2112, 9997, 13306, 10999, 11999, 12000].map((port) => `${node}:${port}`);
const reached = (endpoint: string, state: string) =>
  change("london-0", reach(["nyc-0", "nyc-1"].flatMap(portsOf)), (is) =>
    is.map((each) => (each.endpoint === endpoint ? { ...each, state } : each)),
  );

const cases: readonly Case[] = [
  {
    of: composed,
    estate: { composites: [] },
    refused:
      "spec.convertMsaaToCaa.compositeService names no CompositeService of this namespace; create it first",
  },
  {
    of: composed,
    estate: { composites: [composite(names, { type: "ActivePassive", primarySite: "nyc" })] },
    refused:
      "CompositeService global is ActivePassive; the conversion makes ActiveActive or DynamicActiveActive",
  },
  {
    of: composed,
    estate: { composites: [composite(["london"])] },
    refused:
      "site nyc is linked with the estate but no member of CompositeService global; add it to spec.members",
  },
  {
    of: composed,
    estate: { clusters: [cluster("nyc", { nodes: 2 })], links: [], composites: [composite(["nyc"])] },
    refused: "CompositeService global has fewer than two sites; there is nothing to convert",
  },
  {
    of: composed,
    estate: { links: mesh(names).slice(1) },
    refused:
      "no CrossSiteLink leads from london to nyc; every site must read every other one before the conversion: create it and wait until it is Ready",
  },
  {
    of: composed,
    estate: {
      links: mesh(names).map((each, index) =>
        index === 0 ? { ...each, leaving: { awaits: true, drops: false, since: 0 } } : each,
      ),
    },
    refused:
      "CrossSiteLink london-to-nyc was deleted and is being taken off the nodes; wait until it is gone, then create it anew",
  },
  {
    of: releases,
    estate: only("nyc", { release: "5.4.1-10" }),
    world: unpacked("nyc", "tungsten-clustering-5.4.1-10"),
    refused:
      "spec.release of TungstenCluster nyc is 5.4.1-10; Composite Active/Active needs release 6 or later",
  },
  {
    of: releases,
    estate: only("nyc", { release: "8.0.5-140" }),
    world: unpacked("nyc", "tungsten-clustering-8.0.5-140"),
    refused:
      "spec.release of TungstenCluster london is 8.0.4-132, that of nyc is 8.0.5-140; a composite runs one release: make them the same",
  },
  {
    of: releases,
    world: all(
      ...["london-0", "london-1", "nyc-0", "nyc-1"].flatMap((node) => [
        install("cluster", { release: "8.0.5-140" }, node),
        install("crossSite", { release: "8.0.5-140" }, node),
        change(node, software, (is) => new Set([...is, "tungsten-replicator-8.0.5-140"])),
      ]),
    ),
    refused:
      "london-0 runs release 8.0.5-140, and spec.release of TungstenCluster london is 8.0.4-132, which is older; set it to 8.0.5-140 or later",
  },
  {
    of: releases,
    world: all(
      install("crossSite", { release: "7.1.0-10" }),
      change("nyc-1", software, (is) => new Set([...is, "tungsten-replicator-7.1.0-10"])),
    ),
    refused:
      "nyc-1 runs the cluster product at 8.0.4-132 and the cross-site product at 7.1.0-10; bring both to one release first",
  },
  {
    of: releases,
    world: all(
      install("cluster", { release: "7.1.0-10" }),
      install("crossSite", { release: "7.1.0-10" }),
      change("nyc-1", software, (is) => new Set([...is, "tungsten-replicator-7.1.0-10"])),
    ),
    refused: "nyc-0 runs release 8.0.4-132 and nyc-1 release 7.1.0-10; bring nyc to one release first",
  },
  {
    of: first,
    world: change("nyc-1", installed("cluster"), () => null),
    refused:
      "nyc-1 has no Tungsten installed under /opt/continuent; wait for its TungstenCluster to become Ready",
  },
  {
    of: first,
    world: install("cluster", { services: ["nyc", "nyc_from_london"] }),
    refused:
      "nyc-1 already runs nyc_from_london: the estate is Composite Active/Active and there is nothing to convert; delete this request",
  },
  {
    of: first,
    world: install("cluster", { method: "staging" }),
    refused:
      "nyc-1 was installed by the staging method, which cannot be converted; run translatetoini.pl and reinstall from the ini first",
  },
  {
    of: first,
    world: install("cluster", { method: "unknown" }),
    unknown: "nyc-1 does not tell whether the cluster product was installed from the ini",
  },
  {
    of: first,
    world: install("cluster", { parallel: 8 }),
    refused: "nyc-1 applies in parallel on 8 channels; disable parallel apply before converting",
  },
  {
    of: first,
    estate: only("nyc", { options: { "svc-parallelization-type": "disk", channels: "4" } }),
    refused:
      "spec.options of TungstenCluster nyc ask for 4 apply channels; disable parallel apply before converting",
  },
  {
    of: second,
    world: change("nyc-1", installed("crossSite"), () => null),
    refused:
      "nyc-1 has no cross-site replicator under /opt/replicator: this is no Multi-Site/Active-Active estate; create CrossSiteLinks or remove the request",
  },
  {
    of: second,
    world: install("crossSite", { services: [] }),
    refused:
      "nyc-1 does not replicate from london; every site must read every other one before the conversion",
  },
  {
    of: second,
    world: install("crossSite", { services: ["london", "warehouse"] }),
    refused:
      "the cross-site replicator of nyc-1 also runs warehouse, which step 4 would uninstall; move that to an installation of its own first",
  },
  {
    of: second,
    world: install("crossSite", { method: "staging" }),
    refused:
      "the cross-site replicator of nyc-1 was installed by the staging method; run translatetoini.pl and reinstall it from the ini first",
  },
  {
    of: second,
    world: install("crossSite", { method: "unknown" }),
    unknown: "nyc-1 does not tell whether the second product was installed from the ini",
  },
  {
    of: second,
    world: install("crossSite", { parallel: 8 }),
    refused:
      "the cross-site replicator of nyc-1 applies in parallel on 8 channels; disable parallel apply before converting",
  },
  {
    of: primary,
    world: change("nyc-1", clusterView, (is) => ({
      ...is,
      datasources: is.datasources.map((each) => ({ ...each, role: "master" })),
    })),
    refused: "nyc has no single ONLINE primary by the word of nyc-1; bring one up first",
  },
  {
    of: primary,
    world: all(
      view({ policy: { unrecognised: "SLEEPY" } }),
      view({ policy: { unrecognised: "SLEEPY" } }, "nyc-0"),
    ),
    refused: "nyc tells the unknown policy «SLEEPY»; set AUTOMATIC or MAINTENANCE",
  },
  {
    of: primary,
    world: view({ policy: "MAINTENANCE" }),
    refused:
      "nyc-0 tells AUTOMATIC as the policy of nyc, nyc-1 tells MAINTENANCE; bring its managers together first",
  },
  {
    of: primary,
    world: change("nyc-1", clusterView, (is) => ({
      ...is,
      datasources: is.datasources.map((each) => ({
        ...each,
        role: each.role === "master" ? "slave" : "master",
      })),
    })),
    refused: "nyc-0 tells nyc-0 as the primary of nyc, nyc-1 tells nyc-1; bring its managers together first",
  },
  {
    of: "no replica is out of service by the managers' word",
    world: change("nyc-0", clusterView, (is) => ({
      ...is,
      datasources: is.datasources.map((each) =>
        each.name === "nyc-1" ? { ...each, state: "SHUNNED" } : each,
      ),
    })),
    refused:
      "nyc-1 is SHUNNED by its managers' word; recover it (cctrl, datasource nyc-1 recover) before converting",
  },
  {
    of: "every primary's database is writable",
    world: change("nyc-0", readOnly, () => true),
    refused: "nyc-0, the primary of nyc, is read-only; find out why, then set read_only=0 there",
  },
  {
    of: "the packages of both products lie unpacked on every node",
    world: change("nyc-1", software, () => new Set(["tungsten-replicator-8.0.4-132"])),
    refused:
      "nyc-1 has no tungsten-clustering-8.0.4-132 in /opt/continuent/software; unpack it there on every node first",
  },
  {
    of: "nothing is held on any node",
    world: change("nyc-1", holds, () => ["manager"]),
    refused:
      "nyc-1 holds manager for a run that did not end; find out what it left half-way, then remove /opt/tungsten-operator/holds/manager there",
  },
  {
    of: "the vendor's tool lies in the package, where positions are kept by it",
    parameters: { positions: "TungstenPrepUpgrade" },
    world: all(
      ...["london-0", "london-1", "nyc-0"].map((node) =>
        change(
          node,
          software,
          (is) => new Set([...is, "tungsten-clustering-8.0.4-132/tungsten_prep_upgrade"]),
        ),
      ),
    ),
    refused:
      "nyc-1 has no tungsten_prep_upgrade in tools/ of tungsten-clustering-8.0.4-132; set spec.convertMsaaToCaa.positions to Primitives, or unpack a package that has it",
  },
  {
    of: cluster5,
    world: change("nyc-1", services("cluster"), () => "down" as const),
    refused: "the replicator of nyc-1 is not running; start it and wait until its services are ONLINE",
  },
  {
    of: cluster5,
    world: change("nyc-1", services("cluster"), () => []),
    refused:
      "the replicator of nyc-1 does not run service nyc; look in its log why, and bring the service ONLINE",
  },
  {
    of: cluster5,
    world: status("cluster", { state: "OFFLINE:NORMAL" }),
    refused:
      "service nyc of nyc-1 is OFFLINE:NORMAL; mend it and bring it ONLINE before converting (armed in error it would only look stopped)",
  },
  {
    of: cluster5,
    world: status("cluster", { state: { unrecognised: "ASLEEP" } }),
    refused:
      "service nyc of nyc-1 is «ASLEEP»; mend it and bring it ONLINE before converting (armed in error it would only look stopped)",
  },
  {
    of: cluster5,
    world: status("cluster", { pendingError: "Event application failed" }),
    refused: "service nyc of nyc-1 has a pending error; mend it before converting",
  },
  {
    of: cluster5,
    world: status("cluster", { channels: 4 }),
    refused:
      "service nyc of nyc-1 applies in parallel on 4 channels; disable parallel apply before converting",
  },
  {
    of: cluster5,
    world: status("cluster", { channels: null }),
    unknown: "service nyc of nyc-1 is ONLINE and does not tell on how many channels it applies",
  },
  {
    of: cluster5,
    world: status("cluster", { appliedLatencySeconds: null }),
    unknown: "service nyc of nyc-1 is ONLINE and does not tell how far behind it is",
  },
  {
    of: cluster5,
    world: status("cluster", { appliedLatencySeconds: 61.5 }),
    refused:
      "service nyc of nyc-1 is 61.5 s behind, the limit is 5 s (spec.convertMsaaToCaa.limits.latencySeconds); wait or raise it",
  },
  {
    of: crossSite5,
    world: change("nyc-1", services("crossSite"), () => "down" as const),
    refused:
      "the cross-site replicator of nyc-1 is not running; start it and wait until its services are ONLINE",
  },
  {
    of: crossSite5,
    world: change("nyc-1", services("crossSite"), () => []),
    refused:
      "the cross-site replicator of nyc-1 does not run service london; look in its log why, and bring the service ONLINE",
  },
  {
    of: crossSite5,
    world: status("crossSite", { state: "OFFLINE:ERROR" }),
    refused:
      "service london of nyc-1 is OFFLINE:ERROR; mend it and bring it ONLINE before converting (armed in error it would only look stopped)",
  },
  {
    of: crossSite5,
    world: status("crossSite", { pendingError: "Event application failed" }),
    refused: "service london of nyc-1 has a pending error; mend it before converting",
  },
  {
    of: crossSite5,
    world: status("crossSite", { pendingErrorSeqno: 17 }),
    refused: "service london of nyc-1 has a pending error at event 17; mend it before converting",
  },
  {
    of: crossSite5,
    world: status("crossSite", { channels: 2 }),
    refused:
      "service london of nyc-1 applies in parallel on 2 channels; disable parallel apply before converting",
  },
  {
    of: crossSite5,
    world: status("crossSite", { offlineRequests: ["Offline at heartbeat event: by-hand"] }),
    refused:
      "service london of nyc-1 is already told to go offline (Offline at heartbeat event: by-hand); clear that by offline and online first",
  },
  {
    of: crossSite5,
    world: status("crossSite", { appliedLatencySeconds: 5.1 }),
    refused:
      "service london of nyc-1 is 5.1 s behind, the limit is 5 s (spec.convertMsaaToCaa.limits.latencySeconds); wait or raise it",
  },
  {
    of: backlog,
    world: status("cluster", { maximumStoredSeqno: 11_001 }, "london-0"),
    refused:
      "service london of nyc-0 has 10001 events of london-0 left to apply, the limit is 10000 (spec.convertMsaaToCaa.limits.backlogEvents); wait or raise it",
  },
  {
    of: backlog,
    world: status("crossSite", { appliedSeqno: null }),
    unknown: "nyc-1 does not tell what london has applied",
  },
  {
    of: backlog,
    world: status("cluster", { maximumStoredSeqno: null }, "london-0"),
    unknown: "london-0 does not tell the last event of london",
  },
  {
    of: servers,
    world: server({ logBin: "0" }),
    refused: "nyc-1 writes no binary log (log_bin is 0); switch it on",
  },
  {
    of: servers,
    world: server({ binlogFormat: "MIXED" }),
    refused: "binlog_format of nyc-1 is MIXED; set it to ROW",
  },
  {
    of: servers,
    world: server({ serverId: "10" }),
    refused: "nyc-1 and london-0 both have server_id 10; give each node its own",
  },
  {
    of: servers,
    world: server({ autoIncrementIncrement: "1" }),
    refused: "auto_increment_increment of nyc-1 is 1, below the 2 sites that write; raise it",
  },
  {
    of: servers,
    world: server({ autoIncrementIncrement: "3" }),
    refused:
      "auto_increment_increment of nyc-1 is 3, that of london-0 is 10; make them equal, or two sites give one key",
  },
  {
    of: servers,
    world: server({ autoIncrementOffset: "12" }),
    refused:
      "auto_increment_offset of nyc-1 is 12, above its auto_increment_increment 10, so that the server ignores it; set a lower one",
  },
  {
    of: servers,
    world: server({ autoIncrementOffset: "1" }),
    refused: "sites london and nyc share auto_increment_offset 1; give each site its own",
  },
  {
    of: "no transaction is older than 60 s",
    world: change("nyc-1", oldestTransaction, () => 61),
    refused: "a transaction on nyc-1 has been open for 61 s, the limit is 60 s; let it end",
  },
  {
    of: databases,
    world: found("xa", "x'1'"),
    refused: "nyc-1 has a prepared XA transaction: x'1'; let it end",
  },
  {
    of: databases,
    world: found("ddl", "ALTER TABLE t"),
    refused: "nyc-1 has DDL running: ALTER TABLE t; let it end",
  },
  {
    of: databases,
    world: found("trigger", "shop.t1"),
    refused: `trigger shop.t1 would fire at every site; ${acknowledge("trigger:shop.t1")}`,
  },
  {
    of: databases,
    world: found("event", "shop.e1"),
    refused: `event shop.e1 is enabled and would run at every site; ${acknowledge("event:shop.e1")}`,
  },
  {
    of: databases,
    world: found("nokey", "shop.log"),
    refused: `table shop.log has no primary key, so a row applied twice stays twice; ${acknowledge("nokey:shop.log")}`,
  },
  {
    of: databases,
    world: found("nontransactional", "shop.m"),
    refused: `table shop.m is not transactional, so a crash may leave half of a write; ${acknowledge("nontransactional:shop.m")}`,
  },
  {
    of: "who reads binary logs from outside the estate is known and acknowledged",
    world: change("nyc-1", logReaders, () => [{ user: "feed", host: "10.0.0.9" }]),
    refused: `feed@10.0.0.9 reads the binary log of nyc-1 and is no node of the estate; it will find other positions of other sites there; ${acknowledge("reader:feed@10.0.0.9")}`,
  },
  {
    of: "who reads THL from outside the estate is known and acknowledged",
    world: change("nyc-1", logClients("cluster", "nyc"), () => ["etl-9", "london-0.example"]),
    refused:
      'etl-9 reads the THL of service nyc on nyc-1 and is no node of the estate; it is cut off when the replicator restarts in step 9, and has to find its position again by itself; tell its owner, and if that is settled add "thl:etl-9" to spec.convertMsaaToCaa.acknowledgedFindings',
  },
  {
    of: "who reads THL from outside the estate is known and acknowledged",
    world: change("nyc-1", logClients("crossSite", "london"), () => ["etl-9"]),
    refused:
      'etl-9 reads the THL of service london on nyc-1 and is no node of the estate; the service it reads is uninstalled in step 4 and does not come back under that name and port; tell its owner, and if that is settled add "thl:etl-9" to spec.convertMsaaToCaa.acknowledgedFindings',
  },
  {
    of: "no schema has a name of the new services",
    world: change("nyc-1", schemas, () => new Map([["tungsten_nyc_from_london", 5]])),
    refused:
      "nyc-1 has a schema tungsten_nyc_from_london that is not empty, a name the conversion needs; drop it after looking what it holds",
  },
  {
    of: "every site has a replica beside its primary",
    estate: only("nyc", { nodes: 1 }),
    refused:
      "site nyc has one data node; the conversion takes its backup from a replica: build the site anew with spec.nodes 2 or more first",
  },
  {
    of: "every option of a CrossSiteLink goes over into the composite",
    estate: {
      links: mesh(names).map((each, index) =>
        index === 0 ? { ...each, options: { "thl-interface": "eth0" } } : each,
      ),
    },
    refused:
      "spec.options.thl-interface of CrossSiteLink london-to-nyc does not go over into a composite: all services of a node share the cluster's listener; set it in spec.options of the target",
  },
  {
    of: "options of CrossSiteLinks can be put into force",
    estate: {
      ...only("nyc", { options: { "repl-auto-enable": "true" } }),
      links: mesh(names).map((each) => ({ ...each, options: { "svc-applier-filters": "replicate" } })),
    },
    refused:
      "spec.options.repl-auto-enable of TungstenCluster nyc decides when services go online, which the operator has to until the options of nyc_from_london are in force; remove it",
  },
  {
    of: clocks,
    world: (is) => {
      const node = "nyc-1";
      is.change(node, nodeClock, (told) => told + 9000);
    },
    refused: "the clock of nyc-1 is 9 s ahead of that of london-0; set both by one time source",
  },
  {
    of: room,
    world: free("/opt", 1),
    refused: `/opt of nyc-1 has 1.0 GiB free of 100.0 GiB and needs 10.0 GiB: its logs grow by 3 MiB an hour (binlog over 7 d, cluster:nyc over 7 d, crossSite:london over 7 d), ${reckoned}`,
  },
  {
    of: room,
    world: logs("/opt", { binlog: { bytes: 90 * 12 * gib, seconds: 90 * 3600 } }),
    refused: `/opt of nyc-1 has 50.0 GiB free of 100.0 GiB and needs 66.8 GiB: its logs grow by 12 GiB an hour (binlog over 3 d), ${reckoned}`,
  },
  {
    of: room,
    world: logs("/opt", {
      binlog: { bytes: 3 * 12 * gib, seconds: 3 * 3600 },
      "cluster:nyc": null,
      "crossSite:london": { bytes: 40 * gib, seconds: 3599 },
    }),
    refused: `/opt of nyc-1 has 50.0 GiB free of 100.0 GiB and needs 66.8 GiB: its logs grow by 12 GiB an hour (binlog over 3 h; how fast cluster:nyc, crossSite:london grows is not known, and not counted), ${reckoned}`,
  },
  {
    of: room,
    world: all(free("/opt", 9.9), logs("/opt", { binlog: null })),
    refused: `/opt of nyc-1 has 9.9 GiB free of 100.0 GiB and needs 10.0 GiB: 4 GiB and a tenth of it are assumed, as how fast binlog grows is not known; ${makeRoom}`,
  },
  {
    of: room,
    world: all(free("/opt", 9.9), logs("/opt", {})),
    refused: `/opt of nyc-1 has 9.9 GiB free of 100.0 GiB and needs 10.0 GiB: 4 GiB and a tenth of it are assumed, as nyc-1 does not tell how fast logs grow; ${makeRoom}`,
  },
  {
    of: room,
    world: free("/backups", 2),
    refused: `/backups of nyc-1 has 2.0 GiB free of 100.0 GiB and needs 10.0 GiB: 4 GiB and a tenth of it; ${makeRoom}`,
  },
  {
    of: room,
    world: change("nyc-1", space, (is) => is.filter(({ path }) => path !== "/opt")),
    unknown: "nyc-1 tells nothing of /opt",
  },
  {
    of: file,
    world: change("nyc-1", serverFile, (is) => new Map(is).set("binlog-format", "MIXED")),
    refused:
      "my.cnf of nyc-1 says binlog-format=MIXED, the running server has ROW; make them equal, or a restart would change it",
  },
  {
    of: file,
    world: change("nyc-1", serverFile, () => new Map()),
    refused:
      "my.cnf of nyc-1 says server-id=(nothing), the running server has 21; make them equal, or a restart would change it",
  },
  {
    of: kept,
    world: server({ binlogExpireSeconds: 3600 }),
    refused:
      "binlog_expire_logs_seconds of nyc-1 is 3600 (1.0 h); logs must outlast 3 runs, at worst 0.9 h each from step 2 on, and a day at least: 24.0 h; raise it to 86400 s or more",
  },
  {
    of: kept,
    world: server({ binlogExpireSeconds: null }),
    unknown: "nyc-1 does not tell how long it keeps binary logs",
  },
  {
    of: kept,
    world: change("nyc-1", properties("nyc", [retention]), () => new Map([[retention, "12h"]])),
    refused:
      "thl-log-retention of nyc-1, as installed, is 12h (12.0 h); logs must outlast 3 runs, at worst 0.9 h each from step 2 on, and a day at least: 24.0 h; raise it to 86400 s or more",
  },
  {
    of: kept,
    world: change("nyc-1", properties("nyc", [retention]), () => new Map([[retention, "a while"]])),
    unknown: "nyc-1 keeps THL for «a while», which is no time that can be read",
  },
  {
    of: kept,
    estate: only("nyc", { options: { "thl-log-retention": "6h" } }),
    refused:
      "thl-log-retention of TungstenCluster nyc is 6h (6.0 h); logs must outlast 3 runs, at worst 0.9 h each from step 2 on, and a day at least: 24.0 h; raise it to 86400 s or more",
  },
  {
    of: accounts,
    world: account("replication-password", "b".repeat(64)),
    refused:
      "london-0 and nyc-1 have different values of replication-password; managers and connectors of a composite log in at every site alike: name one Secret in spec.credentials.replication of every TungstenCluster, and give the database account that password",
  },
  {
    of: accounts,
    world: account("replication-password", null),
    refused:
      "nyc-1 has no replication-password in its mounted Secret; see that the site's Secret holds it, then restart the pod",
  },
  {
    of: stores,
    world: keys("store", "/etc/tungsten/keystore.jks", ["a", "a", "a", "b"]),
    refused:
      "/etc/tungsten/keystore.jks of london-0 and of nyc-1 differ, so that neither would trust the other; copy it from one node to all",
  },
  {
    of: ssh,
    world: all(
      keys("identity", "identity key", ["i"]),
      keys("host", "host key", ["h"]),
      keys("authorized", "authorized key#1", ["i", "i", "i", "j"]),
      keys("known", "known key#1", ["h"]),
    ),
    refused:
      "authorized_keys of nyc-1 does not hold the key of london-0, so that tprovision could not copy between them; give all pods the same Secret tungsten-ssh and restart them, or remove it everywhere",
  },
  {
    of: backupRoom,
    world: change("nyc-1", dataSize, () => 60 * 1024 ** 3),
    refused:
      "/backups of nyc-1 has 50.0 GiB free, its data has 60.0 GiB; make room for the data and a tenth more, or attest a backup of your own",
  },
  {
    of: backupRoom,
    world: all(
      change("nyc-1", dataSize, () => 40 * gib),
      logs("/backups", { "cluster:nyc": { bytes: 90 * gib, seconds: 90 * 3600 } }),
    ),
    refused:
      "/backups of nyc-1 has 50.0 GiB free, its data has 40.0 GiB, and logs that lie there may take another 6.6 GiB; make room for the data and a tenth more, or attest a backup of your own",
  },
  {
    of: backupSaid,
    parameters: { backup: { ...attested, sites: attested.sites.slice(0, 1) } },
    refused:
      "spec.convertMsaaToCaa.backup.sites has no backup of nyc; add it, or let the run take the backups (mode Take)",
  },
  {
    of: backupSaid,
    parameters: { backup: { ...attested, when: "yesterday" } },
    refused:
      "spec.convertMsaaToCaa.backup.when is «yesterday», which is no time; write it as 2026-05-02T21:00:00Z",
  },
  {
    of: backupSaid,
    parameters: { backup: { ...attested, when: "2026-05-03T09:00:00Z" } },
    refused:
      "spec.convertMsaaToCaa.backup.when is «2026-05-03T09:00:00Z», which has not come yet; correct it",
  },
  {
    of: backupSaid,
    parameters: { backup: { ...attested, when: "2026-05-01T08:00:00Z" } },
    refused:
      "spec.convertMsaaToCaa.backup.when is «2026-05-01T08:00:00Z», 48 hours ago, the limit is 24 (spec.convertMsaaToCaa.backup.maxAgeHours); take a new one, or raise the limit",
  },
  {
    of: ports,
    world: reached("nyc-1:9997", "refused"),
    refused:
      "london-0 cannot reach nyc-1:9997 (refused): nobody listens there, and Multi-Site/Active-Active does already; start what is down on nyc-1",
  },
  {
    of: ports,
    world: reached("nyc-1:9997", "timeout"),
    refused:
      "london-0 cannot reach nyc-1:9997 (timeout): something on the way swallows it, and Composite Active/Active needs it; let site london in on port 9997 in the NetworkPolicies of the pods of site nyc, or open the firewall between them",
  },
  ...[10999, 11999, 12000].flatMap((port) =>
    ["timeout", "unreachable"].map((state) => ({
      of: ports,
      world: reached(`nyc-0:${port}`, state),
      refused: `london-0 cannot reach nyc-0:${port} (${state}): something on the way swallows it, and Composite Active/Active needs it; let site london in on port ${port} in the NetworkPolicies of the pods of site nyc, or open the firewall between them`,
    })),
  ),
  {
    of: ports,
    world: reached("nyc-1:2112", "unresolved"),
    refused:
      "london-0 cannot reach nyc-1:2112 (unresolved): no address is known for nyc-1; mend its name in DNS",
  },
  ...["failed", "closed"].map((state) => ({
    of: ports,
    world: reached("nyc-1:12000", state),
    unknown: `london-0 does not tell whether it reaches nyc-1:12000 («${state}»)`,
  })),
];

function asked({ estate: changed, parameters: said, world }: Partial<Case>) {
  const estate: Estate = estateOf({ ...inputs, ...changed });
  const is = soundNodes(estate);
  world?.(is);
  const checks = acceptsConversion({ ...parameters, ...said });
  const objections = checks.flatMap(({ say, ask }) =>
    objectionsOf(ask(estate, is.facts)).map((objection): readonly [string, Objection] => [say, objection]),
  );
  return { is, checks, objections };
}

/** What is said, by which check, each once: several nodes of a site may say the same. */
const saidBy = (objections: readonly (readonly [string, Objection])[]): readonly string[] => [
  ...new Set(
    objections.map(([say, each]) =>
      "refused" in each ? `${say}: REFUSED ${each.refused}` : `${say}: UNKNOWN ${each.unknown}`,
    ),
  ),
];

test("a sound estate is objected to by nobody, with ssh keys and an attested backup neither", () => {
  expect(asked({}).objections).toEqual([]);
  expect(asked({ world: sshWell, parameters: { backup: attested } }).objections).toEqual([]);
});

describe("a port on which nobody has to listen yet", () => {
  const refusedBy = (...endpoints: readonly string[]) =>
    all(...endpoints.map((endpoint) => reached(endpoint, "refused")));

  test("is as good refused as answered: the connection arrived", () => {
    expect(asked({ world: refusedBy("nyc-0:10999", "nyc-0:11999", "nyc-1:12000") }).objections).toEqual([]);
  });

  test("is told in the report, and only where nothing swallows one of them", () => {
    const estate: Estate = estateOf(inputs);
    const [node] = estate.sites.find(({ name }) => name === "london")?.nodes ?? [];
    const knownWith = (world: (is: SoundNodes) => void) => {
      const is = soundNodes(estate);
      world(is);
      return node === undefined ? undefined : waysKnown(estate, node, is.facts);
    };
    expect(knownWith(() => {})).toEqual([]);
    expect(knownWith(refusedBy("nyc-0:11999", "nyc-1:10999"))).toEqual([
      "london-0: nobody listens yet on 2 of 6 ports (10999, 11999) of the other sites' nodes; its connections were refused, so they arrived",
    ]);
    expect(knownWith(all(refusedBy("nyc-0:11999"), reached("nyc-1:11999", "timeout")))).toEqual([]);
    // One on which somebody has to listen is refused, and no news.
    expect(knownWith(refusedBy("nyc-0:2112"))).toEqual([]);
  });

  test("costs no further question", () => {
    const questions = asked({}).is.facts.asked();
    const reaching = questions.filter(({ node, query }) => node === "london-0" && query.argv[0] === "reach");
    expect(reaching).toHaveLength(1);
  });
});

describe("alone", () => {
  test.each(cases.map((each) => [each.refused ?? `unknown: ${each.unknown}`, each] as const))(
    "%s",
    (_sentence, each) => {
      const said = saidBy(asked(each).objections);
      const [only = ""] = said;
      const word = each.refused === undefined ? `UNKNOWN ${each.unknown}` : `REFUSED ${each.refused}`;
      expect(only).toBe(`${each.of}: ${word}`);
      // What is wrong with all nodes of an estate, or with every reader of one log, is said of each; by no second check.
      expect(said.every((other) => other.startsWith(`${each.of}: `))).toBe(true);
      expect(word).not.toMatch(/\n|\. [A-Z]/);
    },
  );

  test("every check has such a case, but for the two that estates of this size cannot fail", () => {
    const tried = new Set(cases.filter(({ refused }) => refused !== undefined).map(({ of }) => of));
    const never = asked({})
      .checks.map(({ say }) => say)
      .filter((say) => !tried.has(say));
    expect(never).toEqual([
      // Eighteen sites of three nodes fit; test/simulation/many-sites.
      "the run's record has room for every service between sites",
      // Two of one name are no estate at all: refused on the CompositeService itself.
      "the composite's name is no site's",
    ]);
  });
});

describe("what cannot be read is unknown: never refused, never passed over", () => {
  const { is } = asked({ parameters: { positions: "TungstenPrepUpgrade", backup: { mode: "Take" } } });
  const questions = is.facts.asked().filter(({ node }) => node === "nyc-1");

  test.each(questions.map(({ query }) => query.id))("%s", (id) => {
    const { objections } = asked({ world: (nodes) => nodes.silence("nyc-1", id, "no answer") });
    const refused = objections.filter(([, each]) => "refused" in each);
    const unknown = objections.filter(([, each]) => "unknown" in each && each.unknown === "nyc-1: no answer");
    expect([refused, unknown.length > 0]).toEqual([[], true]);
  });

  test("as is a primary that nobody names", () => {
    const { objections } = asked({
      world: (nodes) => {
        for (const node of ["nyc-0", "nyc-1"]) nodes.silence(node, clusterView.id, "no answer");
      },
    });
    expect(saidBy(objections).filter((line) => line.includes("REFUSED"))).toEqual([]);
    expect(saidBy(objections)).toContain(
      "every primary's database is writable: UNKNOWN nyc names no primary to ask",
    );
  });
});
