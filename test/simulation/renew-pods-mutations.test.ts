/** The invariants of pods made anew have teeth: each is tripped by an operator broken on purpose. */
import { describe, expect, test } from "@jest/globals";
import type { Part } from "../../src/procedures/procedure.ts";
import { changeOfImage } from "./change-of-image.ts";
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

/** Takes its alternative without asking whether it fits. */
const unasked = (part: Part): Part => ({
  ...part,
  run: part.run.map(({ holds: _, ...alternative }) => alternative),
});

/** Goes on where it should begin the step anew. */
const neverAnew = (part: Part): Part => ({
  ...part,
  done: (target, look) => {
    const verdict = part.done(target, look);
    return verdict.is === "redo" ? { is: "pending", why: verdict.why } : verdict;
  },
});

const broken: readonly (readonly [string, readonly number[], readonly Change[]])[] = [
  [
    "makes pods anew under AUTOMATIC",
    [33],
    [withoutStep("EnterMaintenance"), everywhere(unguarded), withoutPrechecks],
  ],
  [
    "makes the primary's pod anew where it stands",
    [26],
    [
      withoutStep("SwitchAway"),
      changePart("MaintainNode0", 1, blind),
      everywhere(unguarded),
      withoutPrechecks,
    ],
  ],
  [
    "deletes a pod whose database runs",
    [28],
    [
      changePart("MaintainNode1", 2, blind),
      changePart("MaintainNode1", 3, unasked),
      changePart("MaintainNode1", 3, neverAnew),
    ],
  ],
  [
    "deletes the pod of a replica that clients still read from",
    [35],
    [changePart("MaintainNode1", 1, blind), everywhere(unguarded), withoutPrechecks],
  ],
  ["leaves MAINTENANCE behind", [40], [withoutStep("ReturnPolicy")]],
];

test("the sound one trips none", async () => expect(await brokenChange(changeOfImage, [])).toEqual([]));

describe("operators broken on purpose", () => {
  test.each(broken)("%s trips %j", async (_name, trips, changes) => {
    expect(await brokenChange(changeOfImage, changes)).toEqual(expect.arrayContaining([...trips]));
  });
});
