/** A passive site out of service for good: its clients first, then what replicates, its managers, and its databases. */
import { clusterView, readOnly } from "../tungsten/node-facts.ts";
import * as go from "./conversion-services.ts";
import { heldByRun } from "./guards.ts";
import type { Alternative, Guard, Judgement, Part, Step, Target } from "./procedure.ts";
import { forward, type MemberRemoval } from "./remove-member.ts";
import { daemonStopped, held, stopped, stoppedDaemon } from "./remove-nodes.ts";
import { localOffline } from "./reset-commands.ts";
import { databaseIs, localAtRest } from "./reset-states.ts";
import { eachPrimary, eachReplica, eachSite, everyConnector, everyNode } from "./scopes.ts";
import { check, safely } from "./site-commands.ts";
import { maintenanceStays, of, type Scope } from "./site-parts.ts";
import { every, knownValue } from "./verdicts.ts";

/** Of the leaver: data nodes, every host with a connector; of those that stay: data nodes, sites, and their heads. */
export function scopesOf({ leaver, staying }: MemberRemoval) {
  const its = ({ site }: Target) => site.name === leaver.name;
  const stays = ({ site }: Target) => staying.some(({ name }) => name === site.name);
  return {
    nodes: of(everyNode, its),
    replicas: of(eachReplica, its),
    relay: of(eachPrimary, its),
    hosts: of(everyConnector, its),
    rest: of(everyNode, stays),
    restSites: of(eachSite, stays),
    restHeads: of(eachPrimary, stays),
  };
}

/** A relay, by its managers and databases. While what travels is awaited, everybody has to say so. */
const leaverPassive = (about: MemberRemoval): Guard => ({
  say: "the site that leaves takes no writes: no head of it is a primary, and every database of it is read-only",
  objects(_target, look) {
    const { name } = about.leaver;
    for (const { node } of scopesOf(about).nodes(look.run)) {
      const is = look.facts.get(node.name, readOnly);
      if (knownValue(is) === false) return `the database of ${node.name} is writable`;
      if (about.awaits && "unknown" in is) return `read_only of ${node.name} cannot be read: ${is.unknown}`;
      const view = knownValue(look.facts.get(node.name, clusterView));
      const head = view?.datasources.find(({ role }) => role === "master");
      if (head !== undefined)
        return `${head.name} is a primary by the word of ${node.name}: ${name} takes writes; ask for a Switch first`;
    }
    return undefined;
  },
});

const guarded =
  (guard: Guard) =>
  (part: Part): Part => ({ ...part, guards: [guard, ...(part.guards ?? [])] });

/** Clean at the next transaction. */
const restPart = (what: string, on: Scope): Part => ({
  what,
  vendor: "trepctl -service SERVICE offline",
  on,
  guards: [maintenanceStays],
  run: [{ when: "it is not OFFLINE:NORMAL", effect: localOffline }],
  done: localAtRest,
  tries: 20,
});

export const stoppedAndHeld =
  (name: "manager" | "connector"): Judgement =>
  (target, look) =>
    every([heldByRun(name, true)(target, look), daemonStopped(name)(target, look)]);

/** Looks in the same script that nothing writes to it. */
const stopDatabase: Alternative["effect"] = ({ node }) =>
  safely(node, ["database", "stop"], {
    deadlineSeconds: 1800,
    prechecks: [check("stopped", "cluster"), check("writable", "no")],
  });

/** Started again after a restart of its pod it would be writable: read_only is nothing that a my.cnf says. */
const databaseOut = (nodes: Scope): readonly Part[] => [
  held("database", nodes),
  {
    what: "stop its database, with all its data",
    on: nodes,
    run: [{ when: "it runs", effect: stopDatabase }],
    done: databaseIs("stopped"),
    stallSeconds: 1800,
  },
];

/** Held and stopped, so that no restart brings it back. */
const outOfService: Judgement = (target, look) => {
  const { node, site } = target;
  const connector = stoppedAndHeld("connector")(target, look);
  if (!site.nodes.some(({ name }) => name === node.name)) return connector;
  return every([
    connector,
    heldByRun("cluster", true)(target, look),
    go.processStopped("cluster")(target, look),
    stoppedAndHeld("manager")(target, look),
    heldByRun("database", true)(target, look),
    databaseIs("stopped")(target, look),
  ]);
};

export const outPart = (about: MemberRemoval): Part => ({
  what: "nothing runs at the site that leaves, neither Tungsten nor a database, and holds keep it so",
  on: scopesOf(about).hosts,
  run: [{ when: "somebody has started its database", holds: databaseIs("running"), effect: stopDatabase }],
  done: outOfService,
  tries: 10,
  stallSeconds: 600,
});

/** All of them, whoever the target is. */
export const allOf =
  (scope: Scope, judge: Judgement): Judgement =>
  (_target, look) =>
    every(scope(look.run).map((target) => judge(target, look)));

const guardOf = (say: string, judge: Judgement): Guard => ({
  say,
  objects(target, look) {
    const verdict = judge(target, look);
    return "why" in verdict ? verdict.why : undefined;
  },
});

/** Clients first; then replicas before the relay, which is to hold as much as any of them; then managers, and databases last. */
export const takeOutStep = (about: MemberRemoval): Step => {
  const { nodes, replicas, relay, hosts } = scopesOf(about);
  const [hold, stop] = [stopped("cluster", nodes).slice(0, 1), stopped("cluster", nodes).slice(1)];
  const behind = (guard: Guard, parts: readonly Part[]) => parts.map(guarded(guard));
  const clientsGone = guardOf(
    "no connector of the site that leaves runs, and none comes back",
    allOf(hosts, stoppedAndHeld("connector")),
  );
  const relayGone = guardOf(
    "no replicator of the site that leaves runs",
    allOf(nodes, go.processStopped("cluster")),
  );
  const managersGone = guardOf(
    "no manager of the site that leaves runs: none starts a database again",
    allOf(nodes, stoppedAndHeld("manager")),
  );
  return {
    n: 3,
    id: "TakeSiteOut",
    title: "Take the site out of service",
    condition: "SiteTakenOut",
    undo: forward,
    parts: [
      ...[
        ...stoppedDaemon("connector", hosts),
        ...behind(clientsGone, [
          ...hold,
          restPart("each replica of it stops behind what has arrived", replicas),
          restPart("the relay stops when nobody reads it any more", relay),
          ...stop,
        ]),
        ...behind(relayGone, stoppedDaemon("manager", nodes)),
      ].map(guarded(leaverPassive(about))),
      ...behind(managersGone, databaseOut(nodes)),
      outPart(about),
    ],
  };
};
