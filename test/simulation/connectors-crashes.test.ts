/** A crash before and after every write and every effect while connector pods come, go and follow: equal worlds, nothing begun twice. */
import { expect, test } from "@jest/globals";
import { connectorGoes, connectorsCome, connectorsFollow } from "./change-of-connectors.ts";
import { crashedChange } from "./changing.ts";

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 29);
const first = Number(process.env.FIRST ?? 4);

test.each([
  ["come", connectorsCome],
  ["go", connectorGoes],
  ["follow", connectorsFollow],
] as const)("at every point, as they %s", async (_name, scenario) => {
  const whole = await crashedChange(scenario, 0);
  expect(whole).toMatchObject({ over: true, violations: [] });
  expect(whole.points).toBeGreaterThan(60);
  for (let n = first; n <= whole.points; n += stride) {
    const crashed = await crashedChange(scenario, n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});
