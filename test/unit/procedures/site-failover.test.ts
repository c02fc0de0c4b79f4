/** Failover of a site is forced beside nobody: silence of those who are left is no word about the lost one, and nobody of them writes. */
import { describe, expect, test } from "@jest/globals";
import { activeAsToldElsewhere } from "../../../src/procedures/composite-preflight.ts";
import type { Look, Run } from "../../../src/procedures/procedure.ts";
import { failSiteOver } from "../../../src/procedures/site-failover.ts";
import type { Facts } from "../../../src/tungsten/facts.ts";
import { compositeView, readOnly } from "../../../src/tungsten/node-facts.ts";
import type { CompositeView } from "../../../src/tungsten/reading.ts";
import { composed } from "../estates.ts";

const estate = composed(3, { type: "ActivePassive", primarySite: "nyc" });
const view = (state: string, active = "nyc"): CompositeView => ({
  policy: "MAINTENANCE",
  members: [],
  datasources: ["nyc", "london", "tokyo"].map((name) => ({
    name,
    role: name === active ? "master" : "slave",
    state: name === "nyc" ? state : "ONLINE",
  })),
});

/** Answers by node and question; whoever is not named is silent, as all of the lost site is. */
function factsOf(composite: Record<string, CompositeView>, writable: readonly string[] = []): Facts {
  const told = new Map<string, unknown>();
  for (const [node, shown] of Object.entries(composite))
    told.set(`${node} ${compositeView(estate.composite?.dataservice ?? "").id}`, shown);
  for (const site of estate.sites.filter(({ name }) => name !== "nyc"))
    for (const { name } of site.nodes) told.set(`${name} ${readOnly.id}`, !writable.includes(name));
  return {
    get: (node, { id }) => {
      const known = told.get(`${node} ${id}`);
      return known === undefined ? { unknown: "no answer" } : { known: known as never, at: 0 };
    },
    copies: () => ({ unknown: "no answer" }),
    wanted: () => ({ asks: [], copies: false }),
    asked: () => [],
  };
}

const both = (state: string) => ({ "london-0": view(state), "tokyo-0": view(state) });

describe("pre-flight", () => {
  const objections = (facts: Facts) => {
    const answer = activeAsToldElsewhere.ask(estate, facts);
    return "objections" in answer ? answer.objections : answer;
  };

  test("every site that is left shows the lost one as the one that takes the writes", () =>
    expect(objections(factsOf(both("UNKNOWN")))).toEqual([]));

  test("a site whose managers do not show the composite is unknown, never a word for it", () =>
    expect(objections(factsOf({ "london-0": view("UNKNOWN") }))).toEqual([
      { on: "tokyo", unknown: "no manager of tokyo shows the composite" },
    ]));

  test("a site that shows another one as the writing one refuses", () =>
    expect(objections(factsOf({ "london-0": view("UNKNOWN"), "tokyo-0": view("UNKNOWN", "tokyo") }))).toEqual(
      [{ on: "tokyo", refused: expect.stringMatching(/^tokyo takes the writes by the word of tokyo-0/) }],
    ));
});

describe("directly before each command", () => {
  const run = {
    estate,
    uid: "u",
    requestName: "forced",
    pins: { activeSite: "nyc", primaries: { london: "london-0", tokyo: "tokyo-0" } },
  } as unknown as Run;
  const procedure = failSiteOver({ to: "london", confirmed: { oldSite: "nyc", uid: "u" } });
  const parts = procedure.steps.find(({ id }) => id === "FailSiteOver")?.parts.slice(1) ?? [];
  const objections = (facts: Facts): readonly (string | undefined)[] =>
    parts.map(({ on, guards = [] }) => {
      const [target] = on(run);
      const look = { run, facts, now: 0, attempt: 0, key: "", alternative: -1 } satisfies Look;
      return target && guards.map((guard) => guard.objects(target, look)).find((why) => why !== undefined);
    });

  test("nothing stands in the way", () => {
    expect(parts).toHaveLength(2);
    expect(objections(factsOf(both("UNKNOWN")))).toEqual([undefined, undefined]);
  });

  test.each<[string, Facts, RegExp]>([
    [
      "a site that cannot tell whether it sees the lost one",
      factsOf({ "london-0": view("UNKNOWN") }),
      /^no manager of tokyo shows the composite: it may see nyc alive$/,
    ],
    ["a site that sees it", factsOf(both("ONLINE")), /^the manager of london-0 tells nyc as ONLINE/],
    [
      "a database that is left and writable",
      factsOf(both("UNKNOWN"), ["tokyo-1"]),
      /^the database of tokyo-1 is writable/,
    ],
  ])("%s", (_what, facts, sentence) => {
    for (const why of objections(facts)) expect(why).toMatch(sentence);
  });
});
