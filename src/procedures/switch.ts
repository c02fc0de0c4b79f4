/**
 * Switch: a planned change of a site's primary, which loses nothing or goes back. The vendor's own `switch` does it, between
 * checks before and proofs after; then both sides' cross-site services are brought online, as the page on dataserver
 * maintenance wants it (deploy-msaa).
 */
import { isPassive } from "../topology/estate.ts";
import { compositeAsTold } from "./composite-preflight.ts";
import { nothingHeld, onePrimary, primaryWritable } from "./conversion-preflight-sites.ts";
import {
  atNext,
  bringOnline,
  broughtOnline,
  type Move,
  onlyThisMoves,
  policyAt,
  primaryMoved,
  prove,
  returnPolicy,
  unlessAllOnline,
} from "./primary-move.ts";
import type { Procedure, Step } from "./procedure.ts";
import { switchTo } from "./site-commands.ts";
import { enterMaintenance } from "./site-policy.ts";
import { everyServiceFine, pinsOfEstate, replicaNamed } from "./switch-preflight.ts";

export type SwitchParameters = {
  /** Name of the TungstenCluster. */
  readonly site: string;
  /** The node that becomes its primary. */
  readonly to: string;
  readonly latencySeconds: number;
};

const switching = (move: Move): Step => ({
  n: 2,
  id: "SwitchPrimary",
  title: "Switch",
  condition: "PrimarySwitched",
  undo: "Forward only: ask for a Switch to the former primary to go back.",
  parts: [
    ...broughtOnline(move),
    {
      what: `${move.to} becomes the primary (of a passive site: the relay); its managers close the former one first, and go back if ${move.to} cannot follow`,
      vendor: "cctrl> switch to NODE",
      on: atNext(move),
      guards: [unlessAllOnline(move)],
      run: [{ when: "another node is the primary", effect: switchTo }],
      done: primaryMoved(move),
      settleSeconds: 30,
      tries: 3,
    },
  ],
});

/** Half a minute is what a switch takes; twice that is told to the clients. */
const closedSeconds = 60;

/** The procedure for one request's parameters. */
export function switchPrimary({ site, to, latencySeconds }: SwitchParameters): Procedure {
  const move: Move = { site, to, counts: () => true };
  const forward = { step: "SwitchPrimary", part: 2 };
  return {
    name: "Switch",
    revision: 1,
    source: "Tungsten documentation, cctrl switch, and Multi-Site/Active-Active: Dataserver maintenance",
    accepts: [
      compositeAsTold(),
      replicaNamed(site, to, "spec.switch.to"),
      onePrimary,
      primaryWritable,
      nothingHeld,
      everyServiceFine(latencySeconds, "spec.switch.limits.latencySeconds"),
    ],
    holds: [onlyThisMoves(move)],
    pins: (estate, facts) => pinsOfEstate(estate, facts),
    steps: [
      enterMaintenance(policyAt(move), 1),
      switching(move),
      bringOnline(move, 3),
      prove(move, 4),
      returnPolicy(move, 5),
    ],
    abortUntil: forward,
    revert: [],
    revertUntil: forward,
    interruptions: (estate) =>
      estate.sites
        .filter(({ name }) => name === site)
        .map(({ name }) => ({
          site: name,
          seconds: closedSeconds,
          why: isPassive(estate, name)
            ? "open sessions on the former relay end; nothing arrives here while the relay moves, and writes go to the active site as before"
            : "writes are refused from the closing of the former primary to the opening of the new one; open sessions on it end",
        })),
    budgets: [
      {
        id: "Failover",
        what: "no manager of the site fails over",
        from: "EnterMaintenance",
        until: ["ReturnPolicy"],
        seconds: () => 900,
      },
      {
        id: "Clients",
        what: "the site may be without a writable primary, or without its relay",
        from: "SwitchPrimary",
        until: ["SwitchPrimary"],
        seconds: () => 2 * closedSeconds,
      },
    ],
  };
}
