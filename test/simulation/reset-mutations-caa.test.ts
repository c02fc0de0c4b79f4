/** The invariants of resets have teeth in a composite and in a legacy estate too: each is tripped by an operator broken on purpose. */
import { describe, expect, test } from "@jest/globals";
import { advance } from "../../simulator/world.ts";
import type { Target } from "../../src/procedures/procedure.ts";
import { databaseRuns } from "../../src/procedures/reset-parts.ts";
import { eachPrimary, everyNode } from "../../src/procedures/scopes.ts";
import {
  blind,
  type Change,
  changePart,
  commandsLike,
  inStep,
  movedBefore,
  withoutPart,
  withoutStep,
} from "./mutate.ts";
import { type Broken, blindStepButActs, naked, onEvery, tripped } from "./reset-broken.ts";
import type { Scene } from "./scene.ts";
import { resetAllSitesCaa, resetSiteCaa, resetSiteMsmm } from "./walks.ts";

const lagging = ({ world }: Scene): void => {
  const host = world.hosts.get("london-1");
  if (host !== undefined) host.lagMs = 3_600_000;
  advance(world, 20_000);
};

/** The word of a command that fits is another one. */
const instead = (pattern: RegExp, from: string, to: string): Change =>
  commandsLike(pattern, ({ begin, on }) => ({
    begin: { ...begin, argv: begin.argv.map((word) => (word === from ? to : word)) },
    on,
  }));

const automaticBefore = (step: string): readonly Change[] => [
  movedBefore("ReturnToAutomatic", step),
  blindStepButActs("ReturnToAutomatic"),
];

const inFailed = ({ site }: Target): boolean => site.name === "nyc";

const ofComposite: readonly Broken[] = [
  {
    trips: [1],
    name: "resets readers that have not applied what others have",
    changes: [changePart("LeaveAtOneEvent", 1, blind), withoutPart("LeaveAtOneEvent", 3), ...naked],
    scene: lagging,
  },
  {
    trips: [24],
    name: "resets the definitive site's own service",
    changes: [instead(/-service london_from_nyc reset -all/, "london_from_nyc", "london"), ...naked],
  },
  {
    trips: [25],
    name: "makes the primary from another node of the failed site",
    changes: [instead(/^tprovision .* -c$/, "london-1", "nyc-1"), ...naked],
  },
  {
    trips: [26],
    name: "takes the primary for its donor",
    changes: [instead(/^tprovision .* -c$/, "london-1", "london-0"), ...naked],
  },
  {
    trips: [28],
    name: "resets before anything was copied away",
    changes: [withoutPart("ExportFailedSite", 6), ...naked],
  },
  {
    trips: [29],
    name: "provisions replicas before their primary",
    changes: [movedBefore("ProvisionReplicas", "ProvisionPrimary"), ...naked],
  },
  {
    trips: [30],
    name: "takes the primary for made",
    changes: [changePart("ProvisionPrimary", 0, blind), ...naked],
  },
  {
    trips: [31],
    name: "leaves the cross-site logs of before",
    changes: [changePart("ProvisionPrimary", 3, blind), ...naked],
    seed: 13,
  },
  { trips: [33], name: "forgets MAINTENANCE", changes: [withoutStep("EnterMaintenance"), ...naked] },
  {
    trips: [34],
    name: "returns to AUTOMATIC before the replicas are provisioned",
    changes: [...automaticBefore("ProvisionReplicas"), ...naked],
  },
  {
    trips: [35],
    name: "lets clients in before the replicas are whole",
    changes: [movedBefore("ConnectorsOnline", "ProvisionReplicas"), ...naked],
  },
  {
    trips: [35],
    name: "leaves the failed site's datasources to the other sites' connectors",
    changes: [withoutPart("ConnectorsOffline", 3), ...naked],
  },
  {
    trips: [36],
    name: "takes the clients of every site away",
    changes: [
      changePart("ConnectorsOffline", 2, onEvery(eachPrimary)),
      changePart("ConnectorsOnline", 2, onEvery(eachPrimary)),
      ...naked,
    ],
  },
  { trips: [40], name: "forgets the connectors", changes: [withoutStep("ConnectorsOnline"), ...naked] },
];

/** The tool refuses a source whose replicator is stopped, so no node of the failed site can be one before its time. */
const ofLegacy: readonly Broken[] = [
  {
    trips: [1],
    name: "stops the failed site before everything of it has arrived, as the page does",
    changes: [changePart("StopFailedSite", 1, blind), withoutPart("StopFailedSite", 3), ...naked],
    scene: lagging,
  },
  {
    trips: [26],
    name: "takes the primary for its donor",
    changes: [instead(/^tungsten_provision_slave/, "london-1", "london-0"), ...naked],
  },
  {
    trips: [28],
    name: "resets before anything was copied away",
    changes: [withoutPart("StopFailedSite", 13), ...naked],
  },
  {
    trips: [30],
    name: "starts every node in step 6, as the page can be read",
    changes: [
      inStep("RestartPrimary", (step) => ({
        ...step,
        parts: [databaseRuns(everyNode), ...step.parts.slice(0, -1)].map(
          onEvery((run) => everyNode(run).filter(inFailed)),
        ),
      })),
      ...naked,
    ],
  },
  {
    trips: [31],
    name: "leaves the cross-site logs of before",
    changes: [
      inStep("RestartPrimary", (step) => ({ ...step, parts: step.parts.slice(0, -1) })),
      inStep("ProvisionReplicas", (step) => ({
        ...step,
        parts: step.parts.filter(({ what }) => !what.startsWith("drop")),
      })),
      ...naked,
    ],
  },
  {
    trips: [34],
    name: "returns to AUTOMATIC in step 8, as the page does",
    changes: [...automaticBefore("ProvisionReplicas"), ...naked],
  },
  {
    trips: [35],
    name: "brings the routers online in step 8, as the page does",
    changes: [movedBefore("ConnectorsOnline", "ProvisionReplicas"), ...naked],
  },
];

const ofAll: readonly Broken[] = [
  {
    trips: [32],
    name: "brings primaries online while others are still to be reset",
    changes: [movedBefore("PrimariesOnline", "ResetEverything"), ...naked],
  },
  { trips: [33], name: "forgets MAINTENANCE", changes: [withoutStep("EnterMaintenance"), ...naked] },
];

const walks = [
  ["ResetSite in a composite", resetSiteCaa, ofComposite],
  ["ResetSite of a legacy estate", resetSiteMsmm, ofLegacy],
  ["ResetAllSites in a composite", resetAllSitesCaa, ofAll],
] as const;

describe.each(walks)("broken operators of %s are seen", (_name, walk, broken) => {
  test.each(broken)("$trips: $name", async (each) => {
    expect(await tripped({ ...each, walk })).toEqual(expect.arrayContaining([...each.trips]));
  });

  test.each([11, 13])("and the sound one trips none, seed %i", async (seed) => {
    expect(await tripped({ trips: [], name: "sound", changes: [], seed, walk })).toEqual([]);
  });
});
