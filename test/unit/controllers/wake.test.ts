/** Which sites a change of a link or a composite concerns. */
import { expect, test } from "@jest/globals";
import { sitesNamedBy } from "../../../src/controllers/wake.ts";

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
