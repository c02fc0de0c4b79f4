/** The work queue against client-go's semantics, on a clock that only the test moves. */
import { expect, test } from "@jest/globals";
import { type Again, newQueue } from "../../../src/kube/queue.ts";
import type { Timers } from "../../../src/kube/timers.ts";

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function stage(workers = 2) {
  let now = 0;
  const alarms = new Set<{ due: number; run: () => void }>();
  const timers: Timers = {
    now: () => now,
    random: () => 0.5,
    after: (ms, run) => {
      const alarm = { due: now + ms, run };
      alarms.add(alarm);
      return () => void alarms.delete(alarm);
    },
  };
  const began: string[] = [];
  const open: { done: (again: Again) => void; fail: () => void }[] = [];
  const work = (key: string) =>
    new Promise<Again>((resolve, reject) => {
      began.push(`${key}@${now}`);
      open.push({ done: resolve, fail: () => reject(new Error("broken")) });
    });
  const limits = { workers, firstBackoffMs: 100, maxBackoffMs: 1000 };
  const queue = newQueue(limits, timers, work, () => {});
  const advance = async (ms: number) => {
    await settle();
    for (const end = now + ms; now < end; ) {
      now += 10;
      for (const alarm of alarms) if (alarm.due <= now && alarms.delete(alarm)) alarm.run();
      await settle();
    }
  };
  const next = () => open.shift();
  return { queue, began, next, advance };
}

test("a key added often while it waits is worked on once; added while it runs, once more and never twice at once", async () => {
  const { queue, began, next } = stage();
  for (let time = 0; time < 3; time += 1) queue.add("a");
  await settle();
  expect(began).toEqual(["a@0"]);
  queue.add("a");
  queue.add("a");
  await settle();
  expect(queue.running()).toBe(1);
  next()?.done("never");
  await settle();
  next()?.done("never");
  await settle();
  expect(began).toEqual(["a@0", "a@0"]);
});

test("of several delays the earliest counts", async () => {
  const { queue, began, advance } = stage();
  queue.add("a", 500);
  queue.add("a", 100);
  queue.add("a", 900);
  await advance(1000);
  expect(began).toEqual(["a@100"]);
});

test("errors double the pause, a success forgets them", async () => {
  const { queue, began, next, advance } = stage();
  queue.add("a");
  await settle();
  next()?.fail();
  await advance(100);
  next()?.fail();
  await advance(200);
  next()?.done({ afterMs: 50 });
  await advance(50);
  next()?.fail();
  await advance(100);
  expect(began).toEqual(["a@0", "a@100", "a@300", "a@350", "a@450"]);
});

test("stop waits for what runs and begins nothing new", async () => {
  const { queue, began, next, advance } = stage(1);
  queue.add("a");
  queue.add("b");
  queue.add("c", 50);
  await settle();
  let stopped = false;
  void queue.stop().then(() => {
    stopped = true;
  });
  await advance(100);
  expect(stopped).toBe(false);
  next()?.done({ afterMs: 10 });
  await advance(100);
  expect([stopped, began]).toEqual([true, ["a@0"]]);
});
