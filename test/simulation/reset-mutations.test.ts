/** The invariants of resets have teeth: each is tripped by an operator broken on purpose, and by no sound one. */
import { describe, expect, test } from "@jest/globals";
import { advance } from "../../simulator/world.ts";
import type { Part } from "../../src/procedures/procedure.ts";
import { eachPrimary, everyNode } from "../../src/procedures/scopes.ts";
import {
  blind,
  type Change,
  changedBy,
  changePart,
  commandsLike,
  everywhere,
  inStep,
  movedBefore,
  unguarded,
  withoutHolds,
  withoutPart,
  withoutPrechecks,
  withoutStep,
} from "./mutate.ts";
import { newScene, pass, quiesce, type Scene, theRequest } from "./scene.ts";
import { resetAllSites, resetSite, type Walk } from "./walks.ts";

type Broken = {
  readonly trips: readonly number[];
  readonly name: string;
  readonly changes: readonly Change[];
  readonly scene?: (scene: Scene) => void;
  /** Of which procedure; ResetSite where it is left out. */
  readonly walk?: Walk;
};

const withoutOwnHolds: Change = (procedure) => ({
  ...procedure,
  steps: procedure.steps.map(({ holds: _, ...step }) => step),
});
const naked: readonly Change[] = [everywhere(unguarded), withoutPrechecks, withoutHolds, withoutOwnHolds];
const onEvery =
  (scope: Part["on"]) =>
  (part: Part): Part => ({ ...part, on: scope });
const blindStep = (id: string): Change => inStep(id, (step) => ({ ...step, parts: step.parts.map(blind) }));

const broken: readonly Broken[] = [
  {
    trips: [1],
    name: "resets readers that have not applied what others have",
    changes: [changePart("LeaveAtOneEvent", 1, blind), withoutPart("LeaveAtOneEvent", 3), ...naked],
    scene: ({ world }) => {
      const host = world.hosts.get("london-1");
      if (host !== undefined) host.lagMs = 3_600_000;
      advance(world, 20_000);
    },
  },
  {
    trips: [24],
    name: "resets the definitive site's own service",
    changes: [
      commandsLike(/^trepctl crossSite -service nyc reset -all/, ({ begin, on }) => ({
        begin: { ...begin, argv: ["trepctl", "cluster", "-service", "london", "reset", "-all", "-y"] },
        on,
      })),
      ...naked,
    ],
  },
  {
    trips: [25],
    name: "copies from another node of the failed site",
    changes: [
      commandsLike(/^copy-datadir/, ({ begin, on }) => ({
        begin: { ...begin, argv: ["copy-datadir", "nyc-1", ...begin.argv.slice(2)] },
        on,
      })),
      ...naked,
    ],
  },
  {
    trips: [26],
    name: "takes the primary for its donor",
    changes: [
      (procedure) => ({
        ...procedure,
        pins: (estate, facts) => {
          const reading = procedure.pins(estate, facts);
          return "unknown" in reading
            ? reading
            : { pins: { ...reading.pins, backupNodes: { london: "london-0" } } };
        },
      }),
      commandsLike(/^cctrl$/, ({ begin, on }) => ({
        begin: { ...begin, ...(begin.stdin !== undefined && { stdin: `set force true\n${begin.stdin}` }) },
        on,
      })),
      ...naked,
    ],
  },
  {
    trips: [27],
    name: "stops the database of every node but its own",
    changes: [changePart("TakeDonorOut", 9, onEvery(everyNode)), ...naked],
  },
  {
    trips: [28],
    name: "resets before anything was copied away",
    changes: [withoutPart("ExportFailedSite", 9), ...naked],
  },
  {
    trips: [28],
    name: "leaves the connectors of the failed site as they are",
    changes: [
      withoutStep("ConnectorsOffline"),
      changePart("LeaveAtOneEvent", 1, blind),
      withoutPart("LeaveAtOneEvent", 3),
      ...naked,
    ],
  },
  {
    trips: [29],
    name: "provisions replicas before their primary",
    changes: [movedBefore("ProvisionReplicas", "CopyData"), ...naked],
  },
  {
    trips: [30],
    name: "takes the copy for made",
    changes: [blindStep("CopyData"), changePart("ResetFailedPrimary", 2, blind), ...naked],
  },
  {
    trips: [31],
    name: "leaves the cross-site logs of before",
    changes: [
      changePart("ResetFailedPrimary", 9, blind),
      inStep("ProvisionReplicas", (step) => ({ ...step, parts: step.parts.slice(0, -1) })),
      ...naked,
    ],
  },
  { trips: [33], name: "forgets MAINTENANCE", changes: [withoutStep("EnterMaintenance"), ...naked] },
  {
    trips: [34],
    name: "returns to AUTOMATIC before the replicas are provisioned",
    changes: [
      movedBefore("ReturnToAutomatic", "ProvisionReplicas"),
      blindStepButActs("ReturnToAutomatic"),
      ...naked,
    ],
  },
  {
    trips: [35],
    name: "lets clients in before the replicas are whole",
    changes: [movedBefore("ConnectorsOnline", "ProvisionReplicas"), ...naked],
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
  {
    trips: [39],
    name: "forgets what the failed site reads",
    changes: [withoutStep("FailedSiteReads"), ...naked],
  },
  { trips: [40], name: "forgets the connectors", changes: [withoutStep("ConnectorsOnline"), ...naked] },
];

const brokenForAll: readonly Broken[] = [
  {
    trips: [32],
    name: "brings primaries online while others are still to be reset, as the page does node by node",
    changes: [movedBefore("PrimariesOnline", "ResetEverything"), ...naked],
  },
  {
    trips: [32],
    name: "does not care who writes",
    changes: [
      withoutStep("ConnectorsOffline"),
      withoutStep("Quiesce"),
      withoutPart("EverythingOffline", 5),
      ...naked,
    ],
  },
  { trips: [33], name: "forgets MAINTENANCE", changes: [withoutStep("EnterMaintenance"), ...naked] },
  {
    trips: [34],
    name: "returns to AUTOMATIC first",
    changes: [
      movedBefore("ReturnToAutomatic", "ReplicasOnline"),
      blindStepButActs("ReturnToAutomatic"),
      ...naked,
    ],
  },
  { trips: [40], name: "forgets the connectors", changes: [withoutStep("ConnectorsOnline"), ...naked] },
];

/** Acts once and does not look. */
function blindStepButActs(id: string): Change {
  return inStep(id, (step) => ({
    ...step,
    parts: step.parts.slice(0, 1).map((part) => ({
      ...part,
      done: (target, look) =>
        look.attempt > 0 ? { is: "done" } : { is: "pending", why: `${target.id} not yet` },
    })),
  }));
}

async function tripped({ changes, scene: set, walk = resetSite }: Broken): Promise<readonly number[]> {
  const scene = await newScene({ sites: walk.sites, nodes: walk.nodes, seed: 11, ...walk.more });
  scene.catalog = changedBy(...changes);
  set?.(scene);
  const watch = walk.watch(scene);
  await walk.ask(scene);
  for (let n = 0; n < 400 && (await pass(scene)); n += 1);
  const { outcome } = (await theRequest(scene)).status?.ledger ?? {};
  quiesce(scene);
  if (outcome === "Succeeded") watch.end(walk.interruption);
  return [...new Set(watch.violations.map(({ n }) => n))].sort((a, b) => a - b);
}

describe("broken operators are seen", () => {
  test.each(broken)("$trips: $name", async (each) => {
    expect(await tripped(each)).toEqual(expect.arrayContaining([...each.trips]));
  });
});

describe("broken operators of ResetAllSites are seen", () => {
  test.each(brokenForAll)("$trips: $name", async (each) => {
    expect(await tripped({ ...each, walk: resetAllSites })).toEqual(expect.arrayContaining([...each.trips]));
  });
});

test.each([resetSite, resetAllSites])("the sound operator of $name trips none", async (walk) => {
  expect(await tripped({ trips: [], name: "sound", changes: [], walk })).toEqual([]);
});
