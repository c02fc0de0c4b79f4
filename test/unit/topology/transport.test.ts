/** Which transport an estate has, and who disagrees about it. */
import { describe, expect, test } from "@jest/globals";
import { type EstateInputs, estatesOf } from "../../../src/topology/estate-of.ts";

const cluster = (name: string, tls?: string, secured?: boolean) => ({
  name,
  nodes: 2,
  initialPrimary: 0,
  release: "8.0.4-132",
  mysqlPort: 13306,
  connectorPort: 3306,
  options: {},
  tls,
  secured,
});
const link = (source: string, target: string, tls: boolean) => ({
  name: `${source}-to-${target}`,
  source,
  target,
  options: {},
  tls,
});
const estate = (clusters: EstateInputs["clusters"], tls: readonly [boolean, boolean]) =>
  estatesOf("estate", {
    clusters,
    links: [link("a", "b", tls[0]), link("b", "a", tls[1])],
    composites: [],
  }).estates[0];

describe("transport", () => {
  test("nobody speaks of it: there is none, and nothing to agree on", () => {
    expect(estate([cluster("a"), cluster("b")], [false, false])).toMatchObject({
      secured: false,
      tlsWanted: false,
    });
  });
  test("an estate that nobody has seen run begins as all want it", () => {
    expect(estate([cluster("a", "s"), cluster("b", "s")], [true, true])).toMatchObject({
      secured: true,
      tlsWanted: true,
    });
  });
  test("one that runs keeps what it has, however all want it", () => {
    const running = estate([cluster("a", "s", false), cluster("b", "s")], [true, true]);
    expect(running).toMatchObject({ secured: false, tlsWanted: true });
    expect(
      estate([cluster("a", undefined, true), cluster("b", undefined, true)], [false, false]),
    ).toMatchObject({
      secured: true,
      tlsWanted: false,
    });
  });
  test("the first site that was seen decides: a walk ends there", () => {
    expect(estate([cluster("a", "s", true), cluster("b", "s", false)], [true, true])?.secured).toBe(true);
    expect(estate([cluster("a", "s"), cluster("b", "s", false)], [true, true])?.secured).toBe(false);
  });
  test.each([
    [
      [cluster("a", "s"), cluster("b")],
      [true, true],
      /^TungstenCluster a wants .* TungstenCluster b does not/,
    ],
    [[cluster("a", "s"), cluster("b", "s")], [true, false], /CrossSiteLink b-to-a does not/],
    [
      [cluster("a"), cluster("b")],
      [true, false],
      /^CrossSiteLink a-to-b wants .* TungstenCluster a does not/,
    ],
    [[cluster("a", "s"), cluster("b", "t")], [true, true], /names Secret s in spec\.tls and b names t/],
  ] as const)("%#: who disagrees is named, and nothing is secured", (clusters, tls, says) => {
    const told = estate(clusters, tls);
    expect(told?.tlsDispute).toMatch(says);
    expect(told).toMatchObject({ secured: false });
    expect(told).not.toHaveProperty("tlsWanted");
  });
});
