/** Releases compare as numbers, not as texts. */
import { expect, test } from "@jest/globals";
import { compareReleases, majorOf, type Release, releaseOf } from "../../../src/tungsten/release.ts";

const of = (text: string): Release => {
  const release = releaseOf(text);
  if (release === undefined) throw new Error(text);
  return release;
};

test.each([
  ["8.0.4-132", "8.0.4-131"],
  ["8.0.4-1000", "8.0.4-132"],
  ["8.0.10-1", "8.0.9-999"],
  ["10.0.0-1", "9.9.9-999"],
  ["8.0.4-1", "8.0.4"],
  ["7.0.0", "6.1.25-6"],
])("%s is newer than %s", (newer, older) => {
  expect(Math.sign(compareReleases(of(newer), of(older)))).toBe(1);
  expect(Math.sign(compareReleases(of(older), of(newer)))).toBe(-1);
});

test("a release is as new as itself, and knows its major", () => {
  expect(compareReleases(of("8.0.4-132"), of("8.0.4-132"))).toBe(0);
  expect(majorOf(of("10.2.0-1"))).toBe(10);
});

test.each(["", "8", "8.0.4-", "8.0.4-x", "v8.0.4", "8.0.4-132\n8", "8.0.4-132-1"])(
  "«%s» is no release",
  (text) => expect(releaseOf(text)).toBeUndefined(),
);
