/** Failover of a node within an active/passive composite: the active site's primary, and a passive site's relay. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf, hostsOf, siteOf } from "../../simulator/model.ts";
import { advance, startContainer, stopContainer } from "../../simulator/world.ts";
import { expectGolden } from "../golden.ts";
import {
  change,
  crashedRun,
  driven,
  outcomeOf,
  passOver,
  request,
  requestNamed,
  storyOf,
  told,
  untilRequest,
} from "./asked.ts";
import { type Change, changedBy, changePart, unguarded, withoutPrechecks, withoutStep } from "./mutate.ts";
import { conditionOf, newScene, quiesce, type Scene } from "./scene.ts";
import { runSeeded } from "./seeded-request.ts";
import { watchStanding } from "./standing-invariants.ts";

const name = "failover-node";
const primaryLost = { site: "nyc", lost: "nyc-0", to: "nyc-1" };
const relayLost = { site: "london", lost: "london-0", to: "london-1" };
type Lost = typeof primaryLost;
const both = [primaryLost, relayLost];
const spec = ({ site, to }: Lost) => ({ procedure: "Failover", failover: { cluster: { name: site }, to } });
const asksForIt = "then say so once";

/** A site whose managers do not fail over by themselves, and whose head goes. */
async function lostHead(seed: number, lost: Lost, nodes = 3) {
  const scene = await newScene({ sites: ["london", "nyc"], nodes, seed, topology: "CAP" });
  const { world } = scene;
  siteOf(world, lost.site).policy = "MANUAL";
  advance(world, 5000);
  stopContainer(world, hostOf(world, lost.lost));
  advance(world, 10_000);
  const there = hostOf(world, lost.to).mysql.rows;
  const only = new Set([...hostOf(world, lost.lost).mysql.rows.keys()].filter((tx) => !there.has(tx)));
  const watch = watchStanding(scene, {
    moves: { [lost.site]: lost.to },
    lost: lost.lost,
    mayLose: (tx) => only.has(tx),
  });
  await request(scene, name, spec(lost));
  return { scene, watch };
}

const confirm = async (scene: Scene, { lost }: Lost): Promise<void> => {
  const { metadata } = await requestNamed(scene, name);
  change(scene, name, (edited) => {
    edited.failover.confirmed = { oldPrimary: lost, uid: metadata.uid };
  });
};
const confirmWhenAsked =
  (lost: Lost) =>
  async (scene: Scene): Promise<void> => {
    const found = await requestNamed(scene, name);
    const asks = (conditionOf(found, "Progressing")?.message ?? "").includes(asksForIt);
    if (asks && found.spec.failover.confirmed === undefined) await confirm(scene, lost);
  };
const untilAsked = (scene: Scene) =>
  untilRequest(scene, name, (found) =>
    (conditionOf(found, "Progressing")?.message ?? "").includes(asksForIt),
  );

describe("the story", () => {
  test.each(both)("of $lost", async (lost) => {
    const { scene, watch } = await lostHead(1, lost);
    await untilAsked(scene);
    await confirm(scene, lost);
    const done = await driven(scene, name);
    expect([outcomeOf(done), told(done)]).toEqual(["Succeeded", expect.anything()]);
    quiesce(scene);
    watch.end();
    expect(watch.violations).toEqual([]);
    expect(siteOf(scene.world, lost.site)).toMatchObject({ primary: lost.to, policy: "MANUAL" });
    expect(hostsOf(scene.world, "london").filter(({ mysql }) => !mysql.readOnly)).toEqual([]);
    const findings: readonly { text: string }[] = done.status.plan.findings;
    expect(findings.length > 0).toBe(lost === primaryLost);
    expectGolden(join(import.meta.dirname, `failover-of-${lost.lost}.story.txt`), await storyOf(scene, name));
  });
});

describe("what is refused", () => {
  const refusal = async (scene: Scene): Promise<string | undefined> => {
    for (let n = 0; n < 5; n += 1) await passOver(scene, name);
    return conditionOf(await requestNamed(scene, name), "Accepted")?.message;
  };

  test.each(both)("$lost that lives", async (lost) => {
    const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 1, topology: "CAP" });
    const watch = watchStanding(scene, {});
    await request(scene, name, spec(lost));
    expect(await refusal(scene)).toMatch(new RegExp(`^the database of ${lost.lost} answers and is`));
    expect(watch.commands).toEqual([]);
  });

  test("a new primary that a relay is ahead of", async () => {
    const { scene, watch } = await lostHead(1, primaryLost);
    const { schemas } = hostOf(scene.world, "london-1").mysql;
    const rows = schemas.get("tungsten_london");
    if (rows === undefined || rows === "empty" || rows.commit === null) throw new Error("no rows");
    schemas.set("tungsten_london", { ...rows, commit: { ...rows.commit, seqno: rows.commit.seqno + 5 } });
    expect(await refusal(scene)).toMatch(
      /^london-1 has event \d+ of nyc, the new primary only \d+: stop the rest of nyc and ask for a Failover of the composite to london/,
    );
    expect(watch.commands).toEqual([]);
  });
});

test.each(both)("$lost that answers again halts the run before anything moves", async (lost) => {
  const { scene, watch } = await lostHead(3, lost);
  await untilAsked(scene);
  startContainer(scene.world, hostOf(scene.world, lost.lost));
  await confirm(scene, lost);
  const halted = await untilRequest(scene, name, (found) => conditionOf(found, "Stalled")?.status === "True");
  expect(conditionOf(halted, "Stalled")?.reason).toBe("PrimaryAlive");
  expect(watch.commands).toEqual([]);
});

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 13);
const first = Number(process.env.FIRST ?? 3);

test.each(both)("a crash at points of it, $lost: equal worlds", async (lost) => {
  const begin = async () => {
    const { scene, watch } = await lostHead(5, lost, 2);
    return { scene, violations: watch.violations, end: watch.end };
  };
  const whole = await crashedRun(0, name, begin, confirmWhenAsked(lost));
  expect(whole).toMatchObject({ outcome: "Succeeded", violations: [] });
  for (let n = first; n <= whole.points; n += stride)
    expect({ n, ...(await crashedRun(n, name, begin, confirmWhenAsked(lost))), points: 0 }).toEqual({
      n,
      ...whole,
      points: 0,
    });
});

test.each(both)("seeded faults behind $lost", async (lost) => {
  const seeds = Number(process.env.SEEDS ?? 8);
  const from = Number(process.env.FIRST_SEED ?? 0);
  for (let seed = from; seed < from + seeds; seed += 1) {
    const { end, violations } = await runSeeded(seed, {
      name,
      passes: 40,
      begin: (each) => lostHead(each, lost),
      meanwhile: confirmWhenAsked(lost),
      spare: [lost.lost],
    });
    if (violations.length > 0 || end.startsWith("stuck"))
      throw new Error(
        `seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/failover-passive`,
      );
  }
});

test("one that forces it beside a living primary is seen: 19", async () => {
  const careless: readonly Change[] = [
    (procedure) => ({ ...procedure, accepts: [], holds: [] }),
    withoutStep("Confirm"),
    changePart("FailOver", 0, (part) => ({ ...part, done: () => ({ is: "done" }) })),
    changePart("FailOver", 1, unguarded),
    withoutPrechecks,
  ];
  const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 4, topology: "CAP" });
  const watch = watchStanding(scene, { moves: { nyc: "nyc-1" } });
  scene.catalog = changedBy(...careless);
  await request(scene, name, spec(primaryLost));
  for (let passes = 0; passes < 60 && (await passOver(scene, name)); passes += 1);
  expect(watch.violations.map((each) => each.n)).toContain(19);
});
