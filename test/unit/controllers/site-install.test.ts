/** When an installation is due: what holds of all nodes holds of a site that has some. */
import { expect, test } from "@jest/globals";
import { isDue } from "../../../src/controllers/site-install.ts";
import type { SiteView } from "../../../src/controllers/site-view.ts";

const is = {};
type Had = { readonly cluster?: unknown; readonly crossSite?: unknown; readonly held?: boolean };
const due = (nodes: readonly Had[], form: "Alone" | "Linked" = "Linked", topology = "MSAA"): boolean =>
  isDue({ nodes, topology } as unknown as Pick<SiteView, "nodes" | "topology">, form);

test("on a site without nodes nothing is", () => {
  expect([due([], "Alone"), due([], "Linked")]).toEqual([false, false]);
});

test("where no node has the first product, or each has it and none the second", () => {
  expect(due([{ cluster: null }, { cluster: null }], "Alone")).toBe(true);
  const one = { cluster: is, crossSite: null, held: false };
  expect([due([one, one]), due([one, one], "Alone"), due([one, one], "Linked", "CAA")]).toEqual([
    true,
    false,
    false,
  ]);
});

test("not where a node has what another has not, is held, or cannot be read", () => {
  const one = { cluster: is, crossSite: null, held: false };
  for (const other of [
    { cluster: null },
    { cluster: undefined },
    { ...one, crossSite: is },
    { ...one, crossSite: undefined },
    { ...one, held: true },
    { cluster: is, crossSite: null },
  ])
    expect([due([one, other]), due([{ cluster: null }, other], "Alone")]).toEqual([
      false,
      other.cluster === null,
    ]);
});
