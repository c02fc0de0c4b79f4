/**
 * Reset a single site of Multi-Site/Active-Active from a definitive one: deploy-msaa, "Resetting a single dataservice" (8.0).
 * Composite Active/Active and the releases before 6 have pages of their own: reset-site-caa.ts, reset-site-msmm.ts. What
 * moved against the page, and why, stands in docs/adr/0014-reset-order.md.
 */
import { proof } from "./conversion-parts.ts";
import type { Procedure, Step } from "./procedure.ts";
import * as copies from "./reset-copies.ts";
import { exported } from "./reset-export.ts";
import {
  copyParts,
  giveBackParts,
  primaryParts,
  released,
  replicaParts,
  takeOutParts,
} from "./reset-parts.ts";
import { readResetPins, resetBudgets, resetInterruptions } from "./reset-pins.ts";
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

/** From the donor to the failed site's primary, and the donor back. */
const copySteps = (scopes: ResetScopes): readonly Step[] => [
  forward({
    n: 6,
    id: "TakeDonorOut",
    title: "Shun the datasource to be backed up, stop its replicators and the mysql service",
    condition: "DonorTakenOut",
    parts: takeOutParts(scopes),
  }),
  forward({
    n: 7,
    id: "CopyData",
    title: "Delete the mysql data directory, and send the data files",
    condition: "DataCopied",
    holds: [copies.snapshotsHeld(scopes)],
    parts: copyParts(scopes),
  }),
  forward({
    n: 8,
    id: "GiveDonorBack",
    title: "Recover the donor back to the dataservice",
    condition: "DonorGivenBack",
    parts: giveBackParts(scopes),
  }),
  forward({
    n: 9,
    id: "ResetFailedPrimary",
    title: "Restart MySQL, reset the local replication services, and recover the primary within cctrl",
    condition: "FailedPrimaryReset",
    parts: primaryParts(scopes),
  }),
];

const lastSteps = (scopes: ResetScopes, parameters: ResetParameters): readonly Step[] => [
  othersRead(scopes, 10, "Place all the Tungsten Replicator services on the other sites back online"),
  forward({
    n: 11,
    id: "ProvisionReplicas",
    title: "Using tprovision, restore the remaining nodes in the failed service",
    condition: "ReplicasProvisioned",
    holds: [copies.snapshotsHeld(scopes)],
    parts: replicaParts(scopes, parameters),
  }),
  forward({
    n: 12,
    id: "FailedSiteReads",
    title: "Place all the Tungsten Replicator services on the failed site back online",
    condition: "FailedSiteReads",
    parts: [
      released("crossSite", scopes.inFailed),
      readersOnline(scopes, scopes.failedReadersOn("primaries"), is.broughtOn),
      readersOnline(scopes, scopes.failedReadersOn("replicas"), is.broughtOn),
      ownServicesStill,
      proof("crossSite"),
    ],
  }),
  connectorsOnline(scopes, 13),
  returnToAutomatic(scopes, 14),
];

/** The reset for one request's parameters. */
export function resetSite(parameters: ResetParameters): Procedure {
  const scopes = scopesOf(parameters);
  return {
    name: "ResetSite",
    revision: 2,
    source:
      "Tungsten documentation, Deploying Multi-Site/Active-Active Clustering (8.0): Resetting a single dataservice",
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
        title:
          "Reset the Tungsten Replicator service on all servers connected to the failed Tungsten Cluster service",
        vendor: "shell west> mm_trepctl -service east reset -all -y",
      }),
      ...copySteps(scopes),
      ...lastSteps(scopes, parameters),
    ],
    abortUntil: { step: "ResetHealthyReaders", part: 0 },
    revert: [],
    revertUntil: { step: "ResetHealthyReaders", part: 0 },
    interruptions: resetInterruptions(parameters, "from step 2 to step 13"),
    budgets: resetBudgets,
  };
}
