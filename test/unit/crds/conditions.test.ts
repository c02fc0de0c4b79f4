/** Conditions stamped for kubectl wait and Argo CD, and the ledger as it is stored and read again. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Told, withConditions } from "../../../src/crds/conditions.ts";
import { condition } from "../../../src/crds/fields.ts";
import { ledgerSchema, newLedger } from "../../../src/crds/ledger.ts";

const told: fc.Arbitrary<Told> = fc.record({
  type: fc.constantFrom("Ready", "Progressing", "Succeeded", "Stalled"),
  status: fc.constantFrom("True", "False", "Unknown"),
  reason: fc.constantFrom("A", "B"),
  message: fc.string({ maxLength: 20 }),
});
const round = fc.uniqueArray(told, { maxLength: 4, selector: ({ type }) => type });

describe("conditions", () => {
  test("keep the time of the last change of status, carry the newest generation, and forget nothing", () => {
    fc.assert(
      fc.property(fc.array(round, { minLength: 1, maxLength: 6 }), (rounds) => {
        let now = Date.parse("2026-11-21T10:00:00.123Z");
        let conditions: ReturnType<typeof withConditions> = [];
        for (const [index, all] of rounds.entries()) {
          now += 61_000;
          const before = conditions;
          conditions = withConditions(before, all, index + 1, now);
          expect(conditions.every((each) => each.observedGeneration === index + 1)).toBe(true);
          expect(new Set(conditions.map(({ type }) => type)).size).toBe(conditions.length);
          for (const old of before) expect(conditions.some(({ type }) => type === old.type)).toBe(true);
          for (const { type, status, reason, message } of all) {
            const old = before.find((each) => each.type === type);
            const own = conditions.find((each) => each.type === type);
            expect(own).toMatchObject({ status, reason, message });
            const same = old?.status === status;
            expect(own?.lastTransitionTime === old?.lastTransitionTime).toBe(same);
            if (!same) expect(own?.lastTransitionTime).toBe(`${new Date(now).toISOString().slice(0, 19)}Z`);
          }
        }
      }),
      { seed: Number(process.env.FIRST_SEED ?? 1), numRuns: 100 },
    );
  });

  test("a message too long for the server is cut, not refused", () => {
    const long = { type: "Ready", status: "False", reason: "Long", message: "x".repeat(50_000) } as const;
    const [only] = withConditions([], [long], 1, 0);
    expect(condition.safeParse(only).success).toBe(true);
  });
});

describe("the ledger", () => {
  const fresh = newLedger("ConvertMsaaToCaa", 1, "0c5b3a70-1111-2222-3333-444455556666", 1_700_000_000_000);

  test("a new one is sound, and the same after JSON", () => {
    expect(ledgerSchema.parse(JSON.parse(JSON.stringify(fresh)))).toEqual(fresh);
  });

  test.each([
    ["a phase nobody knows", { phase: "Sleeping" }],
    ["no direction", { direction: undefined }],
    ["a cursor before the beginning", { cursor: { ...fresh.cursor, part: -1 } }],
    ["a round 0", { cursor: { ...fresh.cursor, round: 0 } }],
    ["an attempt without its key", { attempts: { "nyc-0": { n: 1, alternative: 0, begunAt: 1 } } }],
    ["another procedure's name that is no text", { procedure: 7 }],
  ])("one with %s is not read as if it were sound", (_what, more) => {
    expect(ledgerSchema.safeParse({ ...fresh, ...more }).success).toBe(false);
  });
});
