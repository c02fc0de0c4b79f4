/** The invariants of nodes that join and leave have teeth: each is tripped by an operator broken on purpose. */
import { describe, expect, test } from "@jest/globals";
import { nodeJoins, nodeLeaves } from "./change-of-nodes.ts";
import { brokenChange, type Scenario } from "./changing.ts";
import {
  blind,
  type Change,
  changePart,
  commandsLike,
  everywhere,
  trusting,
  unguarded,
  withoutPart,
  withoutPrechecks,
  withoutStep,
} from "./mutate.ts";

const provision = 7;
const broken: readonly (readonly [string, Scenario, readonly number[], readonly Change[]])[] = [
  ["lets a node serve that was never filled", nodeJoins, [30], [withoutPart("ProvisionNode2", provision)]],
  [
    "starts everything at once on the empty node",
    nodeJoins,
    [30],
    [
      commandsLike(/^replicator cluster start-offline$/, (sent) => ({
        ...sent,
        begin: { ...sent.begin, argv: ["startall", "cluster"] },
      })),
    ],
  ],
  [
    "fills a node of the site that serves",
    nodeJoins,
    [24],
    [
      commandsLike(/^tprovision/, (sent) => ({
        begin: { ...sent.begin, argv: ["tprovision", "-s", "london-0", "-m", "xtrabackup"], prechecks: [] },
        on: { ...sent.on, name: "london-1" },
      })),
    ],
  ],
  [
    "fills it from another site",
    nodeJoins,
    [25],
    [
      commandsLike(/^tprovision/, (sent) => ({
        ...sent,
        begin: { ...sent.begin, argv: ["tprovision", "-s", "nyc-1", "-m", "xtrabackup"] },
      })),
    ],
  ],
  [
    "updates under AUTOMATIC",
    nodeJoins,
    [33],
    [withoutStep("EnterMaintenance"), everywhere(unguarded), withoutPrechecks],
  ],
  ["leaves MAINTENANCE behind", nodeJoins, [40], [withoutStep("ReturnPolicy")]],
  ["takes a beginning for an end", nodeJoins, [27], [everywhere(trusting), everywhere(unguarded)]],
  ["stops a node that clients read from", nodeLeaves, [35], [withoutPart("TakeNodesOut", 1)]],
  [
    "leaves it in the text of those that stay",
    nodeLeaves,
    [48],
    [withoutStep("PublishConfiguration"), changePart("UpdateNode1", 0, blind)],
  ],
  ["leaves MAINTENANCE behind when a node goes", nodeLeaves, [40], [withoutStep("ReturnPolicy")]],
];

describe("sound ones trip none", () => {
  test.each([nodeJoins, nodeLeaves])("%#", async (scenario) =>
    expect(await brokenChange(scenario, [])).toEqual([]),
  );
});

describe("operators broken on purpose", () => {
  test.each(broken)("%s", async (_name, scenario, trips, changes) => {
    expect(await brokenChange(scenario, changes)).toEqual(expect.arrayContaining([...trips]));
  });
});
