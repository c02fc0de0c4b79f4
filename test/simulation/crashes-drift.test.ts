/** Crashes while somebody changes by hand what a conversion, or a site that nothing runs on, rests on: told every time, never fought. */
import { describe, expect, test } from "@jest/globals";
import { strike } from "../../simulator/faults.ts";
import { type Host, hostOf, type Site, siteOf } from "../../simulator/model.ts";
import { digest } from "../../simulator/oracle.ts";
import { reconcileCluster } from "../../src/controllers/tungsten-cluster.ts";
import { crashedAt, type Meanwhile, sweep, type Turn } from "./crashing.ts";
import { withDeathAt } from "./disturbing.ts";
import { limits, namespace, type Scene, theRequest } from "./scene.ts";
import { begunOn, conditionAt, passSites, settledScene } from "./site-scene.ts";
import { edit, haltedBy, lookAgain, progressOf, stepIs } from "./steering.ts";

type Drift = {
  readonly name: string;
  readonly change: (scene: Scene) => void;
  /** What the site tells. */
  readonly says: RegExp;
  readonly back: (scene: Scene) => void;
};

const touched = (scene: Scene): Host => hostOf(scene.world, "nyc-1");

const edited: Drift = {
  name: "an edited tungsten.ini",
  change: (scene) => void Object.assign(touched(scene), { joined: false }),
  says: /^\/etc\/tungsten\/tungsten\.ini of nyc-1 is not the/,
  back: (scene) => void Object.assign(touched(scene), { joined: true }),
};
const published: Drift = {
  name: "another ini published",
  change: (scene) => {
    const { volume } = touched(scene);
    volume.ini = `${volume.ini}\n# mine\n`;
  },
  says: /tungsten\.ini/,
  back: (scene) => {
    const { volume } = touched(scene);
    volume.ini = volume.ini?.replace("\n# mine\n", "") ?? null;
  },
};
const declared: Drift = {
  name: "a service nobody declared",
  change: (scene) =>
    void touched(scene).volume.installed.cluster?.services.push({ name: "paris", source: "london" }),
  says: /^nyc-1 runs service paris under \/opt\/continuent/,
  back: (scene) => {
    const services = touched(scene).volume.installed.cluster?.services;
    const index = services?.findIndex(({ name }) => name === "paris") ?? -1;
    // An update has made them anew meanwhile.
    if (index >= 0) services?.splice(index, 1);
  },
};

/** One look of nyc's own loop. */
const look = (scene: Scene) =>
  reconcileCluster(scene.shell, { ...limits, healthMs: 1000 }, "#!/bin/bash\n", scene.fences, {
    namespace,
    name: "nyc",
  });

/** Beside the run nyc's loop looks; what it tells is read, and half a minute later somebody puts it back. */
const putBack =
  ({ says, back }: Drift) =>
  (): Meanwhile => {
    let read = 0;
    let n = 0;
    return async (scene, note) => {
      n += 1;
      if (read !== Number.POSITIVE_INFINITY && n % 3 === 1) await look(scene);
      const left = await conditionAt(scene, "nyc", "AsLeft");
      if (left?.reason === "ChangedDuringRun" && says.test(left.message)) {
        note("told");
        read ||= scene.world.now;
      }
      if (read > 0 && scene.world.now - read > 30_000) {
        read = Number.POSITIVE_INFINITY;
        back(scene);
      }
    };
  };

/** What the run itself says while it waits for somebody to put it back. */
const waitsFor = (words: string, then: (scene: Scene) => void) => (): Meanwhile => {
  let read = 0;
  let n = 0;
  return async (scene, note) => {
    n += 1;
    if (read !== Number.POSITIVE_INFINITY && n % 3 === 1) await look(scene);
    if ((await conditionAt(scene, "nyc", "PolicyAsWanted"))?.reason === "ChangedDuringRun") note("told");
    if (!progressOf(await theRequest(scene)).includes(words)) return;
    note("waits");
    read ||= scene.world.now;
    if (scene.world.now - read <= 30_000) return;
    read = Number.POSITIVE_INFINITY;
    then(scene);
  };
};

const setPolicy = (policy: Site["policy"]) => (scene: Scene) =>
  void Object.assign(siteOf(scene.world, "nyc"), { policy });
const stride = 61;
const most = 60;

describe("during a run: told at the site, and the run goes on once it is put back", () => {
  test.each([
    [edited.name, edited, "UpdateConfiguration", 1],
    [published.name, published, "StopManagers", 2],
    [declared.name, declared, "StopManagers", 3],
  ] as const)("%s", async (_name, drift, step, spread) => {
    const turn: Turn = {
      when: stepIs(step),
      say: {},
      happens: drift.change,
      meanwhile: putBack(drift),
      forward: true,
    };
    // The step that writes the file itself may come to it before anybody has looked, once it is begun anew behind a crash.
    const rewritten = drift === edited ? ["told"] : [];
    await sweep(
      async (n) => {
        const crashed = await crashedAt(n, turn);
        return { ...crashed, noted: n > 0 && crashed.noted.length === 0 ? rewritten : crashed.noted };
      },
      { stride, spread, most },
      (whole) => expect(whole).toMatchObject({ outcome: "Succeeded", violations: [], noted: ["told"] }),
    );
  });

  test("AUTOMATIC while dumps are made: nothing is uninstalled until it is MAINTENANCE again", async () => {
    const turn: Turn = {
      when: stepIs("ExportTrackingSchemas"),
      say: {},
      happens: setPolicy("AUTOMATIC"),
      meanwhile: waitsFor(
        "the policy of nyc is AUTOMATIC in the middle of a change",
        setPolicy("MAINTENANCE"),
      ),
      forward: true,
    };
    await sweep(
      (n) => crashedAt(n, turn),
      { stride, spread: 4, most },
      (whole) =>
        expect(whole).toMatchObject({ outcome: "Succeeded", violations: [], noted: ["told", "waits"] }),
    );
  });

  test("AUTOMATIC while it waits for its window: no manager stops until it is MAINTENANCE again", async () => {
    const end = (scene: Scene, minutes: number) =>
      edit(scene, { window: { notAfter: new Date(scene.world.now + minutes * 60_000).toISOString() } });
    const waits = waitsFor(
      "the policy of nyc is AUTOMATIC in the middle of a change",
      setPolicy("MAINTENANCE"),
    );
    const turn: Turn = {
      when: stepIs("UpdateConfiguration"),
      say: {},
      happens: (scene) => end(scene, 10),
      meanwhile: () => {
        const others = waits();
        let extended = false;
        return async (scene, note) => {
          if (!extended && progressOf(await theRequest(scene)).includes("and spec.window ends at")) {
            extended = true;
            setPolicy("AUTOMATIC")(scene);
            end(scene, 60);
          }
          await others(scene, note);
        };
      },
      forward: true,
    };
    await sweep(
      (n) => crashedAt(n, turn),
      { stride, spread: 5, most },
      (whole) =>
        expect(whole).toMatchObject({ outcome: "Succeeded", violations: [], noted: ["told", "waits"] }),
    );
  });

  test.each(["UpdateConfiguration", "StartManagers"])(
    "AUTOMATIC in %s: a step that sets MAINTENANCE follows, and sets it again",
    async (step) => {
      const turn: Turn = { when: stepIs(step), say: {}, happens: setPolicy("AUTOMATIC"), forward: true };
      await sweep(
        (n) => crashedAt(n, turn),
        { stride, spread: 6, most },
        (whole) => expect(whole).toMatchObject({ outcome: "Succeeded", violations: [] }),
      );
    },
  );

  test("a primary that was switched by hand: it halts, and goes on when it was switched back", async () => {
    const meanwhile = (): Meanwhile => {
      let read = 0;
      return async (scene, note) => {
        if (!haltedBy("PrimaryMoved")(await theRequest(scene))) return;
        note("halted");
        read ||= scene.world.now;
        if (scene.world.now - read <= 30_000) return;
        read = Number.POSITIVE_INFINITY;
        strike(scene.world, "primary-moved", "nyc-1");
        // Whom the managers shunned by that, somebody recovers.
        scene.world.sites.get("nyc")?.shunned.clear();
        lookAgain(scene);
      };
    };
    const turn: Turn = {
      when: stepIs("ExportTrackingSchemas"),
      say: {},
      happens: ({ world }) => strike(world, "primary-moved", "nyc-0"),
      meanwhile,
    };
    await sweep(
      (n) => crashedAt(n, turn),
      { stride, spread: 7, most },
      (whole) => expect(whole).toMatchObject({ outcome: "Succeeded", noted: ["halted"] }),
    );
  });
});

describe("outside a run: told with the time since when, and nothing is begun, whoever tells it", () => {
  test.each([edited, published, declared])("$name", async ({ change, says, back }) => {
    const told = async (n: number) => {
      const scene = await settledScene({ sites: ["london", "nyc"], nodes: 2, seed: 5 });
      const before = digest(scene.world);
      change(scene);
      const noted = new Set<string>();
      let passes = 0;
      const course = {
        scene,
        pass: async () => {
          await passSites(scene);
          passes += 1;
          const left = await conditionAt(scene, "nyc", "AsLeft");
          if (left?.reason === "Drifted") noted.add(left.message.replace(/ \(since .*?Z\)/, ""));
          if (passes === 8) back(scene);
        },
        over: async () => passes > 8 && (await conditionAt(scene, "nyc", "AsLeft"))?.status === "True",
        mostPasses: 40,
      };
      const { points, over } = await withDeathAt(course, n);
      return { points, over, noted: [...noted], begun: begunOn(scene), same: digest(scene.world) === before };
    };
    await sweep(told, { stride: 3 }, (whole) =>
      expect(whole).toMatchObject({
        over: true,
        noted: [expect.stringMatching(says)],
        begun: [],
        same: true,
      }),
    );
  });
});
