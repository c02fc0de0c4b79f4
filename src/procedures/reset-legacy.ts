/** Parts and judgements of the legacy reset: everything of the failed site stopped, one node after the other brought back. */

import type { Node } from "../topology/estate.ts";
import { thlRange } from "../tungsten/node-facts.ts";
import { localServices, proof } from "./conversion-parts.ts";
import * as go from "./conversion-services.ts";
import { donorServes } from "./donors.ts";
import { endedWell } from "./guards.ts";
import type { Guard, Look, Part, Run, Target, Verdict } from "./procedure.ts";
import * as arrival from "./reset-arrival.ts";
import * as sent from "./reset-commands.ts";
import * as copies from "./reset-copies.ts";
import { managersBack } from "./reset-export.ts";
import { databaseDown, databaseRuns, dropOldLogs, followParts, released, started } from "./reset-parts.ts";
import type { ResetParameters, ResetScopes } from "./reset-scopes.ts";
import * as is from "./reset-states.ts";
import { ownServicesStill, readersOnline } from "./reset-steps.ts";
import { doneIf, every, knowing } from "./verdicts.ts";

const provisioning = (
  parameters: ResetParameters,
  about: Pick<Part, "what" | "vendor" | "on" | "guards" | "done" | "record">,
  from: (run: Run) => Node,
): readonly Part[] => [
  databaseRuns(about.on),
  {
    ...about,
    run: [
      {
        when: "both its replicators are stopped",
        holds: (target, look) =>
          every([
            is.processStopped("cluster")(target, look),
            is.processStopped("crossSite")(target, look),
            ...(look.alternative === 0 ? [] : [is.databaseIs("running")(target, look)]),
          ]),
        effect: sent.provisionLegacy(from, parameters),
      },
      databaseDown,
    ],
    settleSeconds: 60,
    stallSeconds: 24 * 3600,
  },
  released("database", about.on),
  databaseRuns(about.on),
];

/** The tool clears the log of the node's own service last: nothing there leads into the log of before. */
const ownLogGone = (target: Target, look: Look): Verdict =>
  knowing(
    look.facts.get(target.node.name, thlRange("cluster", target.site.dataservice)),
    `the log of ${target.node.name}`,
    ({ max }) => doneIf(max === null, `the log of ${target.node.name} holds events of before`),
  );

/** Step 5. */
export const primaryAnew = (scopes: ResetScopes, parameters: ResetParameters): readonly Part[] =>
  provisioning(
    parameters,
    {
      what: "make the failed site's primary anew from a replica of the definitive site",
      vendor:
        "shell east{master}> /opt/continuent/tungsten/tungsten-replicator/scripts/tungsten_provision_slave --source west{slave}",
      on: scopes.failedPrimary,
      guards: [donorServes((run) => scopes.donorNode(run).name, "replica"), arrival.readersBegin(scopes)],
      done: (target, look) =>
        every([
          endedWell("the provision")(target, look),
          copies.localReset(target, look),
          copies.standsInOthers(scopes)(target, look),
        ]),
      record: copies.madeBy(scopes),
    },
    scopes.donorNode,
  );

const clusterBack = (on: Part["on"]): readonly Part[] => [
  ...managersBack(on),
  started("cluster", "start-offline", on),
];

/** Step 6, of the primary alone: its managers, its own service, and the second product with its services offline. */
export const primaryRestarted = (scopes: ResetScopes): readonly Part[] => [
  ...clusterBack(scopes.failedPrimary),
  released("cluster", scopes.failedPrimary),
  {
    ...localServices(scopes.failedPrimary),
    vendor: "shell east> /opt/continuent/tungsten/tungsten-replicator/bin/trepctl online",
    done: (target, look) => every([go.localServiceOnline(target, look), is.writableIs(true)(target, look)]),
  },
  started("crossSite", "start-offline", scopes.failedPrimary),
  dropOldLogs(scopes, scopes.failedReadersOn("primaries")),
];

/** Step 7. */
export const primaryWorks = (scopes: ResetScopes): readonly Part[] => [
  {
    what: "see that the copy stands in every other site's log, and its own log is new",
    on: scopes.failedPrimary,
    run: [],
    done: copies.copyStands(scopes),
    stallSeconds: 600,
  },
  {
    what: "see that the managers show the primary ONLINE",
    vendor: "shell east> echo ls | /opt/continuent/tungsten/tungsten-manager/bin/cctrl",
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

/** Those before it in order are made: the source serves one at a time. */
const oneAtATime = (scopes: ResetScopes): Guard => ({
  say: "no other replica is being provisioned",
  objects(target, look) {
    const all = scopes.failedReplicas(look.run);
    const before = all.slice(
      0,
      all.findIndex(({ id }) => id === target.id),
    );
    const verdict = every(before.map((each) => copied(scopes, each, look)));
    return "why" in verdict ? verdict.why : undefined;
  },
});

const copied = (scopes: ResetScopes, target: Target, look: Look): Verdict =>
  every([
    is.databaseIs("running")(target, look),
    ownLogGone(target, look),
    copies.standsInOthers(scopes)(target, look),
  ]);

/** Step 9, all from the primary that this run has made: the page takes the second from the first. */
export const replicasAnew = (scopes: ResetScopes, parameters: ResetParameters): readonly Part[] => [
  ...provisioning(
    parameters,
    {
      what: "provision the replica from the failed site's own primary, one after the other",
      vendor:
        "shell east{slave1}> /opt/continuent/tungsten/tungsten-replicator/scripts/tungsten_provision_slave --source east{master}",
      on: scopes.failedReplicas,
      guards: [oneAtATime(scopes)],
      done: (target, look) => every([endedWell("the provision")(target, look), copied(scopes, target, look)]),
    },
    scopes.failedPrimaryNode,
  ),
  ...clusterBack(scopes.failedReplicas),
  ...followParts(scopes),
  started("crossSite", "start-offline", scopes.failedReplicas),
  dropOldLogs(scopes, scopes.failedReadersOn("replicas")),
  released("crossSite", scopes.inFailed),
  readersOnline(scopes, scopes.failedReadersOn("primaries"), is.broughtOn),
  readersOnline(scopes, scopes.failedReadersOn("replicas"), is.broughtOn),
  ownServicesStill,
  proof("crossSite"),
];
