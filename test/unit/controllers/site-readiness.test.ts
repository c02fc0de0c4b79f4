/** When a change of an installed site may not begin: nothing is pinned on a guess. */
import { expect, test } from "@jest/globals";
import { notNow } from "../../../src/controllers/site-readiness.ts";
import type { SiteView } from "../../../src/controllers/site-view.ts";
import { pinsFor } from "../../../src/controllers/site-walk.ts";
import type { ClusterPass } from "../../../src/controllers/tungsten-cluster.ts";

const site = (name: string) => ({
  name,
  dataservice: name,
  initialPrimary: 0,
  release: "8.0.4-132",
  nodes: [{ name: `${name}-0`, witness: false }],
  connectors: [],
  options: {},
});

/** nyc is asked about; of london the status tells this primary. */
const passWith = (primary: string | undefined): ClusterPass =>
  ({
    object: { metadata: { name: "nyc" } },
    spec: { proceduresPaused: false, policy: "Automatic" },
    site: site("nyc"),
    estate: { sites: [site("london"), site("nyc")], links: [] },
    namespace: { clusters: new Map([["london", { status: { primary } }]]), problems: [] },
  }) as unknown as ClusterPass;

const view = { primary: "nyc-0", policy: "AUTOMATIC", topology: "MSAA", nodes: [] } as unknown as SiteView;
const asked = { policy: "AUTOMATIC", primary: "nyc-0", before: undefined };

test("a site whose primary nobody tells keeps every change waiting", () => {
  expect(notNow(passWith(undefined), view)).toBe("the primary of a site of the estate is not known");
  expect(notNow(passWith("london-0"), view)).toBeUndefined();
  expect(notNow(passWith("london-0"), { ...view, primary: undefined })).toMatch(/is not known$/);
});

test("the spec's first primary is no answer", () => {
  expect(() => pinsFor(passWith(undefined), view, asked)).toThrow(/nobody tells the primary of london/);
  expect(pinsFor(passWith("london-1"), view, asked).primaries).toEqual({ london: "london-1", nyc: "nyc-0" });
});

test("an option that tpm would ignore, of whatever site or link, keeps every walk from bringing it", () => {
  const pass = passWith("london-0");
  const odd = (options: Record<string, string>): ClusterPass => ({
    ...pass,
    estate: {
      ...pass.estate,
      sites: [{ ...pass.estate.sites[0], options }, pass.site],
    } as ClusterPass["estate"],
  });
  expect(notNow(odd({ "thl-ssl": "true" }), view)).toBe(
    "TungstenCluster london: spec.options.thl-ssl: «thl-ssl» is rendered by the operator; set spec.tls",
  );
  expect(notNow(odd({ "thl-log-retention": "3d" }), view)).toBeUndefined();
});

test("a composite or link that is refused keeps every walk from bringing its text", () => {
  const pass = passWith("london-0");
  const tied = (about: string): ClusterPass => ({
    ...pass,
    estate: {
      ...pass.estate,
      composite: { name: "global" },
      links: [{ name: "london-to-nyc", options: {} }],
    } as unknown as ClusterPass["estate"],
    namespace: { ...pass.namespace, problems: [{ about, sentence: "why" }] },
  });
  expect(notNow(tied("CompositeService/global"), view)).toBe("CompositeService global is refused: why");
  expect(notNow(tied("CrossSiteLink/london-to-nyc"), view)).toBe(
    "CrossSiteLink london-to-nyc is refused: why",
  );
  expect(notNow(tied("CrossSiteLink/nyc-to-rome"), view)).toBeUndefined();
});
