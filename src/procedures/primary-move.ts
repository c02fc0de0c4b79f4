/**
 * What Switch and Failover share: the site's primary is another node afterwards, everybody follows it, and every path is
 * proven. The head of a passive site is a relay: it moves the same way, and every path begins at the active site.
 */
import { activeSite, dataNodes, type Node, type Site, siteNamed, siteOf } from "../topology/estate.ts";
import type { Command } from "../tungsten/invocation.ts";
import { clusterView } from "../tungsten/node-facts.ts";
import { heartbeat, online } from "../tungsten/trepctl.ts";
import { replicator } from "./conversion-commands.ts";
import { proofHeartbeat, proofPrefix, sourceOf } from "./conversion-names.ts";
import { processStopped, serviceStatus } from "./conversion-services.ts";
import {
  crossingDown,
  crossingOnline,
  crossingServicesOnline,
  isGivenUp,
  readersAround,
  statusFine,
} from "./crossing.ts";
import { primaryUnmoved } from "./guards.ts";
import { headRole, headWord, heartbeatArrived, type Leading, leadingAsPinned, ledBy } from "./leading.ts";
import type { Effect, Guard, Judgement, Look, Part, Run, Step, Target, Verdict } from "./procedure.ts";
import { pinnedPrimary } from "./scopes.ts";
import { type PolicyAt, policyBack, policyReturned } from "./site-policy.ts";
import { broken, done, doneIf, every, knownValue, pending, redo } from "./verdicts.ts";

/** A primary that moves: of which site, to which node; `counts` leaves out a node that is lost. */
export type Move = {
  readonly site: string;
  readonly to: string;
  readonly counts: (node: Node, run: Run) => boolean;
};

const safe = (argv: readonly string[], on: Node, more: Partial<Command> = {}): Effect => ({
  begin: { argv, deadlineSeconds: 60, repeat: "safe", ...more },
  on,
});

export const movingSite = ({ site }: Move, run: Run): Site => siteNamed(run.estate, site);

/** The node that becomes the primary; pre-flight has seen to it that there is one. */
export function nextPrimary(move: Move, run: Run): Node {
  const node = movingSite(move, run).nodes.find(({ name }) => name === move.to);
  if (node === undefined) throw new Error(`site ${move.site} has no node ${move.to}`);
  return node;
}

/** The site as one target, whose commands run on the node that becomes the primary. */
export const atNext =
  (move: Move) =>
  (run: Run): readonly Target[] => [
    { id: move.site, node: nextPrimary(move, run), site: movingSite(move, run) },
  ];

const countedNodes = (move: Move, run: Run): readonly Node[] =>
  movingSite(move, run).nodes.filter((node) => !node.witness && move.counts(node, run));

/** Nodes whose own service depends on the move: those of the site, and in an active/passive composite all. */
const served = (move: Move, run: Run): readonly Node[] =>
  activeSite(run.estate) === undefined
    ? countedNodes(move, run)
    : dataNodes(run.estate).filter((node) => move.counts(node, run));

const onServed =
  (move: Move) =>
  (run: Run): readonly Target[] =>
    served(move, run).map((node) => ({ id: node.name, node, site: siteOf(run.estate, node) }));

const countedReaders =
  (move: Move) =>
  (run: Run): readonly Target[] =>
    readersAround(move.site)(run).filter(({ node }) => node.site !== move.site || move.counts(node, run));

/** Who leads when it has moved. */
export function leadingAfter(move: Move, run: Run): Leading {
  const before = leadingAsPinned(run);
  return { ...before, headOf: (site) => (site.name === move.site ? move.to : before.headOf(site)) };
}

/** One primary by every manager's word, and by what every database admits; replicas of it by their replicators' roles. */
export const primaryMoved =
  (move: Move): Judgement =>
  (_target, look) =>
    ledBy(leadingAfter(move, look.run), movingSite(move, look.run), countedNodes(move, look.run), look);

/** Services of the site and all around it are ONLINE. */
export const allOnline =
  (move: Move): Judgement =>
  (_target, look) =>
    every([
      ...onServed(move)(look.run).map((target) => localOnline(target, look)),
      ...countedReaders(move)(look.run).map((reader) => crossingOnline(reader, look)),
    ]);

export const localOnline: Judgement = (target, look) =>
  statusFine(serviceStatus("cluster", target.site.dataservice, target, look), target.node.name);

export const unlessAllOnline = (move: Move): Guard => ({
  say: "every service of the site, and every one around it, is ONLINE",
  objects: (target, look) => {
    const verdict = allOnline(move)(target, look);
    return "why" in verdict ? verdict.why : undefined;
  },
});

/** The site's policy, set at the node that becomes the primary. */
export const policyAt = (move: Move): PolicyAt => ({ on: atNext(move), counts: move.counts });

const localOffline: Judgement = (target, look) => {
  const status = serviceStatus("cluster", target.site.dataservice, target, look);
  return typeof status === "string" ? pending(status) : doneIf(isGivenUp(status), "it is not offline");
};

/** What brings the cluster's own service of a node back. */
export const localRemedies: Part["run"] = [
  {
    when: "the replicator is stopped",
    holds: processStopped("cluster"),
    effect: replicator("cluster", "start"),
  },
  {
    when: "the service is offline",
    holds: localOffline,
    effect: ({ node, site }) => safe(online("cluster", site.dataservice), node),
  },
];

/** Done where all is ONLINE; what is offline is brought back. */
export const broughtOnline = (move: Move): readonly Part[] => [
  {
    what: "the cluster's own service is ONLINE on every node of the site (active/passive: of the composite)",
    vendor: "trepctl online",
    on: onServed(move),
    run: localRemedies,
    done: localOnline,
    tries: 20,
  },
  crossingServicesOnline(countedReaders(move)),
];

/** Everybody follows the new primary; what went offline on the way is brought back, at the other sites too. */
export const bringOnline = (move: Move, n: number): Step => ({
  n,
  id: "BringServicesOnline",
  title: "Bring the services online",
  condition: "ServicesOnline",
  undo: "Nothing to undo.",
  parts: broughtOnline(move),
});

/** All is ONLINE; what is known to be down calls for its remedy once more. */
const onlineOrAgain =
  (move: Move): Judgement =>
  (target, look) => {
    const verdict = allOnline(move)(target, look);
    const down = [
      ...onServed(move)(look.run).map((each) => localDown(each, look)),
      ...countedReaders(move)(look.run).map((each) => crossingDown(each, look)),
    ].find((name) => name !== undefined);
    return verdict.is === "pending" && down !== undefined ? redo(`${down} is down: ${verdict.why}`) : verdict;
  };

export const localDown = (target: Target, look: Look): string | undefined =>
  localOffline(target, look).is === "done" || processStopped("cluster")(target, look).is === "done"
    ? target.id
    : undefined;

/** The primary of every site whose transactions reach this one or leave it; here that is the new one. */
const proofSenders =
  (move: Move) =>
  (run: Run): readonly Target[] => {
    const around = new Set(
      countedReaders(move)(run).flatMap((reader) => [reader.site.name, sourceOf(reader).name]),
    );
    const active = activeSite(run.estate);
    const sends = ({ name }: Site): boolean => name === move.site || around.has(name);
    return run.estate.sites
      .filter((site) => (active === undefined ? sends(site) : site.name === active.name))
      .map((site) => ({
        id: site.name,
        node: site.name === move.site ? nextPrimary(move, run) : pinnedPrimary(run, site),
        site,
      }));
  };

/** Nodes that apply what this sender writes under their own site's service. */
const homeOf = (move: Move, { site }: Target, run: Run): readonly Node[] =>
  activeSite(run.estate) === undefined
    ? site.nodes.filter((node) => !node.witness && (site.name !== move.site || move.counts(node, run)))
    : served(move, run);

/** A heartbeat of ours stands in the row of every node that applies this sender's transactions. */
const arrived =
  (move: Move): Judgement =>
  (target, look) => {
    const away = countedReaders(move)(look.run)
      .filter((reader) => sourceOf(reader).name === target.site.name)
      .map(({ node }) => node);
    const ours = (name: string): boolean => name.startsWith(proofPrefix(look.run));
    return every(
      [...homeOf(move, target, look.run), ...away].map((node) =>
        heartbeatArrived(target.site, node, ours, look),
      ),
    );
  };

/** ONLINE proves nothing: only what arrives does. */
export const prove = (move: Move, n: number): Step => ({
  n,
  id: "ProveReplication",
  title: "Prove that every path replicates",
  condition: "ReplicationProven",
  undo: "Nothing to undo.",
  parts: [
    {
      what: "a fresh heartbeat of the new primary, and of the primaries around it, arrives on every node",
      vendor: "trepctl heartbeat -name NAME",
      on: proofSenders(move),
      run: [
        {
          when: "none has arrived everywhere",
          effect: ({ node, site }, run, attempt) =>
            safe(heartbeat("cluster", site.dataservice, proofHeartbeat(run, attempt)), node, {
              prechecks: [{ argv: ["writable", "yes"] }],
            }),
        },
      ],
      done: arrived(move),
      settleSeconds: 30,
      tries: 20,
    },
  ],
});

export const returnPolicy = (move: Move, n: number): Step => ({
  n,
  id: "ReturnPolicy",
  title: "Return to the policy of before",
  condition: "PolicyReturned",
  undo: "Set the policy by hand.",
  parts: [
    ...broughtOnline(move),
    policyReturned(policyAt(move), [unlessAllOnline(move)], (target, look) =>
      every([policyBack(policyAt(move))(target, look), onlineOrAgain(move)(target, look)]),
    ),
  ],
});

/** Other sites' primaries stay; of this one's nodes only the two of the plan may be its primary. */
export const onlyThisMoves =
  (move: Move): Judgement =>
  (_target, look) =>
    every([
      ...look.run.estate.sites
        .filter(({ name }) => name !== move.site)
        .map(({ name }) => primaryUnmoved(name, look)),
      ...countedNodes(move, look.run).map((node) => nobodyElse(move, node, look)),
    ]);

function nobodyElse(move: Move, node: Node, look: Look): Verdict {
  const from = look.run.pins.primaries[move.site];
  const wanted = headRole(look.run.estate, move.site);
  const view = knownValue(look.facts.get(node.name, clusterView));
  const other = view?.datasources.find(
    ({ role, state, name }) => role === wanted && state === "ONLINE" && name !== from && name !== move.to,
  );
  return other === undefined
    ? done
    : broken(
        "PrimaryMoved",
        `the ${headWord(wanted)} of ${move.site} is ${other.name}, the plan was made to move it from ${from} to ${move.to}`,
      );
}
