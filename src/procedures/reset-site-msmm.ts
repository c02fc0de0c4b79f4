/**
 * Reset a single site of the multi-site topology of releases before 6 from a definitive one: the vendor's legacy page "Reset a
 * Single Site in a Multisite/Multimaster Topology", step by step by its numbers. What moved against the page, and why, stands
 * in docs/adr/0014-reset-order.md: routers and AUTOMATIC come last, out of its step 8.
 */
import type { Procedure, Step } from "./procedure.ts";
import * as copies from "./reset-copies.ts";
import { legacyExportParts, undoLegacyExport } from "./reset-export.ts";
import { primaryAnew, primaryRestarted, primaryWorks, replicasAnew } from "./reset-legacy.ts";
import { failoverBudget, readResetPins, resetInterruptions } from "./reset-pins.ts";
import { acceptsReset, resetKnows } from "./reset-preflight.ts";
import { type ResetParameters, type ResetScopes, scopesOf } from "./reset-scopes.ts";
import {
  connectorsOffline,
  connectorsOnline,
  enterMaintenance,
  forward,
  oneEventParts,
  othersRead,
  primariesUnmoved,
  readersBack,
  resetReaders,
  returnToAutomatic,
} from "./reset-steps.ts";

/** Before it stops for good, everything of it arrives at the others; what is at rest is copied away. */
const stopped = (scopes: ResetScopes, parameters: ResetParameters): Step => ({
  n: 3,
  id: "StopFailedSite",
  title: "Stop all services running in the failed site",
  condition: "FailedSiteStopped",
  undo: [...undoLegacyExport(scopes), ...readersBack(scopes)],
  parts: [...oneEventParts(scopes, parameters), ...legacyExportParts(scopes)],
});

const backAgain = (scopes: ResetScopes, parameters: ResetParameters): readonly Step[] => [
  forward({
    n: 5,
    id: "ProvisionPrimary",
    title: "Reprovision the master node in the failed site",
    condition: "PrimaryProvisioned",
    holds: [copies.snapshotsHeld(scopes)],
    parts: primaryAnew(scopes, parameters),
  }),
  forward({
    n: 6,
    id: "RestartPrimary",
    title: "Restart the services in the failed site, on its master",
    condition: "PrimaryRestarted",
    parts: primaryRestarted(scopes),
  }),
  forward({
    n: 7,
    id: "PrimaryWorks",
    title: "Ensure that the new service is functioning normally",
    condition: "PrimaryWorks",
    parts: primaryWorks(scopes),
  }),
  othersRead(scopes, 8, "Bring the remote replicators back ONLINE"),
  forward({
    n: 9,
    id: "ProvisionReplicas",
    title: "Reprovision the remaining nodes in the failed site",
    condition: "ReplicasProvisioned",
    holds: [copies.snapshotsHeld(scopes)],
    parts: replicasAnew(scopes, parameters),
  }),
];

/** The reset for one request's parameters. */
export function resetSiteMsmm(parameters: ResetParameters): Procedure {
  const scopes = scopesOf(parameters);
  return {
    name: "ResetSite",
    revision: 2,
    source:
      "Tungsten documentation, releases before 6: Reset a Single Site in a Multisite/Multimaster Topology",
    accepts: acceptsReset(parameters),
    knows: resetKnows(parameters),
    holds: [primariesUnmoved(parameters)],
    pins: readResetPins(parameters),
    steps: [
      enterMaintenance,
      connectorsOffline(scopes, parameters),
      stopped(scopes, parameters),
      resetReaders(scopes, parameters, {
        n: 4,
        title: "Disable cross-site replication and reset the replication position",
        vendor:
          "shell west> /opt/replicator/tungsten/tungsten-replicator/bin/trepctl -service east reset -all -y",
      }),
      ...backAgain(scopes, parameters),
      connectorsOnline(scopes, 10),
      returnToAutomatic(scopes, 11),
    ],
    abortUntil: { step: "ResetHealthyReaders", part: 0 },
    revert: [],
    revertUntil: { step: "ResetHealthyReaders", part: 0 },
    interruptions: resetInterruptions(parameters, "from step 2 to step 10"),
    budgets: [failoverBudget],
  };
}
