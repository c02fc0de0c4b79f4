/**
 * Switch of a site: another member of an active/passive composite takes the writes, planned, and nothing is lost or it goes
 * back. The vendor's own `switch` at the composite does it: it closes the former primary, flushes it to the relays and
 * exchanges the roles (cctrl; tungsten-cli §11.11). Before it everything is proven to have arrived, and behind it too.
 */
import { switchSiteCommand } from "../tungsten/cctrl.ts";
import { compositeAsTold } from "./composite-preflight.ts";
import { nothingHeld, onePrimary, primaryWritable } from "./conversion-preflight-sites.ts";
import type { Alternative, Procedure, Step } from "./procedure.ts";
import {
  atNextSite,
  bringOnline,
  broughtOnline,
  connectorsOnline,
  flushed,
  onlyWritesMove,
  orBroughtBack,
  policyAt,
  prove,
  returnPolicy,
  type SiteMove,
  unlessAllOnline,
  unlessAsPinned,
  writesMoved,
} from "./site-leading.ts";
import { enterMaintenance } from "./site-policy.ts";
import { passiveMember, passiveReadOnly } from "./site-switch-preflight.ts";
import { everyServiceFine, pinsOfEstate } from "./switch-preflight.ts";

export type SiteSwitchParameters = {
  /** Name of the TungstenCluster that takes the writes. */
  readonly to: string;
  readonly latencySeconds: number;
};

/** On the relay that becomes the primary. The tool exits 0 whatever happened: it is never begun again on a guess. */
const switchWrites: Alternative["effect"] = ({ node, site }, run) => {
  const { argv, stdin } = switchSiteCommand(run.estate.composite?.dataservice ?? "", site.dataservice);
  return {
    begin: {
      argv,
      stdin,
      deadlineSeconds: 900,
      repeat: "once",
      prechecks: [
        { argv: ["policy-is", "MAINTENANCE"] },
        { argv: ["state-is", "cluster", site.dataservice, "ONLINE"] },
        { argv: ["writable", "no"] },
      ],
    },
    on: node,
  };
};

const switching = (move: SiteMove): Step => ({
  n: 2,
  id: "SwitchSite",
  title: "Switch the site",
  condition: "SiteSwitched",
  undo: "Forward only: ask for a Switch to the former site to go back.",
  parts: [
    broughtOnline(move),
    connectorsOnline(move),
    flushed(move),
    {
      what: `${move.to} takes the writes; the managers close the former primary first, and go back if the relay of ${move.to} cannot follow`,
      vendor: "cctrl> use COMPOSITE; switch to SITE",
      on: atNextSite(move),
      guards: [unlessAllOnline(move), unlessAsPinned(move)],
      run: [{ when: "another site takes the writes", effect: switchWrites }],
      done: orBroughtBack(move, writesMoved(move)),
      settleSeconds: 60,
      tries: 3,
    },
  ],
});

/** A composite's switch takes longer than a site's: every site's managers take part. */
const closedSeconds = 90;

/** The procedure for one request's parameters. */
export function switchSite({ to, latencySeconds }: SiteSwitchParameters): Procedure {
  const move: SiteMove = { to, counts: () => true };
  const forward = { step: "SwitchSite", part: 3 };
  return {
    name: "Switch",
    revision: 1,
    source: "Tungsten documentation, cctrl switch, and Composite Active/Passive: a switch of the composite",
    accepts: [
      passiveMember(to),
      compositeAsTold(),
      onePrimary,
      primaryWritable,
      passiveReadOnly,
      nothingHeld,
      everyServiceFine(latencySeconds, "spec.switch.limits.latencySeconds"),
    ],
    holds: [onlyWritesMove(move)],
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
      estate.sites.map(({ name }) => ({
        site: name,
        seconds: closedSeconds,
        why: "every connector writes at the active site: writes are refused from the closing of the former primary to the opening of the new one; open sessions on it end",
      })),
    budgets: [
      {
        id: "Failover",
        what: "no manager of the composite fails over",
        from: "EnterMaintenance",
        until: ["ReturnPolicy"],
        seconds: () => 900,
      },
      {
        id: "Clients",
        what: "the composite may be without a writable primary",
        from: "SwitchSite",
        until: ["SwitchSite"],
        seconds: () => 2 * closedSeconds,
      },
    ],
  };
}
