/**
 * Crashes of comparisons whose data really differ, or only seem to for a while: alone, and as the conversion's first and
 * last act. A crash changes neither what is told nor how it ends, and what differs is mended by nobody.
 */
import { describe, expect, test } from "@jest/globals";
import { hostOf } from "../../simulator/model.ts";
import type { Survey } from "../../src/crds/survey.ts";
import type { Judgement, Part } from "../../src/procedures/procedure.ts";
import { done } from "../../src/procedures/verdicts.ts";
import {
  alone,
  differs,
  ended,
  equal,
  equalData,
  findings,
  from,
  fromTheStart,
  goesOn,
  halted,
  harms,
  inConversion,
  lag,
  lagged,
  lose,
  nothing,
  onOneReplica,
} from "./comparing.ts";
import { type Crashed, crashedAt, sweep } from "./crashing.ts";
import { type Change, everywhere } from "./mutate.ts";
import type { Scene } from "./scene.ts";
import { edit } from "./steering.ts";

describe("a comparison alone, crashed", () => {
  test.each(harms)("%s", async (_name, harm) => {
    await sweep(
      (n) => crashedAt(n, fromTheStart(), {}, undefined, alone(harm.does)),
      { stride: 3 },
      (whole) => {
        expect(whole).toMatchObject(ended("Succeeded", harm.stays, [...findings("data", harm), differs]));
        expect(whole.points).toBeGreaterThan(40);
      },
    );
  });

  test("what was only on its way is told as equal", async () => {
    const walk = alone((scene) => lag(scene, 45));
    await sweep(
      (n) => crashedAt(n, fromTheStart({ lags: true }), {}, undefined, walk),
      { stride: 11 },
      (whole) =>
        expect(whole).toMatchObject(ended("Succeeded", [], [...findings("data", equalData), equal, lagged])),
    );
  });
});

describe("a comparison as the conversion's first act, crashed", () => {
  test.each(harms)("%s, and a human goes on", async (_name, harm) => {
    const walk = inConversion("Both", harm.does);
    await sweep(
      (n) => crashedAt(n, fromTheStart({ speaks: goesOn }), {}, undefined, walk),
      { stride: 29, spread: 2, most: 70 },
      (whole) =>
        expect(whole).toMatchObject(
          ended("Succeeded", harm.stays, [
            ...findings("data-before", harm),
            ...findings("data-after", harm),
            differs,
            halted,
          ]),
        ),
    );
  });

  test("or aborts, and nothing was touched", async () => {
    const turn = fromTheStart({ speaks: (scene) => edit(scene, { abort: true }) });
    await sweep(
      (n) => crashedAt(n, turn, {}, undefined, inConversion("Before", onOneReplica.does)),
      { stride: 13, spread: 1 },
      (whole) =>
        expect(whole).toMatchObject({
          outcome: "Aborted",
          noted: [...findings("data-before", onOneReplica), differs, halted].sort(),
        }),
    );
  });

  test("what was only on its way halts nothing", async () => {
    const turn = from("VerifyDataBefore", { lags: true });
    await sweep(
      (n) => crashedAt(n, turn, {}, undefined, inConversion("Before", nothing)),
      { stride: 29, spread: 2, most: 70 },
      (whole) =>
        expect(whole).toMatchObject(
          ended("Succeeded", [], [...findings("data-before", equalData), equal, lagged]),
        ),
    );
  });
});

describe("a comparison as the conversion's last act, crashed", () => {
  test.each(harms)("%s", async (_name, harm) => {
    await sweep(
      (n) => crashedAt(n, from("VerifyDataAfter"), {}, undefined, inConversion("After", harm.does)),
      { stride: 23, spread: 1 },
      (whole) =>
        expect(whole).toMatchObject(
          ended("Succeeded", harm.stays, [...findings("data-after", harm), differs]),
        ),
    );
  });

  test("what was only on its way is told as equal", async () => {
    const turn = from("VerifyDataAfter", { lags: true });
    await sweep(
      (n) => crashedAt(n, turn, {}, undefined, inConversion("After", nothing)),
      { stride: 31, spread: 1 },
      (whole) =>
        expect(whole).toMatchObject(
          ended("Succeeded", [], [...findings("data-after", equalData), equal, lagged]),
        ),
    );
  });
});

/** A judgement that keeps the comparison in its own memory, and believes that before the ledger. */
function remembering(): Change {
  let kept: Survey | undefined;
  const judged =
    (sound: Judgement): Judgement =>
    (target, look) => {
      const surveys = kept === undefined ? look.run.surveys : { ...look.run.surveys, data: kept };
      const verdict = sound(target, { ...look, run: { ...look.run, surveys } });
      if (verdict.is === "noted" && "survey" in verdict.noted) kept = verdict.noted.state;
      return verdict;
    };
  return everywhere((part) => ({ ...part, done: judged(part.done) }));
}

/** Takes a comparison that has come to its end for one that found nothing. */
const neverHalts: Change = everywhere((part: Part) => ({
  ...part,
  done: (target, look) =>
    look.run.surveys["data-before"]?.finished === true ? done : part.done(target, look),
}));

describe("operators that are broken on purpose are seen", () => {
  test("one that keeps in its memory what the ledger does not hold: by a crash alone", async () => {
    const run = (n: number): Promise<Crashed> =>
      crashedAt(n, fromTheStart(), {}, undefined, alone(onOneReplica.does, [remembering()]));
    const whole = await run(0);
    expect(whole).toMatchObject(
      ended("Succeeded", onOneReplica.stays, [...findings("data", onOneReplica), differs]),
    );
    // Pages of the report are written from here on.
    const deviates = async (n: number): Promise<boolean> =>
      n <= whole.points && ((await run(n)).noted.join() !== whole.noted.join() || (await deviates(n + 1)));
    expect(await deviates(31)).toBe(true);
  });

  test("one that mends what it finds", async () => {
    const mends = (scene: Scene): Change =>
      everywhere((part) => ({
        ...part,
        done(target, look) {
          if (look.run.surveys.data?.finished) hostOf(scene.world, "nyc-1").mysql.rows.set("london:30", 1);
          return part.done(target, look);
        },
      }));
    const walk = alone(nothing);
    const ask = (scene: Scene) => alone((it) => lose(it, "nyc-1"), [mends(scene)]).ask(scene);
    const { outcome, violations } = await crashedAt(0, fromTheStart(), {}, undefined, { ...walk, ask });
    expect({ outcome, violations }).toEqual({ outcome: "Succeeded", violations: [] });
  });

  test("one that converts over data that differs", async () => {
    const walk = inConversion("Before", onOneReplica.does, [neverHalts]);
    const { outcome, noted } = await crashedAt(0, fromTheStart(), {}, undefined, walk);
    expect(outcome).toBe("Succeeded");
    expect(noted).not.toContain(halted);
  });
});
