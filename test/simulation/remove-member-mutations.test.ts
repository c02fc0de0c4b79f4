/** The invariants of a member that leaves have teeth: each is tripped by an operator broken on purpose. */
import { describe, expect, test } from "@jest/globals";
import type { Part } from "../../src/procedures/procedure.ts";
import { everyNode } from "../../src/procedures/scopes.ts";
import { memberLeaves } from "./change-of-members.ts";
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

const onAll = (part: Part): Part => ({ ...part, on: everyNode });
const onFirst = (part: Part): Part => ({ ...part, on: (run) => part.on(run).slice(0, 1) });

const broken: readonly (readonly [string, readonly number[], readonly Change[]])[] = [
  ["lets nothing drain", [1], [withoutStep("DrainServices")]],
  ["takes an armed service for one that has stopped", [1], [changePart("DrainServices", 2, blind)]],
  [
    "updates under AUTOMATIC",
    [33],
    [withoutStep("EnterMaintenance"), everywhere(unguarded), withoutPrechecks],
  ],
  [
    "updates before every node has the text",
    [21],
    [changePart("PublishConfiguration", 0, onFirst), withoutPrechecks],
  ],
  ["leaves MAINTENANCE behind", [40], [withoutStep("ReturnPolicy")]],
  ["leaves a connector on the former release", [42], [withoutStep("PromoteConnector-nyc-0")]],
  [
    "gives the leaver the text of the others",
    [48],
    [
      changePart("PublishConfiguration", 1, blind),
      changePart("UpdateNodes1", 1, blind),
      changePart("UpdateNodes2", 1, blind),
      changePart("ProveRest", 0, blind),
    ],
  ],
  [
    "leaves user.map leading to a composite that is gone",
    [40],
    [everywhere((part) => (part.what.startsWith("user.map leads") ? blind(part) : part))],
  ],
  ["updates all nodes of a site at once", [27], [changePart("UpdateNodes1", 0, onAll)]],
];

test("the sound one trips none", async () => expect(await brokenChange(memberLeaves, [])).toEqual([]));

describe("operators broken on purpose", () => {
  test.each(broken)("%s trips %j", async (_name, trips, changes) => {
    expect(await brokenChange(memberLeaves, changes)).toEqual(expect.arrayContaining([...trips]));
  });
});
