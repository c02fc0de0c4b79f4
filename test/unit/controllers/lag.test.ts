/** How far behind: by position and by age, never by the delay of an event that came long ago. */
import { describe, expect, test } from "@jest/globals";
import { lagInWords, lagOf, type Reader, seqnoOf } from "../../../src/controllers/lag.ts";

const reader = (
  delay: number | null,
  age: number | null,
  applied: number | null,
  source?: number,
): Reader => ({
  status: {
    state: "ONLINE",
    appliedSeqno: applied,
    appliedLatencySeconds: delay,
    relativeLatencySeconds: age,
  } as Reader["status"],
  sourceSeqno: source,
});

describe("one service", () => {
  test.each<[string, Reader, number | undefined]>([
    ["an event that came just now tells its own delay", reader(0.4, 3, 7, 7), 0.4],
    ["also where the source is seen further on", reader(4.5, 5, 7, 9), 4.5],
    ["and where nobody knows the source", reader(0.4, 3, 7), 0.4],
    ["an old event on a site at its source's position is no lag", reader(66, 3600, 7, 7), 0],
    ["nor is it where the source was looked at before this node", reader(66, 3600, 8, 7), 0],
    ["behind the source: the age of where it stands", reader(0.4, 3600, 7, 8), 3600],
    ["an old event and an unknown source: not known", reader(0.4, 3600, 7), undefined],
    ["blank latencies: not known", reader(null, null, 7, 7), undefined],
    ["a blank position: not known", reader(0.4, 3600, null, 7), undefined],
    ["no service: not known", { status: undefined, sourceSeqno: 7 }, undefined],
    [
      "OFFLINE: not known",
      {
        status: { ...reader(0.4, 3, 7).status, state: "OFFLINE:NORMAL" } as Reader["status"],
        sourceSeqno: 7,
      },
      undefined,
    ],
  ])("%s", (_what, given, wanted) => expect(lagOf(given)).toBe(wanted));
});

test("the worst of several, in whole seconds; one that is not known leaves all unknown; so does none", () => {
  expect(lagInWords([reader(0.4, 3, 7, 7), reader(1.2, 2, 7, 7)])).toBe("2s");
  expect(lagInWords([reader(0.4, 3, 7, 7), reader(0.4, 3600, 7)])).toBe("unknown");
  expect(lagInWords([])).toBe("unknown");
});

test("where a site stands is where its primary was seen to stand", () => {
  const nodes = [
    { name: "a-0", seqno: 4 },
    { name: "a-1", seqno: 9 },
  ];
  const cluster = (status: object) => ({ apiVersion: "", kind: "", metadata: { name: "a" }, status });
  expect(seqnoOf(cluster({ primary: "a-1", nodes }))).toBe(9);
  expect(seqnoOf(cluster({ nodes }))).toBeUndefined();
  expect(seqnoOf(undefined)).toBeUndefined();
});
