/** Switch of an active/passive composite's site: the story, refusals, faults, crashes; no row lost, never two writable sites. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf, hostsOf, siteOf } from "../../simulator/model.ts";
import { askOffline, killReplicator } from "../../simulator/replicator.ts";
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
  commandsLike,
  inStep,
  unguarded,
  withoutPrechecks,
  withoutStep,
} from "./mutate.ts";
import { conditionOf, namespace, newScene, quiesce, type Scene } from "./scene.ts";
import { runSeeded } from "./seeded-request.ts";
import { type Expected, watchStanding } from "./standing-invariants.ts";

const name = "switch-site";
const small = { sites: ["london", "nyc"], nodes: 2 } as const;
const spec = (site = "london") => ({
  procedure: "Switch",
  switch: { compositeService: { name: "global" }, site },
});
const expected: Expected = { active: "london", gapSeconds: 90 };

async function asked(
  seed: number,
  shape: { sites: readonly string[]; nodes: number; topology?: "CAA" | "CAP" } = small,
  of: object = spec(),
) {
  const scene = await newScene({ topology: "CAP", ...shape, seed });
  const watch = watchStanding(scene, expected);
  await request(scene, name, of);
  return { scene, watch };
}

const writable = ({ world }: Scene): readonly string[] =>
  [...world.hosts.values()].filter(({ mysql }) => !mysql.readOnly).map((host) => host.name);

describe("the story", () => {
  test("london takes the writes, nyc relays them, every row is there once", async () => {
    const { scene, watch } = await asked(1);
    const done = await driven(scene, name);
    expect([outcomeOf(done), told(done)]).toEqual(["Succeeded", expect.anything()]);
    expect(writable(scene)).toEqual(["london-0"]);
    quiesce(scene);
    watch.end();
    expect(watch.violations).toEqual([]);
    expect(siteOf(scene.world, "nyc")).toMatchObject({
      primary: "nyc-0",
      policy: "AUTOMATIC",
      relaySource: "london",
    });
    expectGolden(join(import.meta.dirname, "switch-site.story.txt"), await storyOf(scene, name));
  });

  test.each([0, 1, 2, 3, 4, 5])(
    "whatever the tools look like (variant %d), with three sites",
    async (seed) => {
      const { scene, watch } = await asked(seed, { sites: ["london", "nyc", "tokyo"], nodes: 3 });
      const done = await driven(scene, name);
      expect([outcomeOf(done), told(done)]).toEqual(["Succeeded", expect.anything()]);
      quiesce(scene);
      watch.end();
      expect(watch.violations).toEqual([]);
      for (const site of ["nyc", "tokyo"]) expect(siteOf(scene.world, site).relaySource).toBe("london");
    },
  );

  test("every command that began stands in the approved plan, and every site's interruption", async () => {
    const { scene } = await asked(1);
    const done = await driven(scene, name);
    const plan = await scene.objects.get(configMapKind, { namespace, name: done.status.plan.stored });
    const text = String(plan?.data.plan);
    expect(text).toContain(
      'london-0: cctrl -multi <<< "use global\\nswitch to london\\n" (never repeated on a guess)',
    );
    for (const site of small.sites) expect(text).toContain(`Clients of ${site}: up to 90 s of interruption`);
    for (const { argv } of [...scene.world.hosts.values()].flatMap(({ volume }) => [
      ...volume.markers.values(),
    ]))
      expect(text).toContain(argv.join(" ").replace(/tu-([0-9a-f]{8})-([vw])1-1/, "tu-$1-$2<n>"));
  });

  test("created again after its end it does nothing", async () => {
    const { scene } = await asked(3);
    await driven(scene, name);
    const watch = watchStanding(scene, expected);
    await scene.objects.remove(requestKind, { namespace, name }, "");
    await request(scene, name, spec());
    expect(outcomeOf(await driven(scene, name))).toBe("AlreadyDone");
    expect(watch.commands).toEqual([]);
  });
});

describe("what is refused", () => {
  const refusal = async (scene: Scene): Promise<string | undefined> => {
    for (let n = 0; n < 5; n += 1) await passOver(scene, name);
    return conditionOf(await requestNamed(scene, name), "Accepted")?.message;
  };

  test.each([
    [
      "nyc",
      /^nyc takes the writes of CompositeService global already; name another member in spec\.switch\.site/,
    ],
    [
      "rome",
      /^spec\.switch\.site is rome, and CompositeService global has the members london, nyc; name one of them/,
    ],
  ])("to %s", async (site, sentence) => {
    const { scene, watch } = await asked(1, small, spec(site));
    expect(await refusal(scene)).toMatch(sentence);
    expect(watch.commands).toEqual([]);
  });

  test("of an active/active composite", async () => {
    const { scene } = await asked(1, { ...small, topology: "CAA" });
    expect(await refusal(scene)).toMatch(
      /^CompositeService global is ActiveActive: every site of it takes writes, and none of them is switched/,
    );
  });

  test("of a composite that nobody knows", async () => {
    const { scene } = await asked(1, small, {
      procedure: "Switch",
      switch: { compositeService: { name: "worldwide" }, site: "london" },
    });
    expect(await refusal(scene)).toBe(
      "spec.switch.compositeService names no CompositeService of this namespace; create it first",
    );
  });

  test.each<[string, (scene: Scene) => void, RegExp]>([
    [
      "a relay that lags",
      ({ world }) => {
        hostOf(world, "london-0").lagMs = 60_000;
        advance(world, 180_000);
      },
      /is [\d.]+ s behind, the limit is 5 s \(spec\.switch\.limits\.latencySeconds\); wait or raise it/,
    ],
    [
      "a relay that is offline",
      ({ world }) => {
        const host = hostOf(world, "london-0");
        siteOf(world, "london").policy = "MAINTENANCE";
        askOffline(world, host, host.replicators.cluster?.services.get("london") as never, true);
      },
      /^service london of london-0 is OFFLINE:NORMAL; mend it first/,
    ],
    [
      "a passive site that somebody made writable",
      ({ world }) => {
        hostOf(world, "london-1").mysql.readOnly = false;
      },
      /^the database of london-1 is writable and london is a passive site: find out who wrote there/,
    ],
    [
      "a member that is out",
      ({ world }) =>
        Object.assign(siteOf(world, "nyc"), { compositeOut: { london: "FAILED(MANUALLY-FAILED)" } }),
      /^the composite shows london as FAILED by the word of nyc-0; bring it back first/,
    ],
    [
      "a hold left over",
      ({ world }) => void hostOf(world, "london-1").volume.holds.add("manager"),
      /^london-1 holds manager for a run that did not end/,
    ],
  ])("%s", async (_what, spoil, sentence) => {
    const { scene, watch } = await asked(1);
    spoil(scene);
    expect(await refusal(scene)).toMatch(sentence);
    expect(watch.commands).toEqual([]);
  });
});

const begun = (found: KubeObject) =>
  found.status?.ledger?.steps.at(-1)?.id === "SwitchSite" && found.status.ledger.cursor.part === 3;

describe("on the way", () => {
  test("abort before the switch returns the policies and moves nothing", async () => {
    const { scene, watch } = await asked(2);
    await untilRequest(scene, name, (found) => found.status?.ledger?.steps.at(-1)?.id === "EnterMaintenance");
    change(scene, name, (edited) => Object.assign(edited, { abort: true }));
    expect(outcomeOf(await driven(scene, name))).toBe("Aborted");
    expect(writable(scene)).toEqual(["nyc-0"]);
    expect([...scene.world.sites.values()].map(({ policy }) => policy)).toEqual(["AUTOMATIC", "AUTOMATIC"]);
    expect(watch.violations).toEqual([]);
  });

  test("a switch that goes back halts, and is begun again at a human's word", async () => {
    const { scene, watch } = await asked(4);
    await untilRequest(scene, name, (found) => {
      const is = begun(found) && found.status?.ledger?.attempts?.london !== undefined;
      if (is) hostOf(scene.world, "london-0").lagMs = 3_600_000;
      return is;
    });
    const halted = await untilRequest(
      scene,
      name,
      (found) => conditionOf(found, "Stalled")?.status === "True",
    );
    expect(conditionOf(halted, "Stalled")).toMatchObject({ reason: "CommandFailed" });
    expect(writable(scene)).toEqual(["nyc-0"]);
    const before = watch.commands.length;
    for (let n = 0; n < 20; n += 1) await passOver(scene, name);
    expect(watch.commands).toHaveLength(before);
    hostOf(scene.world, "london-0").lagMs = 0;
    advance(scene.world, 60_000);
    const { key } = (await requestNamed(scene, name)).status.ledger.attempts.london;
    change(scene, name, (edited) =>
      Object.assign(edited, { acknowledge: [{ command: key, outcome: "Retry", reason: "it went back" }] }),
    );
    expect(outcomeOf(await driven(scene, name))).toBe("Succeeded");
    quiesce(scene);
    watch.end();
    expect(watch.violations.filter(({ n }) => n !== 36)).toEqual([]);
  });

  test("a replicator that falls over while relays catch up is brought back before the switch", async () => {
    const { scene, watch } = await asked(4);
    await untilRequest(scene, name, ({ status }) => {
      const { steps, cursor, attempts } = status?.ledger ?? {};
      return steps?.at(-1)?.id === "SwitchSite" && cursor.part === 2 && attempts.nyc !== undefined;
    });
    killReplicator(scene.world, hostOf(scene.world, "london-1"), "cluster");
    expect(outcomeOf(await driven(scene, name))).toBe("Succeeded");
    quiesce(scene);
    watch.end();
    expect(watch.violations).toEqual([]);
  });

  test("a head that moves beside it halts: the plan was not made for it", async () => {
    const { scene } = await asked(4);
    await untilRequest(scene, name, (found) => found.status?.ledger?.steps.at(-1)?.id === "EnterMaintenance");
    Object.assign(siteOf(scene.world, "london"), { primary: "london-1" });
    const halted = await untilRequest(
      scene,
      name,
      (found) => conditionOf(found, "Stalled")?.status === "True",
    );
    expect(conditionOf(halted, "Stalled")).toMatchObject({ reason: "PrimaryMoved" });
  });
});

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 9);
const first = Number(process.env.FIRST ?? 3);

test("a crash at points of it: equal worlds, nothing begun twice", async () => {
  const begin = async () => {
    const { scene, watch } = await asked(5);
    return { scene, violations: watch.violations, end: watch.end };
  };
  const whole = await crashedRun(0, name, begin);
  expect(whole).toMatchObject({ outcome: "Succeeded", violations: [] });
  expect(whole.points).toBeGreaterThan(40);
  for (let n = first; n <= whole.points; n += stride)
    expect({ n, ...(await crashedRun(n, name, begin)), points: 0 }).toEqual({ n, ...whole, points: 0 });
});

test("seeded faults: switched, or halted for a named reason, and no invariant broken", async () => {
  const seeds = Number(process.env.SEEDS ?? 20);
  const from = Number(process.env.FIRST_SEED ?? 0);
  let succeeded = 0;
  for (let seed = from; seed < from + seeds; seed += 1) {
    const { end, violations } = await runSeeded(seed, {
      name,
      passes: 45,
      begin: async (each) => {
        const { scene } = await asked(each);
        return { scene, watch: watchStanding(scene, { active: "london" }) };
      },
    });
    if (violations.length > 0 || end.startsWith("stuck"))
      throw new Error(
        `seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/site-switch`,
      );
    if (end === "Succeeded") succeeded += 1;
  }
  expect(succeeded / Math.max(1, seeds)).toBeGreaterThan(seeds < 50 ? -1 : 0.5);
});

describe("broken operators are seen", () => {
  const atComposite = (stdin: string): Change =>
    commandsLike(/^cctrl -multi$/, (sent) => ({ ...sent, begin: { ...sent.begin, stdin } }));
  const cases: readonly {
    what: string;
    trips: number;
    changes: readonly Change[];
    sites?: readonly string[];
  }[] = [
    {
      what: "it switches under AUTOMATIC",
      trips: 33,
      changes: [withoutPrechecks, withoutStep("EnterMaintenance")],
    },
    { what: "it switches without a look directly before", trips: 45, changes: [withoutPrechecks] },
    {
      what: "it switches to a site nobody approved",
      trips: 52,
      sites: ["boston", "london", "nyc"],
      changes: [atComposite("use global\nswitch to boston\n")],
    },
    {
      what: "it forces a failover beside a site that lives",
      trips: 19,
      changes: [atComposite("use global\ndatasource nyc fail\ny\nfailover to london\n")],
    },
    {
      what: "it sends its proof where nobody writes",
      trips: 7,
      changes: [
        withoutPrechecks,
        commandsLike(/heartbeat/, (sent, target) => ({
          ...sent,
          on: { ...sent.on, name: target.site.nodes.find((node) => node.name !== sent.on.name)?.name ?? "" },
        })),
      ],
    },
    {
      what: "it returns a policy while a service is offline",
      trips: 34,
      changes: [
        withoutStep("BringServicesOnline"),
        withoutStep("ProveReplication"),
        inStep("ReturnPolicy", (step) => ({
          ...step,
          parts: step.parts.slice(-1).map((part) => ({
            ...unguarded(part),
            done: (_target, { attempt }) =>
              attempt > 0 ? { is: "done" as const } : { is: "pending" as const, why: "not set" },
          })),
        })),
      ],
    },
  ];

  test.each(cases)("$trips: $what", async ({ changes, trips, sites = small.sites }) => {
    const scene = await newScene({ sites, nodes: 2, seed: 4, topology: "CAP" });
    scene.catalog = changedBy(...changes);
    const watch = watchStanding(scene, expected);
    await request(scene, name, spec());
    for (let n = 0; n < 200; n += 1) {
      const step = (await requestNamed(scene, name)).status?.ledger?.steps.at(-1)?.id;
      const [relay] = hostsOf(scene.world, "nyc");
      const service = relay?.replicators.cluster?.services.get("nyc");
      if (trips === 34 && step === "ReturnPolicy" && relay && service?.state === "ONLINE") {
        askOffline(scene.world, relay, service, true);
        service.since = scene.world.now - 60_000;
      }
      if (!(await passOver(scene, name))) break;
    }
    expect([...new Set(watch.violations.map((each) => each.n))]).toContain(trips);
  });
});
