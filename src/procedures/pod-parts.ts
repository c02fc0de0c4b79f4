/**
 * A node's pod made anew from its StatefulSet's present template: the database stopped in order first, however long that
 * takes, because a pod that is told to leave gets two minutes. Pods are OnDelete: nothing else ever replaces one.
 */
import type { Node } from "../topology/estate.ts";
import { connectorProcess, databaseService, pod } from "../tungsten/node-facts.ts";
import * as act from "./conversion-commands.ts";
import * as go from "./conversion-services.ts";
import { managerIs } from "./guards.ts";
import type { Guard, Judgement, Part } from "./procedure.ts";
import * as change from "./site-commands.ts";
import type { Scope } from "./site-parts.ts";
import { done, doneIf, every, knowing, redo } from "./verdicts.ts";

/** Its pod was made from what the spec wants. One that does not say from what it was made is left alone. */
export const podIsCurrent =
  (node: Node, wanted: string): Judgement =>
  (_target, look) =>
    knowing(look.facts.get(node.name, pod), `the pod of ${node.name}`, ({ template }) =>
      doneIf(
        template === null || template === wanted,
        `the pod of ${node.name} was made from another image or other resources`,
      ),
    );

/** Known to be another one; while nobody can say, nothing is deleted. */
const podIsOld =
  (node: Node, wanted: string): Judgement =>
  (_target, look) =>
    knowing(look.facts.get(node.name, pod), `the pod of ${node.name}`, ({ template }) =>
      doneIf(template !== null && template !== wanted, `the pod of ${node.name} is as wanted`),
    );

const databaseIs =
  (node: Node, wanted: "running" | "stopped"): Judgement =>
  (_target, look) =>
    knowing(look.facts.get(node.name, databaseService), `the database of ${node.name}`, (is) =>
      doneIf(is === wanted, `the database of ${node.name} is not ${wanted}`),
    );

/** A container that restarted since has brought the database up again: it is stopped anew. */
const renewed =
  (node: Node, wanted: string): Judgement =>
  (target, look) => {
    const current = podIsCurrent(node, wanted)(target, look);
    const again = every([podIsOld(node, wanted)(target, look), databaseIs(node, "running")(target, look)]);
    return current.is !== "done" && again.is === "done"
      ? redo(`the database of ${node.name} runs again, in its old pod`)
      : current;
  };

/** Database, replicator, manager and connector run: a new pod starts them by itself. */
const everythingRuns =
  (node: Node): Judgement =>
  (target, look) =>
    every([
      databaseIs(node, "running")(target, look),
      go.processRuns("cluster")(target, look),
      managerIs("running")(target, look),
      knowing(look.facts.get(node.name, connectorProcess), `the connector of ${node.name}`, (state) =>
        doneIf(state === "running", `the connector of ${node.name} does not run`),
      ),
    ]);

/** Stop, make anew, see everything run; nothing of it where the pod is as wanted. */
export function renewPod(
  node: Node,
  wanted: string,
  { on, guards }: { readonly on: Scope; readonly guards: readonly Guard[] },
): readonly Part[] {
  const isCurrent = podIsCurrent(node, wanted);
  const stopped = databaseIs(node, "stopped");
  return [
    {
      what: "stop the database in order, where the pod is to be made anew",
      on,
      guards,
      run: [
        {
          when: "its pod was made from another image or other resources",
          holds: podIsOld(node, wanted),
          effect: change.stopDataserver,
        },
      ],
      done: (target, look) => {
        const current = isCurrent(target, look);
        return current.is === "done" ? done : stopped(target, look);
      },
      settleSeconds: 10,
      stallSeconds: 1800,
    },
    {
      what: "make its pod anew: it comes back with the wanted image and resources, and the same volume",
      on,
      guards,
      run: [
        {
          when: "it was made from others, and its database is stopped",
          holds: (target, look) => every([podIsOld(node, wanted)(target, look), stopped(target, look)]),
          effect: () => ({ renewPodOf: node }),
        },
      ],
      done: renewed(node, wanted),
      stallSeconds: 900,
    },
    runsAgain(node, on),
  ];
}

/** Whatever a restart of the host, or a human, has left stopped is started. */
export const runsAgain = (node: Node, on: Scope): Part => ({
  what: "database, replicator, manager and connector run",
  on,
  run: [
    {
      when: "the database is stopped",
      holds: databaseIs(node, "stopped"),
      effect: change.startDataserver,
    },
    {
      when: "something else does not run",
      holds: databaseIs(node, "running"),
      effect: act.startAll,
    },
  ],
  done: everythingRuns(node),
  settleSeconds: 60,
  stallSeconds: 900,
});
