/** The invariants have teeth: each is tripped by an operator broken on purpose, and by no sound one under the same events. */
import { describe, expect, test } from "@jest/globals";
import { commandShapes } from "../../simulator/runner-words.ts";
import { advance } from "../../simulator/world.ts";
import { type FenceBook, reconcileRequest } from "../../src/controllers/upgrade-request.ts";
import { requestKind } from "../../src/kube/kinds.ts";
import { type BrokenOperator, brokenOperators } from "./broken-operators.ts";
import { changedBy } from "./mutate.ts";
import { watchScene } from "./run-invariants.ts";
import { askForConversion, limits, namespace, newScene, pass, quiesce, theRequest } from "./scene.ts";

const interruption = 240;
const mostPasses = 1500;

/** The twin's list of commands, with holes while a broken operator runs. */
async function withHoles<T>(admits: readonly string[], run: () => Promise<T>): Promise<T> {
  const admitted = commandShapes as string[];
  admitted.push(...admits);
  try {
    return await run();
  } finally {
    admitted.length -= admits.length;
  }
}

/** Runs a broken operator to its end, or for so many passes; returns the numbers it tripped. */
async function tripped(broken: BrokenOperator): Promise<readonly number[]> {
  const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 11 });
  advance(scene.world, 10_000);
  scene.catalog = changedBy(...(broken.changes ?? []));
  broken.scene?.(scene);
  const watch = watchScene(scene);
  await askForConversion(scene);
  if (broken.twoRequests) await askForConversion(scene, {}, {}, "second");
  const second: FenceBook = new Map();
  let going = true;
  for (let n = 0; n < mostPasses && going; n += 1) {
    const cursor: string = (await theRequest(scene)).status?.cursor ?? "";
    broken.meanwhile?.(scene, n, cursor);
    going = await pass(scene);
    if (broken.twoRequests)
      await reconcileRequest(scene.shell, limits, second, { namespace, name: "second" }, scene.catalog);
    if (cursor === "refused") break;
  }
  const request = await theRequest(scene);
  if (going && request.status?.ledger?.halt === undefined)
    watch.violations.push({ n: 48, what: "never ended" });
  // Clients go on for a while after the end: what no service carries any more is missing then.
  advance(scene.world, 10_000);
  quiesce(scene);
  if (request.status?.ledger?.outcome === "Succeeded") watch.end(interruption);
  if (broken.again) {
    const before = watch.commands.length;
    await scene.objects.remove(requestKind, { namespace, name: "to-caa" }, "");
    await askForConversion(scene);
    for (let n = 0; n < 40 && (await pass(scene)); n += 1);
    if (watch.commands.length > before) watch.violations.push({ n: 43, what: "it ran again" });
  }
  return [...new Set(watch.violations.map(({ n }) => n))].sort((a, b) => a - b);
}

const ofTheConversion = [
  ...Array.from({ length: 23 }, (_, index) => index + 1),
  33,
  34,
  ...Array.from({ length: 15 }, (_, index) => index + 36),
];

test("every invariant of the conversion has an operator that breaks it", () => {
  const covered = new Set(brokenOperators.flatMap(({ trips }) => trips));
  expect(ofTheConversion.filter((n) => !covered.has(n))).toEqual([]);
});

describe("broken operators are seen", () => {
  test.each(brokenOperators)("$trips: $name", async (broken) => {
    const seen = await withHoles(broken.admits ?? [], () => tripped(broken));
    expect(seen).toEqual(expect.arrayContaining([...broken.trips].sort((a, b) => a - b)));
  });
});

describe("the sound operator lives through the same events", () => {
  test.each(brokenOperators.filter(({ meanwhile }) => meanwhile !== undefined))(
    "$name",
    async ({ name, trips, meanwhile }) => {
      expect(await tripped({ name, trips, ...(meanwhile && { meanwhile }) })).toEqual([]);
    },
  );
});
