/** What a pass may put together: several decisions on one record, and no part judged on a look older than what was done. */
import { describe, expect, test } from "@jest/globals";
import { advance } from "../../simulator/world.ts";
import { untilNextLook } from "../../src/controllers/request-run.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { podKind } from "../../src/kube/kinds.ts";
import * as act from "../../src/procedures/conversion-commands.ts";
import { heldByRun } from "../../src/procedures/guards.ts";
import type { Guard, Look, Part, Procedure } from "../../src/procedures/procedure.ts";
import { eachSite } from "../../src/procedures/scopes.ts";
import { done, pending } from "../../src/procedures/verdicts.ts";
import type { Fact } from "../../src/tungsten/facts.ts";
import { holds, iniState } from "../../src/tungsten/node-facts.ts";
import { changedBy } from "./mutate.ts";
import {
  askForConversion,
  conditionOf,
  drive,
  limits,
  namespace,
  newScene,
  pass,
  type Scene,
  theRequest,
} from "./scene.ts";
import { edit, stepIs, until } from "./steering.ts";

/** When a part was judged done, and since when the node had been asked what it rests on. */
type Judged = { readonly what: string; readonly pass: number; readonly asked: number; readonly at: number };

const sessionMs = 7;

/** A run of one step with these parts, in a world where every session takes some time. */
async function sceneWith(parts: readonly Part[]): Promise<Scene> {
  const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
  const oneStep = (procedure: Procedure): Procedure => ({
    ...procedure,
    holds: [],
    steps: [{ ...(procedure.steps[1] as Procedure["steps"][number]), id: "Toy", undo: "nothing", parts }],
  });
  scene.catalog = changedBy(oneStep);
  const { exec } = scene.shell.pods;
  Object.assign(scene.shell.pods, {
    exec: async (...args: Parameters<typeof exec>) => {
      const outcome = await exec(...args);
      advance(scene.world, sessionMs);
      return outcome;
    },
  });
  await askForConversion(scene);
  return scene;
}

/** Done when the fact of london-0 is known and, if given, as wanted; every done one is noted. */
function noting(
  scene: () => Scene,
  judged: Judged[],
  fact: Fact<unknown>,
  wanted: Part["done"] = () => done,
) {
  return (what: string): Part["done"] =>
    (target, look: Look) => {
      const verdict = wanted(target, look);
      const known = look.facts.get("london-0", fact);
      if (verdict.is !== "done") return verdict;
      if (!("known" in known)) return pending(known.unknown);
      if (target.id === "london")
        judged.push({ what, pass: scene().calls.passes, asked: known.asked ?? known.at, at: known.at });
      return verdict;
    };
}

const hold = (done: Part["done"]): Part => ({
  what: "hold",
  on: eachSite,
  run: [{ when: "it is not held", effect: act.hold("crossSite") }],
  done,
});
const look = (what: string, done: Part["done"], guards?: readonly Guard[]): Part => ({
  what,
  on: eachSite,
  run: [],
  done,
  ...(guards && { guards }),
});

/** Runs the parts `make` gives; the last judgement of each by its name. */
async function judgedOf(
  make: (noted: typeof noting, scene: () => Scene, judged: Judged[]) => readonly Part[],
) {
  const judged: Judged[] = [];
  const place: { scene?: Scene } = {};
  place.scene = await sceneWith(make(noting, () => place.scene as Scene, judged));
  const request = await drive(place.scene, 20);
  expect(request.status?.ledger?.outcome).toBe("Succeeded");
  const of = (what: string): Judged => judged.findLast((each) => each.what === what) as Judged;
  return { of, scene: place.scene };
}

describe("the next part in the same pass", () => {
  test("is judged on a look that began after the end of the part's commands was seen", async () => {
    const { of } = await judgedOf((noted, scene, judged) => [
      hold(noted(scene, judged, holds, heldByRun("crossSite", true))("held")),
      look("same fact", noted(scene, judged, holds)("after")),
    ]);
    expect(of("after").pass).toBe(of("held").pass);
    expect(of("after").asked).toBeGreaterThanOrEqual(of("held").at);
  });

  test("shares the look with a part that was done as this pass came to it", async () => {
    const { of } = await judgedOf((noted, scene, judged) => [
      hold(noted(scene, judged, holds, heldByRun("crossSite", true))("held")),
      hold(noted(scene, judged, holds, heldByRun("crossSite", true))("held still")),
      look("same fact", noted(scene, judged, holds)("after")),
    ]);
    expect(of("after")).toEqual({ ...of("held still"), what: "after" });
  });

  test("looks anew where it has guards", async () => {
    const guard: Guard = { say: "nothing", objects: () => undefined };
    const { of } = await judgedOf((noted, scene, judged) => [
      hold(noted(scene, judged, holds, heldByRun("crossSite", true))("held")),
      hold(noted(scene, judged, holds, heldByRun("crossSite", true))("held still")),
      look("guarded", noted(scene, judged, holds)("after"), [guard]),
    ]);
    expect(of("after").pass).toBe(of("held still").pass);
    expect(of("after").asked).toBeGreaterThanOrEqual(of("held still").at);
  });

  test("looks anew after a part that was waited for, though no command ran", async () => {
    const seen = { looks: 0 };
    const { of } = await judgedOf((noted, scene, judged) => {
      const patience: Part["done"] = () => {
        seen.looks += 1;
        return seen.looks > 12 ? done : pending("not yet");
      };
      return [
        look("waiting", noted(scene, judged, iniState, patience)("waited")),
        look("same fact", noted(scene, judged, iniState)("after")),
      ];
    });
    expect(of("after").pass).toBe(of("waited").pass);
    expect(of("after").asked).toBeGreaterThanOrEqual(of("waited").at);
  });

  test("is recorded before anything of it is begun, in one write with the parts before it", async () => {
    const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
    await askForConversion(scene);
    const steps: string[] = [];
    let moved = 0;
    for (let going = true; going; ) {
      const before = (await theRequest(scene)).status?.ledger?.cursor;
      steps.length = 0;
      scene.onStep = (what) => void steps.push(what);
      going = await pass(scene);
      const begun = steps.findIndex((what) => what.startsWith("before start"));
      if (begun < 0) continue;
      expect(steps.slice(0, begun).filter((what) => what === "after status").length).toBe(1);
      const { cursor, attempts } = (await theRequest(scene)).status.ledger;
      expect(Object.keys(attempts)).not.toEqual([]);
      if (cursor.since !== before?.since) moved += 1;
    }
    expect(moved).toBeGreaterThan(10);
  });
});

describe("while a command runs", () => {
  /** A conversion in the middle of its updates, and the sessions of each pass since: node and time. */
  async function updating() {
    const scene = await newScene({ sites: ["london", "nyc"], nodes: 3, seed: 3 });
    await askForConversion(scene);
    await until(scene, stepIs("UpdateSoftware", 3));
    const looks: { readonly at: number; readonly nodes: readonly string[] }[] = [];
    const { exec } = scene.shell.pods;
    let nodes: string[] = [];
    Object.assign(scene.shell.pods, {
      exec: (...args: Parameters<typeof exec>) => {
        if (args[1][1] === "observe") nodes.push(args[0].name);
        return exec(...args);
      },
    });
    const go = async () => {
      nodes = [];
      await pass(scene);
      looks.push({ at: scene.world.now, nodes });
    };
    return { scene, looks, go };
  }
  const running = (request: KubeObject): number => Object.keys(request.status?.ledger?.attempts ?? {}).length;

  test("one of its nodes is asked, all of them again after a while, and nothing is written meanwhile", async () => {
    const { scene, looks, go } = await updating();
    while (running(await theRequest(scene)) < 4) await go();
    looks.length = 0;
    const writes = scene.objects.writes();
    for (let n = 0; n < 6; n += 1) await go();
    expect(looks.filter(({ nodes }) => nodes.length === 1).length).toBeGreaterThanOrEqual(3);
    const whole = looks.filter(({ nodes }) => new Set(nodes).size >= 4).map(({ at }) => at);
    expect(whole.length).toBeGreaterThanOrEqual(1);
    expect(looks.every(({ nodes }) => nodes.length === 1 || new Set(nodes).size >= 4)).toBe(true);
    expect(scene.objects.writes() - writes).toBeLessThanOrEqual(2);
  });

  test("a word of a human is heard in the next pass", async () => {
    const { scene, looks, go } = await updating();
    while (running(await theRequest(scene)) < 4) await go();
    await go();
    edit(scene, { paused: true });
    looks.length = 0;
    await go();
    expect(new Set(looks[0]?.nodes).size).toBeGreaterThanOrEqual(4);
    expect(conditionOf(await theRequest(scene), "Progressing")?.reason).toBe("Paused");
  });

  test("one that cannot be asked any more is no running one: all are looked at", async () => {
    const { scene, looks, go } = await updating();
    while (running(await theRequest(scene)) < 4) await go();
    looks.length = 0;
    await go();
    const [asked] = looks[0]?.nodes ?? [];
    const pod = await scene.objects.get(podKind, { namespace, name: asked ?? "" });
    await scene.objects.remove(podKind, { namespace, name: asked ?? "" }, pod?.metadata.uid ?? "");
    await go();
    expect(new Set(looks[1]?.nodes).size).toBeGreaterThanOrEqual(3);
  });
});

describe("what is written while something is awaited", () => {
  test("another wording of the same wait is written now and then; anything else at once", async () => {
    const seen = { n: 0 };
    const scene = await sceneWith([
      look("waiting", () => {
        seen.n += 1;
        return pending(`not yet, look ${seen.n}`);
      }),
    ]);
    for (let n = 0; n < 4; n += 1) await pass(scene);
    const begun = { writes: scene.objects.writes(), now: scene.world.now };
    while (scene.world.now < begun.now + 60_000) await pass(scene);
    const writes = scene.objects.writes() - begun.writes;
    expect(writes).toBeGreaterThanOrEqual(4);
    expect(writes).toBeLessThanOrEqual(6);
    const before = conditionOf(await theRequest(scene), "Stalled");
    expect(before?.status).toBe("False");
    while (conditionOf(await theRequest(scene), "Stalled")?.status !== "True") await pass(scene);
    expect(scene.world.now - begun.now).toBeLessThan(320_000);
  });
});

describe("the pause between looks", () => {
  const ledger = (since: number, begunAt?: number) =>
    ({
      cursor: { step: 0, part: 0, since, round: 1 },
      attempts: begunAt === undefined ? {} : { a: { n: 1, alternative: 0, begunAt, key: "k" } },
    }) as unknown as Parameters<typeof untilNextLook>[1];

  test.each([
    ["what has just begun", ledger(0, 0), 500, limits.pollMs],
    ["what has run for half a minute", ledger(0, 0), 30_000, 3000],
    ["what has run for an hour", ledger(0, 0), 3600_000, limits.pollMostMs],
    ["a new attempt of what has run for an hour", ledger(0, 3600_000), 3600_000, limits.pollMs],
    ["a wait without a command", ledger(0), 40_000, 4000],
  ])("%s", (_what, state, now, wanted) => {
    expect(untilNextLook(limits, state, now)).toBe(wanted);
  });
});
