/** What a relay's service tells directly after its node was filled from another site. */
import { expect, test } from "@jest/globals";
import { copyFits } from "../../../src/procedures/join-passive.ts";
import type { Look, Target } from "../../../src/procedures/procedure.ts";
import type { Facts } from "../../../src/tungsten/facts.ts";
import { readServices } from "../../../src/tungsten/trepctl.ts";
import { recorded } from "../tungsten/recording.ts";

const target = {
  id: "paris-0",
  node: { name: "paris-0", site: "paris" },
  site: { name: "paris", dataservice: "alpha" },
} as unknown as Target;
const fields = JSON.parse(recorded("trepctl-status-slave-json.txt").stdout) as Record<string, string>;

/** A recorded status, with these fields instead. */
function lookAt(changed: Record<string, string>): Look {
  const reading = readServices({
    exitCode: 0,
    stdout: JSON.stringify([{ ...fields, ...changed }]),
    stderr: "",
  });
  const facts = { get: () => ({ known: "read" in reading ? reading.read : "down", at: 0 }) };
  return { facts: facts as unknown as Facts } as Look;
}
const failed = { state: "OFFLINE:ERROR", pendingErrorSeqno: "3", transitioningTo: "" };

test("a service that stops at an event halts the walk: the same copy again would stop there too", () => {
  expect(copyFits(target, lookAt({ ...failed, pendingError: "Event application failed: seqno=3" }))).toEqual({
    is: "broken",
    reason: "CopyUnproven",
    why: "service alpha of paris-0, filled a moment ago, is OFFLINE:ERROR at event 3 (apply-failure): its position is not that of its data",
  });
});

test.each([
  ["a source that is not there yet", { ...failed, pendingError: "Event extraction failed: seqno=3" }],
  ["no error", {}],
])("%s does not", (_what, changed) => {
  expect(copyFits(target, lookAt(changed))).toMatchObject({ is: "done" });
});
