/** The invariants of an upgrade have teeth: each is tripped by an operator broken on purpose, and by no sound one. */
import { describe, expect, test } from "@jest/globals";
import { advance } from "../../simulator/world.ts";
import type { Part } from "../../src/procedures/procedure.ts";
import { everyNode } from "../../src/procedures/scopes.ts";
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

const onEveryNode = (part: Part): Part => ({ ...part, on: everyNode });
/** Takes the first alternative without asking whether it fits. */
const outOfTurn = (part: Part): Part => ({
  ...part,
  run: part.run.map(({ holds, ...alternative }, index) =>
    index === 0 || holds === undefined ? alternative : { ...alternative, holds },
  ),
});
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
  ["updates all replicas of a site at once", [27], [changePart("UpdateReplicas", 0, outOfTurn)]],
  [
    "updates the primary beside its replicas",
    [27],
    [changePart("UpdateReplicas", 0, onEveryNode), changePart("UpdateReplicas", 0, outOfTurn), ...naked],
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
      changePart("UpdateReplicas", 3, blind),
      changePart("UpdatePrimaries", 3, blind),
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
  const rows = broken.map(
    ([name, trips, changes, meddle = () => {}]) => [name, trips, changes, meddle] as const,
  );
  test.each(rows)("%s trips %j", async (_name, trips, changes, meddle) => {
    expect(await tripped(changes, meddle)).toEqual(expect.arrayContaining([...trips]));
  });
});
