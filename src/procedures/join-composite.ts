/**
 * Take a site into a composite that runs (deploy-cap, "Adding a remote Composite Cluster": maintenance, the new ini, tpm
 * install, all replicators online, startall, automatic). Where every site writes its databases hold the data of the others
 * already, which the page names as its second way; join-passive has the first one. What differs where every site writes, and
 * in which order the sites that are there get the text, stands in docs/adr/0019-a-site-joins-a-composite.md: they get it
 * afterwards, each by its own walk. Asked for by a member more of a CompositeService.
 */
import { everythingRuns, publishStep } from "./apply-configuration.ts";
import * as act from "./conversion-commands.ts";
import { sourceOf, trackingSchema } from "./conversion-names.ts";
import { noDatasourceOut } from "./conversion-proof.ts";
import * as go from "./conversion-services.ts";
import { managerIs } from "./guards.ts";
import { compositeStep, crossingStep, keysStep } from "./install-composite.ts";
import { accountsStep, installStep } from "./install-site.ts";
import { passiveSteps } from "./join-passive.ts";
import * as gates from "./joining-gates.ts";
import { type Joining, type JoinScopes, joinScopes } from "./joining-scopes.ts";
import type { Look, Part, Procedure, Run, Step, Target } from "./procedure.ts";
import { held, released } from "./reset-parts.ts";
import { eachSite, everyNode } from "./scopes.ts";
import { check, safely } from "./site-commands.ts";
import { enterMaintenance, incomingServices, localService, returnPolicy } from "./site-parts.ts";

/** What an entrypoint would start of a site that is only half made. */
const daemons = ["cluster", "manager", "connector"] as const;

const othersOnline = ({ others, running, onOthers }: JoinScopes, { passive }: Joining): Step => ({
  n: 4,
  id: "SeeOthersOnline",
  title: "See that all replicators of the sites that are there are online",
  condition: "OthersOnline",
  undo: "Nothing to undo.",
  parts: [
    { ...localService(others), vendor: "trepctl online; trepctl services" },
    ...(passive === undefined ? [incomingServices("cluster", running)] : []),
    {
      what: "every datasource of theirs is ONLINE by the managers' word",
      on: onOthers,
      run: [],
      done: noDatasourceOut,
      stallSeconds: 600,
    },
  ],
});

const proveStep = (about: Joining, { others, reading, fresh }: JoinScopes): Step => ({
  n: 2,
  id: "ProveCopy",
  title: "Prove that no row will be missed or doubled",
  condition: "CopyProven",
  undo: "Nothing to undo.",
  parts: [
    {
      what: "no other site holds a position of the new one: each will begin with its first event",
      on: others,
      run: [],
      done: gates.noPositionOf(about.site),
    },
    {
      what: "the new site's own log is new",
      on: fresh,
      run: [],
      done: gates.ownLogNew,
    },
    {
      what: "on every new node the copy stands at an event of every other site's log; keep where",
      on: reading,
      run: [],
      done: gates.copyStands,
      record: gates.copyRecord,
    },
  ],
});

const holdStep = ({ fresh }: JoinScopes): Step => ({
  n: 5,
  id: "HoldNewSite",
  title: "Hold everything on the new nodes",
  condition: "NewSiteHeld",
  undo: "Remove the holds.",
  parts: daemons.map((name) => held(name, fresh)),
});

const readersOn = ({ reading }: JoinScopes, { node }: Target, run: Run): readonly Target[] =>
  reading(run).filter((reader) => reader.node.name === node.name);

/** The first time the script looks once more that each row stands where it was proven: services begin behind it. */
const startReplicator = (scopes: JoinScopes): Part => {
  const here = (target: Target, look: Look) => readersOn(scopes, target, look.run);
  return {
    what: "start the replicator: it reads every site from where the copy stands",
    vendor: "startall",
    on: scopes.fresh,
    run: [
      {
        when: "every row stands where it was proven",
        holds: gates.rowsAsProven(here, true),
        effect: (target, run) =>
          safely(target.node, ["replicator", "cluster", "start"], {
            deadlineSeconds: 180,
            prechecks: readersOn(scopes, target, run).map((reader) =>
              check("tracking-is", trackingSchema(sourceOf(reader)), ...gates.proven(run.kept, reader)),
            ),
          }),
      },
      {
        when: "its services have begun already",
        holds: gates.rowsAsProven(here, false),
        effect: act.replicator("cluster", "start"),
      },
    ],
    done: go.processRuns("cluster"),
    tries: 20,
  };
};

const startStep = (scopes: JoinScopes): Step => ({
  n: 9,
  id: "StartReplication",
  title: "Start replicators and managers of the new site",
  condition: "ReplicationStarted",
  undo: "stopall on every node of the new site.",
  parts: [
    released("cluster", scopes.fresh),
    startReplicator(scopes),
    released("manager", scopes.fresh),
    {
      what: "start the managers",
      vendor: "startall",
      on: scopes.fresh,
      run: [{ when: "it is stopped", effect: act.manager("start") }],
      done: managerIs("running"),
      settleSeconds: 30,
      stallSeconds: 600,
    },
    ...enterMaintenance(scopes.onFresh).parts,
    localService(scopes.fresh),
  ],
});

const catchUpStep = ({ reading, freshPrimary }: JoinScopes): Step => ({
  n: 11,
  id: "CatchUp",
  title: "Wait until the new site has caught up",
  condition: "CaughtUp",
  undo: "Nothing to undo.",
  parts: [
    {
      what: "every service has applied what was written since the copy",
      on: reading,
      run: [],
      done: gates.caughtUpWith,
      stallSeconds: 24 * 3600,
    },
    {
      what: "its own log begins with its first event",
      on: freshPrimary,
      run: [],
      done: gates.ownLogNew,
    },
  ],
});

const openStep = ({ fresh }: JoinScopes): Step => ({
  n: 12,
  id: "OpenConnectors",
  title: "Start the connectors of the new site",
  condition: "ConnectorsOpened",
  undo: "connector stop on every node of the new site.",
  parts: [
    released("connector", fresh),
    {
      what: "replicator, manager and connector run, and each database has its role",
      vendor: "startall",
      on: fresh,
      run: [{ when: "something does not run", effect: act.startAll }],
      done: everythingRuns,
      settleSeconds: 30,
      stallSeconds: 600,
    },
  ],
});

/** Between the two ends that both types have in common. */
function stepsOf(about: Joining, scopes: JoinScopes): readonly Step[] {
  const form = about.passive === undefined ? "CAA" : "CAP";
  return [
    keysStep(scopes.narrow),
    ...(about.passive === undefined ? [proveStep(about, scopes)] : []),
    enterMaintenance(scopes.onOthers),
    othersOnline(scopes, about),
    holdStep(scopes),
    publishStep({ kind: "CAA" }, scopes.fresh, 6),
    accountsStep(scopes.fresh),
    installStep(scopes.fresh, "CAA"),
    ...(about.passive === undefined
      ? [startStep(scopes), crossingStep(scopes.narrow), catchUpStep(scopes), openStep(scopes)]
      : passiveSteps(scopes, about.passive)),
    compositeStep(scopes.narrow, form, "MAINTENANCE"),
    returnPolicy(14, {
      onSite: eachSite,
      nodes: everyNode,
      readers: about.passive === undefined ? scopes.afterwards : () => [],
      product: "cluster",
    }),
  ];
}

/** Nothing is installed at the new site yet: the others never heard of it, and what its own text says no product has read. */
const wayBack = ({ onOthers, others, running, fresh }: JoinScopes, { passive }: Joining): readonly Step[] => [
  returnPolicy(1, {
    onSite: onOthers,
    nodes: others,
    readers: passive === undefined ? running : () => [],
    product: "cluster",
  }),
  {
    n: 2,
    id: "ReleaseNewSite",
    title: "Release what is held on the new nodes",
    condition: "NewSiteReleased",
    undo: "Nothing to undo.",
    parts: daemons.map((name) => released(name, fresh)),
  },
];

/** The way of one new site into a composite; back again for one that is named no more before anything is installed there. */
export function joinComposite(about: Joining): Procedure {
  const scopes = joinScopes(about.site);
  const steps = stepsOf(about, scopes);
  return {
    name: "JoinComposite",
    revision: 3,
    source:
      "Tungsten documentation, Deploying a Composite Active/Passive Cluster, Adding a remote Composite Cluster",
    accepts: [],
    holds: [],
    pins: () => ({ unknown: "a site that joins pins what its TungstenCluster says" }),
    steps: steps.map((step, index) => ({ ...step, n: index + 1 })),
    abortUntil: { step: "CompareKeys", part: 0 },
    revert: wayBack(scopes, about),
    revertUntil: { step: "InstallCluster", part: 1 },
    interruptions: () => [],
    budgets: [],
  };
}
