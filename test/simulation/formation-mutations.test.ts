/** The invariants of forming a composite have teeth: each is tripped by an operator broken on purpose. */
import { describe, expect, test } from "@jest/globals";
import { sha256 } from "../../simulator/checksum.ts";
import { hostOf } from "../../simulator/model.ts";
import { activeActive, activePassive, brokenForming } from "./forming.ts";
import { type Change, changePart, commandsLike, trusting, withoutPrechecks, withoutStep } from "./mutate.ts";
import type { Scene } from "./scene.ts";

type Case = readonly [
  what: string,
  trips: readonly number[],
  changes: readonly Change[],
  before?: (scene: Scene) => void,
];

const otherPassword = ({ world }: Scene): void =>
  void hostOf(world, "nyc-1").keys.set("account replication-password", "another");
const slowAt =
  (name: string) =>
  ({ world }: Scene): void => {
    hostOf(world, name).slowness = 6;
  };

const broken: readonly Case[] = [
  ["starts a site before the others are installed", [21], [withoutStep("AwaitSites")], slowAt("london-1")],
  ["joins sites that log in differently", [40], [withoutStep("CompareKeys")], otherPassword],
  [
    "installs from another text than the composite's",
    [23],
    [
      withoutPrechecks,
      commandsLike(/^publish-ini/, (sent) => {
        const stdin = String(sent.begin.stdin).replace(/\[global\][^[]*/, "");
        return { ...sent, begin: { ...sent.begin, stdin, argv: ["publish-ini", sha256(stdin)] } };
      }),
      changePart("PublishConfiguration", 0, trusting),
    ],
  ],
];

describe.each([activeActive, activePassive])("$type", (composite) => {
  test("the sound one trips none", async () => expect(await brokenForming(composite, [])).toEqual([]));

  test("the sound one waits where sites log in differently", async () =>
    expect(await brokenForming(composite, [], otherPassword)).toEqual([48]));

  test.each(broken)("%s trips %j", async (...[, trips, changes, before]: Case) => {
    expect(await brokenForming(composite, changes, before)).toEqual(expect.arrayContaining([...trips]));
  });
});

test("a relay started before its source trips 21", async () => {
  const changes = [withoutStep("AwaitPrimarySite")];
  expect(await brokenForming(activePassive, changes, slowAt("nyc-1"))).toEqual(expect.arrayContaining([21]));
});
