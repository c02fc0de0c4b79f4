/** What of another site keeps a change of the transport waiting, which updates its nodes too. */
import { expect, test } from "@jest/globals";
import type { KubeObject } from "../../../src/controllers/shell.ts";
import { unsoundSite } from "../../../src/controllers/site-transport.ts";

const ready = { type: "Ready", status: "True", observedGeneration: 3 };
const sound = {
  metadata: { name: "nyc", generation: 3 },
  spec: {},
  status: {
    conditions: [ready],
    policy: "AUTOMATIC",
    nodes: [{ release: "8.0.4-132" }, { release: "8.0.4-132" }],
  },
};
const having = (change: object) => ({ ...sound, ...change }) as unknown as KubeObject;
const status = (change: object) => having({ status: { ...sound.status, ...change } });

test("a sound one does not", () => {
  expect(unsoundSite("nyc", having({}))).toBeUndefined();
  const own = { ...sound.status, policy: "MAINTENANCE" };
  expect(unsoundSite("nyc", having({ spec: { policy: "Maintenance" }, status: own }))).toBeUndefined();
});

test.each([
  ["nobody knows it", undefined, /nyc is gone$/],
  ["it is not Ready", status({ conditions: [{ ...ready, status: "False" }] }), /^site nyc is not Ready/],
  ["it leaves", having({ metadata: { ...sound.metadata, deletionTimestamp: "now" } }), /is being deleted$/],
  ["it is paused", having({ spec: { paused: true } }), /admits no procedure; clear it$/],
  ["its procedures are", having({ spec: { proceduresPaused: true } }), /admits no procedure; clear it$/],
  [
    "its spec is new",
    having({ metadata: { ...sound.metadata, generation: 4 } }),
    /not been looked at since$/,
  ],
  ["somebody is at work", status({ policy: "MAINTENANCE" }), /^the policy of nyc is MAINTENANCE and its/],
  ["no policy is told", status({ policy: undefined }), /^the policy of nyc is unknown/],
  [
    "its nodes differ",
    status({ nodes: [{ release: "8.0.4-132" }, { release: "8.0.5-1" }] }),
    /^the nodes of nyc run different releases/,
  ],
  ["a node tells none", status({ nodes: [{ release: "8.0.4-132" }, {}] }), /run different releases/],
] as const)("where %s, it does", (_what, cluster, says) => {
  expect(unsoundSite("nyc", cluster as KubeObject | undefined)).toMatch(says);
});
