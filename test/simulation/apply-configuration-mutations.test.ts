/** The invariants of a change of configuration have teeth: each is tripped by an operator broken on purpose. */
import { describe, expect, test } from "@jest/globals";
import type { Part } from "../../src/procedures/procedure.ts";
import { everyNode } from "../../src/procedures/scopes.ts";
import { changeOfOptions } from "./change-of-options.ts";
import { brokenChange } from "./changing.ts";
import {
  blind,
  type Change,
  changePart,
  commandsLike,
  everywhere,
  trusting,
  unguarded,
  withoutPrechecks,
  withoutStep,
} from "./mutate.ts";

const onWholeSite = (part: Part): Part => ({
  ...part,
  on: (run) => everyNode(run).filter(({ site }) => site.name === part.on(run)[0]?.site.name),
});
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
  ["updates all nodes at once", [27], [changePart("UpdateNode1", 2, onWholeSite)]],
  [
    "takes a beginning for an end, and returns the policy over it",
    [27, 34],
    [everywhere(trusting), everywhere(unguarded), changePart("ReturnPolicy", 0, blind)],
  ],
  ["leaves MAINTENANCE behind", [40], [withoutStep("ReturnPolicy")]],
  ["leaves a connector on the former release", [42], [withoutStep("PromoteConnector0")]],
  [
    "moves the primary on the way",
    [20],
    [
      commandsLike(/^cctrl/, (sent) =>
        sent.begin.stdin === "set policy maintenance\n"
          ? { ...sent, begin: { ...sent.begin, stdin: `${sent.begin.stdin}switch\n` } }
          : sent,
      ),
    ],
  ],
];

test("the sound one trips none", async () => expect(await brokenChange(changeOfOptions, [])).toEqual([]));

describe("operators broken on purpose", () => {
  test.each(broken)("%s trips %j", async (_name, trips, changes) => {
    expect(await brokenChange(changeOfOptions, changes)).toEqual(expect.arrayContaining([...trips]));
  });
});
