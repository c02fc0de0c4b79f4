/**
 * Crashes of a conversion of three sites by three nodes. Every point would take an hour: of each step and part, a crash
 * before and after it is recorded, before the first of its commands is sent and after the last; the same of its copies.
 */
import { expect, test } from "@jest/globals";
import { crashedAt, type Point, pointsOf } from "./crashing.ts";

const shape = { sites: ["london", "nyc", "tokyo"], nodes: 3, seed: 5 } as const;

/** For each place the first point of these kinds, and the last one after a command was sent. */
function chosenFrom(points: readonly Point[]): readonly Point[] {
  const chosen = new Map<string, Point>();
  for (const point of points) {
    const name = `${point.place} ${point.what}`;
    if (!/ (status|start|create)$/.test(point.what)) continue;
    if (/^after (start|create)$/.test(point.what) || !chosen.has(name)) chosen.set(name, point);
  }
  return [...chosen.values()];
}

test("of three sites by three nodes, at each step and part, before and after its record and its commands", async () => {
  const { whole, points } = await pointsOf(shape);
  expect(whole.outcome).toBe("Succeeded");
  const chosen = chosenFrom(points);
  const places = (what: string) =>
    new Set(chosen.filter((each) => each.what === what).map(({ place }) => place));
  const recorded = new Set(points.filter(({ what }) => what === "after status").map(({ place }) => place));
  expect([places("before status"), places("after status")]).toEqual([recorded, recorded]);
  expect(places("before start")).toEqual(places("after start"));
  expect(places("before start").size).toBeGreaterThan(18);
  for (const { n, what, place } of chosen) {
    const crashed = await crashedAt(n, undefined, shape);
    expect({ n, what, place, ...crashed, points: 0 }).toEqual({ n, what, place, ...whole, points: 0 });
  }
  process.stdout.write(
    `crashes of 3 × 3: ${chosen.length} of ${points.length} points, ${recorded.size} places\n`,
  );
});
