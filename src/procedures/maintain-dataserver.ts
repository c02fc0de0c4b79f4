/**
 * Restart the nodes of one site for a changed my.cnf, image or resources (deploy-msaa, Dataserver maintenance): shun a
 * replica, restart its database or make its pod anew, recover, one after the other; then switch, so that the old primary
 * can be taken the same way; bring the cross-site services back at both ends. Asked for by the TungstenCluster's spec.
 * Each part looks first, so that a node that runs as wanted is left alone.
 */
import type { Node } from "../topology/estate.ts";
import type { Product } from "../tungsten/invocation.ts";
import { dataserver } from "../tungsten/node-facts.ts";
import * as go from "./conversion-services.ts";
import {
  broughtBack,
  either,
  isOnline,
  otherEnds,
  othersServe,
  primaryIs,
  takenOut,
} from "./out-of-service.ts";
import { podIsCurrent, renewPod } from "./pod-parts.ts";
import type { Guard, Judgement, Procedure, Step, Target } from "./procedure.ts";
import { eachLinkedReader, eachSite, everyNode } from "./scopes.ts";
import * as change from "./site-commands.ts";
import {
  enterMaintenance,
  incomingServices,
  localService,
  maintenanceStays,
  of,
  returnPolicy,
  type Scope,
} from "./site-parts.ts";
import { doneIf, every, knowing, pending } from "./verdicts.ts";

export type Maintenance = {
  readonly site: string;
  /** The replicas, in the order they are taken. */
  readonly replicas: readonly Node[];
  /** The primary when the walk began. */
  readonly primary: Node;
  /** The replica that becomes the primary meanwhile. */
  readonly next: Node;
  /** Becomes the primary again at the end; undefined where the spec does not ask for that. */
  readonly home: Node | undefined;
  readonly kind: "MSAA" | "CAA";
  /** Checksum of each node's wanted my.cnf. */
  readonly wanted: Readonly<Record<string, string>>;
  /** What each pod is to be made from, as its node tells it. */
  readonly pod: string;
};

/** The database of this node was started with the wanted file; the mount may lag behind the ConfigMap by a minute. */
const startedWithWanted =
  ({ wanted }: Maintenance, node: Node): Judgement =>
  (_target, look) =>
    knowing(look.facts.get(node.name, dataserver), `the my.cnf of ${node.name}`, ({ mounted, started }) => {
      if (mounted !== wanted[node.name])
        return pending(`${node.name} has not been given the wanted my.cnf yet`);
      return doneIf(started, `the database of ${node.name} was not started with the wanted my.cnf yet`);
    });

/** Nothing is to be done here. */
const current =
  (about: Maintenance, node: Node): Judgement =>
  (target, look) =>
    every([podIsCurrent(node, about.pod)(target, look), startedWithWanted(about, node)(target, look)]);

/** Shun, restart or make anew, recover: nothing of it where the node runs as wanted already. */
function nodeStep(about: Maintenance, node: Node, n: number): Step {
  const here = (scope: Scope) => of(scope, (target) => target.node.name === node.name);
  const on = here(everyNode);
  const isCurrent = current(about, node);
  const product: Product = about.kind === "MSAA" ? "crossSite" : "cluster";
  return {
    n,
    id: `MaintainNode${node.ordinal}`,
    title: `Restart ${node.name}`,
    condition: `Node${node.ordinal}Maintained`,
    undo: "datasource HOST recover in cctrl, if it is SHUNNED.",
    parts: [
      {
        what: "its my.cnf has reached the node",
        on,
        run: [],
        done: (_target, look) =>
          knowing(look.facts.get(node.name, dataserver), `the my.cnf of ${node.name}`, ({ mounted }) =>
            doneIf(
              mounted === about.wanted[node.name],
              `${node.name} has not been given the wanted my.cnf yet; the kubelet brings it within about a minute`,
            ),
          ),
      },
      takenOut(node, on, isCurrent, "it is to be restarted and in service"),
      ...renewPod(node, about.pod, { on, guards: [maintenanceStays, othersServe(node.name)] }),
      {
        what: "restart the database with the wanted my.cnf",
        vendor: "cctrl> service HOST/mysql restart",
        on,
        guards: [maintenanceStays, othersServe(node.name)],
        run: [{ when: "it was started with another one", effect: change.restartDataserver }],
        done: startedWithWanted(about, node),
        settleSeconds: 30,
        stallSeconds: 1800,
      },
      ...broughtBack(node, on),
      incomingServices(product, here(eachLinkedReader(about.kind))),
    ],
  };
}

const switchStep = (about: Maintenance, to: Node, n: number, id: string, unless: Judgement): Step => {
  const onSite = of(eachSite, ({ site }) => site.name === about.site);
  const nodes = of(everyNode, ({ site }) => site.name === about.site);
  return {
    n,
    id,
    title: `Switch: ${to.name} becomes the primary`,
    condition: id === "SwitchAway" ? "SwitchedAway" : "SwitchedBack",
    undo: "switch to NODE in cctrl.",
    parts: [
      {
        what: `${to.name} becomes the primary; its managers close the former one first`,
        vendor: "cctrl> switch",
        on: onSite,
        guards: [maintenanceStays, everybodyServes],
        run: [
          {
            when: "another node is the primary",
            effect: (target, run, attempt) => change.switchTo({ ...target, node: to }, run, attempt),
          },
        ],
        done: either(unless, primaryIs(to)),
        settleSeconds: 30,
      },
      localService(nodes),
    ],
  };
};

/** Every node of the site is ONLINE: a switch needs them, and goes back without them. */
const everybodyServes: Guard = {
  say: "every datasource and service of the site is ONLINE",
  objects: ({ site }, look) => {
    const nodes = site.nodes.filter((node) => !node.witness);
    const verdict = every([
      ...nodes.map((node) => isOnline(node.name)({ id: node.name, node, site }, look)),
      ...nodes.map((node) => go.localServiceOnline({ id: node.name, node, site }, look)),
    ]);
    return "why" in verdict ? verdict.why : undefined;
  },
};

/** The restart of one site's databases, the primary's last. */
export function maintainDataserver(about: Maintenance): Procedure {
  const { primary, next, replicas, home } = about;
  const onSite = of(eachSite, ({ site }) => site.name === about.site);
  const mine = ({ site }: Target) => site.name === about.site;
  const back = home === undefined ? 0 : 1;
  const count = replicas.length;
  const never: Judgement = () => pending("");
  return {
    name: "MaintainDataserver",
    revision: 2,
    source: "Tungsten documentation, Deploying Multi-Site/Active-Active Clustering, Dataserver maintenance",
    accepts: [],
    holds: [],
    pins: () => ({ unknown: "a maintenance pins what its TungstenCluster says" }),
    steps: [
      enterMaintenance(onSite),
      ...replicas.map((node, index) => nodeStep(about, node, index + 2)),
      switchStep(about, next, count + 2, "SwitchAway", current(about, primary)),
      nodeStep(about, primary, count + 3),
      ...(home === undefined ? [] : [switchStep(about, home, count + 4, "SwitchBack", never)]),
      otherEnds(about, count + 4 + back),
      returnPolicy(count + 5 + back, {
        onSite,
        nodes: of(everyNode, mine),
        readers: of(eachLinkedReader(about.kind), mine),
        product: about.kind === "MSAA" ? "crossSite" : "cluster",
      }),
    ],
    abortUntil: { step: "EnterMaintenance", part: 0 },
    revert: [],
    revertUntil: { step: "EnterMaintenance", part: 0 },
    interruptions: () => [],
    budgets: [],
  };
}
