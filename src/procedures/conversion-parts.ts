/** Parts that the conversion and its way back share: policies, uninstalling, reloading, bringing services online, proving the way. */

import type { Product } from "../tungsten/invocation.ts";
import * as act from "./conversion-commands.ts";
import * as products from "./conversion-products.ts";
import * as proven from "./conversion-proof.ts";
import * as stop from "./conversion-readers.ts";
import * as go from "./conversion-services.ts";
import { connectorRuns, heldByRun, iniPublished, managerIs, policyIs } from "./guards.ts";
import type { Judgement, Part } from "./procedure.ts";
import { eachConnector, eachPrimary, eachReader, eachSite, everyConnector, everyNode } from "./scopes.ts";
import { maintenanceStays } from "./site-parts.ts";
import { every } from "./verdicts.ts";

export const maintenance: Part = {
  what: "set policy MAINTENANCE: managers neither fail over nor bring stopped services back",
  vendor: "cctrl> set policy maintenance",
  on: eachSite,
  run: [{ when: "the policy is another", effect: act.setPolicy(() => "maintenance") }],
  done: policyIs(() => "MAINTENANCE"),
};

const policyReturned = (online: Judgement): Part => ({
  what: "return to the policy of before the run",
  on: eachSite,
  guards: [go.nothingOffline(online)],
  run: [
    {
      when: "the policy is another",
      effect: act.setPolicy((target, run) => (run.pins.policies[target.site.name] ?? "").toLowerCase()),
    },
  ],
  done: (target, look) =>
    every([
      policyIs(({ site }, run) => run.pins.policies[site.name] ?? "")(target, look),
      online(target, look),
    ]),
  stallSeconds: 600,
});

export const policyAsBefore: Part = policyReturned(go.siteOnline);
/** On the way back a node that the managers have shunned keeps nobody waiting. */
export const policyAsBeforeGoingBack: Part = policyReturned(go.siteOnlineButShunned);

/** The managers bring back what is OFFLINE; a SHUNNED datasource waits for a human. Nothing of ours can help. */
export const datasourcesIn: Part = {
  what: "every datasource is ONLINE by the managers' word",
  on: eachSite,
  run: [],
  done: proven.noDatasourceOut,
  stallSeconds: 600,
};

/** Going back managers may be stopped already: then no policy is told, and none acts. */
export const uninstallParts = (way: "forward" | "back"): readonly Part[] => [
  {
    what: "keep read_only as it is",
    on: everyNode,
    run: [{ when: "it is not kept yet", effect: act.keepReadOnly }],
    done: products.readOnlyWasKept,
  },
  {
    what: "uninstall the second product, and put read_only back, which uninstall clears",
    vendor: "tools/tpm uninstall --i-am-sure",
    on: everyNode,
    guards: [stop.allDumpsHeld, products.noTpmAlive, ...(way === "forward" ? [maintenanceStays] : [])],
    run: [
      { when: "the second product is installed", holds: products.productPresent, effect: act.uninstall(way) },
      {
        when: "it is gone and read_only differs from what was kept",
        holds: products.productGone,
        effect: act.putReadOnlyBack,
      },
    ],
    done: products.uninstalledAndReadOnlyBack,
    settleSeconds: 2,
    tries: 10,
    stallSeconds: 900,
  },
  {
    what: "note where the binary log stands",
    on: everyNode,
    run: [],
    done: products.binlogPositionKnown,
    record: products.binlogRecord,
  },
];

export const restoreParts: readonly Part[] = [
  {
    what: "reload the tracking schema with the binary log off, and prove that nothing of it was logged",
    vendor: "tungsten_prep_upgrade --service S --user U --password P --restore",
    on: eachReader,
    guards: [stop.allDumpsHeld],
    run: [{ when: "the rows differ from the dump", effect: act.restore }],
    done: products.restoredUnlogged,
    settleSeconds: 2,
  },
];

export const publish = (kind: "CAA" | "MSAA"): Part => ({
  what: `write /etc/tungsten/tungsten.ini in its ${kind} form, master= being the live primary`,
  on: everyConnector,
  run: [{ when: "another text is published", effect: act.publishIni(kind) }],
  done: iniPublished(kind),
});

/** They restart with it, and find their managers again in the next step, as the nodes' connectors do. */
export const connectorsUpdated: Part = {
  what: "update the hosts that run only a connector",
  vendor: "tools/tpm update --replace-release",
  on: eachConnector,
  guards: [products.noTpmAlive],
  run: [{ when: "it runs from the former ini or release", effect: act.updateAgain }],
  done: products.connectorAsWanted,
  tries: 3,
  stallSeconds: 1800,
};

export const startManagers: readonly Part[] = [
  {
    what: "release the managers",
    on: everyNode,
    run: [{ when: "it is held", effect: act.release("manager") }],
    done: heldByRun("manager", false),
  },
  {
    what: "start the managers and see one coordinator a site",
    vendor: "manager start",
    on: everyNode,
    run: [{ when: "it is stopped", effect: act.manager("start") }],
    done: managerIs("running"),
    stallSeconds: 600,
  },
  {
    what: "see that every connector runs: one that a restart took down while tpm was at work is started by nobody else",
    on: everyConnector,
    run: [{ when: "it is stopped", effect: act.connectorStart }],
    done: connectorRuns,
    stallSeconds: 600,
  },
];

/** One after the other: plain online, force only with proof, plain again for what force does not help. */
export function remedies(product: Product): Part["run"] {
  return [
    {
      when: "it is OFFLINE:NORMAL",
      holds: go.incomingIs(product, "OFFLINE:NORMAL"),
      effect: act.incomingOnlineCommand(product),
    },
    {
      when: "the epoch text, and the source has the same EVENTID at that seqno",
      holds: go.epochOnlyDiffers(product),
      effect: act.incomingForce(product),
    },
    {
      when: "another known error: plain online once more",
      holds: go.errorNeedsPlainOnline(product),
      effect: act.incomingOnlineCommand(product),
    },
    {
      when: "its source's own service is offline on the primary",
      holds: go.sourceOffline,
      effect: act.sourceOnline,
    },
  ];
}

export function servicesOnline(product: Product, on: Part["on"]): readonly Part[] {
  return [
    {
      what: "bring every incoming service online, by the remedy its error calls for",
      vendor: "trepctl -service S online, or online -force on an epoch error",
      on,
      run: [
        ...remedies(product),
        {
          when: "a request to go offline is still armed",
          holds: go.incomingStillArmed(product),
          effect: act.incomingOfflineCommand(product),
        },
      ],
      done: (target, look) =>
        every([go.remedied(product)(target, look), go.incomingOnline(product)(target, look)]),
      tries: 20,
    },
  ];
}

export const proof = (product: Product): Part => ({
  what: "a fresh heartbeat of each primary arrives on every node of every site, over logs that begin where the old ones ended",
  on: eachPrimary,
  run: [{ when: "none has arrived everywhere", effect: act.sendProof }],
  done: proven.proofArrived(product),
  settleSeconds: 30,
  tries: 20,
});

export const localServices = (on: Part["on"]): Part => ({
  what: "the cluster's own service is ONLINE",
  on,
  run: [
    {
      when: "the replicator is stopped",
      holds: go.processStopped("cluster"),
      effect: act.replicator("cluster", "start"),
    },
    { when: "the service is not ONLINE", effect: act.localOnline },
  ],
  done: go.localServiceOnline,
  tries: 20,
});

/** A source whose own service went offline in MAINTENANCE is brought back by nobody but us. */
export const sourceRemedies: Part["run"] = [
  {
    when: "its source's own service is offline on the primary",
    holds: go.sourceOffline,
    effect: act.sourceOnline,
  },
];

/** The vendor's tool arms for one name, whatever the round: an earlier one must be out of the way. */
export const clearing: Part = {
  what: "send a heartbeat of this round through every service, so that the tool's one name is nobody else's",
  on: eachReader,
  run: [
    {
      when: "its process is down",
      holds: stop.processDown,
      effect: act.replicator("crossSite", "start"),
    },
    {
      when: "an earlier round had stopped it",
      holds: stop.offlineNormal,
      effect: act.incomingOnlineCommand("crossSite"),
    },
    { when: "it is ONLINE without error", holds: stop.onlineWithoutError, effect: act.clear },
    ...sourceRemedies,
  ],
  done: stop.cleared,
  settleSeconds: 5,
  tries: 20,
};
