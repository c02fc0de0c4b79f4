/** The pre-flight's look at clocks: what a slow answer can and cannot say. */
import { expect, test } from "@jest/globals";
import { hostAcceptances } from "../../../src/procedures/conversion-preflight-hosts.ts";
import { dataNodes } from "../../../src/topology/estate.ts";
import { type Answer, factsFrom } from "../../../src/tungsten/facts.ts";
import { nodeClock } from "../../../src/tungsten/node-facts.ts";
import { cluster, estateOf, mesh } from "../estates.ts";

const estate = estateOf({ clusters: [cluster("nyc"), cluster("london")], links: mesh(["nyc", "london"]) });
const now = 1_800_000_000_000;
type Told = { readonly asked: number; readonly clock: number; readonly at: number };

/** What the check says when nyc-1 tells what `told` says (milliseconds from now) and all others answer at once. */
function said(told: Told) {
  const answers = dataNodes(estate).map(({ name }) => {
    const { asked, clock, at } = name === "nyc-1" ? told : { asked: 0, clock: 0, at: 0 };
    const output = { stdout: `${now + clock}\n`, stderr: "", exitCode: 0 };
    const answer: Answer = { output, asked: now + asked, at: now + at };
    return [name, new Map([[nodeClock.id, answer]])] as const;
  });
  const check = hostAcceptances.find(({ say }) => say.startsWith("the clocks of all nodes"));
  return check?.ask(estate, factsFrom(new Map(answers), undefined));
}

test("equal clocks and quick answers: nothing to object", () => {
  expect(said({ asked: 0, clock: 20, at: 40 })).toEqual({ objections: [] });
});

test("an answer that took nine seconds is no skew, and no proof that there is none", () => {
  expect(said({ asked: 0, clock: 0, at: 9000 })).toEqual({
    objections: [
      { on: "nyc", unknown: "nyc-1 took 9 s to tell its time, too long to compare its clock with others" },
    ],
  });
});

test.each([
  [{ asked: 0, clock: 9000, at: 1000 }, "the clock of nyc-1 is 8 s ahead of that of london-0"],
  [{ asked: 0, clock: -9000, at: 1000 }, "the clock of london-0 is 9 s ahead of that of nyc-1"],
])("what is surely apart is refused: %j", (told, sentence) => {
  expect(said(told)).toEqual({ refused: `${sentence}; set both by one time source` });
});
