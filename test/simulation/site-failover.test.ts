/** Failover of an active/passive composite's site: all of it lost, what may be lost listed, the second word, never beside a living one. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf, hostsOf, siteOf } from "../../simulator/model.ts";
import { killReplicator } from "../../simulator/replicator.ts";
import { setMysql } from "../../simulator/site.ts";
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

const name = "failover-site";
const spec = (site = "london") => ({
  procedure: "Failover",
  failover: { compositeService: { name: "global" }, site },
});
const asksForIt = "then say so once";

type Lost = { lagging?: boolean; nodes?: number; sites?: readonly string[]; readable?: boolean };

/** The site that takes the writes goes as a whole, with what nobody else has. */
async function lostSite(
  seed: number,
  { lagging = false, nodes = 2, sites = ["london", "nyc"], readable = false }: Lost = {},
  of: object = spec(),
) {
  const scene = await newScene({ sites, nodes, seed, topology: "CAP" });
  const { world } = scene;
  const active = sites.at(-1) ?? "";
  if (lagging) {
    for (const host of world.hosts.values()) if (host.site !== active) host.lagMs = 60_000;
    advance(world, 6000);
  }
  for (const host of hostsOf(world, active))
    if (!readable) stopContainer(world, host);
    else {
      killReplicator(world, host, "cluster");
      setMysql(world, host, false);
      host.manager = { running: false, since: world.now };
    }
  for (const host of world.hosts.values()) host.lagMs = 0;
  advance(world, 10_000);
  const reference = hostOf(world, "london-0").mysql.rows;
  const had = hostsOf(world, active).flatMap(({ mysql }) => [...mysql.rows.keys()]);
  const only = new Set(had.filter((tx) => !reference.has(tx)));
  const watch = watchStanding(scene, { active: "london", lost: active, mayLose: (tx) => only.has(tx) });
  await request(scene, name, of);
  return { scene, watch, only };
}

const confirm = async (scene: Scene, oldSite = "nyc"): Promise<void> => {
  const { metadata } = await requestNamed(scene, name);
  change(scene, name, (edited) => {
    edited.failover.confirmed = { oldSite, uid: metadata.uid };
  });
};

const progress = async (scene: Scene): Promise<string> =>
  conditionOf(await requestNamed(scene, name), "Progressing")?.message ?? "";

const confirmWhenAsked = async (scene: Scene): Promise<void> => {
  const found = await requestNamed(scene, name);
  if (found.spec.failover.confirmed === undefined && (await progress(scene)).includes(asksForIt))
    await confirm(scene);
};

const untilAsked = (scene: Scene) =>
  untilRequest(scene, name, (found) =>
    (conditionOf(found, "Progressing")?.message ?? "").includes(asksForIt),
  );

async function failedOver(scene: Scene, oldSite = "nyc") {
  await untilAsked(scene);
  await confirm(scene, oldSite);
  return driven(scene, name);
}

describe("the story", () => {
  test("london takes the writes behind a site that is gone", async () => {
    const { scene, watch } = await lostSite(1);
    const done = await failedOver(scene);
    expect([outcomeOf(done), told(done)]).toEqual(["Succeeded", expect.anything()]);
    quiesce(scene);
    watch.end();
    expect(watch.violations).toEqual([]);
    expect(siteOf(scene.world, "london")).toMatchObject({
      primary: "london-0",
      policy: "AUTOMATIC",
      compositeOut: { nyc: "SHUNNED(FAILED-OVER-TO-london)" },
    });
    expectGolden(join(import.meta.dirname, "failover-site.story.txt"), await storyOf(scene, name));
  });

  test.each([0, 2, 3, 4, 5])("whatever the tools look like (variant %d), with three sites", async (seed) => {
    const { scene, watch } = await lostSite(seed, { sites: ["boston", "london", "nyc"], nodes: 3 });
    const done = await failedOver(scene);
    expect([outcomeOf(done), told(done)]).toEqual(["Succeeded", expect.anything()]);
    quiesce(scene);
    watch.end();
    expect(watch.violations).toEqual([]);
    expect(siteOf(scene.world, "boston").relaySource).toBe("london");
  });

  test("the lost site comes back, knows itself failed", async () => {
    const { scene } = await lostSite(1);
    await failedOver(scene);
    const { world } = scene;
    for (const host of hostsOf(world, "nyc")) startContainer(world, host);
    advance(world, 20_000);
    expect(siteOf(world, "nyc").compositeOut).toEqual({ nyc: "SHUNNED(FAILED-OVER-TO-london)" });
  });
});

describe("what may be lost", () => {
  const findings = async (scene: Scene): Promise<readonly string[]> => {
    await untilRequest(scene, name, (found) => found.status?.plan !== undefined);
    const { plan } = (await requestNamed(scene, name)).status;
    return plan.findings.map(({ text }: { text: string }) => text);
  };

  test("events in the log of a node that can still be read, one by one", async () => {
    const { scene, only } = await lostSite(2, { lagging: true, readable: true });
    expect(only.size).toBeGreaterThan(3);
    const listed = (await findings(scene)).filter((text) => text.startsWith("event "));
    expect(listed.length).toBeGreaterThanOrEqual(only.size);
    expect(listed[0]).toMatch(
      /^event \d+ \(mysql-bin\.000002:\d{16};-1\) of nyc is in the log of nyc-\d and has not arrived at the new primary: it may be lost$/,
    );
  });

  test("logs nobody can read are told as that, and what was never read anyway", async () => {
    const { scene } = await lostSite(2);
    expect(await findings(scene)).toEqual([
      expect.stringMatching(
        /^the log of nyc-0, nyc-1 cannot be read: nobody can tell which events behind \d+ of nyc it had$/,
      ),
      expect.stringMatching(
        /^what the primary of nyc committed and its replicator had not read yet may be lost/,
      ),
    ]);
  });
});

describe("what is refused", () => {
  const refusal = async (scene: Scene): Promise<string | undefined> => {
    for (let n = 0; n < 5; n += 1) await passOver(scene, name);
    return conditionOf(await requestNamed(scene, name), "Accepted")?.message;
  };

  test("a site that lives", async () => {
    const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 1, topology: "CAP" });
    const watch = watchStanding(scene, {});
    await request(scene, name, spec());
    expect(await refusal(scene)).toMatch(
      /^the database of nyc-0 answers and is writable: a failover would make a second writing site beside it; ask for a Switch of the site/,
    );
    expect(watch.commands).toEqual([]);
  });

  test("a site of which a replica still answers", async () => {
    const { scene, watch } = await lostSite(1);
    startContainer(scene.world, hostOf(scene.world, "nyc-1"));
    expect(await refusal(scene)).toMatch(/^the database of nyc-1 answers and is read-only/);
    expect(watch.commands).toEqual([]);
  });

  test("a site that is behind another one", async () => {
    const { scene } = await lostSite(1, { sites: ["boston", "london", "nyc"] });
    const { schemas } = hostOf(scene.world, "boston-0").mysql;
    const rows = schemas.get("tungsten_boston");
    if (rows === undefined || rows === "empty" || rows.commit === null) throw new Error("no rows");
    schemas.set("tungsten_boston", { ...rows, commit: { ...rows.commit, seqno: rows.commit.seqno + 5 } });
    expect(await refusal(scene)).toMatch(
      /^boston-0 has event \d+ of nyc, london-0 only \d+; name boston in spec\.failover\.site/,
    );
  });

  test("a passive site that somebody made writable", async () => {
    const { scene, watch } = await lostSite(1, { sites: ["boston", "london", "nyc"] });
    hostOf(scene.world, "boston-1").mysql.readOnly = false;
    expect(await refusal(scene)).toMatch(
      /^the database of boston-1 is writable and boston is a passive site: find out who wrote there/,
    );
    expect(watch.commands).toEqual([]);
  });

  test("the lost site itself, and a name nobody knows", async () => {
    for (const [site, sentence] of [
      ["nyc", /^nyc takes the writes of CompositeService global already/],
      ["rome", /^spec\.failover\.site is rome, and CompositeService global has the members london, nyc/],
    ] as const) {
      const { scene } = await lostSite(1, {}, spec(site));
      expect(await refusal(scene)).toMatch(sentence);
    }
  });
});

describe("the second word", () => {
  test.each([
    ["of another run", { oldSite: "nyc", uid: "00000001-0000-4000-8000-000000000003" }],
    ["about another site", { oldSite: "london", uid: "00000008-0000-4000-8000-000000000003" }],
    ["about a node", { oldPrimary: "nyc-0", uid: "00000008-0000-4000-8000-000000000003" }],
  ])("%s counts for nothing", async (_what, confirmed) => {
    const { scene, watch } = await lostSite(3);
    await untilAsked(scene);
    change(scene, name, (edited) => Object.assign(edited.failover, { confirmed }));
    for (let n = 0; n < 20; n += 1) await passOver(scene, name);
    expect(watch.commands).toEqual([]);
    expect(await progress(scene)).toMatch(
      /make sure that every node of nyc is down.* kubectl -n estate patch upg failover-site --type merge -p '\{"spec":\{"failover":\{"confirmed":\{"oldSite":"nyc","uid":"[0-9a-f-]{36}"\}\}\}\}'/,
    );
  });

  test("a site that answers again halts the run before anything moves", async () => {
    const { scene, watch } = await lostSite(3);
    await untilAsked(scene);
    startContainer(scene.world, hostOf(scene.world, "nyc-1"));
    await confirm(scene);
    const halted = await untilRequest(
      scene,
      name,
      (found) => conditionOf(found, "Stalled")?.status === "True",
    );
    expect(conditionOf(halted, "Stalled")?.reason).toBe("PrimaryAlive");
    expect(watch.commands).toEqual([]);
    change(scene, name, (edited) => Object.assign(edited, { abort: true }));
    expect(outcomeOf(await driven(scene, name))).toBe("Aborted");
    expect(watch.violations).toEqual([]);
  });
});

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 9);
const first = Number(process.env.FIRST ?? 3);

test("a crash at points of it: equal worlds, nothing begun twice", async () => {
  const begin = async () => {
    const { scene, watch } = await lostSite(5);
    return { scene, violations: watch.violations, end: watch.end };
  };
  const whole = await crashedRun(0, name, begin, confirmWhenAsked);
  expect(whole).toMatchObject({ outcome: "Succeeded", violations: [] });
  expect(whole.points).toBeGreaterThan(40);
  for (let n = first; n <= whole.points; n += stride)
    expect({ n, ...(await crashedRun(n, name, begin, confirmWhenAsked)), points: 0 }).toEqual({
      n,
      ...whole,
      points: 0,
    });
});

test("seeded faults: failed over, or halted for a named reason, and no invariant broken", async () => {
  const seeds = Number(process.env.SEEDS ?? 20);
  const from = Number(process.env.FIRST_SEED ?? 0);
  let succeeded = 0;
  for (let seed = from; seed < from + seeds; seed += 1) {
    const { end, violations } = await runSeeded(seed, {
      name,
      passes: 45,
      begin: (each) => lostSite(each),
      meanwhile: confirmWhenAsked,
      spare: ["nyc-0", "nyc-1"],
    });
    if (violations.length > 0 || end.startsWith("stuck"))
      throw new Error(
        `seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/site-failover`,
      );
    if (end === "Succeeded") succeeded += 1;
  }
  expect(succeeded / Math.max(1, seeds)).toBeGreaterThan(seeds < 50 ? -1 : 0.5);
});

describe("broken operators are seen", () => {
  const trusting: Change = (procedure) => ({ ...procedure, accepts: [], holds: [] });
  const careless: readonly Change[] = [
    trusting,
    withoutStep("Confirm"),
    changePart("FailSiteOver", 0, (part) => ({ ...part, done: () => ({ is: "done" }) })),
    changePart("FailSiteOver", 1, unguarded),
    changePart("FailSiteOver", 2, unguarded),
  ];

  test.each<[string, number, readonly Change[]]>([
    ["it forces a failover beside a living site", 19, careless],
    [
      "it fails over under another policy",
      33,
      [...careless, withoutStep("EnterMaintenance"), withoutPrechecks],
    ],
    ["it fails over without a look directly before", 45, [...careless, withoutPrechecks]],
  ])("%s: %d", async (_what, n, changes) => {
    const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 4, topology: "CAP" });
    const watch = watchStanding(scene, { active: "london" });
    scene.catalog = changedBy(...changes, (procedure) => ({
      ...procedure,
      pins: () => ({
        pins: {
          activeSite: "nyc",
          primaries: { london: "london-0", nyc: "nyc-0" },
          policies: { london: "AUTOMATIC", nyc: "AUTOMATIC" },
          members: { london: ["london-0", "london-1"], nyc: ["nyc-0", "nyc-1"] },
          releases: { london: "8.0.4-132", nyc: "8.0.4-132" },
          backupNodes: {},
        },
      }),
    }));
    await request(scene, name, spec());
    for (let passes = 0; passes < 60 && (await passOver(scene, name)); passes += 1);
    expect(watch.violations.map((each) => each.n)).toContain(n);
  });

  test("without its second word nothing is begun", async () => {
    const { scene, watch } = await lostSite(4);
    for (let n = 0; n < 30; n += 1) await passOver(scene, name);
    expect(watch.commands).toEqual([]);
    expect(await progress(scene)).toContain(asksForIt);
  });
});
