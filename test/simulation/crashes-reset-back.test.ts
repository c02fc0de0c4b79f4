/** A crash before and after writes and effects of a reset that is aborted at its last moment: the estate as it was. */
import { expect, test } from "@jest/globals";
import { digest } from "../../simulator/oracle.ts";
import { crashedAt, type Turn } from "./crashing.ts";
import { newScene } from "./scene.ts";
import { stepIs } from "./steering.ts";
import { resetAllSitesCaa, resetSite, resetSiteCaa, resetSiteMsmm, type Walk } from "./walks.ts";

/** Each so many-th point from FIRST on; STRIDE=1 takes every one. */
const stride = Number(process.env.STRIDE ?? 29);
const first = Number(process.env.FIRST ?? 1);

const lastMoments: readonly (readonly [Walk, string, number])[] = [
  [resetSite, "ExportFailedSite", 9],
  [resetSiteCaa, "ExportFailedSite", 6],
  [resetSiteMsmm, "StopFailedSite", 13],
  [resetAllSitesCaa, "EverythingOffline", 3],
];

test.each(lastMoments.map(([walk, ...place]) => [walk.name, walk, ...place] as const))(
  "at points of %s on its way back",
  async (_name, walk, step, part) => {
    const turn: Turn = { when: stepIs(step, part), say: { abort: true } };
    const shape = { sites: walk.sites, nodes: walk.nodes, seed: 5, ...walk.more };
    const before = digest((await newScene(shape)).world);
    const whole = await crashedAt(0, turn, {}, undefined, walk);
    expect(whole).toMatchObject({ outcome: "Aborted", digest: before, violations: [] });
    expect(whole.points).toBeGreaterThan(20);
    for (let n = first; n <= whole.points; n += stride) {
      const crashed = await crashedAt(n, turn, {}, undefined, walk);
      expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
    }
  },
);
