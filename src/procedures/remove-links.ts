/**
 * Take CrossSiteLinks out of a Multi-Site/Active-Active estate (tungsten-cli §11.10 for what leaves an ini; deploy-msaa for
 * the order of its updates). Asked for by deleting the links. What travels arrives first, or is given up by a word; a site
 * that reads nobody any more loses the second product, before it has another ini.
 */
import { everythingRuns, promoteStep, update } from "./apply-configuration.ts";
import * as act from "./conversion-commands.ts";
import * as products from "./conversion-products.ts";
import { crossSiteStopped } from "./conversion-readers.ts";
import * as go from "./conversion-services.ts";
import { drainParts, serviceGone, stayOffline } from "./drain.ts";
import { heldByRun, iniPublished } from "./guards.ts";
import type { Part, Procedure, Step } from "./procedure.ts";
import { provePaths } from "./prove-paths.ts";
import * as leave from "./remove-links-parts.ts";
import { eachSite, everyNode } from "./scopes.ts";
import {
  enterMaintenance,
  incomingServices,
  localService,
  maintenanceStays,
  of,
  returnPolicy,
} from "./site-parts.ts";
import { every } from "./verdicts.ts";

const forward = "Nothing is undone by itself: create the links again once it is over.";

const drainStep = (about: leave.LinkRemoval, n: number): Step => ({
  n,
  id: "DrainLinks",
  title: "Let arrive what the links carry",
  condition: "LinksDrained",
  undo: forward,
  parts: drainParts(leave.drainOf(about)),
});

const stopStep = (about: leave.LinkRemoval, n: number): Step => ({
  n,
  id: "StopServices",
  title: "Stop the services of the links",
  condition: "ServicesStopped",
  undo: forward,
  parts: [stayOffline("crossSite", leave.scopesOf(about).all)],
});

/** Uninstalling drops positions, clears read_only, and reads the ini that is there: so it comes before the new one. */
const uninstallStep = (about: leave.LinkRemoval, n: number): Step => ({
  n,
  id: "UninstallSecondProduct",
  title: "Uninstall the second product where it has nothing left to read",
  condition: "SecondProductUninstalled",
  undo: "Positions are in the dumps of this walk; create the links again once it is over, and the product is installed again.",
  parts: [...dumpParts(about), ...uninstallParts(about)],
});

function dumpParts(about: leave.LinkRemoval): readonly Part[] {
  const { bareNodes, keptReaders } = leave.scopesOf(about);
  const { making, judged } = leave.byFile(about);
  return [
    {
      what: "hold the cross-site replicator: a restarting pod shall not start it",
      on: bareNodes,
      run: [{ when: "it is not held", effect: act.hold("crossSite") }],
      done: heldByRun("crossSite", true),
    },
    {
      what: "stop the cross-site replicator",
      vendor: "mm_replicator stop",
      on: bareNodes,
      guards: [maintenanceStays],
      run: [{ when: "it runs", effect: act.replicator("crossSite", "stop") }],
      done: crossSiteStopped,
    },
    {
      what: "dump the tracking schema to a new file, and read it back: its one commit row is the database's",
      on: keptReaders,
      run: [{ when: "this walk has no verified dump of it", effect: making(act.dump) }],
      done: judged(leave.dumpFaithful),
      settleSeconds: 2,
      record: (target, look) => leave.dumpRecord(about, target, look),
    },
  ];
}

function uninstallParts(about: leave.LinkRemoval): readonly Part[] {
  const { bareNodes } = leave.scopesOf(about);
  const { making, judged } = leave.byRole(about);
  return [
    {
      what: "keep read_only as it is",
      on: bareNodes,
      run: [{ when: "it is not kept yet", effect: making(act.keepReadOnly) }],
      done: judged(products.readOnlyWasKept),
    },
    {
      what: "uninstall the second product, and put read_only back, which uninstall clears",
      vendor: "tools/tpm uninstall --i-am-sure",
      on: bareNodes,
      guards: [maintenanceStays, leave.dumpsThere(about), products.noTpmAlive],
      run: [
        {
          when: "the second product is installed",
          holds: products.productPresent,
          effect: leave.uninstall(about),
        },
        {
          when: "it is gone and read_only differs from what was kept",
          holds: products.productGone,
          effect: making(act.putReadOnlyBack),
        },
      ],
      done: judged(products.uninstalledAndReadOnlyBack),
      settleSeconds: 2,
      tries: 10,
      stallSeconds: 900,
    },
    {
      what: "note where the binary log stands",
      on: bareNodes,
      run: [],
      done: products.binlogPositionKnown,
      record: products.binlogRecord,
    },
    {
      what: "reload the tracking schema with the binary log off, and prove that nothing of it was logged",
      on: leave.dumped(about),
      run: [{ when: "the rows differ from the dump", effect: act.restore }],
      done: products.restoredUnlogged,
      settleSeconds: 2,
    },
    {
      what: "release the hold on the second product, which is gone",
      on: bareNodes,
      run: [{ when: "it is held", effect: act.release("crossSite") }],
      done: heldByRun("crossSite", false),
    },
  ];
}

/** Each part of what the estate falls into has a text of its own. */
export const publishTexts = (texts: readonly leave.Text[], n: number, undo: string): Step => ({
  n,
  id: "PublishConfiguration",
  title: "Write the configuration without what leaves on every node",
  condition: "ConfigurationPublished",
  undo,
  parts: texts.map((text) => ({
    what: `write /etc/tungsten/tungsten.ini of ${text.sites.join(", ")}, master= being the live primary`,
    on: of(everyNode, ({ site }) => text.sites.includes(site.name)),
    guards: [products.noTpmAlive],
    run: [{ when: "another text is published", effect: act.publishIni(text.key) }],
    done: iniPublished(text.key),
  })),
});

/** tpm update over the text that each of these nodes has. */
export const updateOver = (
  texts: readonly leave.Text[],
  product: "cluster" | "crossSite",
  on: Part["on"],
): readonly Part[] =>
  texts.map((text) =>
    update(
      product,
      { kind: text.key },
      of(on, ({ site }) => text.sites.includes(site.name)),
    ),
  );

export const startedAgain = (on: Part["on"]): Part => ({
  what: "replicator, manager and connector run, and the database has its role",
  on,
  run: [{ when: "something does not run", effect: act.startAll }],
  done: everythingRuns,
  settleSeconds: 30,
  stallSeconds: 600,
});

/** The n-th node of every site, side by side: at each site the managers of the others stay. */
function updateStep(about: leave.LinkRemoval, index: number, n: number): Step {
  const names = about.sites.flatMap((nodes) => nodes[index]?.name ?? []);
  const here = of(everyNode, ({ node }) => names.includes(node.name));
  const { leavers, secondNodes, staying } = leave.scopesOf(about);
  const among = (on: Part["on"]) => of(on, ({ node }) => names.includes(node.name));
  return {
    n,
    id: `UpdateNodes${index + 1}`,
    title: `Update ${names.join(", ")}`,
    condition: `Nodes${index + 1}Updated`,
    undo: forward,
    parts: [
      leave.deleteService(about, among(leavers)),
      ...updateOver(about.texts, "crossSite", among(secondNodes)),
      {
        what: "its second replicator runs",
        on: among(secondNodes),
        run: [{ when: "it is stopped", effect: act.replicator("crossSite", "start") }],
        done: go.processRuns("crossSite"),
      },
      ...updateOver(about.texts, "cluster", here),
      startedAgain(here),
      localService(here),
      incomingServices("crossSite", among(staying)),
    ],
  };
}

const proveStep = (about: leave.LinkRemoval, n: number): Step => {
  const { all, staying } = leave.scopesOf(about);
  return {
    n,
    id: "ProveRest",
    title: "See the services gone, and the rest replicate",
    condition: "RestProven",
    undo: "Nothing to undo.",
    parts: [
      {
        what: "no node has a service of the links any more; positions that are to stay are there",
        on: all,
        run: [],
        done: (target, look) =>
          every([serviceGone("crossSite")(target, look), leave.positionStays(about)(target, look)]),
        stallSeconds: 600,
      },
      localService(everyNode),
      incomingServices("crossSite", staying),
      provePaths({ readers: staying, sources: about.sourcesLeft, beat: about.beat }),
    ],
  };
};

/** The way of these links out of one estate. */
export function removeLinks(about: leave.LinkRemoval): Procedure {
  const rounds = Math.max(...about.sites.map((nodes) => nodes.length));
  const first = about.bare.length > 0 ? 6 : 5;
  return {
    name: "RemoveLinks",
    revision: 1,
    source:
      "Tungsten documentation, Deploying Multi-Site/Active-Active Clustering; The tpm update Command; The tpm delete-service Command; as one outline in none",
    accepts: [],
    holds: [],
    pins: () => ({ unknown: "a walk that takes links out pins what its TungstenCluster says" }),
    steps: [
      enterMaintenance(eachSite),
      drainStep(about, 2),
      stopStep(about, 3),
      ...(about.bare.length > 0 ? [uninstallStep(about, 4)] : []),
      publishTexts(about.texts, first - 1, forward),
      ...Array.from({ length: rounds }, (_, index) => updateStep(about, index, first + index)),
      proveStep(about, first + rounds),
      returnPolicy(first + rounds + 1, {
        onSite: eachSite,
        nodes: everyNode,
        readers: leave.scopesOf(about).staying,
        product: "crossSite",
      }),
      ...about.sites.flat().map((node, index) => ({
        ...promoteStep(node, first + rounds + 2 + index),
        id: `PromoteConnector-${node.name}`,
      })),
    ],
    abortUntil: { step: "EnterMaintenance", part: 0 },
    revert: [],
    revertUntil: { step: "EnterMaintenance", part: 0 },
    interruptions: () => [],
    budgets: [],
  };
}
