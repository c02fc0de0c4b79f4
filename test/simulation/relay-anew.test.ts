/** A replica of an active/passive composite made anew: from a donor of its site, at a passive one too, and never a relay. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf, hostsOf } from "../../simulator/model.ts";
import { strayRow } from "../../simulator/mysql.ts";
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
} from "./asked.ts";
import { changedBy, commandsLike, withoutPrechecks } from "./mutate.ts";
import { conditionOf, newScene, quiesce, type Scene } from "./scene.ts";
import { runSeeded } from "./seeded-request.ts";
import { watchStanding } from "./standing-invariants.ts";

const name = "anew";
const block = (more: object = {}) => ({
  procedure: "FixReplication",
  approval: "Manual",
  fixReplication: {
    cluster: { name: "london" },
    service: "london",
    nodes: ["london-1"],
    action: "Reprovision",
    reason: "its rows differ",
    reprovision: { donor: "london-2" },
    ...more,
  },
});

/** Rows that nobody else has stand on a replica of the passive site. */
async function asked(seed: number, of: object = block()) {
  const scene = await newScene({ sites: ["london", "nyc"], nodes: 3, seed, topology: "CAP" });
  strayRow(hostOf(scene.world, "london-1").mysql, "nyc:99999");
  const watch = watchStanding(scene, { anew: ["london-1"] });
  await request(scene, name, of);
  return { scene, watch };
}

async function approve(scene: Scene): Promise<void> {
  const found = await requestNamed(scene, name);
  const hash = found.status?.plan?.hash;
  if (hash !== undefined && found.spec.approvedPlan !== hash && found.status?.ledger?.phase !== "Running")
    change(scene, name, (spec) => Object.assign(spec, { approvedPlan: hash }));
}

async function approved(scene: Scene) {
  for (let n = 0; n < 600; n += 1) {
    await approve(scene);
    if (!(await passOver(scene, name))) break;
  }
  return requestNamed(scene, name);
}

test("the story: london-1 is made anew from london-2, and the proof comes from nyc", async () => {
  const { scene, watch } = await asked(1);
  const done = await approved(scene);
  expect([outcomeOf(done), told(done)]).toEqual(["Succeeded", expect.anything()]);
  quiesce(scene);
  watch.end();
  expect(watch.violations).toEqual([]);
  expect(hostOf(scene.world, "london-1").mysql.rows.has("nyc:99999")).toBe(false);
  expect(hostsOf(scene.world, "london").map(({ mysql }) => mysql.readOnly)).toEqual([true, true, true]);
  expectGolden(join(import.meta.dirname, "relay-anew.story.txt"), await storyOf(scene, name));
});

describe("what is refused", () => {
  test.each<[string, object, RegExp]>([
    [
      "the relay itself",
      { nodes: ["london-0"] },
      /^london-0 is the relay of london; ask for a Switch first: a primary is never made anew, nor a relay/,
    ],
    [
      "the relay as donor while there is a replica",
      { reprovision: { donor: "london-0" } },
      /is london-0, the relay of london; name a replica: london-2/,
    ],
    [
      "another action",
      { action: "Online", reprovision: undefined },
      /^CompositeService global is ActivePassive; Online compares a service with the log of its own site's primary/,
    ],
  ])("%s", async (_what, more, sentence) => {
    const { scene, watch } = await asked(1, block(more));
    for (let n = 0; n < 5; n += 1) await passOver(scene, name);
    expect(conditionOf(await requestNamed(scene, name), "Accepted")?.message).toMatch(sentence);
    expect(watch.commands).toEqual([]);
  });
});

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 17);
const first = Number(process.env.FIRST ?? 3);

test("a crash at points of it: equal worlds, nothing begun twice", async () => {
  const begin = async () => {
    const { scene, watch } = await asked(5);
    return { scene, violations: watch.violations, end: watch.end };
  };
  const whole = await crashedRun(0, name, begin, approve);
  expect(whole).toMatchObject({ outcome: "Succeeded", violations: [] });
  for (let n = first; n <= whole.points; n += stride)
    expect({ n, ...(await crashedRun(n, name, begin, approve)), points: 0 }).toEqual({
      n,
      ...whole,
      points: 0,
    });
});

test("seeded faults: made anew, or halted for a named reason, and no invariant broken", async () => {
  const seeds = Number(process.env.SEEDS ?? 8);
  const from = Number(process.env.FIRST_SEED ?? 0);
  for (let seed = from; seed < from + seeds; seed += 1) {
    const { end, violations } = await runSeeded(seed, {
      name,
      passes: 60,
      begin: (each) => asked(each),
      meanwhile: approve,
    });
    if (violations.length > 0 || end.startsWith("stuck"))
      throw new Error(
        `seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/relay-anew`,
      );
  }
});

test("one that sends its proof at the passive site is seen: 7", async () => {
  const { scene, watch } = await asked(4);
  scene.catalog = changedBy(
    withoutPrechecks,
    commandsLike(/heartbeat/, (sent) => ({
      begin: { ...sent.begin, argv: sent.begin.argv.map((word) => (word === "nyc" ? "london" : word)) },
      on: { ...sent.on, name: "london-0", site: "london" },
    })),
  );
  for (let n = 0; n < 150; n += 1) {
    await approve(scene);
    if (!(await passOver(scene, name))) break;
  }
  await driven(scene, name, 1);
  expect(watch.violations.map(({ n }) => n)).toContain(7);
});
