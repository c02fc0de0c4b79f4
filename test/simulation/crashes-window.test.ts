/** Crashes of a conversion that waits for its window, before it begins and at the last place where clients are served. */
import { expect, test } from "@jest/globals";
import { digest } from "../../simulator/oracle.ts";
import { requestKind } from "../../src/kube/kinds.ts";
import { crashedAt, type Meanwhile, sweep, type Turn } from "./crashing.ts";
import { askForConversion, conditionOf, namespace, newScene, type Scene, theRequest } from "./scene.ts";
import { edit, progressOf, stepIs } from "./steering.ts";
import { conversion, type Walk } from "./walks.ts";

const minute = 60_000;
const at = (time: number): string => new Date(time).toISOString();
const setEnd = (scene: Scene, minutes: number): void =>
  scene.objects.edit(requestKind, { namespace, name: scene.asked }, ({ spec }) => {
    spec.window = { ...spec.window, notAfter: at(scene.world.now + minutes * minute) };
  });

/** Opens in three minutes, too short for the whole; once somebody has read that, it ends later. */
const early: Walk = {
  ...conversion,
  ask: (scene) =>
    askForConversion(scene, {
      window: { notBefore: at(scene.world.now + 3 * minute), notAfter: at(scene.world.now + 40 * minute) },
    }),
};

const givesTime = (): Meanwhile => {
  let read = 0;
  return async (scene, note) => {
    const approved = conditionOf(await theRequest(scene), "Approved");
    if (approved?.reason.startsWith("Window") === true) note(approved.reason);
    if (approved?.reason === "WindowTooShort") read ||= scene.world.now;
    if (read > 0 && scene.world.now - read > minute) {
      read = Number.POSITIVE_INFINITY;
      setEnd(scene, 90);
    }
  };
};

test("it waits for its window to open, and for one that is long enough", async () => {
  const turn: Turn = { when: () => true, say: {}, meanwhile: givesTime, forward: true };
  await sweep(
    (n) => crashedAt(n, turn, {}, undefined, early),
    { stride: 29, most: 60 },
    (whole) => {
      expect(whole).toMatchObject({
        outcome: "Succeeded",
        violations: [],
        noted: ["WindowClosed", "WindowTooShort"],
      });
      expect(whole.points).toBeGreaterThan(60);
    },
  );
});

/** Holds where managers still run; half a minute later somebody says what comes. */
const holdsThen = (says: (scene: Scene) => void) => (): Meanwhile => {
  let held = 0;
  return async (scene, note) => {
    if (!/and spec\.window ends at/.test(progressOf(await theRequest(scene)))) return;
    const running = [...scene.world.hosts.values()].filter(({ manager }) => manager.running).length;
    note(`held while ${running} managers run`);
    held ||= scene.world.now;
    if (scene.world.now - held > minute / 2) {
      held = Number.POSITIVE_INFINITY;
      says(scene);
    }
  };
};

const narrowed = (says: (scene: Scene) => void): Turn => ({
  when: stepIs("UpdateConfiguration"),
  say: {},
  happens: (scene) => setEnd(scene, 10),
  meanwhile: holdsThen(says),
});
const noted = ["held while 4 managers run"];

test("it goes not past the last safe place without time, and on when it is given some", async () => {
  const turn: Turn = { ...narrowed((scene) => setEnd(scene, 60)), forward: true };
  await sweep(
    (n) => crashedAt(n, turn),
    { stride: 29, most: 60 },
    (whole) => {
      expect(whole).toMatchObject({ outcome: "Succeeded", violations: [], noted });
      expect(whole.points).toBeGreaterThan(60);
    },
  );
});

test("or back from there", async () => {
  const before = digest((await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 5 })).world);
  const turn = narrowed((scene) => edit(scene, { revert: true }));
  await sweep(
    (n) => crashedAt(n, turn),
    { stride: 31 },
    (whole) => {
      expect(whole).toMatchObject({ outcome: "Reverted", digest: before, violations: [], noted });
      expect(whole.points).toBeGreaterThan(40);
    },
  );
});
