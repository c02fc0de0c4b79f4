/** Every reader of a tool's output that tells how something stands, by the name the tables of the tests use. */
import { readAccountsState } from "../../../src/tungsten/accounts.ts";
import { readClusterView, readCompositeView } from "../../../src/tungsten/cctrl.ts";
import { readBelongings, readBoundary, readChunk, readNextTable } from "../../../src/tungsten/chunks.ts";
import { readLogClients } from "../../../src/tungsten/clients.ts";
import { readDaemonStatus } from "../../../src/tungsten/daemons.ts";
import { readPosition, readPositionCommand } from "../../../src/tungsten/dsctl.ts";
import { readTrackingDump } from "../../../src/tungsten/dump.ts";
import type { ToolOutput } from "../../../src/tungsten/invocation.ts";
import { readFingerprints } from "../../../src/tungsten/keys.ts";
import { readMultiListing } from "../../../src/tungsten/multi-trepctl.ts";
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
} from "../../../src/tungsten/node.ts";
import { services } from "../../../src/tungsten/node-facts.ts";
import { readPositionFile } from "../../../src/tungsten/prep-upgrade.ts";
import type { Reading } from "../../../src/tungsten/reading.ts";
import { classifyError } from "../../../src/tungsten/replicator-errors.ts";
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
} from "../../../src/tungsten/sql.ts";
import { readThlHeaders, readThlHeadersText, readThlInfo } from "../../../src/tungsten/thl.ts";
import { readTpmMessages, readTpmProcesses, readVersion } from "../../../src/tungsten/tpm.ts";
import { readServiceList, readStatus } from "../../../src/tungsten/trepctl.ts";

export type Reader = (output: ToolOutput) => Reading<unknown>;

const ofText =
  (read: (text: string) => Reading<unknown>): Reader =>
  (output) =>
    output.exitCode === 0 ? read(output.stdout) : { unreadable: "no file" };

export const readers: Readonly<Record<string, Reader>> = {
  status: (output) => {
    const status = readStatus(output);
    if ("unreadable" in status) return status;
    return { read: { ...status.read, errorKind: classifyError(status.read)?.kind ?? null } };
  },
  services: services("cluster").read,
  "service list": readServiceList,
  "log clients": readLogClients,
  daemon: readDaemonStatus,
  position: readPosition,
  "position command": readPositionCommand,
  "position file": ofText(readPositionFile),
  dump: ofText(readTrackingDump),
  "thl info": readThlInfo,
  "thl headers": readThlHeaders,
  "thl headers as text": readThlHeadersText,
  multi_trepctl: readMultiListing,
  version: readVersion,
  "cluster view": readClusterView,
  "composite view": readCompositeView,
  installed: readInstalled,
  ini: readIni,
  dataserver: readDataserver,
  "accounts state": readAccountsState,
  pod: readPod,
  marker: readMarker,
  clock: readClock,
  space: readSpace,
  count: readCount,
  "read-only": readReadOnly,
  "server settings": readServerSettings,
  "binlog position": readBinlogPosition,
  accounts: readAccounts,
  arrival: readArrival,
  boundary: readBoundary,
  chunk: readChunk,
};

/** Lists whose empty answer says that there is nothing: on their own they cannot tell another tool's silence from it. */
export const listReaders: Readonly<Record<string, Reader>> = {
  tracking: readTracking,
  schemas: readSchemas,
  files: readFiles,
  "my-cnf": readServerFile,
  properties: readProperties,
  fingerprints: readFingerprints,
  reach: readReach,
  backup: readBackup,
  database: readDatabase,
  holds: readHolds,
  software: readSoftware,
  findings: readFindings,
  "log readers": readReaders,
  "tpm processes": readTpmProcesses,
  belongings: readBelongings,
  "next table": readNextTable,
};

/** Messages are no fact: whatever else an output holds, its ERROR, WARN and NOTE lines can be taken out of it. */
export const messages: Reader = (output) => ({ read: readTpmMessages(output) });

/** Has it read something definite? A word that nobody has heard of is not, nor a list of nothing. */
export const isDefinite = (reading: Reading<unknown>): boolean => {
  if (!("read" in reading)) return false;
  if (Array.isArray(reading.read)) return reading.read.length > 0;
  return !(typeof reading.read === "object" && reading.read !== null && "unrecognised" in reading.read);
};
