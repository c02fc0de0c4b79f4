/** Which other sites keep a fresh one of a composite from being installed: those of which nobody can say are among them. */
import { expect, test } from "@jest/globals";
import { othersAwaited } from "../../../src/controllers/site-formation.ts";
import type { SiteView } from "../../../src/controllers/site-view.ts";
import type { ClusterPass } from "../../../src/controllers/tungsten-cluster.ts";

const view = { nodes: [{ cluster: null }] } as unknown as SiteView;

/** nyc is empty; of london the status says this. */
const awaited = (status: object | undefined): string | undefined => {
  const sites = [{ name: "london" }, { name: "nyc" }];
  const namespace = { needs: new Map(), clusters: new Map([["london", { status }]]) };
  const estate = { composite: { name: "global" }, sites };
  return othersAwaited(
    { estate, site: sites[1], namespace, object: {} } as unknown as ClusterPass,
    view,
    "CAA",
  );
};

test("a site that runs, or may run, keeps an empty one from beginning; one that is empty does not", () => {
  expect(awaited({ topology: "None" })).toBeUndefined();
  expect(awaited({ topology: "CAA" })).toMatch(/^site london is installed already \(CAA\)/);
  expect(awaited({ topology: "Unknown" })).toMatch(/^it is not known whether site london is installed/);
});

test("a status that was lost, or never written, does not say that nothing is installed", () => {
  for (const status of [undefined, {}, { siteNumber: 1 }])
    expect(awaited(status)).toMatch(/^it is not known whether site london is installed/);
});
