/** Switch in the simulated world: the story, both topologies, refusals, faults, crashes; no row lost, never two writable nodes. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { strike } from "../../simulator/faults.ts";
import { hostOf } from "../../simulator/model.ts";
import { askOffline } from "../../simulator/replicator.ts";
import { advance } from "../../simulator/world.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { configMapKind, requestKind } from "../../src/kube/kinds.ts";
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
import {
  type Change,
  changedBy,
  changePart,
  commandsLike,
  inStep,
  unguarded,
  withoutPrechecks,
  withoutStep,
} from "./mutate.ts";
import { askForConversion, conditionOf, drive, namespace, newScene, quiesce, type Scene } from "./scene.ts";
import { runSeeded, type Seeded } from "./seeded-request.ts";
import { type Expected, watchStanding } from "./standing-invariants.ts";

const small = { sites: ["london", "nyc"], nodes: 2 } as const;
const name = "switch-nyc";
const spec = (to = "nyc-1", more: object = {}) => ({
  procedure: "Switch",
  switch: { cluster: { name: "nyc" }, to },
  ...more,
});
const expected: Expected = { moves: { nyc: "nyc-1" }, gapSeconds: 60 };

async function asked(
  seed: number,
  shape: { sites: readonly string[]; nodes: number } = small,
  of: object = spec(),
) {
  const scene = await newScene({ ...shape, seed });
  const watch = watchStanding(scene, expected);
  await request(scene, name, of);
  return { scene, watch };
}

describe("the story", () => {
  test("nyc-1 becomes the primary, everybody follows, every row is there once", async () => {
    const { scene, watch } = await asked(1);
    const done = await driven(scene, name);
    expect([outcomeOf(done), told(done)]).toEqual(["Succeeded", expect.anything()]);
    quiesce(scene);
    watch.end();
    expect(watch.violations).toEqual([]);
    expect(scene.world.sites.get("nyc")).toMatchObject({ primary: "nyc-1", policy: "AUTOMATIC" });
    expectGolden(join(import.meta.dirname, "switch.story.txt"), await storyOf(scene, name));
  });

  test.each([0, 1, 2, 3, 4, 5])(
    "whatever the tools look like (variant %d), with three sites",
    async (seed) => {
      const { scene, watch } = await asked(seed, { sites: ["london", "nyc", "tokyo"], nodes: 3 });
      expect(outcomeOf(await driven(scene, name))).toBe("Succeeded");
      quiesce(scene);
      watch.end();
      expect(watch.violations).toEqual([]);
    },
  );

  test("in Composite Active/Active", async () => {
    const scene = await newScene({ ...small, seed: 5 });
    await askForConversion(scene);
    await drive(scene);
    for (const site of scene.world.sites.values())
      Object.assign(site.client, { longestGap: 0, lastAck: scene.world.now });
    const watch = watchStanding(scene, expected);
    await request(scene, name, spec());
    const done = await driven(scene, name);
    expect([outcomeOf(done), told(done)]).toEqual(["Succeeded", expect.anything()]);
    quiesce(scene);
    watch.end();
    expect(watch.violations).toEqual([]);
  });

  test("there and back again: two requests, two runs", async () => {
    const { scene } = await asked(2);
    await driven(scene, name);
    const watch = watchStanding(scene, { moves: { nyc: "nyc-0" }, gapSeconds: 60 });
    await request(scene, "back", spec("nyc-0"));
    expect(outcomeOf(await driven(scene, "back"))).toBe("Succeeded");
    quiesce(scene);
    watch.end();
    expect([watch.violations, scene.world.sites.get("nyc")?.primary]).toEqual([[], "nyc-0"]);
  });

  test("created again after its end it does nothing (invariant 43)", async () => {
    const { scene } = await asked(3);
    await driven(scene, name);
    const watch = watchStanding(scene, expected);
    await scene.objects.remove(requestKind, { namespace, name }, "");
    await request(scene, name, spec());
    expect(outcomeOf(await driven(scene, name))).toBe("AlreadyDone");
    expect(watch.commands).toEqual([]);
  });

  test("every command that began stands in the approved plan", async () => {
    const { scene } = await asked(1);
    const done = await driven(scene, name);
    const plan = await scene.objects.get(configMapKind, { namespace, name: done.status.plan.stored });
    const text = String(plan?.data.plan);
    expect(text).toContain('nyc-1: cctrl <<< "switch to nyc-1\\n" (never repeated on a guess)');
    expect(text).toContain("Clients of nyc: up to 60 s of interruption");
    expect(text).not.toContain("No DDL");
    for (const { argv } of [...scene.world.hosts.values()].flatMap(({ volume }) => [
      ...volume.markers.values(),
    ]))
      expect(text).toContain(argv.join(" ").replace(/tu-([0-9a-f]{8})-v1-1/, "tu-$1-v<n>"));
  });
});

describe("what is refused", () => {
  const refusal = async (scene: Scene): Promise<string | undefined> => {
    for (let n = 0; n < 5; n += 1) await passOver(scene, name);
    return conditionOf(await requestNamed(scene, name), "Accepted")?.message;
  };

  test.each([
    [
      "nyc-0",
      /^nyc-0 is the primary of nyc already; name another node in spec\.switch\.to, or delete this request/,
    ],
    [
      "nyc-7",
      /^spec\.switch\.to is nyc-7, and TungstenCluster nyc has the data nodes nyc-0, nyc-1; name one of them/,
    ],
    ["london-1", /^spec\.switch\.to is london-1, and/],
  ])("to %s", async (to, sentence) => {
    const { scene, watch } = await asked(1, small, spec(to));
    expect(await refusal(scene)).toMatch(sentence);
    expect(watch.commands).toEqual([]);
  });

  test("an unknown site", async () => {
    const { scene } = await asked(1, small, {
      procedure: "Switch",
      switch: { cluster: { name: "rome" }, to: "rome-1" },
    });
    expect(await refusal(scene)).toBe(
      "this namespace has no TungstenCluster rome; name one of the estate's sites",
    );
  });

  test.each<[string, (scene: Scene) => void, RegExp]>([
    [
      "a service that is offline",
      ({ world }) =>
        askOffline(
          world,
          hostOf(world, "london-1"),
          hostOf(world, "london-1").replicators.crossSite?.services.get("nyc") as never,
          true,
        ),
      /^service nyc of london-1 is OFFLINE:NORMAL; mend it first/,
    ],
    [
      "a replica that lags",
      ({ world }) => {
        hostOf(world, "nyc-1").lagMs = 60_000;
        advance(world, 180_000);
      },
      /is [\d.]+ s behind, the limit is 5 s \(spec\.switch\.limits\.latencySeconds\); wait or raise it/,
    ],
    [
      "a replica that was shunned",
      ({ world }) => void world.sites.get("nyc")?.shunned.add("nyc-1"),
      /^the managers of nyc tell nyc-1 as SHUNNED; recover it first/,
    ],
    [
      "a hold left over",
      ({ world }) => void hostOf(world, "nyc-1").volume.holds.add("crossSite"),
      /^nyc-1 holds crossSite for a run that did not end/,
    ],
    [
      "no primary",
      ({ world }) => strike(world, "mysql-down", "nyc-0"),
      /nyc has no single ONLINE primary|nyc-0/,
    ],
  ])("%s", async (_what, spoil, sentence) => {
    const { scene, watch } = await asked(1);
    spoil(scene);
    expect(await refusal(scene)).toMatch(sentence);
    expect(watch.commands).toEqual([]);
  });
});

const stepIs = (id: string) => (found: KubeObject) => found.status?.ledger?.steps.at(-1)?.id === id;

describe("on the way", () => {
  test("abort before the switch returns the policy and moves nothing", async () => {
    const { scene, watch } = await asked(2);
    hostOf(scene.world, "nyc-1").slowness = 1;
    await untilRequest(scene, name, stepIs("EnterMaintenance"));
    change(scene, name, (edited) => Object.assign(edited, { abort: true }));
    expect(outcomeOf(await driven(scene, name))).toBe("Aborted");
    expect(scene.world.sites.get("nyc")).toMatchObject({ primary: "nyc-0", policy: "AUTOMATIC" });
    expect(watch.violations).toEqual([]);
  });

  test("abort after the switch has begun comes too late, and is told so", async () => {
    const { scene } = await asked(2);
    await untilRequest(
      scene,
      name,
      (found) => found.status?.ledger?.attempts?.nyc !== undefined && stepIs("SwitchPrimary")(found),
    );
    change(scene, name, (edited) => Object.assign(edited, { abort: true }));
    await passOver(scene, name);
    expect(told(await requestNamed(scene, name))).toContain(
      "spec.abort came after the point of no return: the run goes on",
    );
    expect(outcomeOf(await driven(scene, name))).toBe("Succeeded");
  });

  test("a switch that goes back halts, is never repeated on a guess, and is begun again at a human's word", async () => {
    const { scene, watch } = await asked(4);
    await untilRequest(scene, name, (found) => {
      const begun = found.status?.ledger?.attempts?.nyc !== undefined && stepIs("SwitchPrimary")(found);
      if (begun) hostOf(scene.world, "nyc-1").lagMs = 3_600_000;
      return begun;
    });
    const halted = await untilRequest(
      scene,
      name,
      (found) => conditionOf(found, "Stalled")?.status === "True",
    );
    expect(conditionOf(halted, "Stalled")).toMatchObject({ reason: "CommandFailed" });
    expect(conditionOf(halted, "Stalled")?.message).toMatch(
      /nyc-0 is the primary of nyc by the word of nyc-0|writable/,
    );
    expect(scene.world.sites.get("nyc")).toMatchObject({ primary: "nyc-0", policy: "MAINTENANCE" });
    const before = watch.commands.length;
    for (let n = 0; n < 20; n += 1) await passOver(scene, name);
    expect(watch.commands).toHaveLength(before);
    hostOf(scene.world, "nyc-1").lagMs = 0;
    advance(scene.world, 60_000);
    const key = (await requestNamed(scene, name)).status.ledger.attempts.nyc.key;
    change(scene, name, (edited) =>
      Object.assign(edited, { acknowledge: [{ command: key, outcome: "Retry", reason: "it went back" }] }),
    );
    expect(outcomeOf(await driven(scene, name))).toBe("Succeeded");
    quiesce(scene);
    watch.end();
    expect(watch.violations.filter(({ n }) => n !== 36)).toEqual([]);
  });

  test("a third node as primary halts: the plan was not made for it", async () => {
    const { scene } = await asked(4, { sites: ["london", "nyc"], nodes: 3 });
    await untilRequest(scene, name, stepIs("EnterMaintenance"));
    const site = scene.world.sites.get("nyc");
    strike(scene.world, "mysql-down", "nyc-0");
    if (site !== undefined) hostOf(scene.world, "nyc-1").mysql.up = false;
    strike(scene.world, "primary-moved", "nyc-2");
    for (const host of ["nyc-0", "nyc-1"]) strike(scene.world, "mysql-up", host);
    const halted = await untilRequest(
      scene,
      name,
      (found) => conditionOf(found, "Stalled")?.status === "True",
    );
    expect(conditionOf(halted, "Stalled")).toMatchObject({ reason: "PrimaryMoved" });
  });
});

test("a crash at every point: equal worlds, nothing begun twice", async () => {
  const begin = async () => {
    const { scene, watch } = await asked(5);
    return { scene, violations: watch.violations, end: watch.end };
  };
  const whole = await crashedRun(0, name, begin);
  expect(whole).toMatchObject({ outcome: "Succeeded", violations: [] });
  expect(whole.points).toBeGreaterThan(40);
  for (let n = 1; n <= whole.points; n += 1)
    expect({ n, ...(await crashedRun(n, name, begin)), points: 0 }).toEqual({ n, ...whole, points: 0 });
});

const seeded: Seeded = {
  name,
  passes: 40,
  begin: async (seed) => {
    const scene = await newScene({ ...small, seed });
    const watch = watchStanding(scene, { moves: { nyc: "nyc-1" } });
    await request(scene, name, spec());
    return { scene, watch };
  },
};

test("seeded faults: switched, or halted for a named reason, and no invariant broken", async () => {
  const seeds = Number(process.env.SEEDS ?? 40);
  const first = Number(process.env.FIRST_SEED ?? 0);
  const ends = new Map<string, number>();
  for (let seed = first; seed < first + seeds; seed += 1) {
    const { end, violations } = await runSeeded(seed, seeded);
    if (violations.length > 0 || end.startsWith("stuck"))
      throw new Error(
        `seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/switch`,
      );
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  expect((ends.get("Succeeded") ?? 0) / Math.max(1, seeds)).toBeGreaterThan(seeds < 50 ? -1 : 0.6);
});

describe("broken operators are seen", () => {
  const blindStep = (id: string) => withoutStep(id);
  const kept = (scene: Scene): void => {
    const host = hostOf(scene.world, "london-0");
    const service = host.replicators.crossSite?.services.get("nyc");
    if (service?.state === "ONLINE") askOffline(scene.world, host, service, true);
  };
  /** Sets the policy without a look. */
  const careless = inStep("ReturnPolicy", (step) => ({
    ...step,
    parts: step.parts.slice(-1).map((part) => ({
      ...unguarded(part),
      done: (_target, { attempt }) => (attempt > 0 ? { is: "done" } : { is: "pending", why: "not set" }),
    })),
  }));
  const cases: readonly {
    name: string;
    trips: readonly number[];
    changes: readonly Change[];
    nodes?: number;
    meanwhile?: (scene: Scene, step: string) => void;
  }[] = [
    {
      name: "it switches under AUTOMATIC",
      trips: [33],
      changes: [withoutPrechecks, withoutStep("EnterMaintenance")],
    },
    { name: "it switches without a look directly before", trips: [45], changes: [withoutPrechecks] },
    {
      name: "it switches to a node nobody approved",
      trips: [20],
      nodes: 3,
      changes: [
        commandsLike(/^cctrl$/, (sent) =>
          sent.begin.stdin?.startsWith("switch") === true
            ? { ...sent, begin: { ...sent.begin, stdin: "switch to nyc-2\n" } }
            : sent,
        ),
      ],
    },
    {
      name: "it forces a failover beside a living primary",
      trips: [19],
      changes: [
        commandsLike(/^cctrl$/, (sent) =>
          sent.begin.stdin?.startsWith("switch") === true
            ? { ...sent, begin: { ...sent.begin, stdin: "failover to nyc-1\n" } }
            : sent,
        ),
      ],
    },
    {
      name: "it returns the policy while a service is offline",
      trips: [34],
      changes: [blindStep("BringServicesOnline"), blindStep("ProveReplication"), careless],
      meanwhile: ({ world }, step) => {
        const host = hostOf(world, "nyc-0");
        const service = host.replicators.crossSite?.services.get("london");
        if (step !== "ReturnPolicy" || service?.state !== "ONLINE") return;
        askOffline(world, host, service, true);
        service.since = world.now - 60_000;
      },
    },
    {
      name: "it leaves a service at the other site offline",
      trips: [39],
      changes: [
        blindStep("BringServicesOnline"),
        blindStep("ProveReplication"),
        careless,
        changePart("SwitchPrimary", 2, unguarded),
      ],
      meanwhile: (scene, step) => {
        if (step === "BringServicesOnline" || step === "ReturnPolicy") kept(scene);
      },
    },
    {
      name: "it sends its proof where it replicates nothing",
      trips: [7],
      changes: [
        withoutPrechecks,
        commandsLike(/heartbeat/, (sent, target) => ({
          ...sent,
          on: { ...sent.on, name: target.site.nodes.find(({ name }) => name !== sent.on.name)?.name ?? "" },
        })),
      ],
    },
  ];

  test.each(cases)("$trips: $name", async ({ changes, trips, nodes = 2, meanwhile }) => {
    const scene = await newScene({ sites: ["london", "nyc"], nodes, seed: 4 });
    scene.catalog = changedBy(...changes);
    const watch = watchStanding(scene, expected);
    await request(scene, name, spec());
    for (let n = 0; n < 300; n += 1) {
      const found = await requestNamed(scene, name);
      meanwhile?.(scene, found.status?.ledger?.steps.at(-1)?.id ?? "");
      if (!(await passOver(scene, name))) break;
    }
    for (const site of scene.world.sites.values()) site.policy = "MAINTENANCE";
    quiesce(scene);
    if (outcomeOf(await requestNamed(scene, name)) === "Succeeded") watch.end();
    expect([...new Set(watch.violations.map(({ n }) => n))]).toEqual(expect.arrayContaining([...trips]));
  });
});
