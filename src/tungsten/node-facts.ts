/** The facts procedures ask for: each a query of the runner protocol joined with the reader of its output. */
import { readAccountsState } from "./accounts.ts";
import { readClusterView, readCompositeView } from "./cctrl.ts";
import { readLogClients } from "./clients.ts";
import { readDaemonStatus } from "./daemons.ts";
import { readKeptPosition } from "./dsctl.ts";
import { readTrackingDump } from "./dump.ts";
import { type Fact, factOf } from "./facts.ts";
import type { MarkerState, Product, ToolOutput } from "./invocation.ts";
import { readFingerprints } from "./keys.ts";
import {
  readBackup,
  readClock,
  readDatabase,
  readDataserver,
  readFiles,
  readHolds,
  readIni,
  readInstalled,
  readMarker,
  readPod,
  readProperties,
  readReach,
  readServerFile,
  readSoftware,
  readSpace,
} from "./node.ts";
import { type Reading, type ReplicatorStatus, read, type TrackingRows } from "./reading.ts";
import {
  readAccounts,
  readArrival,
  readBinlogPosition,
  readCount,
  readFindings,
  readReaders,
  readReadOnly,
  readSchemas,
  readServerSettings,
  readTracking,
} from "./sql.ts";
import { readThlHeaders, readThlInfo } from "./thl.ts";
import { readTpmProcesses } from "./tpm.ts";
import { readServices, replicatorIsDown } from "./trepctl.ts";

/** Every service of one product's replicator, or that its process does not answer. */
export const services = (product: Product): Fact<readonly ReplicatorStatus[] | "down"> =>
  factOf(
    ["trepctl", product, "services", "-full", "-json"],
    (output): Reading<readonly ReplicatorStatus[] | "down"> =>
      replicatorIsDown(output) ? read("down") : readServices(output),
  );

export const replicatorProcess = (product: Product) =>
  factOf(["replicator", product, "status"], readDaemonStatus);
export const managerProcess = factOf(["manager", "status"], readDaemonStatus);
export const connectorProcess = factOf(["connector", "status"], readDaemonStatus);

export const clusterView = factOf(["cctrl", "ls"], readClusterView);
export const compositeView = (dataservice: string) =>
  factOf(["cctrl", "composite-ls", dataservice], readCompositeView);

/** The rows of one tracking schema, or that it (or its tables) is not there. */
export const tracking = (schema: string): Fact<TrackingRows | "absent"> =>
  factOf(["sql", "tracking", schema], readTracking);
/** The last heartbeat of a source that has arrived at a node. */
export const lastHeartbeat = (schema: string) => factOf(["sql", "heartbeat", schema], readArrival);
/** Whether Tungsten can log in to this server: its accounts are made there by each node for itself. */
export const accounts = factOf(["sql", "accounts"], readAccounts);
/** Which accounts the database and the connector know, measured by the mounted Secret. */
export const accountsState = factOf(["accounts-state"], readAccountsState);
export const readOnly = factOf(["sql", "read-only"], readReadOnly);
export const schemas = factOf(["sql", "schemas"], readSchemas);
export const binlogPosition = factOf(["sql", "binlog-position"], readBinlogPosition);
/** How many events after a position touch a tracking schema without being heartbeats; must stay 0. */
export const loggedTracking = (file: string, position: string) =>
  factOf(["sql", "logged-tracking", file, position], readCount);
export const serverSettings = factOf(["sql", "server"], readServerSettings);
/** What active/active sites stumble over: triggers, enabled events, tables without key or transactions, XA, DDL. */
export const findings = factOf(["sql", "findings"], readFindings);
/** Bytes of all tables and indexes, as the server estimates them. */
export const dataSize = factOf(["sql", "size"], readCount);
/** Clients outside the estate that read the binary log. */
export const logReaders = factOf(["sql", "readers"], readReaders);
export const oldestTransaction = factOf(["sql", "oldest-transaction"], readCount);

export const installed = (product: Product) => factOf(["installed", product], readInstalled);
/** Hosts whose replicators read the log of this service here. */
export const logClients = (product: Product, service: string) =>
  factOf(["trepctl", product, "-service", service, "clients", "-json"], readLogClients);
/** What has to agree between nodes, as checksums under this salt. */
export const fingerprints = (salt: string) => factOf(["fingerprints", salt], readFingerprints);
/** Some properties of one service of the cluster's replicator. */
export const properties = (service: string, names: readonly string[]) =>
  factOf(["properties", service, ...names], readProperties);
export const software = factOf(["software"], readSoftware);
export const tpmProcesses = factOf(["tpm-processes"], readTpmProcesses);
export const nodeClock = factOf(["clock"], readClock);
export const space = factOf(["space"], readSpace);
/** What my.cnf says about identity, format and auto-increment; the running server is asked by `serverSettings`. */
export const serverFile = factOf(["my-cnf"], readServerFile);
/** Which my.cnf is mounted, and whether the database was started with it. */
export const dataserver = factOf(["dataserver"], readDataserver);
/** From what its pod was made. */
export const pod = factOf(["pod"], readPod);
export const keptFiles = factOf(["files"], readFiles);
export const holds = factOf(["holds"], readHolds);
export const iniState = factOf(["ini"], readIni);
export const marker = (key: string): Fact<MarkerState> => factOf(["marker", key], readMarker);
export const backup = (name: string) => factOf(["backup", name], readBackup);
export const databaseService = factOf(["database"], readDatabase);
/** Which endpoints answer; an answer that leaves one out is none. */
export const reach = (endpoints: readonly string[]) =>
  factOf(["reach", ...endpoints], (output) => {
    const told = readReach(output);
    if ("unreadable" in told) return told;
    const names = new Set(told.read.map(({ endpoint }) => endpoint));
    const left = endpoints.find((endpoint) => !names.has(endpoint));
    return left === undefined ? told : { unreadable: `the answer says nothing of ${left}` };
  });

const textOf = (output: ToolOutput): Reading<string> =>
  output.exitCode === 0 ? read(output.stdout) : { unreadable: "the file is not there" };
/** A kept file as it is. */
export const keptText = (name: string) => factOf(["file", name], textOf);
/** A file written by `keep-read-only`: true or false. */
export const keptReadOnly = (name: string) =>
  factOf(["file", name], (output): Reading<boolean> => {
    const text = textOf(output);
    if ("unreadable" in text) return text;
    const word = text.read.trim();
    return word === "0" || word === "1" ? read(word === "1") : { unreadable: "it holds neither 0 nor 1" };
  });
/** A file written by `keep-position`: what dsctl said when the service had stopped. */
export const keptPosition = (name: string) => factOf(["file", name], readKeptPosition);
/** A dump of a tracking schema, parsed. */
export const keptDump = (name: string) =>
  factOf(["file", name], (output) => {
    const text = textOf(output);
    return "unreadable" in text ? text : readTrackingDump(text.read);
  });

export const thlRange = (product: Product, service: string) =>
  factOf(["thl", product, "-service", service, "info"], readThlInfo);
export const thlLast = (product: Product, service: string) =>
  factOf(["thl", product, "-service", service, "list", "-last", "-headers", "-json"], readThlHeaders);
export const thlEvent = (product: Product, service: string, seqno: number) =>
  factOf(
    ["thl", product, "-service", service, "list", "-seqno", String(seqno), "-headers", "-json"],
    readThlHeaders,
  );
