/** Gauges of services: values of the last look, ages by the clock, and no series of what is told no more. */
import { expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { newServiceGauges } from "../../../src/telemetry/service-gauges.ts";

test("follow the last look at each site", async () => {
  const registry = new Registry();
  let now = Date.parse("2026-12-01T12:00:00Z");
  const seen = newServiceGauges(registry, () => now);
  const told = async () =>
    (await registry.metrics())
      .split("\n")
      .filter((line) => line.startsWith("tungsten_operator_service"))
      .map((line) =>
        line.replace(/namespace="estate",site="nyc",/, "").replace("tungsten_operator_service_", ""),
      );
  const row = { host: "nyc-0", service: "nyc", role: "master", state: "ONLINE" };
  seen("estate", "nyc", [
    { ...row, seqno: 42, latencySeconds: 0.5, heartbeatAt: "2026-12-01T11:59:50Z" },
    { ...row, host: "nyc-1", role: "unknown", state: "Unknown" },
  ]);
  expect(await told()).toEqual([
    `online{host="nyc-0",service="nyc",role="master"} 1`,
    `online{host="nyc-1",service="nyc",role="unknown"} 0`,
    `applied_seqno{host="nyc-0",service="nyc",role="master"} 42`,
    `applied_latency_seconds{host="nyc-0",service="nyc",role="master"} 0.5`,
    `heartbeat_age_seconds{host="nyc-0",service="nyc",role="master"} 10`,
  ]);
  now += 5000;
  expect((await told()).at(-1)).toMatch(/ 15$/);
  seen("estate", "nyc", [{ ...row, role: "slave", state: "OFFLINE:ERROR" }]);
  expect(await told()).toEqual([`online{host="nyc-0",service="nyc",role="slave"} 0`]);
});
