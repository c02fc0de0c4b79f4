/**
 * Fix replication errors (deploy-msaa, the section of that title): one action against one service's error, on named nodes of
 * one site. Whatever touches data does so with the binary log off, as the page wants it; what was left out or forced stays in
 * the site's status, and in every later plan.
 */
import { activeSite, type Site, siteNamed } from "../topology/estate.ts";
import { heartbeat } from "../tungsten/trepctl.ts";
import { proofHeartbeat, proofPrefix } from "./conversion-names.ts";
import { nothingHeld } from "./conversion-preflight-sites.ts";
import { actionParts, serviceOnline } from "./fix-actions.ts";
import { carried, type FixParameters, fixTargets } from "./fix-names.ts";
import { acceptsFix } from "./fix-preflight.ts";
import { provisionPart, undoTakenOut } from "./fix-reprovision.ts";
import { primariesUnmoved } from "./guards.ts";
import { heartbeatArrived } from "./leading.ts";
import type { Judgement, Part, Procedure, Run, Step, Target } from "./procedure.ts";
import { pinnedPrimary } from "./scopes.ts";
import { enterMaintenance, type PolicyAt, policyBack, policyReturned } from "./site-policy.ts";
import { pinsOfEstate } from "./switch-preflight.ts";
import { every } from "./verdicts.ts";

const policyAt = (fix: FixParameters): PolicyAt => ({
  on: (run: Run): readonly Target[] => {
    const site = siteNamed(run.estate, fix.site);
    return [{ id: site.name, node: pinnedPrimary(run, site), site }];
  },
  counts: () => true,
});

/** Who writes what the service carries: its source, or the active site that its source relays. */
const writerOf = (run: Run, source: Site): Site => activeSite(run.estate) ?? source;

/** A heartbeat of the source has arrived on the node: an ONLINE service proves nothing by itself. */
const arrived: Judgement = (target, look) =>
  heartbeatArrived(
    writerOf(look.run, target.source ?? target.site),
    target.node,
    (name) => name.startsWith(proofPrefix(look.run)),
    look,
  );

const proven = (fix: FixParameters): Part => ({
  what: "a fresh heartbeat of the source arrives on every named node",
  vendor: "trepctl heartbeat -name NAME",
  on: fixTargets(fix),
  run: [
    {
      when: "none has arrived",
      effect: (_target, run, attempt) => {
        const source = writerOf(run, carried(run, fix).source);
        return {
          begin: {
            argv: heartbeat("cluster", source.dataservice, proofHeartbeat(run, attempt)),
            deadlineSeconds: 60,
            repeat: "safe",
            prechecks: [{ argv: ["writable", "yes"] }],
          },
          on: pinnedPrimary(run, source),
        };
      },
    },
  ],
  done: arrived,
  settleSeconds: 30,
  tries: 20,
});

const titles: Record<FixParameters["action"]["is"], string> = {
  SkipEvent: "Leave out one event",
  ApplySql: "Mend the data, unlogged",
  Online: "Try again",
  Force: "Force, with proof",
  Reprovision: "Make one node anew",
};

/** The procedure for one request's parameters. */
export function fixReplication(fix: FixParameters): Procedure {
  const at = policyAt(fix);
  const fixing = {
    n: 2,
    id: "Fix",
    title: titles[fix.action.is],
    condition: "Fixed",
    ...(fix.action.is === "Reprovision"
      ? { undo: undoTakenOut(fix) }
      : { undo: "What was left out, run or forced stays so; the policy returns.", lasts: true }),
    parts: [...actionParts(fix), serviceOnline(fix), proven(fix)],
  } satisfies Step;
  const back: Step = {
    n: 3,
    id: "ReturnPolicy",
    title: "Return to the policy of before",
    condition: "PolicyReturned",
    undo: "Set the policy by hand.",
    parts: [
      serviceOnline(fix),
      policyReturned(at, [], (target, look) => every([policyBack(at)(target, look)])),
    ],
  };
  // The policy may be returned at any time: a service that is still stopped stays stopped. A hollow node may not be left so.
  const end =
    fix.action.is === "Reprovision"
      ? { step: "Fix", part: provisionPart }
      : { step: "ReturnPolicy", part: 1 };
  return {
    name: "FixReplication",
    revision: 1,
    source: "Tungsten documentation, Deploying a Multi-Site/Active-Active Cluster: Fixing Replication Errors",
    accepts: [...acceptsFix(fix), nothingHeld],
    holds: [primariesUnmoved],
    pins: (estate, facts) => pinsOfEstate(estate, facts),
    steps: [enterMaintenance(at, 1), fixing, back],
    abortUntil: end,
    revert: [],
    revertUntil: end,
    interruptions: () => [],
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
