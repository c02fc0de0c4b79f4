/**
 * Take replicas out of an installed site (vendor's outline, tungsten-cli §11.6: out of the active service, then out of the ini
 * by tpm update). Asked for by a lower spec.nodes: the highest ordinals go. Their pods stay until every site has been told,
 * their volumes for longer. The estate is the one that is wanted: it no longer holds the nodes that leave.
 */
import { isPassive, type Node } from "../topology/estate.ts";
import { datasourceCommand } from "../tungsten/cctrl.ts";
import type { Product } from "../tungsten/invocation.ts";
import { clusterView, connectorProcess, installed, managerProcess } from "../tungsten/node-facts.ts";
import { promoteStep, publishStep, type SiteChange, updateNode } from "./apply-configuration.ts";
import * as act from "./conversion-commands.ts";
import * as go from "./conversion-services.ts";
import { heldByRun } from "./guards.ts";
import { otherEnds, othersServe, viewsOf } from "./out-of-service.ts";
import type { Guard, Judgement, Part, Procedure, Step, Target } from "./procedure.ts";
import { type Holdable, hold } from "./reset-commands.ts";
import { eachLinkedReader, eachSite, everyNode, pinnedPrimary } from "./scopes.ts";
import { check, safely } from "./site-commands.ts";
import { enterMaintenance, maintenanceStays, of, returnPolicy, type Scope } from "./site-parts.ts";
import { done, doneIf, every, knowing } from "./verdicts.ts";

/** Which site, and who leaves it; `nodes` are those that stay, the primary last. */
export type Removal = SiteChange & { readonly leaving: readonly Node[] };

const leavers =
  ({ site: name, leaving }: Removal): Scope =>
  (run) => {
    const site = run.estate.sites.find((each) => each.name === name);
    return site === undefined ? [] : leaving.map((node) => ({ id: node.name, node, site }));
  };

/** SHUNNED by every manager that lists it still: where a walk begins anew some run from a text without it. Or listed by none. */
const takenOut: Judgement = (target, look) => {
  const { site, node } = target;
  const listed = viewsOf(site, look).flatMap(({ datasources }) =>
    datasources.filter(({ name }) => name === node.name),
  );
  return listed.length === 0
    ? notListed(target, look)
    : doneIf(
        listed.every(({ state }) => state.startsWith("SHUNNED")),
        `the datasource ${node.name} is not SHUNNED`,
      );
};

/** Every node that stays tells its datasources, and this one is not among them. */
const notListed: Judgement = ({ site, node: { name } }, look) =>
  every(
    site.nodes
      .filter((node) => !node.witness)
      .map((node) =>
        knowing(look.facts.get(node.name, clusterView), `cctrl of ${node.name}`, ({ datasources }) =>
          doneIf(
            !datasources.some((source) => source.name === name),
            `cctrl of ${node.name} still lists ${name}, which no ini names any more: take it out there as the vendor's page for your release says`,
          ),
        ),
      ),
  );

/** A node that was only about to join may lack the product. */
const absentOr =
  (product: Product, judge: Judgement): Judgement =>
  (target, look) =>
    knowing(
      look.facts.get(target.node.name, installed(product)),
      `the ${product} product on ${target.node.name}`,
      (is) => (is === null ? done : judge(target, look)),
    );

export const daemonStopped =
  (name: "manager" | "connector"): Judgement =>
  ({ node }, look) =>
    knowing(
      look.facts.get(node.name, name === "manager" ? managerProcess : connectorProcess),
      `the ${name} of ${node.name}`,
      (state) => doneIf(state === "stopped", `the ${name} of ${node.name} is not stopped`),
    );

/** From the primary: the manager of the node that leaves need not answer. */
const shun = (target: Target, run: Parameters<Scope>[0]) => {
  const { argv, stdin } = datasourceCommand(target.node.name, ["shun"]);
  return safely(pinnedPrimary(run, target.site), argv, {
    stdin,
    deadlineSeconds: 180,
    prechecks: [
      check("policy-is", "MAINTENANCE"),
      check("writable", isPassive(run.estate, target.site.name) ? "no" : "yes"),
    ],
  });
};

export const held = (name: Holdable, on: Scope): Part => ({
  what: `hold the ${name}: a restarting pod shall not start it again`,
  on,
  run: [{ when: "it is not held", effect: hold(name) }],
  done: heldByRun(name, true),
  stallSeconds: 600,
});

export const stopped = (product: Product, on: Scope): readonly Part[] => [
  held(product, on),
  {
    what: `stop the ${product === "cluster" ? "cluster's" : "cross-site"} replicator of the node`,
    vendor: product === "cluster" ? "replicator stop" : "mm_replicator stop",
    on,
    guards: [maintenanceStays],
    run: [{ when: "it runs", effect: act.replicator(product, "stop") }],
    done: absentOr(product, go.processStopped(product)),
  },
];

export const stoppedDaemon = (name: "manager" | "connector", on: Scope): readonly Part[] => [
  held(name, on),
  {
    what: `stop its ${name}`,
    vendor: `${name} stop`,
    on,
    guards: [maintenanceStays],
    run: [
      { when: "it runs", effect: (target) => safely(target.node, [name, "stop"], { deadlineSeconds: 180 }) },
    ],
    done: absentOr("cluster", daemonStopped(name)),
  },
];

const takeOutStep = (about: Removal, on: Scope): Step => ({
  n: 2,
  id: "TakeNodesOut",
  title: "Take the nodes out of service, and stop them",
  condition: "NodesTakenOut",
  undo: "Nothing is undone by itself: raise spec.nodes once it is over.",
  parts: [
    held("connector", on),
    {
      what: "shun the datasource: no client reads from it",
      vendor: "cctrl> datasource NODE shun",
      on,
      guards: [maintenanceStays, stillServed],
      run: [{ when: "it is in service", effect: shun }],
      done: takenOut,
    },
    ...(about.crossSite ? stopped("crossSite", on) : []),
    ...stopped("cluster", on),
    ...stoppedDaemon("connector", on),
    ...stoppedDaemon("manager", on),
  ],
});

/** All that stay are ONLINE, and the node that leaves is not the primary. */
const stillServed: Guard = {
  say: "every node that stays is ONLINE and not taken out, and none that leaves is the primary",
  objects: (target, look) => othersServe(target.node.name).objects(target, look),
};

const forgottenStep = (on: Scope, n: number): Step => ({
  n,
  id: "SeeNodesForgotten",
  title: "See that no manager knows them any more",
  condition: "NodesForgotten",
  undo: "Nothing to undo.",
  parts: [
    {
      what: "cctrl of every node that stays does not list them, and what they ran is stopped",
      on,
      run: [],
      done: (target, look) =>
        every([notListed(target, look), absentOr("cluster", go.processStopped("cluster"))(target, look)]),
      stallSeconds: 600,
    },
  ],
});

/** The way of nodes out of one site. */
export function removeNodes(about: Removal): Procedure {
  const onSite = of(eachSite, ({ site }) => site.name === about.site);
  const mine = of(everyNode, ({ site }) => site.name === about.site);
  const on = leavers(about);
  const end = 4 + about.nodes.length;
  return {
    name: "RemoveNodes",
    revision: 1,
    source:
      "Tungsten documentation, Shunning a datasource; The tpm update Command; as one outline in neither",
    accepts: [],
    holds: [],
    pins: () => ({ unknown: "a walk that takes nodes out pins what its TungstenCluster says" }),
    steps: [
      enterMaintenance(onSite),
      takeOutStep(about, on),
      publishStep(about, mine, 3),
      ...about.nodes.map((node, index) => updateNode(node, 4 + index, about)),
      forgottenStep(on, end),
      otherEnds(about, end + 1),
      returnPolicy(end + 2, {
        onSite,
        nodes: mine,
        readers: of(eachLinkedReader(about.kind), ({ site }) => site.name === about.site),
        product: about.kind === "MSAA" ? "crossSite" : "cluster",
      }),
      ...about.nodes.map((node, index) => promoteStep(node, end + 3 + index)),
    ],
    abortUntil: { step: "EnterMaintenance", part: 0 },
    revert: [],
    revertUntil: { step: "EnterMaintenance", part: 0 },
    interruptions: () => [],
    budgets: [],
  };
}
