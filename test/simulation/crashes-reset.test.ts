/** A crash before and after writes and effects of both resets: equal worlds, nothing begun twice. */
import { expect, test } from "@jest/globals";
import { crashedAt } from "./crashing.ts";
import { resetAllSites, resetAllSitesCaa, resetSite, resetSiteCaa, resetSiteMsmm } from "./walks.ts";

/** Each so many-th point from FIRST on; STRIDE=1 takes every one, which is a quarter of an hour. */
const stride = Number(process.env.STRIDE ?? 27);
const first = Number(process.env.FIRST ?? 1);

test.each([resetSite, resetAllSites, resetSiteCaa, resetAllSitesCaa, resetSiteMsmm])(
  "at points of $name",
  async (walk) => {
    const whole = await crashedAt(0, undefined, {}, undefined, walk);
    expect(whole.outcome).toBe("Succeeded");
    expect(whole.violations).toEqual([]);
    expect(whole.points).toBeGreaterThan(150);
    for (let n = first; n <= whole.points; n += stride) {
      const crashed = await crashedAt(n, undefined, {}, undefined, walk);
      expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
    }
  },
);
