/** A member leaves while managers fail over the primary of a site, in each step of its way: it leaves, and nodes of a site hold the same rows. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { expectGolden } from "../golden.ts";
import { memberLeavesMoved } from "./change-of-members.ts";
import { brokenChange, crashedChange, seededChange } from "./changing.ts";
import type { Scene } from "./scene.ts";
import { lineOf } from "./site-scene.ts";

const steps = [
  "EnterMaintenance",
  "DrainServices",
  "StopServices",
  "PublishConfiguration",
  "UpdateNodes1",
  "UpdateNodes2",
  "ProveRest",
  "ReturnPolicy",
];
/** Each so many-th point from FIRST on; STRIDE=1 takes every one, and every site in every step. */
const stride = Number(process.env.STRIDE ?? 167);
const first = Number(process.env.FIRST ?? 97);
const pairs = ["london", "nyc", "tokyo"]
  .flatMap((site) => steps.map((step) => [site, step] as const))
  .filter((_pair, index) => stride === 1 || index % 5 === 0);

/** Half of the nodes are updated, and the others stand where all were let drain. */
const halfUpdated = memberLeavesMoved("nyc", "UpdateNodes2");

describe("a failover in the middle", () => {
  test.each(pairs)("of %s in %s", async (site, step) => {
    expect(await brokenChange(memberLeavesMoved(site, step), [])).toEqual([]);
  });

  test("the story: when half of the nodes are updated, nobody who was let drain goes on", async () => {
    const story: string[] = [];
    const scene = async (of: Parameters<NonNullable<typeof halfUpdated.scene>>[0]): Promise<Scene> => {
      const whole = await (halfUpdated.scene as NonNullable<typeof halfUpdated.scene>)(of);
      whole.world.listeners.push((event) => {
        if (event.kind === "command") story.push(lineOf(event));
        if (event.kind === "policy") story.push(`${event.site} is ${event.policy}`);
        if (event.kind === "primary")
          story.push(`${event.to} is the primary of ${event.site} instead of ${event.from}`);
      });
      return whole;
    };
    expect(await brokenChange({ ...halfUpdated, scene }, [])).toEqual([]);
    expect(story.filter((line) => line.includes("offline-deferred")).length).toBe(8);
    expectGolden(
      join(import.meta.dirname, "remove-member-moved.story.txt"),
      story.map((line) =>
        line.replace(/[0-9a-f]{64}/g, "<sha256>").replace(/\b[0-9]{8}[0-9a-z]{8}\b/g, "<walk>"),
      ),
    );
  });
});

test("a crash at points of it", async () => {
  const whole = await crashedChange(halfUpdated, 0);
  expect(whole).toMatchObject({ over: true, violations: [] });
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await crashedChange(halfUpdated, n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});

test("seeded faults beside it", async () => {
  const from = Number(process.env.FIRST_SEED ?? 0);
  const seeds = Number(process.env.SEEDS ?? 2);
  for (let seed = from; seed < from + seeds; seed += 1) {
    const replay = `replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/remove-member-moved`;
    const { end, violations } = await seededChange(halfUpdated, seed);
    if (violations.length > 0 || (end !== "applied" && !/halted: \w+/.test(end)))
      throw new Error(`seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; ${replay}`);
  }
});
