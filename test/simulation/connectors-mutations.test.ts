/** The invariants of connector pods have teeth: each is tripped by an operator broken on purpose. */
import { describe, expect, test } from "@jest/globals";
import type { Part } from "../../src/procedures/procedure.ts";
import { eachConnector } from "../../src/procedures/scopes.ts";
import { connectorGoes, connectorsCome, connectorsFollow } from "./change-of-connectors.ts";
import { brokenChange, type Scenario } from "./changing.ts";
import {
  blind,
  type Change,
  changePart,
  trusting,
  withoutPart,
  withoutPrechecks,
  withoutStep,
} from "./mutate.ts";

/** Parts of a host's step. */
const [publish, update] = [1, 4];
const onAll = (part: Part): Part => ({ ...part, on: eachConnector });

const broken: readonly (readonly [string, Scenario, readonly number[], readonly Change[]])[] = [
  [
    "updates all of them at once",
    connectorsFollow,
    [27],
    [changePart("KeepConnector0", publish, onAll), changePart("KeepConnector0", update, onAll)],
  ],
  [
    "leaves the text of before where it is",
    connectorsFollow,
    [21],
    [changePart("KeepConnector0", publish, blind), withoutPrechecks],
  ],
  [
    "takes a beginning for an end",
    connectorsFollow,
    [27],
    [changePart("KeepConnector0", update, trusting), changePart("KeepConnector0", 6, blind)],
  ],
  [
    "never looks whether one was updated",
    connectorsFollow,
    [48],
    [changePart("KeepConnector1", update, blind)],
  ],
  ["leaves one out", connectorsCome, [48], [withoutStep("KeepConnector1")]],
  ["never starts what it installed", connectorsCome, [48], [withoutPart("KeepConnector0", 6)]],
];

describe("sound ones trip none", () => {
  test.each([
    ["come", connectorsCome],
    ["go", connectorGoes],
    ["follow", connectorsFollow],
  ] as const)("%s", async (_name, scenario) => expect(await brokenChange(scenario, [])).toEqual([]));
});

describe("operators broken on purpose", () => {
  test.each(broken)("%s", async (_name, scenario, trips, changes) => {
    expect(await brokenChange(scenario, changes)).toEqual(expect.arrayContaining([...trips]));
  });
});
