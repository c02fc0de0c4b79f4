/** How questions of one pass are put into sessions. */
import { expect, test } from "@jest/globals";
import { withFacts } from "../../../src/controllers/gather.ts";
import type { Shell } from "../../../src/controllers/shell.ts";
import { holds, nodeClock, space } from "../../../src/tungsten/node-facts.ts";

test("a node's time is asked in a session of its own, before what takes longer", async () => {
  const sessions: string[] = [];
  const shell = {
    clock: { now: () => 0 },
    meters: { execRound: () => {} },
    questions: new Map(),
    log: { warn: () => {} },
    pods: {
      exec: async (_pod: unknown, _argv: unknown, payload: string) => {
        sessions.push(payload);
        return { kind: "unreachable", why: "nobody is there" };
      },
    },
  } as unknown as Shell;
  const pods = new Map([["nyc-0", { namespace: "estate", name: "nyc-0", uid: "1" }]]);
  await withFacts(shell, { pods, copies: async () => new Map() }, (facts) => {
    for (const fact of [space, nodeClock, holds]) facts.get<unknown>("nyc-0", fact);
  });
  expect(sessions).toEqual(["q0\tclock\n", "q0\tspace\nq1\tholds\n"]);
});
