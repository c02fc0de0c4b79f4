/** The invariants of a passive site that leaves have teeth: each is tripped by an operator broken on purpose. */
import { describe, expect, test } from "@jest/globals";
import type { Part } from "../../src/procedures/procedure.ts";
import { everyNode } from "../../src/procedures/scopes.ts";
import { relayLeaves } from "./change-of-passive.ts";
import { brokenChange } from "./changing.ts";
import {
  blind,
  type Change,
  changePart,
  everywhere,
  inStep,
  movedBefore,
  unguarded,
  withoutPart,
  withoutPrechecks,
  withoutStep,
} from "./mutate.ts";

const onAll = (part: Part): Part => ({ ...part, on: everyNode });
const onFirst = (part: Part): Part => ({ ...part, on: (run) => part.on(run).slice(0, 1) });
const unlooked: readonly Change[] = [changePart("TakeSiteOut", 10, blind), changePart("ProveRest", 0, blind)];

/** Its connectors go last. */
const clientsLast: Change = inStep("TakeSiteOut", (step) => ({
  ...step,
  parts: [...step.parts.slice(2), ...step.parts.slice(0, 2)].filter((part) => part.run.length > 0),
}));

const broken: readonly (readonly [string, readonly number[], readonly Change[]])[] = [
  ["lets nothing arrive", [1], [withoutStep("DrainRelay")]],
  ["takes a heartbeat that was sent for one that has arrived", [1], [changePart("DrainRelay", 1, blind)]],
  [
    "stops the site under AUTOMATIC",
    [33],
    [withoutStep("EnterMaintenance"), everywhere(unguarded), withoutPrechecks],
  ],
  ["stops the relay while clients may read there", [35], [clientsLast, everywhere(unguarded)]],
  [
    "leaves the databases running",
    [40],
    [...unlooked, withoutPart("TakeSiteOut", 9), withoutPart("TakeSiteOut", 8)],
  ],
  ["takes the site out of the text and leaves it running", [40], [withoutStep("TakeSiteOut"), ...unlooked]],
  [
    "updates before every node has the text",
    [21],
    [changePart("PublishConfiguration", 0, onFirst), withoutPrechecks],
  ],
  ["updates all nodes of a site at once", [27], [changePart("UpdateNodes1", 0, onAll)]],
  [
    "takes the site out after the others have forgotten it",
    [33],
    [movedBefore("ReturnPolicy", "TakeSiteOut"), everywhere(unguarded), withoutPrechecks],
  ],
  ["leaves MAINTENANCE behind", [40], [withoutStep("ReturnPolicy")]],
  ["leaves a connector on the former release", [42], [withoutStep("PromoteConnector-nyc-0")]],
];

test("the sound one trips none", async () => expect(await brokenChange(relayLeaves, [])).toEqual([]));

describe("operators broken on purpose", () => {
  test.each(broken)("%s trips %j", async (_name, trips, changes) => {
    expect(await brokenChange(relayLeaves, changes)).toEqual(expect.arrayContaining([...trips]));
  });
});
