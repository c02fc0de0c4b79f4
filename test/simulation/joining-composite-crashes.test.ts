/** A crash before and after every write and every effect while a site joins a composite, seeded faults, and operators broken on purpose. */
import { describe, expect, test } from "@jest/globals";
import { hostsOf } from "../../simulator/model.ts";
import { passiveSiteJoins, siteJoinsComposite } from "./change-of-composite.ts";
import { brokenChange, seededChange } from "./changing.ts";
import {
  blind,
  type Change,
  changePart,
  commandsLike,
  everywhere,
  movedBefore,
  unguarded,
  withoutPart,
  withoutPrechecks,
  withoutStep,
} from "./mutate.ts";
import type { Scene } from "./scene.ts";
import { sweeps } from "./sweep.ts";

const seeds = Number(process.env.SEEDS ?? 4);
const firstSeed = Number(process.env.FIRST_SEED ?? 0);

const scenarios = [
  ["a site that writes", siteJoinsComposite],
  ["a passive site", passiveSiteJoins],
] as const;

sweeps(
  97,
  scenarios.map(([name, scenario]) => [`${name} joins`, scenario]),
);

test.each(scenarios)(`${seeds} seeds while %s joins`, async (_name, scenario) => {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const replay = `replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/joining-composite-crashes`;
    const { end, violations } = await seededChange(scenario, seed);
    if (violations.length > 0 || (end !== "applied" && !/halted: \w+/.test(end)))
      throw new Error(`seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; ${replay}`);
  }
});

/** Nobody looks whether the copy stands where the donor stood, nor whether it is an event of a source's log. */
const unproven = [changePart("StartNewDatabases", 2, blind), withoutStep("ProveCopy"), withoutPrechecks];
const anyRow: Change = changePart("StartReplication", 1, (part) => ({
  ...part,
  run: part.run.map(({ holds: _, ...alternative }) => alternative),
}));

/** The filling before it is sound. */
const joining =
  (...changes: readonly Change[]): Change =>
  (procedure) =>
    procedure.name === "JoinComposite"
      ? changes.reduce((whole, change) => change(whole), procedure)
      : procedure;

const broken: readonly (readonly [string, readonly number[], readonly Change[]])[] = [
  ["a site that was never filled gets no further than its databases", [48], [withoutPart("CopyData", 0)]],
  [
    "one that does, because nobody proves the copy, is found out",
    [30],
    [withoutPart("CopyData", 0), ...unproven, anyRow],
  ],
  [
    "the sites that are there stay AUTOMATIC",
    [33],
    [joining(withoutStep("EnterMaintenance"), withoutStep("SeeComposite"), everywhere(unguarded))],
  ],
  ["MAINTENANCE is left behind", [40], [joining(withoutStep("ReturnPolicy"))]],
  [
    "the policies return before the new site is whole",
    [34],
    [joining(movedBefore("ReturnPolicy", "OpenConnectors"))],
  ],
];

describe("operators broken on purpose", () => {
  test("a sound one trips none", async () => expect(await brokenChange(siteJoinsComposite, [])).toEqual([]));
  test.each(broken)("%s", async (_name, trips, changes) => {
    expect(await brokenChange(siteJoinsComposite, changes)).toEqual(expect.arrayContaining([...trips]));
  });

  const onParis = (words: string): Change =>
    commandsLike(/^tprovision -s paris/, (sent) => ({
      ...sent,
      begin: { ...sent.begin, argv: words.split(" ") },
    }));
  test.each<[string, readonly number[], readonly Change[]]>([
    ["a sound one trips none", [], []],
    ["a relay that was never provisioned gets no further", [48], [joining(withoutPart("ProvisionRelay", 2))]],
    [
      "a replica is provisioned from another site",
      [25],
      [joining(onParis("tprovision -s nyc-1 -m xtrabackup"))],
    ],
    [
      "a node that serves is emptied",
      [24],
      [
        joining(
          commandsLike(/^tprovision/, (sent) => ({
            begin: { ...sent.begin, argv: ["tprovision", "-s", "nyc-0", "-m", "xtrabackup"], prechecks: [] },
            on: { ...sent.on, name: "nyc-1" },
          })),
        ),
      ],
    ],
    [
      "everything starts at once on the empty nodes",
      [30],
      [
        joining(
          commandsLike(/^replicator cluster start-offline/, (sent) => ({
            ...sent,
            begin: { ...sent.begin, argv: ["startall", "cluster"] },
          })),
        ),
      ],
    ],
    ["MAINTENANCE is left behind", [40], [joining(withoutStep("ReturnPolicy"))]],
  ])("a passive site: %s", async (_name, trips, changes) => {
    expect(await brokenChange(passiveSiteJoins, changes)).toEqual(
      trips.length === 0 ? [] : expect.arrayContaining([...trips]),
    );
  });

  /** What the new site reads is a minute old. */
  const slow = (scene: Scene): void => {
    for (const host of hostsOf(scene.world, "paris")) host.lagMs = 60_000;
  };
  test("a site that lags opens no connector, and one that opens them all the same is found out", async () => {
    expect(await brokenChange(siteJoinsComposite, [], slow)).toEqual([48]);
    const hasty = joining(changePart("CatchUp", 0, blind));
    expect(await brokenChange(siteJoinsComposite, [hasty], slow)).toEqual(expect.arrayContaining([35]));
  });
});
