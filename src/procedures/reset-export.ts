/** Parts of a reset that put the failed site to rest and copy away what goes, and the way back from there. */
import * as act from "./conversion-commands.ts";
import { managerIs } from "./guards.ts";
import type { Part, Step } from "./procedure.ts";
import * as sent from "./reset-commands.ts";
import * as copies from "./reset-copies.ts";
import {
  databaseRuns,
  held,
  localOff,
  readersOff,
  released,
  shunned,
  started,
  stopped,
} from "./reset-parts.ts";
import type { ResetScopes } from "./reset-scopes.ts";
import * as is from "./reset-states.ts";

type Scope = Part["on"];

const databaseStops = (on: Scope): Part => ({
  what: "stop the database",
  vendor: "shell> sudo systemctl stop mysqld",
  on,
  run: [{ when: "it runs", effect: sent.database("stop") }],
  done: is.databaseIs("stopped"),
  stallSeconds: 1800,
});

const snapshotTaken = (on: Scope): Part => ({
  what: "copy data directory, binary logs and THL to the backups volume, with their checksum",
  on,
  run: [{ when: "no verified snapshot of this run exists", effect: sent.snapshot }],
  done: copies.snapshotTaken,
  record: copies.snapshotRecord,
  tries: 3,
  stallSeconds: 24 * 3600,
});

/** The services that read other sites have a process of their own, or share the cluster's. */
const inSecond = ({ second }: ResetScopes, ...parts: readonly Part[]): readonly Part[] =>
  second ? parts : [];

/** Everything of the failed site is at rest before it is copied, and stays so. In a composite it is SHUNNED already. */
const exportParts = (scopes: ResetScopes): readonly Part[] => [
  ...inSecond(scopes, held("crossSite", scopes.inFailed)),
  held("cluster", scopes.inFailed),
  held("database", scopes.inFailed),
  readersOff(scopes.failedReaders, `shell east> ${scopes.second ? "mm_trepctl" : "trepctl"} offline`),
  ...inSecond(scopes, stopped("crossSite", scopes.inFailed), shunned(scopes.inFailed, true)),
  localOff(
    scopes.inFailed,
    scopes.second ? "cctrl [east]> replicator east1 offline" : "shell east> trepctl -service east offline",
  ),
  stopped("cluster", scopes.inFailed),
  databaseStops(scopes.inFailed),
  snapshotTaken(scopes.inFailed),
];

const undoExport = (scopes: ResetScopes): readonly Part[] => [
  released("database", scopes.inFailed),
  databaseRuns(scopes.inFailed),
  released("cluster", scopes.inFailed),
  ...inSecond(scopes, released("crossSite", scopes.inFailed)),
  started("cluster", "start", scopes.inFailed),
  ...inSecond(scopes, started("crossSite", "start", scopes.inFailed)),
  ...offAndOn(scopes),
  ...inSecond(scopes, takenBackIn(scopes.inFailed)),
];

export const takenBackIn = (on: Scope): Part => ({
  what: "take the datasources back in",
  on,
  run: [{ when: "it is out", effect: sent.datasource(["welcome", "online"], true) }],
  done: is.datasourceIs("ONLINE"),
});

/** An `offline` that was asked for may still be under way: it is waited for before the service goes online again. */
const offAndOn = (scopes: ResetScopes): readonly Part[] => [
  localOff(scopes.inFailed, "trepctl offline"),
  {
    what: "bring the site's own service online again",
    on: scopes.inFailed,
    run: [{ when: "it is OFFLINE:NORMAL", holds: is.localOffline, effect: act.localOnline }],
    done: is.localLeftAlone,
  },
  readersOff(scopes.failedReaders, `${scopes.second ? "mm_trepctl" : "trepctl"} offline`),
  {
    what: "bring the services that read other sites online again",
    on: scopes.failedReaders,
    run: [
      { when: "it is OFFLINE:NORMAL", holds: is.readingIs("OFFLINE:NORMAL"), effect: sent.reading("online") },
    ],
    done: is.leftAlone,
  },
];

/** `stopall` of a product, once its services are offline. */
const stoppedAll = (product: "cluster" | "crossSite", on: Scope, done: Part["done"]): Part => ({
  what: `stop everything of ${product === "cluster" ? "the cluster" : "the cross-site replicator"}`,
  vendor: `shell east> ${product === "cluster" ? "/opt/continuent" : "/opt/replicator"}/tungsten/cluster-home/bin/stopall`,
  on,
  run: [{ when: "something of it runs", effect: sent.stopAll(product) }],
  done,
  stallSeconds: 600,
});

/** The legacy page stops the managers too: from here on the failed site has no policy that could be asked for. */
export const legacyExportParts = (scopes: ResetScopes): readonly Part[] => [
  held("crossSite", scopes.inFailed),
  held("cluster", scopes.inFailed),
  held("manager", scopes.inFailed),
  held("database", scopes.inFailed),
  readersOff(scopes.failedReaders, "trepctl offline"),
  localOff(scopes.inFailed, "trepctl offline"),
  stoppedAll("crossSite", scopes.inFailed, is.processStopped("crossSite")),
  stoppedAll("cluster", scopes.inFailed, is.clusterStopped),
  {
    ...databaseStops(scopes.inFailed),
    run: [{ when: "it runs", effect: sent.stopRestingDatabase }],
  },
  snapshotTaken(scopes.inFailed),
];

export const undoLegacyExport = (scopes: ResetScopes): readonly Part[] => [
  released("database", scopes.inFailed),
  databaseRuns(scopes.inFailed),
  ...managersBack(scopes.inFailed),
  released("cluster", scopes.inFailed),
  released("crossSite", scopes.inFailed),
  started("cluster", "start", scopes.inFailed),
  started("crossSite", "start", scopes.inFailed),
  ...offAndOn(scopes),
  {
    ...takenBackIn(scopes.inFailed),
    run: [{ when: "it is OFFLINE", effect: sent.datasource(["online"], true) }],
  },
];

export const managersBack = (on: Scope): readonly Part[] => [
  released("manager", on),
  {
    what: "start the manager",
    on,
    run: [{ when: "it is stopped", effect: act.manager("start") }],
    done: managerIs("running"),
    stallSeconds: 600,
  },
];

/** Step 4 of the 8.0 page and of the composite's: the failed site rests, and what a reset deletes lies elsewhere. */
export const exported = (scopes: ResetScopes): Step => ({
  n: 4,
  id: "ExportFailedSite",
  title: "Place the failed site's services offline, and copy away what a reset deletes",
  condition: "FailedSiteExported",
  undo: undoExport(scopes),
  parts: exportParts(scopes),
});
