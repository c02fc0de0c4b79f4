/** The invariants of a restart of databases have teeth: each is tripped by an operator broken on purpose. */
import { describe, expect, test } from "@jest/globals";
import type { Part } from "../../src/procedures/procedure.ts";
import { everyNode } from "../../src/procedures/scopes.ts";
import { changeOfSettings } from "./change-of-settings.ts";
import { brokenChange } from "./changing.ts";
import {
  blind,
  type Change,
  changePart,
  everywhere,
  unguarded,
  withoutPrechecks,
  withoutStep,
} from "./mutate.ts";

const onWholeSite = (part: Part): Part => ({
  ...part,
  on: (run) => everyNode(run).filter(({ site }) => site.name === "nyc"),
});

const broken: readonly (readonly [string, readonly number[], readonly Change[]])[] = [
  [
    "restarts under AUTOMATIC",
    [33],
    [withoutStep("EnterMaintenance"), everywhere(unguarded), withoutPrechecks],
  ],
  [
    "restarts the primary where it stands",
    [26],
    [
      withoutStep("SwitchAway"),
      changePart("MaintainNode0", 1, blind),
      everywhere(unguarded),
      withoutPrechecks,
    ],
  ],
  [
    "restarts all nodes at once",
    [26, 27],
    [
      changePart("MaintainNode1", 1, blind),
      changePart("MaintainNode1", 5, onWholeSite),
      everywhere(unguarded),
      withoutPrechecks,
    ],
  ],
  [
    "restarts a replica that clients still read from",
    [35],
    [changePart("MaintainNode1", 1, blind), everywhere(unguarded), withoutPrechecks],
  ],
  [
    "returns the policy over a replica that is out",
    [34],
    [
      changePart("MaintainNode1", 6, blind),
      changePart("MaintainNode1", 8, blind),
      changePart("ReturnPolicy", 2, blind),
      withoutStep("SwitchAway"),
      withoutStep("MaintainNode0"),
      withoutStep("SwitchBack"),
      everywhere(unguarded),
    ],
  ],
  ["leaves MAINTENANCE behind", [40], [withoutStep("ReturnPolicy")]],
  ["leaves the services of the other ends offline", [39], [withoutStep("BringCrossSiteOnline")]],
];

test("the sound one trips none", async () => expect(await brokenChange(changeOfSettings, [])).toEqual([]));

describe("operators broken on purpose", () => {
  test.each(broken)("%s trips %j", async (_name, trips, changes) => {
    expect(await brokenChange(changeOfSettings, changes)).toEqual(expect.arrayContaining([...trips]));
  });
});
