/** The invariants of a change of the transport have teeth: each is tripped by an operator broken on purpose. */
import { describe, expect, test } from "@jest/globals";
import type { Part } from "../../src/procedures/procedure.ts";
import { everyNode } from "../../src/procedures/scopes.ts";
import { changeOfTransport } from "./change-of-transport.ts";
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
  ["updates all nodes of a site at once", [27], [changePart("UpdateNodes1", 0, onAll)]],
  [
    "leaves the second product as it was",
    [48],
    [changePart("UpdateNodes1", 2, blind), changePart("UpdateNodes2", 2, blind)],
  ],
  ["leaves MAINTENANCE behind", [40], [withoutStep("ReturnPolicy")]],
  ["leaves a connector on the former release", [42], [withoutStep("PromoteConnector-nyc-0")]],
];

test("the sound one trips none", async () => expect(await brokenChange(changeOfTransport, [])).toEqual([]));

describe("operators broken on purpose", () => {
  test.each(broken)("%s trips %j", async (_name, trips, changes) => {
    expect(await brokenChange(changeOfTransport, changes)).toEqual(expect.arrayContaining([...trips]));
  });
});
