/** What a change of an installed estate is pinned to: the releases that run, whatever the specs name by now. */
import { expect, test } from "@jest/globals";
import type { SiteView } from "../../../src/controllers/site-view.ts";
import { pinsFor } from "../../../src/controllers/site-walk.ts";
import type { ClusterPass } from "../../../src/controllers/tungsten-cluster.ts";

const site = (name: string) => ({ name, release: "8.0.5-1", nodes: [{ name: `${name}-0` }] });
const passWith = (nodes: readonly object[] | undefined): ClusterPass => {
  const clusters = new Map([["nyc", { status: { primary: "nyc-0", nodes } }]]);
  const sites = [site("london"), site("nyc")];
  return { estate: { sites }, site: sites[0], namespace: { clusters } } as unknown as ClusterPass;
};
const view = {
  primary: "london-0",
  nodes: [{ cluster: { release: "8.0.4-132" } }],
} as unknown as SiteView;
const about = { policy: "AUTOMATIC", primary: "london-0", before: undefined };

test("another site's nodes are updated from the package they run, not from the one their spec names", () => {
  const told = passWith([{ name: "nyc-1" }, { name: "nyc-0", release: "8.0.4-132" }]);
  expect(pinsFor(told, view, about).releases).toEqual({ london: "8.0.4-132", nyc: "8.0.4-132" });
});

test("of a site that tells none, what it was begun with counts, and the spec when there was nothing before", () => {
  const releases = { london: "8.0.3-1", nyc: "8.0.4-132" };
  const before = { pins: { releases, primaries: {} } } as never;
  expect(pinsFor(passWith(undefined), view, { ...about, before }).releases).toEqual({
    london: "8.0.4-132",
    nyc: "8.0.4-132",
  });
  expect(pinsFor(passWith(undefined), view, about).releases.nyc).toBe("8.0.5-1");
});
