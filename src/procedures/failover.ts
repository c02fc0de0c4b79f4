/**
 * Failover: a forced change of a site's primary, for when the old one is lost and no manager has failed over by itself. It may
 * lose what only the old one had, so it lists that first, and wants a second word that counts once. It is never walked
 * while anything of the old primary answers.
 */
import { isPassive } from "../topology/estate.ts";
import { failoverCommand } from "../tungsten/cctrl.ts";
import { clusterView, thlRange, tracking } from "../tungsten/node-facts.ts";
import { activeAsTold } from "./composite-preflight.ts";
import { commitOf } from "./conversion-readers.ts";
import { acceptsFailover, failedSite, primaryByName, signOfLife } from "./failover-preflight.ts";
import { headRole, ownSchemas, soleHead } from "./leading.ts";
import {
  atNext,
  bringOnline,
  localRemedies,
  type Move,
  movingSite,
  onlyThisMoves,
  policyAt,
  primaryMoved,
  prove,
  returnPolicy,
} from "./primary-move.ts";
import type { Alternative, Guard, Judgement, Procedure, Step } from "./procedure.ts";
import { enterMaintenance } from "./site-policy.ts";
import { pinsOfEstate, replicaNamed, viewOf } from "./switch-preflight.ts";
import { broken, done, every, knowing, knownValue, pending } from "./verdicts.ts";

export type FailoverParameters = {
  /** Name of the TungstenCluster. */
  readonly site: string;
  readonly to: string;
  /** The second word; undefined until it is given. */
  readonly confirmed?: { readonly oldPrimary?: string | undefined; readonly uid: string } | undefined;
};

/** Whatever is asked of the old primary, an answer halts the run: it lives. */
const stillLost =
  ({ site: name, to }: Move): Judgement =>
  (_target, look) => {
    const site = failedSite(look.run.estate, name);
    const lost = look.run.pins.primaries[name] ?? "";
    const moved = knownValue(look.facts.get(to, clusterView))?.datasources.some(
      (source) => source.name === to && source.role === headRole(look.run.estate, name),
    );
    const life = moved === true ? undefined : signOfLife(site, lost, look.facts);
    return life === undefined
      ? done
      : broken("PrimaryAlive", `${life}: forcing ${to} to be the primary of ${name} would split the site`);
  };

/** The human has made sure that this very node is down, for this very run. */
const confirmedBy =
  ({ site, confirmed }: FailoverParameters): Judgement =>
  (_target, { run }) => {
    const lost = run.pins.primaries[site] ?? "";
    if (confirmed?.oldPrimary === lost && confirmed.uid === run.uid) return done;
    const word = JSON.stringify({ spec: { failover: { confirmed: { oldPrimary: lost, uid: run.uid } } } });
    return pending(
      `make sure that ${lost} is down and cannot come back by itself; then say so once: kubectl -n ${run.estate.namespace} patch upg ${run.requestName} --type merge -p '${word}'`,
    );
  };

const guardOf = (say: string, judge: Judgement): Guard => ({
  say,
  objects: (target, look) => {
    const verdict = judge(target, look);
    return "why" in verdict ? verdict.why : undefined;
  },
});

/** What it has received it applies before it is promoted; the manager waits for it without limit, and so do we. */
const allApplied =
  (move: Move): Judgement =>
  (target, look) => {
    const site = movingSite(move, look.run);
    const { name } = target.node;
    const range = look.facts.get(name, thlRange("cluster", site.dataservice));
    const schemas = ownSchemas(look.run.estate, site);
    const rows = schemas.map((schema) => look.facts.get(name, tracking(schema)));
    return knowing(range, `the log of ${name}`, ({ max }) => {
      const applied = Math.max(-1, ...rows.map((row) => commitOf(knownValue(row))?.seqno ?? -1));
      const told = `${name} has received event ${max} and applied ${applied}`;
      if (max === null || applied >= max) return done;
      return every(rows.map((row) => knowing(row, `the commit row of ${name}`, () => pending(told))));
    });
  };

const failOverTo =
  (move: Move): Alternative["effect"] =>
  ({ node }) => {
    const { argv, stdin } = failoverCommand(move.to);
    return {
      begin: {
        argv,
        stdin,
        deadlineSeconds: 900,
        repeat: "once",
        prechecks: [{ argv: ["policy-is", "MAINTENANCE"] }, { argv: ["writable", "no"] }],
      },
      on: node,
    };
  };

const confirm = (move: Move, parameters: FailoverParameters): Step => ({
  n: 1,
  id: "Confirm",
  title: "Confirm that the old primary is down",
  condition: "Confirmed",
  undo: "Nothing to undo.",
  parts: [
    {
      what: "a human says, for this run alone, that the old primary is down and stays down",
      on: atNext(move),
      run: [],
      done: (target, look) => every([stillLost(move)(target, look), confirmedBy(parameters)(target, look)]),
      stallSeconds: 60,
    },
  ],
});

const failingOver = (move: Move, parameters: FailoverParameters): Step => ({
  n: 3,
  id: "FailOver",
  title: "Fail over",
  condition: "PrimaryFailedOver",
  undo: "Forward only: what the old primary had alone is not at the new one.",
  parts: [
    {
      what: `${move.to} has applied everything it received`,
      on: atNext(move),
      run: localRemedies,
      done: (target, look) => every([stillLost(move)(target, look), allApplied(move)(target, look)]),
      tries: 20,
      stallSeconds: 600,
    },
    {
      what: `${move.to} becomes the primary; the old one is shunned`,
      vendor: "cctrl> failover to NODE",
      on: atNext(move),
      guards: [
        guardOf("nothing of the old primary answers", stillLost(move)),
        guardOf("the second word has been given", confirmedBy(parameters)),
      ],
      run: [{ when: "another node is the primary", effect: failOverTo(move) }],
      done: primaryMoved(move),
      settleSeconds: 60,
      tries: 3,
    },
  ],
});

/** The procedure for one request's parameters. */
export function failOver(parameters: FailoverParameters): Procedure {
  const { site, to } = parameters;
  const move: Move = { site, to, counts: (node, run) => run.pins.primaries[site] !== node.name };
  const forward = { step: "FailOver", part: 1 };
  return {
    name: "Failover",
    revision: 1,
    source: "Tungsten documentation, cctrl failover",
    accepts: [activeAsTold, ...acceptsFailover(site, to), replicaNamed(site, to, "spec.failover.to")],
    holds: [onlyThisMoves(move)],
    pins: (estate, facts) =>
      pinsOfEstate(estate, facts, {
        primaryOf: (place) => {
          if (place.name === site) return primaryByName(estate, place, facts);
          const view = viewOf(place, facts);
          return view && soleHead(view, headRole(estate, place.name));
        },
      }),
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
      estate.sites
        .filter(({ name }) => name === site)
        .map(({ name }) => ({
          site: name,
          seconds: 120,
          why: isPassive(estate, name)
            ? "nothing arrives here already; it does again once the new relay reads from the active site"
            : "writes are refused already; they are again possible once the new primary is open",
        })),
    budgets: [
      {
        id: "Failover",
        what: "no manager of the site fails over",
        from: "EnterMaintenance",
        until: ["ReturnPolicy"],
        seconds: () => 900,
      },
    ],
  };
}
