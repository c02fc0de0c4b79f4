/** One replica made anew in the simulated world: from a donor of its site, in both topologies, and never a primary. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf } from "../../simulator/model.ts";
import { strayRow } from "../../simulator/mysql.ts";
import { killRun } from "../../simulator/runner.ts";
import { advance } from "../../simulator/world.ts";
import { clusterKind } from "../../src/kube/kinds.ts";
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
import { type Change, changedBy, changePart, commandsLike, withoutPrechecks } from "./mutate.ts";
import { askForConversion, conditionOf, drive, namespace, newScene, quiesce, type Scene } from "./scene.ts";
import { runSeeded } from "./seeded-request.ts";
import { watchStanding } from "./standing-invariants.ts";

const three = { sites: ["london", "nyc"], nodes: 3 } as const;
const name = "anew";
const block = (more: object = {}, donor = "nyc-2") => ({
  procedure: "FixReplication",
  approval: "Manual",
  fixReplication: {
    cluster: { name: "nyc" },
    service: "nyc",
    nodes: ["nyc-1"],
    action: "Reprovision",
    reason: "its rows differ",
    reprovision: { donor },
    ...more,
  },
});

/** Rows that nobody else has stand on nyc-1; a person reads the plan and approves it. */
async function asked(
  seed: number,
  of: object = block(),
  shape: { sites: readonly string[]; nodes: number } = three,
) {
  const scene = await newScene({ ...shape, seed });
  const tx = `london:${(scene.world.sites.get("london")?.client.next ?? 0) + 2}`;
  strayRow(hostOf(scene.world, "nyc-1").mysql, tx);
  strayRow(hostOf(scene.world, "nyc-1").mysql, "nyc:99999");
  advance(scene.world, 30_000);
  const watch = watchStanding(scene, { anew: ["nyc-1"] });
  await request(scene, name, of);
  return { scene, watch };
}

async function approve(scene: Scene): Promise<void> {
  const found = await requestNamed(scene, name);
  const hash = found.status?.plan?.hash;
  if (hash !== undefined && found.spec.approvedPlan !== hash && found.status?.ledger?.phase !== "Running")
    change(scene, name, (spec) => Object.assign(spec, { approvedPlan: hash }));
}
async function approved(scene: Scene, maxMinutes = 40) {
  const end = scene.world.now + maxMinutes * 60_000;
  while (scene.world.now < end) {
    await approve(scene);
    if (!(await passOver(scene, name))) break;
  }
  return requestNamed(scene, name);
}
const refusal = async (scene: Scene): Promise<string | undefined> => {
  for (let n = 0; n < 5; n += 1) await passOver(scene, name);
  return conditionOf(await requestNamed(scene, name), "Accepted")?.message;
};

test("a donor that is taken out after the approval gives nothing until it is back", async () => {
  const { scene } = await asked(1);
  const nyc = scene.world.sites.get("nyc");
  if (nyc === undefined) throw new Error("no site");
  const passes = async (): Promise<string> => {
    await approve(scene);
    await passOver(scene, name);
    return conditionOf(await requestNamed(scene, name), "Progressing")?.message ?? "";
  };
  let says = "";
  for (let n = 0; n < 200 && !says.includes("stop"); n += 1) says = await passes();
  nyc.out = { ...nyc.out, "nyc-2": "OFFLINE" };
  for (
    let n = 0;
    n < 200 && !says.includes("datasource nyc-2 is slave:OFFLINE by the manager of nyc-");
    n += 1
  )
    says = await passes();
  for (let n = 0; n < 20; n += 1) says = await passes();
  expect([says, hostOf(scene.world, "nyc-1").mysql.hollow]).toEqual([
    expect.stringContaining("datasource nyc-2 is slave:OFFLINE by the manager of nyc-"),
    undefined,
  ]);
  const { "nyc-2": _, ...others } = nyc.out ?? {};
  nyc.out = others;
  expect(outcomeOf(await approved(scene))).toBe("Succeeded");
});

describe("the story", () => {
  test("nyc-1 is made anew from nyc-2: equal rows, both products back, clients untouched", async () => {
    const { scene, watch } = await asked(1);
    const done = await approved(scene);
    expect([outcomeOf(done), told(done)]).toEqual(["Succeeded", expect.anything()]);
    quiesce(scene);
    watch.end();
    expect(watch.violations).toEqual([]);
    expect(hostOf(scene.world, "nyc-1").mysql.rows.has("nyc:99999")).toBe(false);
    expect(scene.world.sites.get("nyc")?.client.longestGap).toBeLessThan(5000);
    const cluster = await scene.objects.get(clusterKind, { namespace, name: "nyc" });
    expect(cluster?.status?.finishedRuns[0].notes).toEqual([
      "nyc-1 reprovisioned from nyc-2 by xtrabackup: its rows differ",
    ]);
    expectGolden(join(import.meta.dirname, "reprovision.story.txt"), await storyOf(scene, name));
  });

  test("with two nodes the primary is the donor, and the plan says that it is alone", async () => {
    const { scene, watch } = await asked(2, block({}, "nyc-0"), { sites: ["london", "nyc"], nodes: 2 });
    const done = await approved(scene);
    expect(outcomeOf(done)).toBe("Succeeded");
    expect(done.status.plan.findings.map(({ text }: { text: string }) => text)).toContain(
      "all data of nyc-1 go and are copied from nyc-0; while that lasts nyc has 1 usable node",
    );
    quiesce(scene);
    watch.end();
    expect(watch.violations).toEqual([]);
  });

  test("in Composite Active/Active", async () => {
    const scene = await newScene({ ...three, seed: 5 });
    await askForConversion(scene);
    await drive(scene);
    strayRow(hostOf(scene.world, "nyc-1").mysql, "nyc:99999");
    const watch = watchStanding(scene, { anew: ["nyc-1"] });
    await request(scene, name, block());
    const done = await approved(scene);
    expect([outcomeOf(done), told(done)]).toEqual(["Succeeded", expect.anything()]);
    quiesce(scene);
    watch.end();
    expect(watch.violations).toEqual([]);
  });
});

describe("what is refused", () => {
  test.each<[string, object, RegExp]>([
    [
      "the primary",
      block({ nodes: ["nyc-0"] }),
      /^nyc-0 is the primary of nyc; ask for a Switch first: a primary is never made anew/,
    ],
    [
      "the node as its own donor",
      block({}, "nyc-1"),
      /donor is nyc-1, and ONLINE at nyc besides nyc-1 are nyc-0, nyc-2; name one of them/,
    ],
    ["a donor of another site", block({}, "london-1"), /donor is london-1, and ONLINE at nyc/],
    [
      "the primary as donor beside a replica",
      block({}, "nyc-0"),
      /donor is nyc-0, the primary of nyc; name a replica: nyc-2/,
    ],
    [
      "one service of a node",
      block({ service: "london" }),
      /spec\.fixReplication\.service is london; a node is made anew as a whole: name nyc/,
    ],
  ])("%s", async (_what, of, sentence) => {
    const { scene, watch } = await asked(1, of);
    expect(await refusal(scene)).toMatch(sentence);
    expect(watch.commands).toEqual([]);
  });
});

const begunProvision = (found: Awaited<ReturnType<typeof requestNamed>>): boolean =>
  found.status?.ledger?.cursor.step === 1 &&
  found.status.ledger.cursor.part === 5 &&
  found.status.ledger.attempts["nyc-1"] !== undefined;

describe("on the way", () => {
  test("abort before the provisioning brings the node back as it was", async () => {
    const { scene, watch } = await asked(3);
    await approve(scene);
    for (let n = 0; n < 200; n += 1) {
      await approve(scene);
      await passOver(scene, name);
      if (((await requestNamed(scene, name)).status?.ledger?.cursor.part ?? 0) >= 4) break;
    }
    change(scene, name, (spec) => Object.assign(spec, { abort: true }));
    const end = await driven(scene, name);
    expect([outcomeOf(end), told(end)]).toEqual(["Aborted", expect.anything()]);
    expect(hostOf(scene.world, "nyc-1").mysql.rows.has("nyc:99999")).toBe(true);
    expect(hostOf(scene.world, "nyc-1").volume.holds.size).toBe(0);
    expect(watch.violations).toEqual([]);
  });

  test("a provision whose end nobody saw halts; the node stays out; a human lets it begin again", async () => {
    const { scene, watch } = await asked(4);
    for (let n = 0; n < 300 && !begunProvision(await requestNamed(scene, name)); n += 1) {
      await approve(scene);
      await passOver(scene, name);
    }
    const { key } = (await requestNamed(scene, name)).status.ledger.attempts["nyc-1"];
    advance(scene.world, 3000);
    killRun(scene.world, hostOf(scene.world, "nyc-1"), key, "both");
    const halted = await untilRequest(
      scene,
      name,
      (found) => conditionOf(found, "Stalled")?.status === "True",
    );
    expect(conditionOf(halted, "Stalled")?.reason).toBe("OutcomeUnknown");
    expect(scene.world.sites.get("nyc")?.out?.["nyc-1"]).toMatch(/^SHUNNED/);
    change(scene, name, (spec) =>
      Object.assign(spec, { acknowledge: [{ command: key, outcome: "Retry", reason: "hollow" }] }),
    );
    const end = await driven(scene, name, 40);
    expect([outcomeOf(end), told(end)]).toEqual(["Succeeded", expect.anything()]);
    quiesce(scene);
    watch.end();
    expect(watch.violations).toEqual([]);
  });
});

test("a crash at every point: equal worlds, nothing begun twice", async () => {
  const begin = async () => {
    const { scene, watch } = await asked(5, block({}, "nyc-0"), { sites: ["london", "nyc"], nodes: 2 });
    return { scene, violations: watch.violations, end: watch.end };
  };
  const whole = await crashedRun(0, name, begin, approve);
  expect(whole).toMatchObject({ outcome: "Succeeded", violations: [] });
  for (let n = 1; n <= whole.points; n += 1)
    expect({ n, ...(await crashedRun(n, name, begin, approve)), points: 0 }).toEqual({
      n,
      ...whole,
      points: 0,
    });
});

test("seeded faults: made anew, or halted for a named reason, and no invariant broken", async () => {
  const seeds = Number(process.env.SEEDS ?? 40);
  const first = Number(process.env.FIRST_SEED ?? 0);
  for (let seed = first; seed < first + seeds; seed += 1) {
    const { end, violations } = await runSeeded(seed, {
      name,
      passes: 60,
      without: ["logs-rebuilt", "logs-purged"],
      begin: (each) => asked(each),
      meanwhile: approve,
    });
    const own = violations.filter(({ n }) => ![1, 4, 39, 41].includes(n));
    if (own.length > 0 || end.startsWith("stuck"))
      throw new Error(
        `seed ${seed}: ${end}; ${JSON.stringify(own.slice(0, 3))}; replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/reprovision`,
      );
  }
});

describe("broken operators are seen", () => {
  test.each<[string, number, readonly Change[]]>([
    [
      "it makes the primary anew",
      24,
      [
        withoutPrechecks,
        commandsLike(/^tprovision/, (sent) => ({
          begin: { ...sent.begin, argv: ["tprovision", "-s", "nyc-1", "-m", "xtrabackup"] },
          on: { ...sent.on, name: "nyc-0" },
        })),
      ],
    ],
    [
      "it provisions from a donor of another site",
      25,
      [
        commandsLike(/^tprovision/, (sent) => ({
          ...sent,
          begin: { ...sent.begin, argv: ["tprovision", "-s", "london-1", "-m", "xtrabackup"] },
        })),
      ],
    ],
    [
      "it puts the datasource online before it is proven",
      30,
      [
        changePart("Fix", 5, (part) => ({ ...part, run: [], done: () => ({ is: "done" }) })),
        changePart("Fix", 6, (part) => ({ ...part, done: () => ({ is: "done" }) })),
      ],
    ],
  ])("%s: %d", async (_what, n, changes) => {
    const { scene, watch } = await asked(4);
    scene.catalog = changedBy(...changes);
    for (let passes = 0; passes < 150; passes += 1) {
      await approve(scene);
      if (!(await passOver(scene, name))) break;
    }
    expect(watch.violations.map((each) => each.n)).toContain(n);
  });
});
