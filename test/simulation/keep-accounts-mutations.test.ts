/** The invariants of a change of accounts have teeth: each is tripped by an operator broken on purpose. */
import { describe, expect, test } from "@jest/globals";
import type { Part } from "../../src/procedures/procedure.ts";
import { changeOfUsers } from "./change-of-users.ts";
import { brokenChange } from "./changing.ts";
import { blind, type Change, changePart, movedBefore, withoutStep } from "./mutate.ts";

const onFirst = (part: Part): Part => ({ ...part, on: (run) => part.on(run).slice(0, 1) });

const broken: readonly (readonly [string, readonly number[], readonly Change[]])[] = [
  ["lets connectors know before the databases", [36], [movedBefore("MapUsers", "ChangeAccounts")]],
  ["takes the databases for changed", [36], [changePart("ChangeAccounts", 0, blind)]],
  ["changes one database only", [36], [changePart("ChangeAccounts", 0, onFirst)]],
  ["lets no connector know", [48], [withoutStep("MapUsers")]],
  ["leaves former passwords good", [48], [withoutStep("SettleAccounts")]],
];

test("the sound one trips none", async () => expect(await brokenChange(changeOfUsers, [])).toEqual([]));

describe("operators broken on purpose", () => {
  test.each(broken)("%s trips %j", async (_name, trips, changes) => {
    expect(await brokenChange(changeOfUsers, changes)).toEqual(expect.arrayContaining([...trips]));
  });
});
