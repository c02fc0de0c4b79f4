/** Whether a site runs from the wanted ini: an edit is told apart from an operator, a primary and a hand that differ. */
import { describe, expect, test } from "@jest/globals";
import {
  type AppliedConfiguration,
  type Measured,
  standingOf,
  wishesOf,
} from "../../../src/procedures/configuration-standing.ts";
import type { Estate } from "../../../src/topology/estate.ts";
import { estatesOf } from "../../../src/topology/estate-of.ts";

const checksum: Measured["checksum"] = (topology, { nyc, london }) => `${topology}-${nyc}-${london}`;
const record: AppliedConfiguration = {
  topology: "MSAA",
  sha256: "MSAA-nyc-0-london-0",
  shape: "shape",
  ground: "ground",
  sites: ["london", "nyc"],
  wishes: "wishes",
  primaries: { nyc: "nyc-0", london: "london-0" },
  members: ["nyc-0", "nyc-1"],
};
const sound: Measured = {
  topology: "MSAA",
  primaries: record.primaries,
  members: record.members,
  connectors: [],
  running: [record.sha256, record.sha256],
  shape: "shape",
  ground: "ground",
  sites: ["london", "nyc"],
  groundOf: (sites) => (sites.length === 2 ? "ground" : "more"),
  inService: ["london", "nyc"],
  wishes: "wishes",
  checksum,
};
const moved = { nyc: "nyc-1", london: "london-0" };

describe("a site's standing", () => {
  test("equal to the wanted text: applied, whatever was recorded", () => {
    for (const before of [undefined, record, { ...record, wishes: "old", sha256: "other" }])
      expect(standingOf(sound, before)).toEqual({ is: "applied", record });
  });

  test("a primary that moved is no change", () =>
    expect(standingOf({ ...sound, primaries: moved }, record)).toEqual({ is: "applied", record }));

  test("nor is an operator that writes another text: it is told", () => {
    const other: Measured["checksum"] = (topology, primaries) => `new-${checksum(topology, primaries)}`;
    expect(standingOf({ ...sound, checksum: other }, record)).toEqual({
      is: "applied",
      record,
      other: "new-MSAA-nyc-0-london-0",
    });
  });

  test.each<[string, Partial<Measured>, AppliedConfiguration | undefined, boolean, RegExp]>([
    ["options that changed", { wishes: "new", primaries: moved }, record, true, /options have changed/],
    ["a hand's own ini", { running: ["by-hand", record.sha256] }, record, false, /by hand/],
    ["one that tpm has not recorded", { running: [null, record.sha256] }, record, false, /by hand/],
    ["a node that joined", { shape: "more", primaries: moved }, record, true, /nodes have joined a site/],
    [
      "a node that joined, beside a record of before",
      { shape: "more", primaries: moved },
      { ...record, ground: undefined },
      false,
      /sites, nodes or/,
    ],
    [
      "a site that joined and runs",
      {
        shape: "more",
        ground: "more",
        sites: ["london", "nyc", "paris"],
        inService: ["paris"],
        primaries: moved,
      },
      record,
      true,
      /paris joined/,
    ],
    [
      "a site that joined, and something else",
      { shape: "more", ground: "more", wishes: "new", primaries: moved, groundOf: () => "other" },
      record,
      false,
      /sites, nodes or/,
    ],
    ["nothing recorded", { primaries: moved }, undefined, false, /nobody here has seen/],
    ["another topology recorded", { topology: "CAA" }, record, false, /nobody here has seen/],
  ])("%s", (_name, change, before, spoken, why) => {
    const is = standingOf({ ...sound, ...change }, before);
    expect(is).toMatchObject({ is: "differs", spoken, why: expect.stringMatching(why) });
  });

  test.each<[string, Partial<Measured>, RegExp]>([
    ["a node that cannot be read", { running: undefined }, /a node cannot be read/],
    ["a topology between two", { topology: undefined }, /topology/],
    ["a site without a primary", { primaries: undefined }, /tells no primary/],
  ])("%s is not known, and never taken for applied", (_name, change, why) =>
    expect(standingOf({ ...sound, ...change }, record)).toMatchObject({
      is: "unknown",
      why: expect.stringMatching(why),
    }),
  );

  test("no node at all is not applied", () =>
    expect(standingOf({ ...sound, running: [] }, undefined).is).toBe("differs"));
});

describe("wishes", () => {
  const cluster = (name: string, options: Record<string, string> = {}) => ({
    name,
    nodes: 2,
    initialPrimary: 0,
    release: "8.0.4-132",
    mysqlPort: 13306,
    connectorPort: 3306,
    options,
  });
  const estate = (
    options: Record<string, string>,
    more: { composite?: boolean; link?: object } = {},
  ): Estate => {
    const [one] = estatesOf("estate", {
      clusters: [cluster("london"), cluster("nyc", options)],
      links: [{ name: "l", source: "london", target: "nyc", options: { ...more.link } }],
      composites: more.composite
        ? [{ name: "global", type: "ActiveActive", members: ["london", "nyc"] }]
        : [],
    }).estates;
    if (one === undefined) throw new Error("no estate");
    return one;
  };

  test("the order in which options are written is none", () =>
    expect(wishesOf(estate({ a: "1", b: "2" }), "MSAA")).toEqual(
      wishesOf(estate({ b: "2", a: "1" }), "MSAA"),
    ));

  test("an option is no shape, and a composite that waits for its conversion is nothing of MSAA", () => {
    const [before, after] = [estate({}), estate({ a: "1" }, { composite: true })].map((one) =>
      wishesOf(one, "MSAA"),
    );
    expect(after?.shape).toBe(before?.shape);
    expect(after?.options).not.toBe(before?.options);
    expect(wishesOf(estate({}, { composite: true }), "MSAA")).toEqual(wishesOf(estate({}), "MSAA"));
  });

  test("a link's options reach the ini in MSAA, and those that go over a composite's", () => {
    const [plain, other, filtered] = [{}, { a: "1" }, { "svc-applier-filters": "replicate" }].map((link) =>
      estate({}, { composite: true, link }),
    );
    const wished = (one: Estate | undefined, topology: "MSAA" | "CAA") => one && wishesOf(one, topology);
    expect(wished(other, "MSAA")?.options).not.toBe(wished(plain, "MSAA")?.options);
    expect(wished(other, "CAA")).toEqual(wished(plain, "CAA"));
    expect(wished(filtered, "CAA")?.options).not.toBe(wished(plain, "CAA")?.options);
    expect(wished(filtered, "CAA")?.shape).toBe(wished(plain, "CAA")?.shape);
  });
});
