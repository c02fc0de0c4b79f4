/** Leader election: two candidates over one store, a clock that only the test moves. */
import { expect, test } from "@jest/globals";
import type { Objects } from "../../../src/controllers/shell.ts";
import { ApiError } from "../../../src/kube/errors.ts";
import { campaign } from "../../../src/kube/leader.ts";
import { memoryObjects } from "../../simulation/memory-objects.ts";

const limits = { leaseMs: 15_000, renewByMs: 10_000, retryMs: 2_000 };
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function stage() {
  const objects = memoryObjects(() => "uid");
  let now = 0;
  const sleepers = new Set<{ due: number; wake: () => void }>();
  const advance = async (ms: number) => {
    for (const end = now + ms; now < end; now += 500) {
      for (const sleeper of sleepers) if (sleeper.due <= now && sleepers.delete(sleeper)) sleeper.wake();
      await settle();
    }
  };
  const run = (identity: string, over: Objects = objects, skew = 0, quit = async () => {}) => {
    const ending = new AbortController();
    const state = { leads: false, ended: false, ending, failures: [] as string[] };
    const clock = {
      monotonic: () => now,
      wall: () => now + skew,
      sleep: (ms: number) =>
        new Promise<void>((resolve) => {
          sleepers.add({ due: now + ms, wake: resolve });
          ending.signal.addEventListener("abort", () => resolve());
        }),
    };
    const lead = () => {
      state.leads = true;
    };
    const failed = (error: unknown) => void state.failures.push(String(error));
    const candidate = { namespace: "ns", name: "lease", identity, failed };
    void campaign(
      objects === over ? objects : over,
      candidate,
      limits,
      clock,
      lead,
      quit,
      ending.signal,
    ).then(() => Object.assign(state, { leads: false, ended: true }));
    return state;
  };
  return { objects, advance, run };
}

test("one of two leads, however far their wall clocks lie apart", async () => {
  const { advance, run } = stage();
  const [one, other] = [run("one"), run("other", undefined, 86_400_000)];
  await advance(120_000);
  expect([one.leads, other.leads].filter(Boolean)).toHaveLength(1);
});

test("a leader whose renewals are never answered stops before the other begins", async () => {
  const { objects, advance, run } = stage();
  let silent = false;
  const replace: Objects["replace"] = (kind, object) =>
    silent ? new Promise(() => {}) : objects.replace(kind, object);
  const get: Objects["get"] = (kind, ref) => (silent ? new Promise(() => {}) : objects.get(kind, ref));
  const one = run("one", { ...objects, get, replace });
  await advance(4_000);
  const other = run("other");
  expect(one.leads).toBe(true);
  silent = true;
  for (let step = 0; step < 60; step += 1) {
    await advance(500);
    expect(one.leads && other.leads).toBe(false);
  }
  expect([one.ended, other.leads]).toEqual([true, true]);
});

test("the lease is given back only after the work has ended", async () => {
  const { objects, advance, run } = stage();
  let finish = () => {};
  const work = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const one = run("one", objects, 0, () => work);
  await advance(3_000);
  one.ending.abort();
  await settle();
  const holder = () => [...objects.all().values()][0]?.spec?.holderIdentity;
  expect(holder()).toBe("one");
  finish();
  await settle();
  expect([holder(), one.ended]).toEqual(["", true]);
});

test("a candidate without the right to the Lease says so, and goes on asking", async () => {
  const { objects, advance, run } = stage();
  const get: Objects["get"] = async () => {
    throw new ApiError(403, "Forbidden", "cannot get resource leases");
  };
  const barred = run("barred", { ...objects, get });
  await advance(10_000);
  expect(barred).toMatchObject({ leads: false, ended: false });
  expect(barred.failures.length).toBeGreaterThan(1);
  expect(barred.failures[0]).toContain("cannot get resource leases");
});

test("a lost race is no failure", async () => {
  const { advance, run } = stage();
  const both = [run("one"), run("other")];
  await advance(30_000);
  expect(both.flatMap(({ failures }) => failures)).toEqual([]);
});
