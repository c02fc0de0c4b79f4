/** The invariants of an upgrade have teeth: each is tripped by an operator broken on purpose, and by no sound one. */
import { describe, expect, test } from "@jest/globals";
import { advance } from "../../simulator/world.ts";
import {
  blind,
  type Change,
  changedBy,
  changePart,
  everywhere,
  movedBefore,
  unguarded,
  withoutHolds,
  withoutPrechecks,
  withoutStep,
} from "./mutate.ts";
import { newScene, pass, quiesce, type Scene } from "./scene.ts";
import { newRelease } from "./upgrade-invariants.ts";
import { upgradeSoftware } from "./walks.ts";

const naked: readonly Change[] = [everywhere(unguarded), withoutPrechecks, withoutHolds];
const anyhow: Change = (procedure) => ({ ...procedure, accepts: [] });
const withoutPackage = ({ world }: Scene): void =>
  void world.hosts.get("nyc-1")?.volume.software.delete(newRelease);

const broken: readonly (readonly [
  string,
  readonly number[],
  readonly Change[],
  ((scene: Scene) => void)?,
])[] = [
  ["updates under AUTOMATIC", [33], [withoutStep("EnterMaintenance"), ...naked]],
  ["updates all replicas of a site at once", [27], [everywhere(unguarded)]],
  [
    "updates the primary beside its replicas",
    [27],
    [withoutStep("UpdateReplicas"), movedBefore("UpdatePrimaries", "UpdateReplicas"), ...naked],
  ],
  [
    "opens the window before the packages lie everywhere",
    [33],
    [anyhow, changePart("SeePackages", 0, blind)],
    withoutPackage,
  ],
  [
    "returns to AUTOMATIC between replicas and primaries",
    [33],
    [movedBefore("ReturnToAutomatic", "UpdatePrimaries"), everywhere(unguarded)],
  ],
  ["leaves MAINTENANCE behind", [40], [withoutStep("ReturnToAutomatic")]],
  ["leaves connectors of the release of before", [42], [withoutStep("PromoteConnectors")]],
  [
    "leaves the second product as it was",
    [42],
    [
      changePart("UpdateReplicas", 1, blind),
      changePart("UpdatePrimaries", 1, blind),
      changePart("ProveVersions", 2, blind),
    ],
  ],
];

/** The numbers that an upgrade of two sites with three nodes trips. */
async function tripped(
  changes: readonly Change[],
  meddle?: (scene: Scene) => void,
): Promise<readonly number[]> {
  const scene = await newScene({ sites: ["london", "nyc"], nodes: 3, seed: 11 });
  scene.catalog = changedBy(...changes);
  const watch = upgradeSoftware.watch(scene);
  await upgradeSoftware.ask(scene);
  meddle?.(scene);
  let going = true;
  for (let n = 0; n < 700 && going; n += 1) going = await pass(scene);
  advance(scene.world, 10_000);
  quiesce(scene);
  if (!going) watch.end(upgradeSoftware.interruption);
  return [...new Set(watch.violations.map(({ n }) => n))].sort((a, b) => a - b);
}

test("the sound one trips none", async () => expect(await tripped([])).toEqual([]));

describe("operators broken on purpose", () => {
  test.each(broken)("%s trips %j", async (_name, trips, changes, meddle) => {
    expect(await tripped(changes, meddle)).toEqual(expect.arrayContaining([...trips]));
  });
});
