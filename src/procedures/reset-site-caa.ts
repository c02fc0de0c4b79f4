/**
 * Reset a single site of Composite Active/Active from a definitive one: the vendor's page of that name, with `east` failed
 * and `west` definitive. One product carries everything, so the donor serves on and tprovision makes the primary too. What
 * moved against the page, and what it forgets, stands in docs/adr/0014-reset-order.md.
 */
import { localServices, proof } from "./conversion-parts.ts";
import * as go from "./conversion-services.ts";
import { donorServes } from "./donors.ts";
import type { Part, Procedure, Step } from "./procedure.ts";
import * as arrival from "./reset-arrival.ts";
import * as sent from "./reset-commands.ts";
import * as copies from "./reset-copies.ts";
import { exported } from "./reset-export.ts";
import {
  databaseDown,
  databaseRuns,
  downAgain,
  dropOldLogs,
  released,
  replicaParts,
  started,
} from "./reset-parts.ts";
import { failoverBudget, readResetPins, resetInterruptions } from "./reset-pins.ts";
import { acceptsReset, resetKnows } from "./reset-preflight.ts";
import { type ResetParameters, type ResetScopes, scopesOf } from "./reset-scopes.ts";
import * as is from "./reset-states.ts";
import {
  connectorsOffline,
  connectorsOnline,
  enterMaintenance,
  forward,
  oneEvent,
  othersRead,
  ownServicesStill,
  primariesUnmoved,
  readersOnline,
  resetReaders,
  returnToAutomatic,
} from "./reset-steps.ts";
import { every } from "./verdicts.ts";

const resetFailed = (scopes: ResetScopes): Step =>
  forward({
    n: 6,
    id: "ResetFailedSite",
    title: "Reset the local service on each server within the failed region",
    condition: "FailedSiteReset",
    holds: [copies.snapshotsHeld(scopes)],
    parts: [
      databaseRuns(scopes.inFailed),
      started("cluster", "start-offline", scopes.inFailed),
      {
        what: "reset the local service: its log and its position go",
        vendor: "shell east> trepctl -service east offline; trepctl -service east reset -all -y",
        on: scopes.inFailed,
        guards: [arrival.readersBegin(scopes)],
        run: [
          {
            when: "a restart has left its held database stopped",
            holds: is.databaseIs("stopped"),
            effect: sent.database("start"),
          },
          downAgain("cluster"),
          { when: "it is OFFLINE:NORMAL", holds: is.localOffline, effect: sent.resetFailedLocal },
        ],
        done: copies.localReset,
        tries: 10,
      },
    ],
  });

const primaryParts = (scopes: ResetScopes, parameters: ResetParameters): readonly Part[] => [
  {
    what: "make the failed site's primary anew from a replica of the definitive site",
    vendor: "shell east> tprovision -s west1 -m xtrabackup -c",
    on: scopes.failedPrimary,
    guards: [donorServes((run) => scopes.donorNode(run).name, "replica"), arrival.readersBegin(scopes)],
    run: [
      {
        when: "it is SHUNNED, its service OFFLINE:NORMAL",
        holds: is.localOffline,
        effect: sent.provisionPrimary(scopes, parameters),
      },
      databaseDown,
      downAgain("cluster"),
    ],
    done: copies.primaryProvisioned,
    record: copies.madeBy(scopes),
    settleSeconds: 60,
    stallSeconds: 24 * 3600,
  },
  released("database", scopes.failedPrimary),
  databaseRuns(scopes.failedPrimary),
  dropOldLogs(scopes, scopes.failedReadersOn("primaries")),
  released("cluster", scopes.failedPrimary),
  {
    ...localServices(scopes.failedPrimary),
    done: (target, look) => every([go.localServiceOnline(target, look), is.writableIs(true)(target, look)]),
  },
  {
    what: "see that the copy stands in every other site's log, and its own log is new",
    on: scopes.failedPrimary,
    run: [],
    done: copies.copyStands(scopes),
    stallSeconds: 600,
  },
  {
    what: "put the primary's datasource online: under MAINTENANCE a recovered one stays OFFLINE",
    on: scopes.failedPrimary,
    run: [
      {
        when: "it is SHUNNED",
        holds: is.datasourceShunned,
        effect: sent.datasource(["welcome", "online"], true),
      },
      { when: "it is OFFLINE", effect: sent.datasource(["online"], true) },
    ],
    done: is.datasourceIs("ONLINE"),
  },
];

const provisioned = (scopes: ResetScopes, parameters: ResetParameters): readonly Step[] => [
  forward({
    n: 7,
    id: "ProvisionPrimary",
    title:
      "Restore a backup on the host that will be the Primary node, from a host in the definitive service",
    condition: "PrimaryProvisioned",
    holds: [copies.snapshotsHeld(scopes)],
    parts: primaryParts(scopes, parameters),
  }),
  othersRead(scopes, 8, "Place all the services on the other sites back online"),
  forward({
    n: 9,
    id: "ProvisionReplicas",
    title: "Restore the remaining hosts using the newly restored Primary as the source",
    condition: "ReplicasProvisioned",
    holds: [copies.snapshotsHeld(scopes)],
    parts: replicaParts(scopes, parameters),
  }),
];

const failedSiteReads = (scopes: ResetScopes): Step =>
  forward({
    n: 10,
    id: "FailedSiteReads",
    title: "Place the services by which the failed site reads the others back online",
    condition: "FailedSiteReads",
    parts: [
      readersOnline(scopes, scopes.failedReadersOn("primaries"), is.broughtOn),
      readersOnline(scopes, scopes.failedReadersOn("replicas"), is.broughtOn),
      ownServicesStill,
      proof("cluster"),
    ],
  });

/** The reset for one request's parameters. */
export function resetSiteCaa(parameters: ResetParameters): Procedure {
  const scopes = scopesOf(parameters);
  return {
    name: "ResetSite",
    revision: 2,
    source: "Tungsten documentation, Composite Active/Active (6 and later): Resetting a single dataservice",
    accepts: acceptsReset(parameters),
    knows: resetKnows(parameters),
    holds: [primariesUnmoved(parameters)],
    pins: readResetPins(parameters),
    steps: [
      enterMaintenance,
      connectorsOffline(scopes, parameters),
      oneEvent(scopes, parameters),
      exported(scopes),
      resetReaders(scopes, parameters, {
        n: 5,
        title: "Reset the local failed service on all servers connected to the remote failed service",
        vendor: "shell west> trepctl -service west_from_east reset -all -y",
      }),
      resetFailed(scopes),
      ...provisioned(scopes, parameters),
      failedSiteReads(scopes),
      connectorsOnline(scopes, 11),
      returnToAutomatic(scopes, 12),
    ],
    abortUntil: { step: "ResetHealthyReaders", part: 0 },
    revert: [],
    revertUntil: { step: "ResetHealthyReaders", part: 0 },
    interruptions: resetInterruptions(parameters, "from step 2 to step 11"),
    budgets: [failoverBudget],
  };
}
