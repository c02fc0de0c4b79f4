/** A site's NetworkPolicy: who comes in on which port, in each shape of an estate. */
import { describe, expect, test } from "@jest/globals";
import { networkPolicy } from "../../../src/manifests/network-policy.ts";
import { type Estate, siteNamed } from "../../../src/topology/estate.ts";
import { cities, cluster, composed, composite, estateOf, link, mesh, msaa } from "../estates.ts";

type Peer = {
  readonly podSelector?: { readonly matchExpressions?: readonly { readonly values: readonly string[] }[] };
};
type Rule = { readonly from?: readonly Peer[]; readonly ports: readonly { readonly port: number }[] };

const names = cities.slice(0, 3);
const converting = estateOf({
  clusters: names.map((name) => cluster(name)),
  links: mesh(names),
  composites: [composite(names)],
});

const rulesOf = (estate: Estate, spec: Parameters<typeof networkPolicy>[2] = {}) =>
  (networkPolicy(estate, siteNamed(estate, "nyc"), spec).spec as { ingress: readonly Rule[] }).ingress;

/** Ports on which pods of a site come in; `null`: somebody who is named by no rule. */
function open(rules: readonly Rule[], from: string | null): readonly number[] {
  const fits = ({ from: peers }: Rule): boolean =>
    peers === undefined ||
    peers.some(({ podSelector }) =>
      podSelector?.matchExpressions?.some(({ values }) => from !== null && values.includes(from)),
    );
  const ports = rules.filter(fits).flatMap((rule) => rule.ports.map(({ port }) => port));
  return [...new Set(ports)].sort((a, b) => a - b);
}

const own = [7, 2112, 2222, 3306, 7800, 8090, 9997, 10000, 10001, 10999, 11999, 12000, 13306];
const ofComposite = [2112, 2222, 3306, 9997, 10999, 11999, 12000, 13306];

describe("who comes in", () => {
  test("to a site alone: its own nodes, and applications to the connector", () => {
    const alone = estateOf({ clusters: [cluster("nyc")] });
    expect(open(rulesOf(alone), "nyc")).toEqual(own);
    expect(open(rulesOf(alone), "london")).toEqual([3306]);
    expect(open(rulesOf(alone), null)).toEqual([3306]);
  });

  test("to an MSAA site: the others' cross-site replicators, which read its log", () => {
    expect(open(rulesOf(msaa(3)), "london")).toEqual([2112, 2222, 3306]);
    expect(open(rulesOf(msaa(3)), "nyc")).toEqual([...own, 2113].sort((a, b) => a - b));
  });

  test("only from sites that read it", () => {
    const oneWay = estateOf({
      clusters: names.map((name) => cluster(name)),
      links: [link("nyc", "london"), link("tokyo", "nyc")],
    });
    expect(open(rulesOf(oneWay), "london")).toEqual([2112, 2222, 3306]);
    expect(open(rulesOf(oneWay), "tokyo")).toEqual([3306]);
  });

  test("to a composite's member: managers, connectors and replicators of the others", () => {
    expect(open(rulesOf(composed(3)), "london")).toEqual(ofComposite);
    expect(open(rulesOf(composed(3)), "nyc")).toEqual(own);
  });

  test("before and during a conversion: what both need", () => {
    expect(open(rulesOf(converting), "london")).toEqual(ofComposite);
    expect(open(rulesOf(converting), "nyc")).toContain(2113);
  });

  test("the ports that pre-flight dials between sites are open before the conversion is asked for", () => {
    expect(open(rulesOf(converting), "tokyo")).toEqual(expect.arrayContaining([2112, 9997, 13306]));
  });
});

describe("whom the spec names", () => {
  const shop = [{ namespaceSelector: { matchLabels: { team: "shop" } } }];
  const elsewhere = [{ ipBlock: { cidr: "10.8.0.0/16" } }];
  const withPeers = (rules: readonly Rule[], from: readonly object[]) =>
    rules.filter((rule) => rule.from === from).map((rule) => rule.ports.map(({ port }) => port));

  test("clients come to the connector and nobody else does", () => {
    const rules = rulesOf(msaa(2), { clients: shop });
    expect(withPeers(rules, shop)).toEqual([[3306]]);
    expect(open(rules, null)).toEqual([]);
  });

  test("an empty list is nobody: no rule without a sender is left", () => {
    const rules = rulesOf(msaa(2), { clients: [] });
    expect(rules.every(({ from }) => from !== undefined && from.length > 0)).toBe(true);
    expect(open(rules, null)).toEqual([]);
  });

  test("monitoring comes to REST and metrics, of both products where there are two", () => {
    expect(withPeers(rulesOf(composed(2), { monitoring: shop }), shop)).toEqual([
      [8090, 8091, 8092, 8093, 8096, 8097],
    ]);
    expect(withPeers(rulesOf(msaa(2), { monitoring: shop }), shop)).toEqual([
      [8090, 8091, 8092, 8093, 8096, 8097, 28091, 28097],
    ]);
  });

  test("hosts elsewhere come as other sites do", () => {
    expect(withPeers(rulesOf(msaa(2), { peers: elsewhere }), elsewhere)).toEqual([[2112, 2222]]);
    expect(withPeers(rulesOf(composed(2), { peers: elsewhere }), elsewhere)).toEqual([
      [2112, 2222, 9997, 10999, 11999, 12000, 13306],
    ]);
  });
});

test("it is the site's own, and limits nothing that goes out", () => {
  expect(networkPolicy(converting, siteNamed(converting, "nyc"), {})).toMatchObject({
    apiVersion: "networking.k8s.io/v1",
    metadata: { name: "nyc", namespace: "estate", labels: { "tungsten-operator.io/site": "nyc" } },
    spec: {
      podSelector: { matchLabels: { "tungsten-operator.io/site": "nyc" } },
      policyTypes: ["Ingress"],
    },
  });
});
