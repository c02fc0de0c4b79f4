/** Changes that two managers of a simulated site make at once. */
import { expect, test } from "@jest/globals";
import { changesOf, following } from "../../../simulator/node/agreement.ts";
import type { Agreement } from "../../../simulator/node/installation.ts";

const base: Agreement = {
  dataservice: "nyc",
  primary: "nyc-0",
  formed: true,
  policy: "MAINTENANCE",
  out: { "nyc-1": "OFFLINE", "nyc-2": "OFFLINE" },
  compositeOut: { tokyo: "SHUNNED" },
  shunned: ["nyc-2"],
  relaySource: "london",
  version: 7,
};

test("both count, and nothing else changes", () => {
  const online = changesOf(base, { ...base, out: { "nyc-2": "OFFLINE" } });
  const { relaySource: _, ...writing } = base;
  const other = changesOf(base, {
    ...writing,
    out: { "nyc-1": "OFFLINE" },
    shunned: ["nyc-0"],
    policy: "AUTOMATIC",
  });
  expect(following(following(base, online, 8), other, 9)).toEqual({
    ...writing,
    out: {},
    shunned: ["nyc-0"],
    policy: "AUTOMATIC",
    version: 9,
  });
});
