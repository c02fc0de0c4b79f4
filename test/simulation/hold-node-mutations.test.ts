/** The invariants of a hold of a node have teeth: each is tripped by an operator broken on purpose. */
import { describe, expect, test } from "@jest/globals";
import { brokenChange } from "./changing.ts";
import { holdOfNode } from "./hold-of-node.ts";
import { blind, type Change, changePart, everywhere, unguarded, withoutStep } from "./mutate.ts";

const broken: readonly (readonly [string, readonly number[], readonly Change[]])[] = [
  ["leaves MAINTENANCE behind", [40], [withoutStep("ReturnPolicy")]],
  [
    "returns the policy over a node that is out",
    [34],
    [withoutStep("BringBack"), changePart("ReturnPolicy", 2, blind), everywhere(unguarded)],
  ],
];

test("the sound one trips none", async () => expect(await brokenChange(holdOfNode, [])).toEqual([]));

describe("operators broken on purpose", () => {
  test.each(broken)("%s trips %j", async (_name, trips, changes) => {
    expect(await brokenChange(holdOfNode, changes)).toEqual(expect.arrayContaining([...trips]));
  });
});
