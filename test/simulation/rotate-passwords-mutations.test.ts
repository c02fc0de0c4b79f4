/** The invariants of a change of passwords have teeth: each is tripped by an operator broken on purpose. */
import { describe, expect, test } from "@jest/globals";
import { changeOfPasswords } from "./change-of-passwords.ts";
import { brokenChange } from "./changing.ts";
import { blind, type Change, changePart, withoutPrechecks, withoutStep } from "./mutate.ts";

const broken: readonly (readonly [string, readonly number[], readonly Change[]])[] = [
  ["lets connectors know before the databases", [36], [changePart("ChangeAccounts", 0, blind)]],
  ["joins the passwords again on no node", [48], [withoutStep("PublishConfiguration"), withoutPrechecks]],
  ["leaves a connector on the former release", [42], [withoutStep("PromoteConnector0")]],
  ["leaves former passwords good", [48], [withoutStep("SettleAccounts")]],
];

describe("operators broken on purpose", () => {
  test.each(broken)("%s trips %j", async (_name, trips, changes) => {
    expect(await brokenChange(changeOfPasswords, changes)).toEqual(expect.arrayContaining([...trips]));
  });
});
