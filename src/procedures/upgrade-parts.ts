/** One node of an upgrade: whose turn it is, tpm update from the new package, and what brings back what a fault has left down. */
import type { Product } from "../tungsten/invocation.ts";
import { connectorProcess, installed, managerProcess } from "../tungsten/node-facts.ts";
import * as act from "./conversion-commands.ts";
import { noTpm, noTpmAlive } from "./conversion-products.ts";
import * as go from "./conversion-services.ts";
import type { Alternative, Judgement, Part, Run, Target } from "./procedure.ts";
import { eachReplica, pinnedPrimary } from "./scopes.ts";
import * as change from "./site-commands.ts";
import { maintenanceStays } from "./site-parts.ts";
import { done, doneIf, every, knowing, pending } from "./verdicts.ts";

type Scope = Part["on"];

const kindOf = ({ pins }: Run): "MSAA" | "CAA" => (pins.topology === "CAA" ? "CAA" : "MSAA");
/** Only in an estate whose ini has this form. */
export const inForm =
  (kind: "MSAA" | "CAA", on: Scope): Scope =>
  (run) =>
    kindOf(run) === kind ? on(run) : [];
/** Only where the second product is installed. */
export const withSecond =
  (on: Scope): Scope =>
  (run) =>
    on(run).filter(({ site }) => run.pins.installed?.[site.name] !== undefined);

/** The facts of the node: the link of its tree names the release, and tpm ended well over the wanted text. */
export const updated =
  (product: Product): Judgement =>
  (target, look) => {
    const { name } = target.node;
    const { iniSha256, releases } = look.run.pins;
    return every([
      noTpm(target, look),
      knowing(look.facts.get(name, installed(product)), `the installation of ${name}`, (is) => {
        if (is === null) return pending(`${product} is not installed on ${name}`);
        const wanted = releases[target.site.name];
        if (is.release !== wanted)
          return pending(`${product} of ${name} is of release ${is.release}, not ${wanted}`);
        return doneIf(
          is.ini === iniSha256[kindOf(look.run)] && is.unfinished === null,
          `no tpm has ended well on ${name} over the wanted ini yet`,
        );
      }),
    ]);
  };

/** Known to be of another release, or of another text, and no tpm at work. */
const isOld =
  (product: Product): Judgement =>
  (target, look) => {
    const fact = look.facts.get(target.node.name, installed(product));
    const settled = noTpm(target, look);
    if (settled.is !== "done") return settled;
    if ("unknown" in fact) return pending(fact.unknown);
    return doneIf(updated(product)(target, look).is !== "done", "it is updated");
  };

const processesRun: Judgement = (target, look) => {
  const { name } = target.node;
  return every([
    go.processRuns("cluster")(target, look),
    knowing(look.facts.get(name, managerProcess), `the manager of ${name}`, (state) =>
      doneIf(state === "running", `the manager of ${name} does not run`),
    ),
    knowing(look.facts.get(name, connectorProcess), `the connector of ${name}`, (state) =>
      doneIf(state === "running", `the connector of ${name} does not run`),
    ),
  ]);
};

const readyAgain = (product: Product): Judgement =>
  product === "crossSite"
    ? (target, look) => every([updated(product)(target, look), go.processRuns(product)(target, look)])
    : (target, look) =>
        every([
          updated(product)(target, look),
          processesRun(target, look),
          go.localServiceOnline(target, look),
        ]);

/** Whoever has to be ready before this one begins: the replica before it in its site; for a site's first, the estate's first. */
function before(target: Target, run: Run): Target | undefined {
  const replicas = eachReplica(run);
  const own = replicas.filter(({ site }) => site.name === target.site.name);
  const at = own.findIndex(({ id }) => id === target.id);
  if (at > 0) return own[at - 1];
  const [first] = replicas;
  return first?.id === target.id ? undefined : first;
}

/** When a node may be updated: in words, and by what is seen. */
type Turn = { readonly say: string; readonly comes: Judgement };

/** The estate's first replica shows whether tpm takes the release; then one node of a site at a time. */
export const inTurn = (product: Product): Turn => ({
  say: "the estate's first replica is ready again, and so is the one before it in its site",
  comes: (target, look) => {
    const earlier = before(target, look.run);
    const verdict = earlier === undefined ? done : readyAgain(product)(earlier, look);
    return "why" in verdict ? pending(`its turn comes after ${earlier?.id}: ${verdict.why}`) : verdict;
  },
});

export const replicasFirst = (product: Product): Turn => ({
  say: "every replica of its site runs the new release",
  comes: (target, look) =>
    every(
      eachReplica(look.run)
        .filter(({ site }) => site.name === target.site.name)
        .map((replica) => readyAgain(product)(replica, look)),
    ),
});

const updateOf =
  (product: Product): Alternative["effect"] =>
  (target, run, attempt) =>
    change.updateKeepingConnectors(product, kindOf(run))(target, run, attempt);

/** The same act at the site's primary: under MAINTENANCE nobody but us brings back what its replicas read from. */
const atPrimary = (target: Target, run: Run): Target => ({
  ...target,
  node: pinnedPrimary(run, target.site),
});
const ofPrimary =
  (judge: Judgement): Judgement =>
  (target, look) =>
    judge(atPrimary(target, look.run), look);
const onPrimary =
  (effect: Alternative["effect"]): Alternative["effect"] =>
  (target, run, attempt) =>
    effect(atPrimary(target, run), run, attempt);

const somethingStopped: Judgement = (target, look) => {
  const { name } = target.node;
  const states = [look.facts.get(name, managerProcess), look.facts.get(name, connectorProcess)];
  const stopped = states.some((state) => "known" in state && state.known === "stopped");
  return doneIf(stopped, `manager and connector of ${name} are not known to be stopped`);
};

const startCluster = act.replicator("cluster", "start");
/** What a fault has left down is brought back, whoever's turn it is: first the node's own, then what it reads from. */
const remedies: readonly Alternative[] = [
  { when: "its replicator is stopped", holds: go.processStopped("cluster"), effect: startCluster },
  { when: "its service is offline", holds: go.localServiceOffline, effect: act.localOnline },
  {
    when: "the replicator of its primary is stopped",
    holds: ofPrimary(go.processStopped("cluster")),
    effect: onPrimary(startCluster),
  },
  {
    when: "the service of its primary is offline",
    holds: ofPrimary(go.localServiceOffline),
    effect: onPrimary(act.localOnline),
  },
  { when: "its manager or connector is stopped", holds: somethingStopped, effect: act.startAll },
];

export const update = (product: Product, on: Scope, turn: Turn): Part => ({
  what:
    product === "cluster"
      ? "tpm update from the new package, its connector left alone; its own service is ONLINE again"
      : "tpm update of the second product from its new package",
  vendor:
    product === "cluster"
      ? "tools/tpm update --replace-release --no-connectors (in the new package)"
      : "tools/tpm update --replace-release (in the second product's new package)",
  on,
  guards: [maintenanceStays, noTpmAlive],
  run: [
    {
      when: `it is of another release, or was configured from another ini, and ${turn.say}`,
      holds: (target, look) => every([isOld(product)(target, look), turn.comes(target, look)]),
      effect: updateOf(product),
    },
    ...(product === "cluster"
      ? remedies
      : [
          {
            when: "its replicator is stopped",
            holds: go.processStopped("crossSite"),
            effect: act.replicator("crossSite", "start"),
          },
        ]),
  ],
  done: readyAgain(product),
  tries: 20,
  settleSeconds: 30,
  stallSeconds: 3600,
});
