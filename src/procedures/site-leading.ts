/** What a site switch and a site failover share: another site takes the writes afterwards, everybody relays it, and every path is proven. */
import { dataNodes, type Node, type Site, siteNamed, siteOf } from "../topology/estate.ts";
import { clusterView, compositeView } from "../tungsten/node-facts.ts";
import { heartbeat } from "../tungsten/trepctl.ts";
import { proofHeartbeat, proofPrefix, wakeHeartbeat } from "./conversion-names.ts";
import { heartbeatArrived, type Leading, leadingAsPinned, ledBy } from "./leading.ts";
import { localDown, localOnline, localRemedies } from "./primary-move.ts";
import type { Guard, Judgement, Look, Part, Run, Step, Target, Verdict } from "./procedure.ts";
import { pinnedPrimary } from "./scopes.ts";
import { type PolicyAt, policyBack, policyReturned } from "./site-policy.ts";
import { broken, done, doneIf, every, knowing, knownValue, redo } from "./verdicts.ts";

/** The writes that move: to which site; `counts` leaves out the nodes of a site that is lost. */
export type SiteMove = {
  /** Name of the TungstenCluster. */
  readonly to: string;
  readonly counts: (node: Node, run: Run) => boolean;
};

const countedNodes = ({ counts }: SiteMove, run: Run): readonly Node[] =>
  dataNodes(run.estate).filter((node) => counts(node, run));

export const onCounted =
  (move: SiteMove) =>
  (run: Run): readonly Target[] =>
    countedNodes(move, run).map((node) => ({ id: node.name, node, site: siteOf(run.estate, node) }));

/** Sites whose nodes count. */
export const countedSites = (move: SiteMove, run: Run): readonly Site[] => {
  const names = new Set(countedNodes(move, run).map(({ site }) => site));
  return run.estate.sites.filter(({ name }) => names.has(name));
};

const atHead = (run: Run, site: Site): Target => ({ id: site.name, node: pinnedPrimary(run, site), site });

export const onHeads =
  (move: SiteMove) =>
  (run: Run): readonly Target[] =>
    countedSites(move, run).map((site) => atHead(run, site));

/** The site that takes the writes, its commands on the relay that becomes their primary. */
export const atNextSite =
  ({ to }: SiteMove) =>
  (run: Run): readonly Target[] => [atHead(run, siteNamed(run.estate, to))];

export const policyAt = (move: SiteMove): PolicyAt => ({ on: onHeads(move), counts: move.counts });

/** Heads stay heads, and another site writes. */
export const leadingNext = ({ to }: SiteMove, run: Run): Leading => ({
  ...leadingAsPinned(run),
  active: siteNamed(run.estate, to),
});

const sitesLed = (move: SiteMove, leading: Leading, look: Look): Verdict =>
  every(
    countedSites(move, look.run).map((site) =>
      ledBy(
        leading,
        site,
        countedNodes(move, look.run).filter((node) => node.site === site.name),
        look,
      ),
    ),
  );

/** Every site's managers show the composite with that one master; a site that does not count may be anything but one. */
function compositeShows(move: SiteMove, leading: Leading, look: Look): Verdict {
  const { composite } = look.run.estate;
  const counted = countedSites(move, look.run);
  return every(
    counted.map((site) => {
      const { name: node } = pinnedPrimary(look.run, site);
      const fact = look.facts.get(node, compositeView(composite?.dataservice ?? ""));
      return knowing(fact, `the composite view of ${node}`, ({ datasources }) => {
        const odd = datasources.find(({ name, role, state }) => {
          const wanted = name === leading.active?.dataservice ? "master" : "slave";
          const lost = !counted.some(({ dataservice }) => dataservice === name);
          return lost ? role === "master" && state === "ONLINE" : role !== wanted || state !== "ONLINE";
        });
        const missing = counted.find(
          ({ dataservice }) => !datasources.some(({ name }) => name === dataservice),
        );
        return doneIf(
          odd === undefined && missing === undefined,
          odd === undefined
            ? `the composite does not show ${missing?.name} by the word of ${node}`
            : `the composite shows ${odd.name} as ${odd.role} ${odd.state} by the word of ${node}`,
        );
      });
    }),
  );
}

const allLed = (move: SiteMove, leading: Leading, look: Look): Verdict =>
  every([sitesLed(move, leading, look), compositeShows(move, leading, look)]);

/** The writes are where they are to be, by managers, databases and replicators of every site. */
export const writesMoved =
  (move: SiteMove): Judgement =>
  (_target, look) =>
    allLed(move, leadingNext(move, look.run), look);

/** The first node whose service, or whose replicator, is known to be down. */
const downIn = (move: SiteMove, look: Look): string | undefined =>
  onCounted(move)(look.run)
    .map((each) => localDown(each, look))
    .find((name) => name !== undefined);

/**
 * What fell over meanwhile is brought back by the step's first part: guards, and a heartbeat, would wait for ever. `most`:
 * of a command that is never begun twice on a guess, none may have begun.
 */
export const orBroughtBack =
  (move: SiteMove, judge: Judgement, most = 0): Judgement =>
  (target, look) => {
    const verdict = judge(target, look);
    const down = look.attempt <= most && verdict.is === "pending" ? downIn(move, look) : undefined;
    return verdict.is === "pending" && down !== undefined ? redo(`${down} is down: ${verdict.why}`) : verdict;
  };

const guardOf = (say: string, judge: (look: Look) => Verdict): Guard => ({
  say,
  objects: (_target, look) => {
    const verdict = judge(look);
    return "why" in verdict ? verdict.why : undefined;
  },
});

const allOnline = (move: SiteMove, look: Look): Verdict =>
  every(onCounted(move)(look.run).map((target) => localOnline(target, look)));

export const unlessAllOnline = (move: SiteMove): Guard =>
  guardOf("every service of the composite is ONLINE", (look) => allOnline(move, look));

/** Who leads is who led when the plan was approved: heads, roles, read_only, and where the relays read. */
export const unlessAsPinned = (move: SiteMove): Guard =>
  guardOf("every site is led as the plan has it, by managers, databases and replicators", (look) =>
    allLed(move, leadingAsPinned(look.run), look),
  );

export const broughtOnline = (move: SiteMove): Part => ({
  what: "the cluster's own service is ONLINE on every node of the composite",
  vendor: "trepctl online",
  on: onCounted(move),
  run: localRemedies,
  done: localOnline,
  tries: 20,
});

/** Connectors follow the managers' word; every one of them has to be there to hear it. */
export const connectorsOnline = (move: SiteMove): Part => ({
  what: "every connector is ONLINE by its managers' word, and none is missing",
  vendor: "cctrl> ls",
  on: onHeads(move),
  run: [],
  done: ({ node, site }, look) =>
    knowing(look.facts.get(node.name, clusterView), `cctrl of ${node.name}`, ({ routers }) => {
      const missing = countedNodes(move, look.run)
        .filter((each) => each.site === site.name)
        .find(({ name }) => !routers.some((router) => router.name === name && router.state === "ONLINE"));
      return doneIf(
        missing === undefined,
        `cctrl of ${node.name} does not show the connector of ${missing?.name} ONLINE`,
      );
    }),
  stallSeconds: 300,
});

export const bringOnline = (move: SiteMove, n: number): Step => ({
  n,
  id: "BringServicesOnline",
  title: "Bring the services online",
  condition: "ServicesOnline",
  undo: "Nothing to undo.",
  parts: [broughtOnline(move), connectorsOnline(move)],
});

type Beat = { readonly name: (run: Run, attempt: number) => string; readonly ours: (run: Run) => string };
/** Sent by the site that writes before the move, and by the one that writes behind it: told apart by name. */
const before: Beat = { name: wakeHeartbeat, ours: (run) => `tu-${run.tag}-w` };
const behind: Beat = { name: proofHeartbeat, ours: proofPrefix };

/** A heartbeat of this site's head stands on every node of the composite. */
const beats = (move: SiteMove, from: (run: Run) => Target, beat: Beat, what: string): Part => ({
  what,
  vendor: "trepctl heartbeat -name NAME",
  on: (run) => [from(run)],
  run: [
    {
      when: "none has arrived everywhere",
      effect: ({ node, site }, run, attempt) => ({
        begin: {
          argv: heartbeat("cluster", site.dataservice, beat.name(run, attempt)),
          deadlineSeconds: 60,
          repeat: "safe",
          prechecks: [{ argv: ["writable", "yes"] }],
        },
        on: node,
      }),
    },
  ],
  done: ({ site }, look) =>
    every(
      countedNodes(move, look.run).map((node) =>
        heartbeatArrived(site, node, (name) => name.startsWith(beat.ours(look.run)), look),
      ),
    ),
  settleSeconds: 30,
  tries: 20,
});

/** Everything that the site wrote up to then is at every node. */
export const flushed = (move: SiteMove): Part => {
  const part = beats(
    move,
    (run) => {
      const { active } = leadingAsPinned(run);
      if (active === undefined) throw new Error("the estate has no site that takes the writes");
      return atHead(run, active);
    },
    before,
    "a heartbeat of the site that takes the writes now has arrived on every node: relays have caught up",
  );
  return { ...part, done: orBroughtBack(move, part.done, Number.POSITIVE_INFINITY) };
};

export const prove = (move: SiteMove, n: number): Step => ({
  n,
  id: "ProveReplication",
  title: "Prove that every path replicates",
  condition: "ReplicationProven",
  undo: "Nothing to undo.",
  parts: [
    beats(
      move,
      (run) => atHead(run, siteNamed(run.estate, move.to)),
      behind,
      "a fresh heartbeat of the new primary arrives on every node of the composite",
    ),
  ],
});

/** All is ONLINE and led as wanted; what is known to be down calls for its remedy once more. */
const standsOrAgain =
  (move: SiteMove): Judgement =>
  (_target, look) => {
    const verdict = every([allOnline(move, look), allLed(move, leadingNext(move, look.run), look)]);
    const down = downIn(move, look);
    return verdict.is === "pending" && down !== undefined ? redo(`${down} is down: ${verdict.why}`) : verdict;
  };

export const returnPolicy = (move: SiteMove, n: number): Step => ({
  n,
  id: "ReturnPolicy",
  title: "Return to the policy of before",
  condition: "PolicyReturned",
  undo: "Set the policy by hand.",
  parts: [
    broughtOnline(move),
    policyReturned(policyAt(move), [unlessAllOnline(move)], (target, look) =>
      every([policyBack(policyAt(move))(target, look), standsOrAgain(move)(target, look)]),
    ),
  ],
});

/** No other node becomes a head, and no third site takes the writes. */
export const onlyWritesMove =
  (move: SiteMove): Judgement =>
  (_target, look) =>
    every(countedNodes(move, look.run).map((node) => nothingElse(move, node, look)));

function nothingElse(move: SiteMove, node: Node, look: Look): Verdict {
  const site = siteOf(look.run.estate, node);
  const pinned = look.run.pins.primaries[site.name];
  const from = leadingAsPinned(look.run).active?.name;
  const heads = (knownValue(look.facts.get(node.name, clusterView))?.datasources ?? []).filter(
    ({ role, state }) => (role === "master" || role === "relay") && state === "ONLINE",
  );
  const other = heads.find(({ name }) => name !== pinned);
  if (other !== undefined)
    return broken(
      "PrimaryMoved",
      `the head of ${site.name} is ${other.name}, the plan was made while ${pinned} was it`,
    );
  const writes = heads.some(({ role }) => role === "master");
  return writes && site.name !== from && site.name !== move.to
    ? broken(
        "PrimaryMoved",
        `${site.name} takes the writes, the plan was made to move them from ${from} to ${move.to}`,
      )
    : done;
}
