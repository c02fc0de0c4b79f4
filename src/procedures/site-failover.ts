/**
 * Failover of a site: forced, for when the site that takes the writes of an active/passive composite is lost as a whole.
 * The vendor's way: on a site that is left, fail the lost one's composite datasource, then failover (cctrl; tungsten-cli
 * §11.12). It may lose what only the lost site had, so it lists that first and wants a second word that counts once. It is
 * never walked while anything of the lost site answers. The lost site's return is a human's: see the runbook.
 */
import { activeSite } from "../topology/estate.ts";
import { failSiteCommand, failSiteOverCommand } from "../tungsten/cctrl.ts";
import { clusterView, compositeView, readOnly, thlRange } from "../tungsten/node-facts.ts";
import { activeAsToldElsewhere, compositeShownAt } from "./composite-preflight.ts";
import type { Alternative, Guard, Judgement, Look, Procedure, Run, Step, Verdict } from "./procedure.ts";
import {
  appliedAt,
  mostAdvancedSite,
  nothingHeldBut,
  signOfSiteLife,
  siteIsLost,
} from "./site-failover-preflight.ts";
import {
  atNextSite,
  bringOnline,
  onCounted,
  onlyWritesMove,
  policyAt,
  prove,
  returnPolicy,
  type SiteMove,
  writesMoved,
} from "./site-leading.ts";
import { enterMaintenance } from "./site-policy.ts";
import { passiveMember, passiveReadOnly } from "./site-switch-preflight.ts";
import { pinsOfEstate } from "./switch-preflight.ts";
import { broken, done, doneIf, every, knowing, knownValue, pending } from "./verdicts.ts";

export type SiteFailoverParameters = {
  /** Name of the TungstenCluster that takes the writes. */
  readonly to: string;
  /** The second word; undefined until it is given. */
  readonly confirmed?: { readonly oldSite?: string | undefined; readonly uid: string } | undefined;
};

const lostSite = ({ estate }: Run) => {
  const site = activeSite(estate);
  if (site === undefined) throw new Error("the estate has no site that takes the writes");
  return site;
};

/** Whatever is asked of the lost site, an answer halts the run: it lives. Until the writes have moved. */
const stillLost =
  ({ to }: SiteMove): Judgement =>
  (target, look) => {
    const site = lostSite(look.run);
    const view = knownValue(look.facts.get(target.node.name, clusterView));
    const moved = view?.datasources.some(({ name, role }) => name === target.node.name && role === "master");
    if (moved === true) return done;
    const life = signOfSiteLife(look.run.estate, site, look.facts);
    if (life !== undefined)
      return broken("PrimaryAlive", `${life}: forcing ${to} to take the writes would split the composite`);
    const { facts } = look;
    const { estate } = look.run;
    const silent = estate.sites.find(
      (other) => other !== site && compositeShownAt(estate, other, facts) === undefined,
    );
    return doneIf(
      silent === undefined,
      `no manager of ${silent?.name} shows the composite: it may see ${site.name} alive`,
    );
  };

/** Who writes at a site that is left takes writes beside the one that is to take them. */
const nobodyWrites =
  (move: SiteMove): Judgement =>
  (_target, look) =>
    every(
      onCounted(move)(look.run).map(({ node: { name } }) =>
        knowing(look.facts.get(name, readOnly), `read_only of ${name}`, (is) =>
          doneIf(
            is,
            `the database of ${name} is writable, and its site is to be passive until it takes over`,
          ),
        ),
      ),
    );

/** The human has made sure that this very site is down, for this very run. */
const confirmedBy =
  ({ confirmed }: SiteFailoverParameters): Judgement =>
  (_target, { run }) => {
    const { name } = lostSite(run);
    if (confirmed?.oldSite === name && confirmed.uid === run.uid) return done;
    const word = JSON.stringify({ spec: { failover: { confirmed: { oldSite: name, uid: run.uid } } } });
    return pending(
      `make sure that every node of ${name} is down, or cut off from its clients, and cannot come back by itself; then say so once: kubectl -n ${run.estate.namespace} patch upg ${run.requestName} --type merge -p '${word}'`,
    );
  };

const guardOf = (say: string, judge: Judgement): Guard => ({
  say,
  objects: (target, look) => {
    const verdict = judge(target, look);
    return "why" in verdict ? verdict.why : undefined;
  },
});

/** What the relay has received it applies before it takes writes. */
const allApplied: Judgement = ({ node, site }, look) =>
  knowing(
    look.facts.get(node.name, thlRange("cluster", site.dataservice)),
    `the log of ${node.name}`,
    ({ max }) => {
      const applied = appliedAt(look.run.estate, node, look.facts);
      if (applied === undefined) return pending(`the commit row of ${node.name} cannot be read`);
      return doneIf(
        max === null || applied >= max,
        `${node.name} has received event ${max} and applied ${applied}`,
      );
    },
  );

const isFailed = (look: Look, node: string): Verdict => {
  const { dataservice, name } = lostSite(look.run);
  const { composite } = look.run.estate;
  return knowing(
    look.facts.get(node, compositeView(composite?.dataservice ?? "")),
    `the composite view of ${node}`,
    ({ datasources }) => {
      const state = datasources.find((each) => each.name === dataservice)?.state ?? "no member";
      return doneIf(/^(FAILED|SHUNNED)/.test(state), `the composite shows ${name} as ${state}`);
    },
  );
};

const failLost: Alternative["effect"] = ({ node }, run) => {
  const { argv, stdin } = failSiteCommand(run.estate.composite?.dataservice ?? "", lostSite(run).dataservice);
  const prechecks = [{ argv: ["policy-is", "MAINTENANCE"] }, { argv: ["writable", "no"] }];
  return { begin: { argv, stdin, deadlineSeconds: 300, repeat: "safe", prechecks }, on: node };
};

const failOver: Alternative["effect"] = ({ node, site }, run) => {
  const { argv, stdin } = failSiteOverCommand(run.estate.composite?.dataservice ?? "", site.dataservice);
  const prechecks = [{ argv: ["policy-is", "MAINTENANCE"] }, { argv: ["writable", "no"] }];
  return { begin: { argv, stdin, deadlineSeconds: 900, repeat: "once", prechecks }, on: node };
};

const confirm = (move: SiteMove, parameters: SiteFailoverParameters): Step => ({
  n: 1,
  id: "Confirm",
  title: "Confirm that the lost site is down",
  condition: "Confirmed",
  undo: "Nothing to undo.",
  parts: [
    {
      what: "a human says, for this run alone, that the lost site is down and stays down",
      on: atNextSite(move),
      run: [],
      done: (target, look) => every([stillLost(move)(target, look), confirmedBy(parameters)(target, look)]),
      stallSeconds: 60,
    },
  ],
});

const failingOver = (move: SiteMove, parameters: SiteFailoverParameters): Step => {
  const guards = [
    guardOf("nothing of the lost site answers, and no other site sees it", stillLost(move)),
    guardOf("every database of the sites that are left is read-only", nobodyWrites(move)),
    guardOf("the second word has been given", confirmedBy(parameters)),
  ];
  return {
    n: 3,
    id: "FailSiteOver",
    title: "Fail the site over",
    condition: "SiteFailedOver",
    undo: "Forward only: what the lost site had alone is at no other one.",
    parts: [
      {
        what: `the relay of ${move.to} has applied everything it received`,
        on: atNextSite(move),
        run: [],
        done: (target, look) => every([stillLost(move)(target, look), allApplied(target, look)]),
        stallSeconds: 600,
      },
      {
        what: "the lost site's composite datasource is failed: no manager gives it writes any more",
        vendor: "cctrl> use COMPOSITE; datasource SITE fail",
        on: atNextSite(move),
        guards,
        run: [{ when: "it is not failed yet", effect: failLost }],
        done: ({ node }, look) => isFailed(look, node.name),
        settleSeconds: 30,
        tries: 3,
      },
      {
        what: `${move.to} takes the writes, and every other site that is left relays them`,
        vendor: "cctrl> use COMPOSITE; failover to SITE",
        on: atNextSite(move),
        guards,
        run: [{ when: "another site takes the writes", effect: failOver }],
        done: writesMoved(move),
        settleSeconds: 60,
        tries: 3,
      },
    ],
  };
};

/** The procedure for one request's parameters. */
export function failSiteOver(parameters: SiteFailoverParameters): Procedure {
  const { to } = parameters;
  const move: SiteMove = { to, counts: (node, run) => run.pins.activeSite !== node.site };
  const forward = { step: "FailSiteOver", part: 1 };
  return {
    name: "Failover",
    revision: 1,
    source: "Tungsten documentation, Composite Active/Passive: datasource fail and failover of the composite",
    accepts: [
      passiveMember(to, "spec.failover.site"),
      siteIsLost,
      activeAsToldElsewhere,
      passiveReadOnly,
      mostAdvancedSite(to),
      nothingHeldBut,
    ],
    holds: [onlyWritesMove(move)],
    pins: (estate, facts) => pinsOfEstate(estate, facts, { lost: activeSite(estate)?.name }),
    steps: [
      confirm(move, parameters),
      enterMaintenance(policyAt(move), 2),
      failingOver(move, parameters),
      bringOnline(move, 4),
      prove(move, 5),
      returnPolicy(move, 6),
    ],
    abortUntil: forward,
    revert: [],
    revertUntil: forward,
    interruptions: (estate) =>
      estate.sites.map(({ name }) => ({
        site: name,
        seconds: 180,
        why: "writes are refused already; they are again possible once the new writing site is open",
      })),
    budgets: [
      {
        id: "Failover",
        what: "no manager of the composite fails over",
        from: "EnterMaintenance",
        until: ["ReturnPolicy"],
        seconds: () => 900,
      },
    ],
  };
}
