/** Which change of an object is news, and which sites a change of a link or a composite concerns. */
import { expect, test } from "@jest/globals";
import { saidSomethingNew, sitesNamedBy } from "../../../src/controllers/wake.ts";

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
