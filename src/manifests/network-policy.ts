/**
 * The NetworkPolicy of a site: admits to its pods what the estate needs, and nothing else. Ports are those of
 * tungsten-config §4 and of the node contract. While an estate has links and a composite at once, which is before and
 * during a conversion, it admits what both need: what a composite calls for is open before it is dialled.
 */
import type { TungstenClusterSpec } from "../crds/tungsten-cluster.ts";
import type { Estate, Site } from "../topology/estate.ts";
import { siteLabel } from "../topology/names.ts";
import { type Manifest, siteLabels } from "./object.ts";

const thl = 2112;
const secondThl = 2113;
const sshd = 2222;
/** Managers' word to each other and to connectors: RMI and its return, the routers' gateway, the routers' JMX. */
const managers = [9997, 12000, 11999, 10999];
/** Within a site beside: replicators' RMI, group communication, REST of the manager, the echo of `mgr-ping-method`. */
const inside = [10000, 10001, 7800, 8090, 7];
/** REST and exporters of replicator, manager and connector, and of the second replicator. */
const watched = [8090, 8096, 8097, 8091, 8092, 8093];
const watchedSecond = [28097, 28091];

const tcp = (ports: readonly number[]) =>
  [...new Set(ports)].sort((a, b) => a - b).map((port) => ({ port, protocol: "TCP" }));

const podsOf = (names: readonly string[]) => ({
  podSelector: { matchExpressions: [{ key: siteLabel, operator: "In", values: [...names].sort() }] },
});

type Rule = { readonly from?: readonly object[]; readonly ports: readonly object[] };

/** Sites whose nodes come to this one, each set with the ports it needs; further hosts of the estate come as they do. */
function estateRules(estate: Estate, site: Site, peers: readonly object[]): readonly Rule[] {
  const { composite, links } = estate;
  const linked = links.some(({ source, target }) => source === site.name || target === site.name);
  const readers = links.filter(({ source }) => source === site.name).map(({ target }) => target);
  const members = composite?.members.includes(site.name)
    ? composite.members.filter((name) => name !== site.name)
    : [];
  const own: Rule = {
    from: [podsOf([site.name])],
    ports: tcp([
      site.mysqlPort,
      site.connectorPort,
      thl,
      ...(linked ? [secondThl] : []),
      ...managers,
      ...inside,
      sshd,
    ]),
  };
  const ofComposite = tcp([site.mysqlPort, thl, ...managers, sshd]);
  const strangers: Rule[] =
    peers.length === 0
      ? []
      : [{ from: peers, ports: composite === undefined ? tcp([thl, sshd]) : ofComposite }];
  return [
    own,
    ...(readers.length === 0 ? [] : [{ from: [podsOf(readers)], ports: tcp([thl, sshd]) }]),
    ...(members.length === 0 ? [] : [{ from: [podsOf(members)], ports: ofComposite }]),
    ...strangers,
  ];
}

/** Only what comes in is limited: nodes look names up, and applications' networks are not ours to know. */
export function networkPolicy(
  estate: Estate,
  site: Site,
  { clients, monitoring = [], peers = [] }: NonNullable<TungstenClusterSpec["networkPolicy"]>,
): Manifest {
  const linked = estate.links.some(({ target }) => target === site.name);
  const ingress: Rule[] = [
    ...estateRules(estate, site, peers),
    { ...(clients !== undefined && { from: clients }), ports: tcp([site.connectorPort]) },
    ...(monitoring.length === 0
      ? []
      : [{ from: monitoring, ports: tcp([...watched, ...(linked ? watchedSecond : [])]) }]),
  ];
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: site.name, namespace: estate.namespace, labels: siteLabels(site.name) },
    spec: {
      podSelector: { matchLabels: { [siteLabel]: site.name } },
      policyTypes: ["Ingress"],
      // A rule with an empty list would admit everybody: nobody is no rule.
      ingress: ingress.filter(({ from }) => from === undefined || from.length > 0),
    },
  };
}
