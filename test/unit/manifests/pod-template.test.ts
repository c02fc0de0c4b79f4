/** What a pod says of itself: the same wishes make the same text, other wishes another, and people hear which. */
import { describe, expect, test } from "@jest/globals";
import { podTemplate, templateChange } from "../../../src/manifests/pod-template.ts";
import { bytesOfQuantity } from "../../../src/manifests/quantity.ts";

const of = (image: string, resources?: Parameters<typeof podTemplate>[0]["resources"]) =>
  podTemplate({ image, resources });

describe("the text of a pod's template", () => {
  test("is one line, and the same in any order", () => {
    const text = of("node:1", { requests: { cpu: "1", memory: "2Gi" } });
    expect(text).toBe(of("node:1", { requests: { memory: "2Gi", cpu: "1" } }));
    expect(text).not.toMatch(/[\n\t]/);
  });

  test.each([
    [of("node:1"), of("node:2"), "image"],
    [of("node:1"), of("node:1", { limits: { cpu: "1" } }), "resources"],
    [of("node:1", { limits: { cpu: "1" } }), of("node:1", { requests: { cpu: "1" } }), "resources"],
    [of("node:1"), of("node:2", { limits: { cpu: "1" } }), "image and resources"],
    ["no text of ours", of("node:1"), "image and resources"],
  ])("%s to %s is another %s", (from, to, words) => {
    expect(from).not.toBe(to);
    expect(templateChange(from, to)).toBe(words);
  });
});

test.each([
  ["10Gi", 10_737_418_240],
  ["10240Mi", 10_737_418_240],
  ["1.5G", 1_500_000_000],
  ["1e9", 1_000_000_000],
  ["7", 7],
  ["0", 0],
  ["10 Gi", undefined],
  ["-1Gi", undefined],
  ["Gi", undefined],
  ["10gi", undefined],
  ["", undefined],
])("%s are %s bytes", (text, bytes) => expect(bytesOfQuantity(text)).toBe(bytes));
