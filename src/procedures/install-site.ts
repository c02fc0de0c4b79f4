/**
 * Install one site: the cluster product on every node and, where CrossSiteLinks lead here, the second product
 * (deploy-msaa: validate, install, start; install the replicator package the same way). A member of a composite waits for
 * the others between install and start (deploy-cap). Asked for by the TungstenCluster.
 */
import type { InstallForm } from "../topology/estate.ts";
import type { Product } from "../tungsten/invocation.ts";
import { accounts, installed, services } from "../tungsten/node-facts.ts";
import * as act from "./conversion-commands.ts";
import { sourceOf } from "./conversion-names.ts";
import { optionsWritten } from "./conversion-options.ts";
import * as products from "./conversion-products.ts";
import * as go from "./conversion-services.ts";
import { connectorRuns, endedWell, iniPublished, managerIs } from "./guards.ts";
import { activeStep, compositeStep, crossingStep, keysStep, othersStep } from "./install-composite.ts";
import type { Judgement, Part, Procedure, Run, Step, Target } from "./procedure.ts";
import {
  eachLinkedReader,
  eachPrimary,
  eachReader,
  eachReaderOnPrimaries,
  eachReplica,
  everyNode,
  pinnedPrimary,
} from "./scopes.ts";
import { doneIf, every, knowing } from "./verdicts.ts";
import { beginsWhole } from "./whole-history.ts";

type Scope = (run: Run) => readonly Target[];

export const isInstalled =
  (product: Product): Judgement =>
  (target, look) =>
    knowing(
      look.facts.get(target.node.name, installed(product)),
      `the ${product} product on ${target.node.name}`,
      (is) => doneIf(is !== null, `the ${product} product is not installed on ${target.node.name}`),
    );

/** tpm's exit code is its verdict on a validation; on a host that is installed already there is nothing to validate. */
export const validated =
  (product: Product): Judgement =>
  (target, look) => {
    const is = isInstalled(product)(target, look);
    return is.is === "done" ? is : endedWell("tpm validate")(target, look);
  };

const everythingRuns: Judgement = (target, look) =>
  every([
    go.processRuns("cluster")(target, look),
    managerIs("running")(target, look),
    connectorRuns(target, look),
    go.localServiceOnline(target, look),
  ]);

export const accountsMade: Judgement = (target, look) =>
  knowing(look.facts.get(target.node.name, accounts), `the accounts on ${target.node.name}`, (are) =>
    doneIf(are === "present", `an account is missing on ${target.node.name}`),
  );

/** The source's own service is ONLINE on its primary: before that there is nothing to read. */
const sourceReady: Judgement = (target, look) => {
  const source = sourceOf(target);
  const primary = pinnedPrimary(look.run, source);
  return knowing(
    look.facts.get(primary.name, services("cluster")),
    `the services of ${primary.name}`,
    (all) =>
      doneIf(
        all !== "down" &&
          all.some(({ service, state }) => service === source.dataservice && state === "ONLINE"),
        `${source.name} is not replicating yet`,
      ),
  );
};

const publishStep = (nodes: Scope, kind: "MSAA" | "CAA"): Step => ({
  n: 1,
  id: "PublishConfiguration",
  title: "Write the configuration",
  condition: "ConfigurationPublished",
  undo: "Nothing to undo.",
  parts: [
    {
      what: "write /etc/tungsten/tungsten.ini",
      on: nodes,
      run: [{ when: "another text is published", effect: act.publishIni(kind) }],
      done: iniPublished(kind),
    },
  ],
});

export const accountsStep = (nodes: Scope): Step => ({
  n: 2,
  id: "MakeAccounts",
  title: "Create the accounts in the database",
  condition: "AccountsMade",
  undo: "Nothing to undo: accounts stay.",
  parts: [
    {
      what: "create the replication and the application account, without the binary log",
      on: nodes,
      run: [{ when: "one is missing", effect: act.makeAccounts }],
      done: accountsMade,
      stallSeconds: 600,
    },
  ],
});

export const installStep = (nodes: Scope, kind: "MSAA" | "CAA"): Step => ({
  n: 3,
  id: "InstallCluster",
  title: "Validate and install the cluster product",
  condition: "ClusterInstalled",
  undo: "Uninstall by hand: tools/tpm uninstall --i-am-sure.",
  parts: [
    {
      what: "tpm validate",
      on: nodes,
      guards: [products.noTpmAlive],
      run: [{ when: "it has not passed", effect: act.validate("cluster") }],
      done: validated("cluster"),
      tries: 100,
    },
    {
      what: "tpm install",
      on: nodes,
      guards: [products.noTpmAlive],
      run: [{ when: "it is not installed", effect: act.install("cluster", kind) }],
      done: isInstalled("cluster"),
      stallSeconds: 1800,
    },
    ...(kind === "CAA" ? [optionsWritten(nodes)] : []),
  ],
});

const startStep = (nodes: Scope): Step => ({
  n: 4,
  id: "StartCluster",
  title: "Start replicator, manager and connector",
  condition: "ClusterStarted",
  undo: "stopall on every node.",
  parts: [
    {
      what: "startall, and see every component run",
      on: nodes,
      run: [{ when: "something does not run", effect: act.startAll }],
      done: everythingRuns,
      settleSeconds: 30,
      stallSeconds: 600,
    },
  ],
});

const crossSiteSteps = (of: (scope: Scope) => Scope, remedies: Part["run"]): readonly Step[] => [
  {
    n: 5,
    id: "InstallCrossSite",
    title: "Validate and install the cross-site replicator",
    condition: "CrossSiteInstalled",
    undo: "Uninstall by hand from /opt/replicator/tungsten.",
    parts: [
      {
        what: "wait for the sites it reads",
        on: of(eachReaderOnPrimaries),
        run: [],
        done: sourceReady,
        stallSeconds: 900,
      },
      {
        what: "each source's log still holds all that this site lacks",
        on: of(eachLinkedReader("MSAA")),
        run: [],
        done: beginsWhole,
        stallSeconds: 900,
      },
      {
        what: "tpm validate",
        on: of(everyNode),
        guards: [products.noTpmAlive],
        run: [{ when: "it has not passed", effect: act.validate("crossSite") }],
        done: validated("crossSite"),
        tries: 100,
      },
      {
        what: "tpm install",
        on: of(everyNode),
        guards: [products.noTpmAlive],
        run: [{ when: "it is not installed", effect: act.install("crossSite") }],
        done: isInstalled("crossSite"),
        stallSeconds: 1800,
      },
    ],
  },
  {
    n: 6,
    id: "StartCrossSite",
    title: "Start the cross-site replicators, the primary's first",
    condition: "CrossSiteStarted",
    undo: "mm_replicator stop on every node.",
    parts: [
      {
        what: "start it on the primary",
        on: of(eachPrimary),
        run: [{ when: "it is stopped", effect: act.replicator("crossSite", "start") }],
        done: go.processRuns("crossSite"),
      },
      {
        what: "its services are ONLINE and their logs hold an event",
        on: of(eachReaderOnPrimaries),
        run: [
          ...remedies,
          { when: "ONLINE with an empty log", holds: go.incomingOnline("crossSite"), effect: act.wake },
        ],
        done: go.incomingLogBegun("crossSite"),
        tries: 20,
      },
      {
        what: "start it on the replicas",
        on: of(eachReplica),
        run: [{ when: "it is stopped", effect: act.replicator("crossSite", "start") }],
        done: go.processRuns("crossSite"),
      },
      {
        what: "every service is ONLINE",
        on: of(eachReader),
        run: remedies,
        done: go.incomingOnline("crossSite"),
        tries: 20,
      },
    ],
  },
];

const onlineRemedies: Part["run"] = [
  {
    when: "it is OFFLINE:NORMAL",
    holds: go.incomingIs("crossSite", "OFFLINE:NORMAL"),
    effect: act.incomingOnlineCommand("crossSite"),
  },
  {
    when: "a known error that plain online may mend",
    holds: go.errorNeedsPlainOnline("crossSite"),
    effect: act.incomingOnlineCommand("crossSite"),
  },
];

function stepsOf(nodes: Scope, of: (scope: Scope) => Scope, form: InstallForm): readonly Step[] {
  if (form === "CAA" || form === "CAP")
    return numbered([
      keysStep(of),
      publishStep(nodes, "CAA"),
      accountsStep(nodes),
      installStep(nodes, "CAA"),
      othersStep,
      ...(form === "CAP" ? [activeStep(of)] : []),
      startStep(nodes),
      ...(form === "CAA" ? [crossingStep(of)] : []),
      compositeStep(of, form),
    ]);
  const steps = [
    publishStep(nodes, "MSAA"),
    accountsStep(nodes),
    installStep(nodes, "MSAA"),
    startStep(nodes),
  ];
  return form === "Linked" ? [...steps, ...crossSiteSteps(of, onlineRemedies)] : steps;
}

const numbered = (steps: readonly Step[]): readonly Step[] =>
  steps.map((step, index) => ({ ...step, n: index + 1 }));

const sources: Readonly<Record<InstallForm, string>> = {
  Alone: "Deploying Standalone HA Clusters",
  Linked: "Deploying Multi-Site/Active-Active Clustering",
  CAA: "Deploying Composite Active/Active Clusters",
  CAP: "Deploying Composite Active/Passive Clustering",
};

/** The installation of one site in this form. */
export function installSite(siteName: string, form: InstallForm): Procedure {
  const of =
    (scope: Scope): Scope =>
    (run) =>
      scope(run).filter((target) => target.site.name === siteName);
  return {
    name: "InstallSite",
    revision: 2,
    source: `Tungsten documentation, ${sources[form]}`,
    accepts: [],
    holds: [],
    pins: () => ({ unknown: "an installation pins what its TungstenCluster says" }),
    steps: stepsOf(of(everyNode), of, form),
    abortUntil: { step: form === "CAA" || form === "CAP" ? "CompareKeys" : "PublishConfiguration", part: 0 },
    revert: [],
    revertUntil: { step: form === "CAA" || form === "CAP" ? "CompareKeys" : "PublishConfiguration", part: 0 },
    interruptions: () => [],
    budgets: [],
  };
}
