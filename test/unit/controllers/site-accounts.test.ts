/** When former passwords may end: never while one node does not say with which ones it was installed. */
import { expect, test } from "@jest/globals";
import { accountsWhenDue } from "../../../src/controllers/site-accounts.ts";
import type { NodeView, SiteView } from "../../../src/controllers/site-view.ts";
import type { ClusterPass } from "../../../src/controllers/tungsten-cluster.ts";

const ini = "0000000000f2";
const secret = `${ini}.none`;
const installed = { release: "8.0.4-132", secret: ini };
const accounts = { secret, database: true, map: true, settled: false };

const pass = {
  object: { metadata: { name: "nyc" }, status: { accounts: { secret, current: true, settled: false } } },
  secret: { ini, users: undefined, names: [] },
  further: { lines: "" },
  estate: { namespace: "estate", sites: [{ name: "nyc" }] },
  site: { name: "nyc" },
  namespace: { clusters: new Map() },
  shell: { objects: { get: async () => undefined } },
  // So that a walk that would begin says so instead.
  spec: { proceduresPaused: true },
} as unknown as ClusterPass;

const viewWith = (second: Partial<NodeView>): SiteView => {
  const node = (name: string, more: Partial<NodeView>) =>
    ({ node: { name }, cluster: installed, crossSite: null, accounts, ...more }) as unknown as NodeView;
  const nodes = [node("nyc-0", {}), node("nyc-1", second)];
  return { holder: "", topology: "MSAA", nodes } as unknown as SiteView;
};

test("every node tells that it was installed with the new ones: the former ones are to end", async () => {
  const { told } = await accountsWhenDue(pass, viewWith({}));
  expect(told).toMatchObject([{ status: "False", reason: "Waiting" }]);
  expect(told[0]?.message).toMatch(
    /^what was good before is still good; not begun yet: spec.proceduresPaused/,
  );
});

test.each(["cluster", "crossSite"] as const)(
  "%s of one cannot be read: nothing ends, and the others are not told that it may",
  async (product) => {
    const { told, status } = await accountsWhenDue(pass, viewWith({ [product]: undefined }));
    expect(told).toMatchObject([{ status: "Unknown", reason: "NotRead" }]);
    expect(told[0]?.message).toBe("with which passwords nyc-1 was installed cannot be read");
    expect(status).toEqual({ accounts: { secret, current: false, settled: false } });
  },
);
