/** The invariants of links that leave have teeth: each is tripped by an operator broken on purpose. */
import { describe, expect, test } from "@jest/globals";
import type { Part } from "../../src/procedures/procedure.ts";
import { everyNode } from "../../src/procedures/scopes.ts";
import { siteLeaves } from "./change-of-links.ts";
import { brokenChange } from "./changing.ts";
import {
  blind,
  type Change,
  changePart,
  commandsLike,
  everywhere,
  unguarded,
  withoutPart,
  withoutPrechecks,
  withoutStep,
} from "./mutate.ts";

const onBoth = (part: Part): Part => ({
  ...part,
  on: (run) => everyNode(run).filter(({ site }) => site.name !== "tokyo"),
});

const broken: readonly (readonly [string, readonly number[], readonly Change[]])[] = [
  ["lets nothing drain", [1], [withoutStep("DrainLinks")]],
  ["takes an armed service for one that has stopped", [1], [changePart("DrainLinks", 2, blind)]],
  [
    "updates under AUTOMATIC",
    [33],
    [withoutStep("EnterMaintenance"), everywhere(unguarded), withoutPrechecks],
  ],
  [
    "reloads no position after uninstalling",
    [17],
    [withoutPart("UninstallSecondProduct", 6), changePart("ProveRest", 0, blind)],
  ],
  [
    "deletes services with their positions",
    [17],
    [
      commandsLike(/delete-service/, (sent) => ({
        ...sent,
        begin: { ...sent.begin, argv: sent.begin.argv.filter((word) => word !== "--keep-position") },
      })),
      changePart("ProveRest", 0, blind),
    ],
  ],
  [
    "leaves read_only as uninstalling leaves it: the node refuses tpm then",
    [48],
    [
      changePart("UninstallSecondProduct", 4, (part) => ({
        ...part,
        run: part.run.slice(0, 1),
        done: (target, look) => (look.attempt > 0 ? { is: "done" } : part.done(target, look)),
      })),
    ],
  ],
  ["leaves its hold behind", [48], [withoutPart("UninstallSecondProduct", 7)]],
  ["updates all nodes of a site at once", [27], [changePart("UpdateNodes1", 4, onBoth)]],
  ["leaves MAINTENANCE behind", [40], [withoutStep("ReturnPolicy")]],
  ["leaves a connector on the former release", [42], [withoutStep("PromoteConnector-nyc-0")]],
];

test("the sound one trips none", async () => expect(await brokenChange(siteLeaves, [])).toEqual([]));

describe("operators broken on purpose", () => {
  test.each(broken)("%s trips %j", async (_name, trips, changes) => {
    expect(await brokenChange(siteLeaves, changes)).toEqual(expect.arrayContaining([...trips]));
  });
});
