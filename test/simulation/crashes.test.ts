/** A crash before and after every write and every effect of the conversion: equal worlds, nothing begun twice. */
import { expect, test } from "@jest/globals";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { crashedAt } from "./crashing.ts";

test("at every point of the way forward", async () => {
  const whole = await crashedAt(0);
  expect(whole.outcome).toBe("Succeeded");
  expect(whole.points).toBeGreaterThan(300);
  for (let n = 1; n <= whole.points; n += 1) {
    const crashed = await crashedAt(n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});

/** Writes and effects from the first update to the last post-process, about. */
const ofStepNine = 70;

test("at every point of step 9, where a link's options are put into force", async () => {
  const more = { linkOptions: { "nyc-to-london": { "svc-applier-filters": "replicate" } } };
  const updating = {
    when: (request: KubeObject) => request.status?.ledger?.steps.at(-1)?.id === "UpdateSoftware",
    say: {},
  };
  const whole = await crashedAt(0, updating, more);
  expect(whole.outcome).toBe("Succeeded");
  expect(whole.points).toBeGreaterThan(ofStepNine);
  for (let n = 1; n <= ofStepNine; n += 1) {
    const crashed = await crashedAt(n, updating, more);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
