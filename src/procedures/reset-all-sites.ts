/**
 * Reset all dataservices of an estate: deploy-msaa, "Resetting all dataservices" (8.0). In a composite the same is done to the
 * services that its one product carries; the vendor has no page for it. The page goes node by node; a node that is online again while others are reset diverges in silence, so each act is a barrier over the whole estate
 * (docs/adr/0014-reset-order.md).
 */
import * as act from "./conversion-commands.ts";
import { datasourcesIn, localServices, maintenance, policyAsBefore, proof } from "./conversion-parts.ts";
import { readPins } from "./conversion-pins.ts";
import { connectorRuns, heldByRun, policyIs, primariesUnmoved } from "./guards.ts";
import type { Judgement, Part, Procedure, Step } from "./procedure.ts";
import { acceptsResetAll, type ResetAllTopology } from "./reset-all-preflight.ts";
import * as sent from "./reset-commands.ts";
import * as copies from "./reset-copies.ts";
import { downAgain, held, localOff, readersOff, released } from "./reset-parts.ts";
import * as quiet from "./reset-quiet.ts";
import * as is from "./reset-states.ts";
import { compositeWhole } from "./reset-steps.ts";
import {
  eachPrimary,
  eachReader,
  eachReaderOnPrimaries,
  eachReplica,
  eachSite,
  everyConnector,
  everyNode,
} from "./scopes.ts";
import { every } from "./verdicts.ts";

export type ResetAllParameters = {
  readonly site: string;
  readonly topology: ResetAllTopology;
  readonly drainSeconds: number;
};

/** The page's tool for the services that read other sites. */
const tool = (second: boolean): string => (second ? "mm_trepctl" : "trepctl");

const everyReplicaReader: Part["on"] = (run) => {
  const first = new Set(eachReaderOnPrimaries(run).map(({ id }) => id));
  return eachReader(run).filter(({ id }) => !first.has(id));
};

const readersOn = (second: boolean, on: Part["on"], done: Judgement): Part => ({
  what: "bring the cross-site services online",
  vendor: `shell> ${tool(second)} online`,
  on,
  run: [
    { when: "its replicator is stopped", holds: is.readerDown, effect: sent.startReader },
    { when: "it is offline", holds: is.readingOff, effect: sent.reading("online") },
  ],
  done,
  tries: 20,
});

const connectorsBack: readonly Part[] = [
  released("connector", everyConnector),
  {
    what: "start connectors that a restart had left held",
    on: everyConnector,
    run: [{ when: "it is stopped", effect: sent.connectorStart }],
    done: connectorRuns,
  },
  {
    what: "put every connector online",
    on: eachSite,
    run: [{ when: "one is OFFLINE", effect: sent.routers("online") }],
    done: is.routersAre("ONLINE"),
    stallSeconds: 600,
  },
];

const enterMaintenance: Step = {
  n: 1,
  id: "EnterMaintenance",
  title: "Place both clusters into MAINTENANCE mode",
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

const connectorsOffline = (drainSeconds: number): Step => ({
  n: 2,
  id: "ConnectorsOffline",
  title: "Put each Tungsten Connector offline",
  condition: "ConnectorsOffline",
  undo: connectorsBack,
  parts: [
    {
      ...held("connector", everyConnector),
      done: (target, look) =>
        every([heldByRun("connector", true)(target, look), is.clockKnown(target, look)]),
      record: is.closedAt,
    },
    {
      what: "let clients leave",
      on: eachSite,
      run: [],
      done: is.drained(drainSeconds),
      stallSeconds: drainSeconds + 300,
    },
    {
      what: "put every connector offline",
      on: eachSite,
      run: [{ when: "one is ONLINE", effect: sent.routers("offline") }],
      done: is.routersAre("OFFLINE"),
    },
  ],
});

const quiesce = (second: boolean): Step => ({
  n: 3,
  id: "Quiesce",
  title: "See that nothing is written or under way, twice",
  condition: "EstateQuiet",
  undo: "Nothing to undo: it only looks.",
  parts: [
    localServices(everyNode),
    readersOn(second, eachReader, is.broughtOn),
    {
      what: "send a heartbeat behind each site's last write",
      on: eachPrimary,
      run: [{ when: "none of this round is written", effect: sent.sendLast }],
      done: quiet.lastWritten,
    },
    {
      what: "see every node at the end of every site's log, our heartbeat applied, and keep where it stands",
      on: quiet.everyPosition,
      run: [],
      done: quiet.firstLook,
      record: quiet.firstRecord,
    },
    {
      what: "look a second time, ten seconds later: rows, logs and binary logs are the same",
      on: quiet.everyPosition,
      run: [],
      done: quiet.secondLook,
    },
  ],
});

const allOffline = (second: boolean): Step => ({
  n: 4,
  id: "EverythingOffline",
  title: `On all nodes: trepctl offline${second ? ", mm_trepctl offline" : " of every service"}`,
  condition: "EverythingOffline",
  undo: [
    ...(second ? [released("crossSite", everyNode)] : []),
    released("cluster", everyNode),
    // An offline that was asked for may still be under way: it is waited for.
    localOff(everyNode, "shell> trepctl offline"),
    localServices(everyNode),
    readersOff(eachReader, `shell> ${tool(second)} offline`),
    readersOn(second, eachReader, is.broughtOn),
  ],
  parts: [
    ...(second ? [held("crossSite", everyNode)] : []),
    held("cluster", everyNode),
    readersOff(eachReader, `shell> ${tool(second)} offline`),
    localOff(eachReplica, "shell> trepctl offline"),
    localOff(eachPrimary, "shell> trepctl offline"),
    {
      what: "see that everything still stands where it stood",
      on: quiet.everyPosition,
      run: [],
      done: quiet.stillTheSame,
    },
  ],
});

const resetEverything = (second: boolean): Step => ({
  n: 5,
  id: "ResetEverything",
  title: `On all nodes: trepctl reset -all -y${second ? ", mm_trepctl reset -all -y" : " of every service"}`,
  condition: "EverythingReset",
  holds: [quiet.everythingTheSame],
  undo: "Nothing leads back: the positions are gone. Go on.",
  parts: [
    {
      what: "reset every cross-site service of every node",
      vendor: second
        ? "shell> mm_trepctl -service west reset -all -y"
        : "shell> trepctl -service east_from_west reset -all -y",
      on: eachReader,
      run: [
        downAgain(second ? "crossSite" : "cluster"),
        { when: "it is OFFLINE:NORMAL", holds: is.readingIs("OFFLINE:NORMAL"), effect: sent.resetReading },
      ],
      done: copies.readingReset,
      tries: 10,
    },
    {
      what: "reset the site's own service on every node",
      vendor: "shell> trepctl -service east reset -all -y",
      on: everyNode,
      run: [
        downAgain("cluster"),
        { when: "it is OFFLINE:NORMAL", holds: is.localOffline, effect: sent.resetLocal },
      ],
      done: copies.localReset,
      tries: 10,
    },
  ],
});

const forward = (step: Omit<Step, "undo">): Step => ({ ...step, undo: "Forward only: go on." });

/** The reset of all sites for one request's parameters. */
export function resetAllSites({ topology, drainSeconds }: ResetAllParameters): Procedure {
  const second = topology === "MSAA";
  return {
    name: "ResetAllSites",
    revision: 1,
    source:
      "Tungsten documentation, Deploying Multi-Site/Active-Active Clustering (8.0): Resetting all dataservices",
    accepts: acceptsResetAll(topology),
    holds: [primariesUnmoved],
    pins: (estate, facts) => {
      const reading = readPins(estate, facts);
      return "unknown" in reading ? reading : { pins: { ...reading.pins, topology } };
    },
    steps: [
      enterMaintenance,
      connectorsOffline(drainSeconds),
      quiesce(second),
      allOffline(second),
      resetEverything(second),
      forward({
        n: 6,
        id: "PrimariesOnline",
        title: "On the primaries: trepctl online",
        condition: "PrimariesOnline",
        parts: [localServices(eachPrimary)],
      }),
      forward({
        n: 7,
        id: "ReplicasOnline",
        title: "On the replicas: trepctl online",
        condition: "ReplicasOnline",
        parts: [localServices(eachReplica), released("cluster", everyNode)],
      }),
      forward({
        n: 8,
        id: "CrossSiteOnline",
        title: `On all nodes: ${tool(second)} online`,
        condition: "CrossSiteOnline",
        parts: [
          readersOn(second, eachReaderOnPrimaries, is.readingBegun),
          readersOn(second, everyReplicaReader, is.readingBegun),
          ...(second ? [released("crossSite", everyNode)] : []),
          proof(second ? "crossSite" : "cluster"),
        ],
      }),
      forward({
        n: 9,
        id: "ConnectorsOnline",
        title: "Put each Tungsten Connector online",
        condition: "ConnectorsOnline",
        parts: connectorsBack,
      }),
      forward({
        n: 10,
        id: "ReturnToAutomatic",
        title: "Return both clusters to AUTOMATIC mode",
        condition: "PolicyReturned",
        parts: [policyAsBefore, datasourcesIn, ...(second ? [] : [compositeWhole])],
      }),
    ],
    abortUntil: { step: "ResetEverything", part: 0 },
    revert: [],
    revertUntil: { step: "ResetEverything", part: 0 },
    interruptions: (estate) =>
      estate.sites.map(({ name }) => ({
        site: name,
        seconds: 900,
        why: "the connectors of every site are offline from step 2 to step 9",
      })),
    budgets: [
      {
        id: "Clients",
        what: "no site serves clients",
        from: "ConnectorsOffline",
        until: ["ConnectorsOnline"],
        seconds: () => 900,
      },
    ],
  };
}
