/**
 * Restart the nodes of one site for a changed my.cnf, image or resources (deploy-msaa, Dataserver maintenance): shun a
 * replica, restart its database or make its pod anew, recover, one after the other; then switch, so that the old primary
 * can be taken the same way; bring the cross-site services back at both ends. Asked for by the TungstenCluster's spec.
 * Each part looks first, so that a node that runs as wanted is left alone.
 */
import type { Node } from "../topology/estate.ts";
import type { Product } from "../tungsten/invocation.ts";
import { clusterView, dataserver, readOnly } from "../tungsten/node-facts.ts";
import * as go from "./conversion-services.ts";
import { podIsCurrent, renewPod } from "./pod-parts.ts";
import type { Guard, Judgement, Look, Procedure, Step, Target, Verdict } from "./procedure.ts";
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
import { done, doneIf, every, knowing, knownValue, pending } from "./verdicts.ts";

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

/** A replica that lags further behind than this is not let back. */
const caughtUpSeconds = 10;

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

/** Every node that answers shows this datasource so; somebody must answer. */
const shown =
  (site: Target["site"], name: string, fits: (state: string, role: string) => boolean, say: string) =>
  (look: Look): Verdict => {
    const views = site.nodes
      .filter((node) => !node.witness)
      .map((node) => knownValue(look.facts.get(node.name, clusterView)))
      .filter((view) => view !== undefined);
    if (views.length === 0) return pending(`no coordinator of ${site.name} tells its datasources`);
    const all = views.every((view) =>
      view.datasources.some((each) => each.name === name && fits(each.state, each.role)),
    );
    return doneIf(all, say);
  };

const isOnline =
  (name: string): Judgement =>
  ({ site }, look) =>
    shown(site, name, (state) => state === "ONLINE", `the datasource ${name} is not ONLINE`)(look);

const isOut =
  (name: string): Judgement =>
  ({ site }, look) =>
    shown(site, name, (state) => state.startsWith("SHUNNED"), `the datasource ${name} is not SHUNNED`)(look);

const isOffline =
  (name: string): Judgement =>
  ({ site }, look) =>
    shown(site, name, (state) => state === "OFFLINE", `the datasource ${name} is not OFFLINE`)(look);

/** By every manager that answers, and by what both databases admit. */
const primaryIs =
  (node: Node): Judgement =>
  ({ site }, look) =>
    every([
      shown(
        site,
        node.name,
        (state, role) => role === "master" && state === "ONLINE",
        `${node.name} is not the primary of ${site.name}`,
      )(look),
      knowing(look.facts.get(node.name, readOnly), `read_only of ${node.name}`, (is) =>
        doneIf(!is, `the database of ${node.name} is read-only`),
      ),
    ]);

/** Nobody else is out while this node is taken: the site never has less than all the others. */
const othersServe = (name: string): Guard => ({
  say: "every other node of the site is ONLINE and not taken out, and another one is the primary",
  objects: ({ site }, look) => {
    const others = site.nodes.filter((node) => !node.witness && node.name !== name);
    const verdict = every([
      ...others.map((node) => isOnline(node.name)({ id: node.name, node, site }, look)),
      ...others.map((node) => go.localServiceOnline({ id: node.name, node, site }, look)),
      shown(
        site,
        name,
        (_state, role) => role !== "master",
        `${name} is the primary of ${site.name}: it is not taken out`,
      )(look),
    ]);
    return "why" in verdict ? verdict.why : undefined;
  },
});

/** ONLINE by the managers, read-only, and not far behind. */
const servesAgain =
  (node: Node): Judgement =>
  (target, look) => {
    const status = go.serviceStatus("cluster", target.site.dataservice, target, look);
    const behind =
      typeof status === "string"
        ? pending(status)
        : doneIf(
            status.appliedLatencySeconds !== null && status.appliedLatencySeconds <= caughtUpSeconds,
            `${node.name} is ${status.appliedLatencySeconds ?? "an unknown number of"} seconds behind`,
          );
    return every([
      isOnline(node.name)(target, look),
      knowing(look.facts.get(node.name, readOnly), `read_only of ${node.name}`, (is) =>
        doneIf(is, `the database of ${node.name} is writable`),
      ),
      behind,
    ]);
  };

const either =
  (first: Judgement, second: Judgement): Judgement =>
  (target, look) => {
    const verdicts = [first(target, look), second(target, look)];
    return verdicts.find(({ is }) => is === "done") ?? verdicts[1] ?? done;
  };

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
      {
        what: "take the replica out: no client reads from it",
        vendor: "cctrl> datasource HOST shun",
        on,
        guards: [maintenanceStays, othersServe(node.name)],
        run: [{ when: "it is to be restarted and in service", effect: change.datasource("shun") }],
        done: either(isCurrent, isOut(node.name)),
      },
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
      {
        what: "bring the replica back: its replicator follows the primary, its database is read-only",
        vendor: "cctrl> datasource HOST recover",
        on,
        guards: [maintenanceStays],
        run: [
          { when: "it is SHUNNED", holds: isOut(node.name), effect: change.datasource("recover") },
          { when: "it waits OFFLINE", holds: isOffline(node.name), effect: change.datasource("online") },
        ],
        done: isOnline(node.name),
        settleSeconds: 10,
      },
      localService(on),
      {
        what: "it is read-only and has caught up, or is the primary and was left alone",
        on,
        run: [],
        done: either(primaryIs(node), servesAgain(node)),
        stallSeconds: 1800,
      },
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

/** The page's note: the other region's services go offline with the server they read from. */
const otherEnds = (about: Maintenance, n: number): Step => ({
  n,
  id: "BringCrossSiteOnline",
  title: "Bring the cross-site services of the other sites online",
  condition: "CrossSiteOnline",
  undo: "Nothing to undo.",
  parts: [
    incomingServices(
      about.kind === "MSAA" ? "crossSite" : "cluster",
      of(eachLinkedReader(about.kind), ({ source }) => source?.name === about.site),
    ),
  ],
});

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
