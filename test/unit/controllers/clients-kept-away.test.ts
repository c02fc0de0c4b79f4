/** Whose clients are kept away: a site that another one shows as lost, until its own managers follow that one. */
import { expect, test } from "@jest/globals";
import { clientsKeptAway } from "../../../src/controllers/clients-kept-away.ts";
import type { SiteView } from "../../../src/controllers/site-view.ts";
import type { ClusterPass } from "../../../src/controllers/tungsten-cluster.ts";

/** What the status of each other site says of sites that are out. */
const passOf = (told: Readonly<Record<string, readonly string[] | undefined>>, type = "ActivePassive") =>
  ({
    site: { name: "nyc" },
    estate: {
      sites: ["london", "nyc", "paris"].map((name) => ({ name })),
      links: [],
      composite: { dataservice: "global", type },
    },
    namespace: {
      clusters: new Map(Object.entries(told).map(([name, sitesOut]) => [name, { status: { sitesOut } }])),
    },
  }) as unknown as ClusterPass;
const silent: Pick<SiteView, "relays" | "sitesOut"> = { relays: false, sitesOut: undefined };

test("a site that another one shows as lost, whether it is silent or calls itself the primary", () => {
  const why = /^paris shows nyc as failed or shunned: Service nyc-connector leads nowhere/;
  expect(clientsKeptAway(passOf({ paris: ["nyc"] }), silent)).toMatch(why);
  expect(clientsKeptAway(passOf({ paris: ["nyc"] }), { relays: false, sitesOut: [] })).toMatch(why);
});

test.each([
  ["no site shows it as lost", passOf({ london: [], paris: ["london"] }), silent],
  ["nobody tells of sites at all", passOf({ london: undefined }), silent],
  ["it says so of itself alone", passOf({ nyc: ["nyc"] }), { relays: false, sitesOut: ["nyc"] }],
  ["its own managers show a relay", passOf({ paris: ["nyc"] }), { relays: true, sitesOut: [] }],
  [
    "its own managers hold the one for lost that said so before",
    passOf({ paris: ["nyc"] }),
    { relays: false, sitesOut: ["paris"] },
  ],
  ["every member writes", passOf({ paris: ["nyc"] }, "ActiveActive"), silent],
])("nobody's clients where %s", (_what, pass, view) => {
  expect(clientsKeptAway(pass, view)).toBeUndefined();
});
