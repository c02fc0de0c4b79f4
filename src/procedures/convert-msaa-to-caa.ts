/**
 * Convert Multi-Site/Active-Active to Composite Active/Active, the vendor's page 4.4.4, step by step under the page's
 * numbers and titles. What moved against the page, and why, stands in docs/adr/0005-conversion-order.md.
 */
import { backups } from "./conversion-backups.ts";
import * as act from "./conversion-commands.ts";
import { droppings, reportLeftovers } from "./conversion-leftovers.ts";
import { dumpKept, positionKept, stopHeartbeat } from "./conversion-names.ts";
import { optionParts } from "./conversion-options.ts";
import {
  clearing,
  connectorsUpdated,
  datasourcesIn,
  localServices,
  maintenance,
  policyAsBefore,
  policyAsBeforeGoingBack,
  proof,
  publish,
  remedies,
  restoreParts,
  servicesOnline,
  sourceRemedies,
  startManagers,
  uninstallParts,
} from "./conversion-parts.ts";
import { conversionBudgets, interruptionsOf, readPins } from "./conversion-pins.ts";
import { acceptsConversion, type ConversionParameters } from "./conversion-preflight.ts";
import { conversionKnows } from "./conversion-preflight-estate.ts";
import * as products from "./conversion-products.ts";
import * as stop from "./conversion-readers.ts";
import { revertSteps } from "./conversion-revert.ts";
import * as go from "./conversion-services.ts";
import { verifications } from "./conversion-verification.ts";
import { conversionEstimate, windowLeft } from "./conversion-window.ts";
import { compositeComplete, heldByRun, iniOnAllNodes, managerIs, primariesUnmoved } from "./guards.ts";
import type { Part, Procedure, Step } from "./procedure.ts";
import {
  eachPrimary,
  eachReader,
  eachReaderLed,
  eachReaderOnPrimaries,
  eachReplica,
  everyNode,
} from "./scopes.ts";
import { maintenanceStays } from "./site-parts.ts";
import { pending } from "./verdicts.ts";

const stopCrossSite = (by: act.Keeping): Step => ({
  n: 2,
  id: "StopCrossSiteReplicators",
  title: "Stop the Cross-site Replicators",
  condition: "CrossSiteReplicatorsStopped",
  undo: [
    {
      what: "release the hold",
      on: everyNode,
      run: [{ when: "it is held", effect: act.release("crossSite") }],
      done: heldByRun("crossSite", false),
    },
    {
      what: "start the cross-site replicators",
      on: everyNode,
      run: [{ when: "it is stopped", effect: act.replicator("crossSite", "start") }],
      done: go.processRuns("crossSite"),
    },
    ...servicesOnline("crossSite", eachReaderLed),
    policyAsBeforeGoingBack,
  ],
  parts: [
    maintenance,
    localServices(everyNode),
    {
      what: "hold the cross-site replicator: a restarting pod shall not start it",
      on: everyNode,
      run: [{ when: "it is not held", effect: act.hold("crossSite") }],
      done: heldByRun("crossSite", true),
    },
    ...(by.clears ? [clearing] : []),
    {
      what: "arm every cross-site service to go offline at our heartbeat",
      vendor: "tungsten_prep_upgrade --service S --offline",
      on: eachReader,
      run: [
        { when: "it is ONLINE without error", holds: stop.onlineWithoutError, effect: by.arm },
        {
          when: "an earlier round had stopped it",
          holds: (target, look) =>
            look.run.round > 1 ? stop.offlineNormal(target, look) : pending("this is the first round"),
          effect: act.incomingOnlineCommand("crossSite"),
        },
        {
          when: "its process is down",
          holds: stop.processDown,
          effect: act.replicator("crossSite", "start"),
        },
        {
          when: "a known error that plain online may mend",
          holds: go.errorNeedsPlainOnline("crossSite"),
          effect: act.incomingOnlineCommand("crossSite"),
        },
        ...sourceRemedies,
      ],
      done: stop.armedOrStopped,
      tries: 20,
    },
    {
      what: "send the heartbeat at which they stop",
      vendor: "trepctl heartbeat -name offline_for_upg",
      on: eachPrimary,
      guards: [stop.allArmed],
      run: [{ when: "every service of every site is armed", effect: act.sendStopHeartbeat }],
      done: stop.heartbeatSent,
    },
    {
      what: "wait until every service has stopped at that very heartbeat, at the same event on all nodes of a site",
      vendor: "mmtrepctl --service S status: OFFLINE:NORMAL",
      on: eachReader,
      run: [
        { when: "it stopped short of the heartbeat", holds: stop.stoppedShort, effect: act.leadToHeartbeat },
        { when: "a restart made it forget the request", holds: stop.lostItsRequest, effect: by.arm },
        {
          when: "its process is down, short of the heartbeat",
          holds: stop.downShortOfHeartbeat,
          effect: act.replicator("crossSite", "start-offline"),
        },
        ...sourceRemedies,
      ],
      done: stop.stoppedAtHeartbeat,
      tries: 20,
    },
    {
      what: "keep the position, told alike by dsctl, by the tracking row and by the log",
      vendor: "tungsten_prep_upgrade --service S --get",
      on: eachReader,
      run: [{ when: "it is not kept yet", effect: by.keepPosition }],
      done: stop.positionAgreed,
      record: (target, look) => ({
        ...stop.positionRecord(target, look),
        heartbeat: stopHeartbeat(look.run),
      }),
    },
    {
      what: "copy the positions off the nodes",
      on: eachReader,
      run: [{ when: "it is not copied yet", effect: act.copyPosition }],
      done: (target, look) => stop.copiedOff(target, positionKept(look.run, target)?.file ?? "", look),
    },
    {
      what: "stop the cross-site replicators",
      vendor: "tungsten_prep_upgrade --stop",
      on: everyNode,
      run: [{ when: "it runs", effect: by.stop }],
      done: stop.crossSiteStopped,
    },
  ],
});

const dumps = (by: act.Keeping): Step => ({
  n: 3,
  id: "ExportTrackingSchemas",
  title: "Export the tungsten_* Databases",
  condition: "TrackingSchemasExported",
  undo: "Nothing to undo: the dumps stay where they are.",
  lasts: true,
  parts: [
    {
      what: "dump the tracking schema to a new file, and read it back: one commit row, equal to the kept position",
      vendor: "tungsten_prep_upgrade --service S --dump",
      on: eachReader,
      run: [{ when: "this run has no verified dump of it", effect: by.dump }],
      done: stop.dumpVerified,
      settleSeconds: 2,
      record: stop.dumpRecord,
    },
    {
      what: "copy the dumps off the nodes",
      on: eachReader,
      run: [{ when: "it is not copied yet", effect: act.copyDump }],
      done: (target, look) => stop.copiedOff(target, dumpKept(look.run, target)?.file ?? "", look),
    },
  ],
});

const uninstall: Step = {
  n: 4,
  id: "UninstallCrossSiteReplicators",
  title: "Uninstall the Cross-site Replicators",
  condition: "CrossSiteReplicatorsUninstalled",
  undo: "Uninstalling drops the positions: go on, or set spec.revert to reinstall the second product over the restored schemas.",
  parts: uninstallParts("forward"),
};

const restore: Step = {
  n: 5,
  id: "ReloadTrackingSchemas",
  title: "Reload the tracking schema",
  condition: "TrackingSchemasReloaded",
  undo: "Reloading can be repeated from the dumps; set spec.revert to go back to MSAA.",
  parts: restoreParts,
};

const configuration: Step = {
  n: 6,
  id: "UpdateConfiguration",
  title: "Update Configuration",
  condition: "ConfigurationUpdated",
  undo: "The former text is published again by spec.revert.",
  parts: [publish("CAA")],
};

const verifyMaintenance: Step = {
  n: 7,
  id: "EnterMaintenance",
  title: "Enter Maintenance Mode",
  condition: "MaintenanceVerified",
  undo: "Step 2 set the policy; its undo returns it.",
  parts: [maintenance],
};

const stopManagers: Step = {
  n: 8,
  id: "StopManagers",
  title: "Stop Managers",
  condition: "ManagersStopped",
  holds: [windowLeft],
  undo: "The managers are started again by spec.revert.",
  parts: [
    {
      what: "hold the managers: a restarting pod shall not start one",
      on: everyNode,
      // It may have waited here for its window, and somebody have changed the policy meanwhile.
      guards: [maintenanceStays],
      run: [{ when: "it is not held", effect: act.hold("manager") }],
      done: heldByRun("manager", true),
    },
    {
      what: "stop the managers",
      vendor: "manager stop",
      on: everyNode,
      run: [{ when: "it runs", effect: act.manager("stop") }],
      done: managerIs("stopped"),
    },
  ],
};

const updateOn = (who: "primaries" | "replicas"): Part => ({
  what: `update the ${who} of all sites side by side; the new cross-site services come with it`,
  vendor: "tools/tpm update --replace-release",
  on: who === "primaries" ? eachPrimary : eachReplica,
  guards: [products.noTpmAlive, products.rowsRestored, iniOnAllNodes("CAA")],
  run: [
    { when: "no new service is installed yet", holds: products.oldServicesOnly, effect: act.update },
    {
      when: "an update came as far as new services, and was cut off",
      holds: products.newServicesInstalled,
      effect: act.updateAgain,
    },
  ],
  done: products.productAsWanted("cluster", "CAA", products.wantedRelease),
  tries: 3,
  stallSeconds: 1800,
});

const software: Step = {
  n: 9,
  id: "UpdateSoftware",
  title: "Install/Update the Software",
  condition: "SoftwareUpdated",
  undo: "Forward only: repeat the update.",
  parts: [
    updateOn("primaries"),
    ...optionParts(eachPrimary),
    localServices(eachPrimary),
    {
      what: "each primary's new services are ONLINE and their logs hold an event, so that replicas may read from them",
      on: eachReaderOnPrimaries,
      run: [
        ...remedies("cluster"),
        { when: "ONLINE with an empty log", holds: go.incomingOnline("cluster"), effect: act.wake },
      ],
      done: go.incomingLogBegun("cluster"),
      tries: 20,
    },
    updateOn("replicas"),
    ...optionParts(eachReplica),
    localServices(eachReplica),
    connectorsUpdated,
  ],
};

/** Managers that come up again may bring the policy of their configuration with them. */
const managers: Step = {
  n: 10,
  id: "StartManagers",
  title: "Start Managers",
  condition: "ManagersStarted",
  undo: "Forward only.",
  parts: [...startManagers, maintenance],
};

const validate: Step = {
  n: 12,
  id: "Validate",
  title: "Validate",
  condition: "ReplicationValidated",
  undo: "Nothing to undo.",
  parts: [
    localServices(everyNode),
    ...servicesOnline("cluster", eachReader),
    proof("cluster"),
    { what: "the composite shows every site", on: eachPrimary, run: [], done: compositeComplete },
    {
      what: "release the hold on the second product, which is gone",
      on: everyNode,
      run: [{ when: "it is held", effect: act.release("crossSite") }],
      done: heldByRun("crossSite", false),
    },
    reportLeftovers,
  ],
};

const automatic: Step = {
  n: 11,
  id: "ReturnToAutomatic",
  title: "Return to Automatic Mode",
  condition: "PolicyReturned",
  undo: "Set the policy by hand.",
  parts: [localServices(everyNode), ...servicesOnline("cluster", eachReader), policyAsBefore, datasourcesIn],
};

/** The conversion for one request's parameters. */
export function convertMsaaToCaa(parameters: ConversionParameters): Procedure {
  const { before, after } = verifications(parameters);
  const { positions = "Primitives" } = parameters;
  const by = positions === "TungstenPrepUpgrade" ? act.byTool() : act.byPrimitives();
  const stopped = stopCrossSite(by);
  return {
    name: "ConvertMsaaToCaa",
    goesOnWithout: true,
    revision: 2,
    source:
      "Tungsten documentation 4.4.4, Upgrade/Convert: From Multi-Site/Active-Active (MSAA) to Composite Active/Active (CAA)",
    accepts: acceptsConversion(parameters),
    knows: conversionKnows(parameters),
    estimate: conversionEstimate(parameters),
    holds: [primariesUnmoved, go.historyHeld],
    pins: (estate, facts) => {
      const reading = readPins(estate, facts);
      return "unknown" in reading ? reading : { pins: { ...reading.pins, positions } };
    },
    steps: [
      ...before,
      backups(parameters.backup),
      stopped,
      dumps(by),
      uninstall,
      restore,
      configuration,
      verifyMaintenance,
      stopManagers,
      software,
      managers,
      validate,
      automatic,
      ...after,
      ...droppings(parameters),
    ],
    abortUntil: { step: "UninstallCrossSiteReplicators", part: 1 },
    revert: revertSteps({
      uninstall,
      restore,
      configuration,
      stopCrossSite: stopped,
      managers,
      validate,
      automatic,
    }),
    revertUntil: { step: "UpdateSoftware", part: 0 },
    interruptions: interruptionsOf,
    warns: ["No DDL may run on any site from step 2 until the run has finished."],
    budgets: conversionBudgets,
  };
}
