/** Which change of an object is news, and which sites a change of a link or a composite concerns. */
import { expect, test } from "@jest/globals";
import { saidSomethingNew, sitesConcerned, sitesNamedBy } from "../../../src/controllers/wake.ts";

const object = (spec: unknown) => ({ apiVersion: "", kind: "", metadata: { name: "x" }, spec });

test.each<[string, unknown, readonly string[]]>([
  ["a link's two ends", { source: { name: "nyc" }, target: { name: "london" } }, ["nyc", "london"]],
  ["a composite's members", { members: [{ name: "nyc" }, { name: "london" }] }, ["nyc", "london"]],
  ["none of a request", { convertMsaaToCaa: { compositeService: { name: "global" } } }, []],
  ["none of what is malformed", { source: "nyc", target: null, members: "all" }, []],
  ["none of what has no spec", undefined, []],
])("%s", (_name, spec, sites) => {
  expect(sitesNamedBy(object(spec))).toEqual(sites);
});

test("a change concerns those that are named and those that were until now, each once", () => {
  const concerned = sitesConcerned();
  const composite = (uid: string, ...members: readonly string[]) => ({
    ...object({ members: members.map((name) => ({ name })) }),
    metadata: { name: "global", uid },
  });
  expect(concerned(composite("u", "london", "nyc", "tokyo"), false)).toEqual(["london", "nyc", "tokyo"]);
  expect(concerned(composite("u", "london", "nyc"), false)).toEqual(["london", "nyc", "tokyo"]);
  expect(concerned(composite("u", "london", "nyc"), false)).toEqual(["london", "nyc"]);
  expect(concerned(composite("u", "london"), true)).toEqual(["london", "nyc"]);
  expect(concerned(composite("u", "paris"), false)).toEqual(["paris"]);
  expect(concerned(composite("v", "berlin"), false)).toEqual(["berlin"]);
});

test("a spec, a label, a deletion and the end of a run are news; what a loop writes into a status is not", () => {
  const isNews = saidSomethingNew();
  const site = (metadata: object, status: object) => ({
    ...object({}),
    metadata: { name: "nyc", uid: "u", generation: 1, ...metadata },
    status,
  });
  expect(isNews(site({}, {}), false)).toBe(true);
  expect(isNews(site({}, { policy: "MAINTENANCE" }), false)).toBe(false);
  expect(isNews(site({ generation: 2 }, {}), false)).toBe(true);
  expect(isNews(site({ generation: 2, labels: { a: "b" } }, {}), false)).toBe(true);
  expect(isNews(site({ generation: 2, labels: { a: "b" } }, { finishedRuns: [{ uid: "r" }] }), false)).toBe(
    true,
  );
  expect(
    isNews(site({ generation: 2, labels: { a: "b" } }, { finishedRuns: [{ uid: "r" }], lag: "1s" }), false),
  ).toBe(false);
  expect(isNews(site({ generation: 2 }, {}), true)).toBe(true);
  expect(isNews(site({ generation: 2 }, {}), false)).toBe(true);
});
