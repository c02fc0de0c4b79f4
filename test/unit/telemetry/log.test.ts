/** What must never reach the log: values under telling names, however quoted, and credentials of a header. */
import { expect, test } from "@jest/globals";
import { newLog } from "../../../src/telemetry/log.ts";

test.each([
  ["a value with blanks", { password: "two hunter2 words" }, ""],
  ["a value with a quote in it", { secret: 'a"hunter2' }, ""],
  ["JSON within the message", {}, '{"token":"hunter2"}'],
  ["an option", {}, "--property=password=hunter2 next"],
  ["a header", {}, "authorization: Bearer hunter2hunter2"],
])("%s is masked and the line stays JSON", (_what, fields, message) => {
  const lines: string[] = [];
  newLog("info", (line) => void lines.push(line)).info({ ...fields, after: "kept" }, message);
  expect(lines.join()).not.toContain("hunter2");
  expect(JSON.parse(lines.join())).toMatchObject({ after: "kept", level: "info" });
});
