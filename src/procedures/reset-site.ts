/**
 * Reset a single site from a definitive one: deploy-msaa, "Resetting a single dataservice" (8.0). Which page applies follows
 * from what is installed. What moved against the page, and why, stands in docs/adr/0014-reset-order.md.
 */

import { clusterView } from "../tungsten/node-facts.ts";
import * as act from "./conversion-commands.ts";
import { datasourcesIn, maintenance, policyAsBefore, proof } from "./conversion-parts.ts";
import { connectorRuns, heldByRun, policyIs, primaryUnmoved } from "./guards.ts";
import type { Judgement, Part, Procedure, Step } from "./procedure.ts";
import * as arrival from "./reset-arrival.ts";
import * as sent from "./reset-commands.ts";
import * as copies from "./reset-copies.ts";
import {
  copyParts,
  exportParts,
  giveBackParts,
  primaryParts,
  readersOff,
  released,
  replicaParts,
  takeOutParts,
  undoExport,
} from "./reset-parts.ts";
import { readResetPins, resetBudgets, resetInterruptions } from "./reset-pins.ts";
import { acceptsReset, resetKnows } from "./reset-preflight.ts";
import { type ResetParameters, type ResetScopes, scopesOf } from "./reset-scopes.ts";
import * as is from "./reset-states.ts";
import { eachSite } from "./scopes.ts";
import { broken, done, every, knownValue } from "./verdicts.ts";

const enterMaintenance: Step = {
  n: 1,
  id: "EnterMaintenance",
  title: "Put the dataservice into MAINTENANCE mode",
  condition: "MaintenanceEntered",
  undo: [
    {
      what: "return to the policy of before the run",
      on: eachSite,
      run: [
        {
          when: "the policy is another",
          effect: act.setPolicy((target, run) => (run.pins.policies[target.site.name] ?? "").toLowerCase()),
        },
      ],
      done: policyIs(({ site }, run) => run.pins.policies[site.name] ?? ""),
    },
  ],
  parts: [maintenance],
};

const connectorsOffline = (scopes: ResetScopes, parameters: ResetParameters): Step => ({
  n: 2,
  id: "ConnectorsOffline",
  title: "On the failed Tungsten Cluster service, put each Tungsten Connector offline",
  condition: "ConnectorsOffline",
  undo: connectorsBack(scopes),
  parts: [
    {
      what: "take the pods of the failed site out of their Service: a node whose connector is held is not Ready, and a restarting one does not start it",
      on: scopes.inFailed,
      run: [{ when: "it is not held", effect: sent.hold("connector") }],
      done: (target, look) =>
        every([heldByRun("connector", true)(target, look), is.clockKnown(target, look)]),
      record: is.closedAt,
    },
    {
      what: "let clients leave",
      on: scopes.failedPrimary,
      run: [],
      done: is.drained(parameters.drainSeconds),
      stallSeconds: parameters.drainSeconds + 300,
    },
    {
      what: "put every connector of the failed site offline",
      vendor: "cctrl [east]> router * offline",
      on: scopes.failedPrimary,
      run: [{ when: "one is ONLINE", effect: sent.routers("offline") }],
      done: is.routersAre("OFFLINE"),
    },
  ],
});

const connectorsBack = (scopes: ResetScopes): readonly Part[] => [
  released("connector", scopes.inFailed),
  {
    what: "start connectors that a restart had left held",
    on: scopes.inFailed,
    run: [{ when: "it is stopped", effect: sent.connectorStart }],
    done: connectorRuns,
  },
  {
    what: "put every connector of the failed site online",
    vendor: "cctrl [east]> router * online",
    on: scopes.failedPrimary,
    run: [{ when: "one is OFFLINE", effect: sent.routers("online") }],
    done: is.routersAre("ONLINE"),
    stallSeconds: 600,
  },
];

const oneEvent = (scopes: ResetScopes, parameters: ResetParameters): Step => ({
  n: 3,
  id: "LeaveAtOneEvent",
  title: "Every healthy node has what any of them has of the failed site",
  condition: "HealthyNodesEqual",
  undo: readersBack(scopes.readersOfFailed),
  parts: [
    {
      what: "send a heartbeat behind the failed site's last write",
      on: scopes.failedPrimary,
      run: [{ when: "its service is ONLINE", holds: arrival.serves, effect: sent.sendLast }],
      done: arrival.lastSent(parameters),
    },
    {
      what: "let everything of the failed site arrive on every healthy node",
      on: scopes.readersOfFailed,
      run: [
        { when: "its replicator is stopped", holds: is.readerDown, effect: sent.startReader },
        { when: "the service is offline", holds: is.readingOff, effect: sent.reading("online") },
      ],
      done: arrival.allArrived(parameters),
      tries: 20,
    },
    {
      what: "put the services that read the failed site offline",
      vendor: "shell west> mm_trepctl offline",
      on: scopes.readersOfFailed,
      run: [{ when: "it is not", effect: sent.reading("offline") }],
      done: is.readingIs("OFFLINE:NORMAL"),
    },
    {
      what: "see that they rest at the same event, and keep it",
      on: scopes.readersOfFailed,
      run: [],
      done: arrival.restsAtOneEvent(parameters),
      record: arrival.rowRecord,
    },
  ],
});

const readersBack = (on: Part["on"]): readonly Part[] => [
  readersOff(on, "mm_trepctl offline"),
  {
    what: "bring the services that read the failed site online again",
    on,
    run: [{ when: "it is offline", holds: is.readingOff, effect: sent.reading("online") }],
    done: is.leftAlone,
  },
];

const exported = (scopes: ResetScopes): Step => ({
  n: 4,
  id: "ExportFailedSite",
  title: "Place the failed site's services offline, and copy away what a reset deletes",
  condition: "FailedSiteExported",
  undo: undoExport(scopes),
  parts: exportParts(scopes),
});

const resetReaders = (scopes: ResetScopes): Step => ({
  n: 5,
  id: "ResetHealthyReaders",
  title:
    "Reset the Tungsten Replicator service on all servers connected to the failed Tungsten Cluster service",
  condition: "HealthyReadersReset",
  holds: [copies.snapshotsHeld(scopes)],
  undo: "Nothing leads back: the positions are gone. Go on.",
  parts: [
    {
      what: "reset the service that reads the failed site, on every node of every other site",
      vendor: "shell west> mm_trepctl -service east reset -all -y",
      on: scopes.readersOfFailed,
      guards: [arrival.nothingMoved],
      run: [
        {
          when: "it is OFFLINE:NORMAL",
          holds: is.readingIs("OFFLINE:NORMAL"),
          effect: sent.resetReading,
        },
        { when: "a restart has brought it back", holds: is.readingBack, effect: sent.reading("offline") },
        { when: "its replicator is stopped", holds: is.readerDown, effect: sent.startReader },
      ],
      done: copies.readingReset,
      tries: 10,
    },
  ],
});

/** Behind the point of no return there is only one way. */
const forward = (step: Omit<Step, "undo">): Step => ({ ...step, undo: "Forward only: go on." });

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
  forward({
    n: 10,
    id: "OthersRead",
    title: "Place all the Tungsten Replicator services on the other sites back online",
    condition: "OthersRead",
    parts: [
      ...readersOnline(scopes.readersOfFailedOn("primaries"), is.readingBegun),
      ...readersOnline(scopes.readersOfFailedOn("replicas"), is.readingBegun),
    ],
  }),
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
      ...readersOnline(scopes.failedReadersOn("primaries"), is.broughtOn),
      ...readersOnline(scopes.failedReadersOn("replicas"), is.broughtOn),
      proof("crossSite"),
    ],
  }),
  forward({
    n: 13,
    id: "ConnectorsOnline",
    title: "On the failed Tungsten Cluster service, put each Tungsten Connector online",
    condition: "ConnectorsOnline",
    parts: connectorsBack(scopes),
  }),
  forward({
    n: 14,
    id: "ReturnToAutomatic",
    title: "Set the policy back to AUTOMATIC",
    condition: "PolicyReturned",
    parts: [policyAsBefore, datasourcesIn],
  }),
];

/** Of the failed site only that nobody else has become its primary; its database may be down, and is during most of the run. */
const primariesUnmoved =
  ({ failedSite }: ResetParameters): Judgement =>
  (_target, look) =>
    every(
      look.run.estate.sites.map(({ name, nodes }) => {
        if (name !== failedSite) return primaryUnmoved(name, look);
        const pinned = look.run.pins.primaries[name];
        const views = nodes.map((node) => knownValue(look.facts.get(node.name, clusterView)));
        const other = views
          .flatMap((view) => view?.datasources ?? [])
          .find(
            ({ role, state, name: source }) => role === "master" && state === "ONLINE" && source !== pinned,
          );
        return other === undefined
          ? done
          : broken(
              "PrimaryMoved",
              `the primary of ${name} is ${other.name}, the plan was made for ${pinned}`,
            );
      }),
    );

const readersOnline = (on: Part["on"], done: Judgement): readonly Part[] => [
  {
    what: "bring the services online",
    vendor: "mm_trepctl online",
    on,
    run: [
      { when: "its replicator is stopped", holds: is.readerDown, effect: sent.startReader },
      { when: "it is offline", holds: is.readingOff, effect: sent.reading("online") },
    ],
    done,
    tries: 20,
  },
];

/** The reset for one request's parameters. */
export function resetSite(parameters: ResetParameters): Procedure {
  const scopes = scopesOf(parameters);
  return {
    name: "ResetSite",
    revision: 1,
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
      resetReaders(scopes),
      ...copySteps(scopes),
      ...lastSteps(scopes, parameters),
    ],
    abortUntil: { step: "ResetHealthyReaders", part: 0 },
    revert: [],
    revertUntil: { step: "ResetHealthyReaders", part: 0 },
    interruptions: resetInterruptions(parameters),
    budgets: resetBudgets,
  };
}
