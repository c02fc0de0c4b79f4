/** The program's settings: defaults, lists, and one sentence for each value that cannot be. */
import { expect, test } from "@jest/globals";
import { settingsFrom } from "../../src/settings.ts";

test("without an environment all namespaces are watched, and every default is sound", () => {
  expect(settingsFrom({})).toMatchObject({
    WATCH_NAMESPACES: [],
    POD_NAMESPACE: "tungsten-operator",
    WORKERS: 8,
  });
});

test.each<[string, readonly string[]]>([
  ["", []],
  ["estate", ["estate"]],
  ["a, b,,c ", ["a", "b", "c"]],
])("WATCH_NAMESPACES=%j names %j", (WATCH_NAMESPACES, namespaces) => {
  expect(settingsFrom({ WATCH_NAMESPACES }).WATCH_NAMESPACES).toEqual(namespaces);
});

test.each<[Record<string, string>, RegExp]>([
  [{ WATCH_NAMESPACES: "Estate" }, /^WATCH_NAMESPACES.*not the name of a namespace/],
  [{ WORKERS: "0" }, /^WORKERS=«0»: .*; correct the environment variable or remove it for its default$/],
  [{ LOG_LEVEL: "loud" }, /^LOG_LEVEL=«loud»/],
  [
    { LEASE_MS: "5000" },
    /^LEASE_RENEW_BY_MS.*has to be less than LEASE_MS \(5000\): a leader has to stop before another may begin/,
  ],
  [{ LEASE_RETRY_MS: "20000" }, /^LEASE_RETRY_MS=«20000»: has to be less than LEASE_RENEW_BY_MS \(10000\)/],
  [{ EXEC_PING_MS: "30000" }, /^EXEC_PING_MS=«30000»: has to be less than EXEC_DEAD_MS/],
  [{ BACKOFF_FIRST_MS: "60000" }, /^BACKOFF_FIRST_MS=«60000»: has to be less than BACKOFF_MAX_MS/],
])("%j is refused in one sentence", (environment, says) => {
  expect(() => settingsFrom(environment)).toThrow(says);
});

test("each bad value gets its own line", () => {
  expect(() => settingsFrom({ WORKERS: "x", POLL_MS: "y" })).toThrow(/^WORKERS.*\nPOLL_MS/);
});
