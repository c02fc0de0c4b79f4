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
  site: { name: "nyc", connectors: [] },
  namespace: { clusters: new Map() },
  shell: { objects: { get: async () => undefined } },
  // So that a walk that would begin says so instead.
  spec: { proceduresPaused: true },
} as unknown as ClusterPass;

const viewWith = (second: Partial<NodeView>, connectors: readonly object[] = []): SiteView => {
  const node = (name: string, more: Partial<NodeView>) =>
    ({ node: { name }, cluster: installed, crossSite: null, accounts, ...more }) as unknown as NodeView;
  const nodes = [node("nyc-0", {}), node("nyc-1", second)];
  return { holder: "", topology: "MSAA", nodes, connectors } as unknown as SiteView;
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

test.each<[string, object]>([
  ["cannot be read", { product: undefined, accounts: undefined }],
  ["runs with former passwords", { product: { secret: null }, accounts }],
  ["mounts the Secret of before", { product: installed, accounts: { ...accounts, secret: "none.none" } }],
  ["lacks a line", { product: installed, accounts: { ...accounts, map: false } }],
])("a connector pod %s: nothing ends, and the others are not told that it may", async (_how, connector) => {
  const apart = { host: { name: "nyc-connector-0" }, ...connector };
  const { told, status } = await accountsWhenDue(pass, viewWith({}, [apart]));
  expect(told).toEqual([expect.objectContaining({ status: "False", reason: "ConnectorsFollow" })]);
  expect(status).toMatchObject({ accounts: { current: false } });
});

test("a bare connector pod comes with nothing", async () => {
  const bare = { host: { name: "nyc-connector-0" }, product: null, accounts: { ...accounts, map: false } };
  const { told } = await accountsWhenDue(pass, viewWith({}, [bare]));
  expect(told).toEqual([expect.objectContaining({ reason: "Waiting" })]);
});
