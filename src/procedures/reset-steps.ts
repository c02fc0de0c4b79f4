/** Steps that every reset of a site begins and ends with, whatever is installed: policies, connectors, one event, the export, the readers. */
import { clusterView } from "../tungsten/node-facts.ts";
import * as act from "./conversion-commands.ts";
import { datasourcesIn, localServices, maintenance, policyAsBefore } from "./conversion-parts.ts";
import { compositeComplete, connectorRuns, heldByRun, policyIs, primaryUnmoved } from "./guards.ts";
import type { Judgement, Part, Step } from "./procedure.ts";
import * as arrival from "./reset-arrival.ts";
import * as sent from "./reset-commands.ts";
import * as copies from "./reset-copies.ts";
import { takenBackIn } from "./reset-export.ts";
import { readersOff, released, shunned } from "./reset-parts.ts";
import type { ResetParameters, ResetScopes } from "./reset-scopes.ts";
import * as is from "./reset-states.ts";
import { eachSite, everyNode } from "./scopes.ts";
import { broken, done, every, knownValue } from "./verdicts.ts";

export const enterMaintenance: Step = {
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

export const connectorsOffline = (scopes: ResetScopes, parameters: ResetParameters): Step => ({
  n: 2,
  id: "ConnectorsOffline",
  title: "On the failed Tungsten Cluster service, put each Tungsten Connector offline",
  condition: "ConnectorsOffline",
  undo: [...(scopes.second ? [] : [takenBackIn(scopes.inFailed)]), ...connectorsBack(scopes)],
  parts: [
    {
      what: "take the pods of the failed site out of their Service: a node whose connector is held is not Ready, and a restarting one does not start it",
      on: scopes.connectorsOfFailed,
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
    ...(scopes.second ? [] : [outOfComposite(scopes)]),
  ],
});

/** Every site's connectors may lead to any member of a composite, but to none that is SHUNNED. */
const outOfComposite = (scopes: ResetScopes): Part => ({
  ...shunned(scopes.inFailed, true),
  what: "shun the datasource: no other site's connector leads there either",
});

export const connectorsBack = (scopes: ResetScopes): readonly Part[] => [
  released("connector", scopes.connectorsOfFailed),
  {
    what: "start connectors that a restart had left held",
    on: scopes.connectorsOfFailed,
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

export const oneEvent = (scopes: ResetScopes, parameters: ResetParameters): Step => ({
  n: 3,
  id: "LeaveAtOneEvent",
  title: "Every healthy node has what any of them has of the failed site",
  condition: "HealthyNodesEqual",
  undo: readersBack(scopes),
  parts: oneEventParts(scopes, parameters),
});

export const oneEventParts = (scopes: ResetScopes, parameters: ResetParameters): readonly Part[] => [
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
    vendor: scopes.second
      ? "shell west> mm_trepctl offline"
      : "shell west> trepctl -service west_from_east offline",
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
];

export const readersBack = (scopes: ResetScopes): readonly Part[] => [
  readersOff(scopes.readersOfFailed, `${toolOf(scopes)} offline`),
  {
    what: "bring the services that read the failed site online again",
    on: scopes.readersOfFailed,
    run: [{ when: "it is offline", holds: is.readingOff, effect: sent.reading("online") }],
    done: is.leftAlone,
  },
];

export const resetReaders = (
  scopes: ResetScopes,
  parameters: ResetParameters,
  page: { readonly n: number; readonly title: string; readonly vendor: string },
): Step => ({
  n: page.n,
  id: "ResetHealthyReaders",
  title: page.title,
  condition: "HealthyReadersReset",
  holds: [copies.snapshotsHeld(scopes), arrival.nothingWrittenSince(parameters)],
  undo: "Nothing leads back: the positions are gone. Go on.",
  parts: [
    {
      what: "reset the service that reads the failed site, on every node of every other site",
      vendor: page.vendor,
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
export const forward = (step: Omit<Step, "undo">): Step => ({ ...step, undo: "Forward only: go on." });

const toolOf = ({ second }: ResetScopes): string => (second ? "mm_trepctl" : "trepctl");

/** Of the failed site only that nobody else has become its primary; its database may be down, and is during most of the run. */
export const primariesUnmoved =
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

export const readersOnline = (scopes: ResetScopes, on: Part["on"], done: Judgement): Part => ({
  what: "bring the services online",
  vendor: `${toolOf(scopes)} online`,
  on,
  run: [
    { when: "its replicator is stopped", holds: is.readerDown, effect: sent.startReader },
    { when: "it is offline", holds: is.readingOff, effect: sent.reading("online") },
  ],
  done,
  tries: 20,
});

/** The services of all other sites that read the failed one, primaries first. */
export const othersRead = (scopes: ResetScopes, n: number, title: string): Step =>
  forward({
    n,
    id: "OthersRead",
    title,
    condition: "OthersRead",
    parts: [
      readersOnline(scopes, scopes.readersOfFailedOn("primaries"), is.readingBegun),
      readersOnline(scopes, scopes.readersOfFailedOn("replicas"), is.readingBegun),
    ],
  });

/** A service of the donor, or of a node made anew, may have failed after it was seen ONLINE. */
export const ownServicesStill: Part = {
  ...localServices(everyNode),
  what: "every node's own service is ONLINE still: in MAINTENANCE nobody else brings one back",
};

export const connectorsOnline = (scopes: ResetScopes, n: number): Step =>
  forward({
    n,
    id: "ConnectorsOnline",
    title: "On the failed Tungsten Cluster service, put each Tungsten Connector online",
    condition: "ConnectorsOnline",
    parts: connectorsBack(scopes),
  });

export const compositeWhole: Part = {
  what: "the composite shows every member ONLINE",
  on: eachSite,
  run: [],
  done: compositeComplete,
  stallSeconds: 600,
};

export const returnToAutomatic = (scopes: ResetScopes, n: number): Step =>
  forward({
    n,
    id: "ReturnToAutomatic",
    title: "Set the policy back to AUTOMATIC",
    condition: "PolicyReturned",
    parts: [policyAsBefore, datasourcesIn, ...(scopes.second ? [] : [compositeWhole])],
  });
