/**
 * Add replicas to an installed site (vendor's outline, tungsten-cli §11.5: members= in every ini, MAINTENANCE, tpm install on
 * the new node, tpm update on the others, start, tprovision from a replica, AUTOMATIC). Asked for by a higher spec.nodes. A
 * new node serves nobody before it holds the data of a replica and stands in the primary's log: until then nothing of it
 * starts by itself, its connector is down and its datasource is SHUNNED.
 */
import type { Node } from "../topology/estate.ts";
import type { Product } from "../tungsten/invocation.ts";
import { provision } from "../tungsten/provision.ts";
import { offline } from "../tungsten/trepctl.ts";
import {
  everythingRuns,
  promoteStep,
  publishStep,
  type SiteChange,
  updateNode,
} from "./apply-configuration.ts";
import * as act from "./conversion-commands.ts";
import { optionsWritten } from "./conversion-options.ts";
import { noTpmAlive } from "./conversion-products.ts";
import * as go from "./conversion-services.ts";
import { donorServes } from "./donors.ts";
import { type FillingPart, firstFilling, seenEmptyKey } from "./first-filling.ts";
import type { FixParameters } from "./fix-names.ts";
import {
  crossSiteFromCopy,
  datasourceIs,
  datasourceOnline,
  followsPrimary,
  localAtRest,
  shunned,
  takenOut,
  provisionPart as takenOutParts,
} from "./fix-reprovision.ts";
import { heldByRun, managerIs } from "./guards.ts";
import { accountsMade, isInstalled, validated } from "./install-site.ts";
import { caughtUpSeconds, otherEnds } from "./out-of-service.ts";
import type { Alternative, Judgement, Part, Procedure, Step } from "./procedure.ts";
import { type Holdable, hold, release } from "./reset-commands.ts";
import { eachLinkedReader, eachSite, everyNode } from "./scopes.ts";
import { check, installFrom, safely } from "./site-commands.ts";
import { enterMaintenance, maintenanceStays, of, returnPolicy, type Scope } from "./site-parts.ts";
import { doneIf, every, pending } from "./verdicts.ts";

/** Which site, who joins it, and from whom they are filled. The estate is the one that is wanted: it holds the new nodes. */
export type Addition = SiteChange & {
  /** In the order of their ordinals; `nodes` are those that were there before. */
  readonly added: readonly Node[];
  /** A replica, or the primary where the site has no other node. */
  readonly donor: string;
  readonly dataservice: string;
};

/** Under which a ledger keeps that a node was filled and serves; a walk that begins anew does not fill it once more. */
export const filledKey = (node: string): string => `filled.${node}`;

/** What an entrypoint would start of a node that is only half made. */
const daemons = ({ crossSite }: Addition): readonly Holdable[] => [
  "cluster",
  ...(crossSite ? (["crossSite"] as const) : []),
  "manager",
  "connector",
];

const isAdded = ({ added }: Addition, name: string): boolean => added.some((node) => node.name === name);

const holdStep = (about: Addition, on: Scope): Step => ({
  n: 2,
  id: "HoldNewNodes",
  title: "Hold everything on the new nodes",
  condition: "NewNodesHeld",
  undo: "Put spec.nodes back: the nodes are taken out again.",
  parts: daemons(about).map((name) => ({
    what: `hold the ${name}: a restarting pod shall not start it over an empty database`,
    on,
    run: [{ when: "it is not held", effect: hold(name) }],
    done: heldByRun(name, true),
    stallSeconds: 600,
  })),
});

const installed = (product: Product, kind: string, on: Scope): readonly Part[] => [
  {
    what: `tpm validate of the ${product} product`,
    on,
    guards: [noTpmAlive],
    run: [{ when: "it has not passed", effect: act.validate(product) }],
    done: validated(product),
    tries: 20,
  },
  {
    what: `tpm install of the ${product} product; it starts nothing`,
    vendor: "tools/tpm install",
    on,
    guards: [noTpmAlive],
    run: [{ when: "it is not installed", effect: installFrom(product, kind) }],
    done: isInstalled(product),
    stallSeconds: 1800,
  },
];

const installStep = ({ kind, crossSite }: Addition, on: Scope): Step => ({
  n: 4,
  id: "InstallNewNodes",
  title: "Install Tungsten on the new nodes",
  condition: "NewNodesInstalled",
  undo: "Put spec.nodes back: the nodes are taken out again.",
  parts: [
    {
      what: "create the accounts in the empty database, without the binary log",
      on,
      run: [{ when: "one is missing", effect: act.makeAccounts }],
      done: accountsMade,
      stallSeconds: 600,
    },
    ...installed("cluster", kind, on),
    ...(kind === "CAA" ? [optionsWritten(on)] : []),
    ...(crossSite ? installed("crossSite", kind, on) : []),
  ],
});

/** As FixReplication's parts want it: the node's own service, the one node. */
const mending = ({ site, dataservice, donor }: Addition, node: Node): FixParameters => ({
  site,
  service: dataservice,
  nodes: [node.name],
  reason: "",
  action: { is: "Reprovision", donor, method: "xtrabackup" },
});

/**
 * Shunned, and nothing applies there. A walk that begins anew behind the copy finds what the first one had started, the
 * second replicator among it, and it must not write into the next copy.
 */
const atRest = (fix: FixParameters): readonly Part[] =>
  takenOut(fix).map((part) => ({ ...part, guards: [maintenanceStays] }));

const remediesOf = (dataservice: string): readonly Alternative[] => [
  {
    when: "its replicator is stopped",
    holds: go.processStopped("cluster"),
    effect: act.replicator("cluster", "start-offline"),
  },
  {
    when: "its service is not at rest",
    effect: (target) => safely(target.node, offline("cluster", dataservice)),
  },
];

const filling = (about: Addition, fix: FixParameters) =>
  firstFilling({
    when: "it is SHUNNED, its service OFFLINE:NORMAL",
    looks: "no-tables",
    ready: (target, look) => every([datasourceIs(fix, shunned)(target, look), localAtRest(target, look)]),
    tool: (target, _run, prechecks) =>
      safely(target.node, provision(about.donor, "xtrabackup", false), {
        deadlineSeconds: 24 * 3600,
        prechecks: [
          check("policy-is", "MAINTENANCE"),
          check("shunned", target.node.name),
          check("state-is", "cluster", about.dataservice, "OFFLINE:NORMAL"),
          check("no-tpm"),
          ...prechecks,
        ],
      }),
    remedies: remediesOf(about.dataservice),
  });

/** In each new node's step, behind the start of replicator and manager and the taking out. */
export const nodeFilling: FillingPart = {
  steps: /^ProvisionNode\d+$/,
  part: 2 + takenOutParts,
  remedies: remediesOf("").length,
};

/** A walk that begins anew behind it fills the node once more: what it holds then is a copy. */
const provisionPart = (about: Addition, fix: FixParameters, on: Scope): Part => ({
  what: `provision the node from ${about.donor}: data, and the positions of every other site with them`,
  vendor: `tprovision -s ${about.donor} -m xtrabackup`,
  on,
  guards: [maintenanceStays, ...filling(about, fix).guards, donorServes(() => about.donor)],
  run: filling(about, fix).run,
  done: filled(about, fix),
  record: ({ node }) => ({ [seenEmptyKey(node.name)]: "true" }),
  settleSeconds: 60,
  tries: 10,
  stallSeconds: 24 * 3600,
});

/** The last command was the provision, and it has taken the datasource back. */
const filled =
  (about: Addition, fix: FixParameters): Judgement =>
  (target, look) =>
    every([
      filling(about, fix).endedWell("tprovision")(target, look),
      datasourceIs(fix, (state) => !shunned(state) && state !== "not listed")(target, look),
    ]);

const caughtUp =
  ({ dataservice }: Addition): Judgement =>
  (target, look) => {
    const status = go.serviceStatus("cluster", dataservice, target, look);
    if (typeof status === "string") return pending(status);
    const { state, appliedLatencySeconds: behind } = status;
    return doneIf(
      state === "ONLINE" && behind !== null && behind <= caughtUpSeconds,
      `${target.node.name} is ${behind ?? "an unknown number of"} seconds behind`,
    );
  };

/** What stood in the way of a half-made node goes, and its connector takes clients. */
const opened = (about: Addition, on: Scope): readonly Part[] => [
  ...daemons(about)
    .filter((name) => name !== "crossSite")
    .map(
      (name): Part => ({
        what: `release the hold on the ${name}`,
        on,
        run: [{ when: "it is held", effect: release(name) }],
        done: heldByRun(name, false),
      }),
    ),
  {
    what: "start its connector: replicator, manager and connector run, and the database is read-only",
    vendor: "startall",
    on,
    run: [{ when: "something does not run", effect: act.startAll }],
    done: everythingRuns,
    settleSeconds: 30,
    stallSeconds: 600,
    record: ({ node }) => ({ [filledKey(node.name)]: "true" }),
  },
];

function provisionStep(about: Addition, node: Node, n: number): Step {
  const on = of(everyNode, (target) => target.node.name === node.name);
  const fix = mending(about, node);
  return {
    n,
    id: `ProvisionNode${node.ordinal}`,
    title: `Fill ${node.name} from ${about.donor}, and let it serve`,
    condition: `Node${node.ordinal}InService`,
    undo: "Put spec.nodes back: the node is taken out again.",
    parts: [
      {
        what: "start its replicator offline",
        vendor: "replicator start offline",
        on,
        run: [{ when: "it is stopped", effect: act.replicator("cluster", "start-offline") }],
        done: go.processRuns("cluster"),
      },
      {
        what: "start its manager: the others see the node",
        vendor: "manager start",
        on,
        guards: [maintenanceStays],
        run: [{ when: "it is stopped", effect: act.manager("start") }],
        done: managerIs("running"),
        settleSeconds: 30,
        stallSeconds: 600,
      },
      ...atRest(fix),
      provisionPart(about, fix, on),
      followsPrimary(fix),
      { what: "it has caught up with the primary", on, run: [], done: caughtUp(about), stallSeconds: 3600 },
      ...crossSiteFromCopy(fix),
      datasourceOnline(fix),
      ...opened(about, on),
    ],
  };
}

/** The way of new nodes into one site. */
export function addNodes(about: Addition): Procedure {
  const onSite = of(eachSite, ({ site }) => site.name === about.site);
  const mine = of(everyNode, ({ site }) => site.name === about.site);
  const fresh = of(everyNode, ({ node }) => isAdded(about, node.name));
  const old = about.nodes.length;
  const end = 5 + old + about.added.length;
  return {
    name: "AddNodes",
    revision: 4,
    source:
      "Tungsten documentation, The tpm update Command; The tprovision Script; as one outline in neither",
    accepts: [],
    holds: [],
    pins: () => ({ unknown: "a walk that adds nodes pins what its TungstenCluster says" }),
    steps: [
      enterMaintenance(onSite, (node) => !isAdded(about, node.name)),
      holdStep(about, fresh),
      publishStep(about, mine, 3),
      installStep(about, fresh),
      ...about.nodes.map((node, index) => updateNode(node, 5 + index, about)),
      ...about.added.map((node, index) => provisionStep(about, node, 5 + old + index)),
      otherEnds(about, end),
      returnPolicy(end + 1, {
        onSite,
        nodes: mine,
        readers: of(eachLinkedReader(about.kind), ({ site }) => site.name === about.site),
        product: about.kind === "MSAA" ? "crossSite" : "cluster",
      }),
      ...about.nodes.map((node, index) => promoteStep(node, end + 2 + index)),
    ],
    abortUntil: { step: "EnterMaintenance", part: 0 },
    revert: [],
    revertUntil: { step: "EnterMaintenance", part: 0 },
    interruptions: () => [],
    budgets: [],
  };
}
