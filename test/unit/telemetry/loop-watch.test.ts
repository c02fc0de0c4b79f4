/** A stalled event loop is seen, told, remembered for a minute, and fails /healthz. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { serveHealth } from "../../../src/telemetry/health.ts";
import { rememberedMs, watchLoop } from "../../../src/telemetry/loop-watch.ts";

/** Timers whose alarms ring late while the loop stands still. */
function stage() {
  let now = 0;
  let alarm: { due: number; run: () => void } | undefined;
  const timers = {
    now: () => now,
    after: (ms: number, run: () => void) => {
      alarm = { due: now + ms, run };
      return () => {
        alarm = undefined;
      };
    },
  };
  const ring = () => {
    const { run } = alarm ?? { run: () => {} };
    alarm = undefined;
    run();
  };
  return {
    timers,
    pending: () => alarm !== undefined,
    flow: (ms: number) => {
      for (const end = now + ms; alarm !== undefined && alarm.due <= end; ) {
        now = alarm.due;
        ring();
      }
    },
    stall: (ms: number) => {
      now += ms;
    },
    ring,
  };
}

test("a loop that turns has no lag", () => {
  const { timers, flow } = stage();
  const told: number[] = [];
  const watch = watchLoop(timers, (ms) => told.push(ms));
  flow(300_000);
  expect(watch.worstMs()).toBe(0);
  expect(told).toEqual([]);
});

test("a stall is the time beyond the tick that was due, while it lasts and for a minute after", () => {
  const { timers, flow, stall, ring } = stage();
  const told: number[] = [];
  const watch = watchLoop(timers, (ms) => told.push(ms));
  flow(10_000);
  stall(7500);
  expect(watch.worstMs()).toBe(7000);
  ring();
  expect(told).toEqual([7000]);
  flow(rememberedMs - 1000);
  expect(watch.worstMs()).toBe(7000);
  flow(1500);
  expect(watch.worstMs()).toBe(0);
});

test("a smaller stall neither hides nor outlives a greater one", () => {
  const { timers, flow, stall, ring } = stage();
  const watch = watchLoop(timers);
  stall(9500);
  ring();
  flow(30_000);
  stall(3500);
  ring();
  expect(watch.worstMs()).toBe(9000);
  flow(rememberedMs - 32_000);
  expect(watch.worstMs()).toBe(3000);
});

test("nothing rings any more once it is stopped", () => {
  const { timers, pending } = stage();
  watchLoop(timers).stop();
  expect(pending()).toBe(false);
});

test("/healthz tells the fault in one sentence under 503, and 200 without one; /readyz does not care", async () => {
  let fault: string | undefined;
  const server = await serveHealth(0, new Registry(), { ready: () => true, fault: () => fault });
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect((await fetch(`${at}/healthz`)).status).toBe(200);
  fault = "the event loop stood still for 12 s";
  const sick = await fetch(`${at}/healthz`);
  expect([sick.status, await sick.text()]).toEqual([503, "the event loop stood still for 12 s\n"]);
  expect((await fetch(`${at}/readyz`)).status).toBe(200);
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});
