/** Who a service is on its node, and where it reads: its own site's primary, a source's members, or, on a passive site, the active one's. */
import type { Installed, Node, Service, Upstream } from "./state.ts";

export const isLocal = (service: Service, node: Node): boolean => service.source === node.cluster.dataservice;
export const roleOf = (service: Service, node: Node): "master" | "slave" | "relay" => {
  if (!isLocal(service, node) || node.cluster.primary !== node.name) return "slave";
  return node.cluster.relaySource === undefined ? "master" : "relay";
};

/** Nothing but replication writes there: a replica, or any node of a passive site. */
export const takesNoWrites = ({ name, cluster }: Node): boolean =>
  cluster.primary !== name || cluster.relaySource !== undefined;

/**
 * Servers a service may read from, in the order of its URI: its own site's primary first (that one's log of the same
 * service), then the members of the source.
 */
export function upstreamsOf(node: Node, service: Service): readonly Upstream[] {
  const { dataservice, primary } = node.cluster;
  const told = node.volume.installed[service.product]?.uris?.[service.name];
  if (told !== undefined) return told.split(",").map((uri) => listenerAt(uri, node, service));
  const installed = node.volume.installed[service.product];
  if (roleOf(service, node) === "relay") return relayed(installed, node.cluster);
  if (isLocal(service, node)) return [{ host: primary, product: "cluster", service: dataservice }];
  const ownPrimary = installed?.masters[dataservice] ?? primary;
  const peers =
    ownPrimary === node.name ? [] : [{ host: ownPrimary, product: service.product, service: service.name }];
  const far = (installed?.members[service.source] ?? []).map((host) => ({
    host,
    product: "cluster" as const,
    service: service.source,
  }));
  return [...peers, ...far];
}

/** A relay reads the active site's own service, the primary its managers told it of before the others. */
function relayed(
  installed: Installed | undefined,
  { relaySource: source = "", relayFrom }: Node["cluster"],
): readonly Upstream[] {
  const first = relayFrom ?? installed?.masters[source];
  const members = installed?.members[source] ?? [];
  const hosts = [...members.filter((host) => host === first), ...members.filter((host) => host !== first)];
  return hosts.map((host) => ({ host, product: "cluster", service: source }));
}

/** Where connectors send writes: to their site's primary, and those of a passive site to the node that it relays. */
export function writesTo({ cluster, volume }: Node): string {
  const { primary, relaySource, relayFrom } = cluster;
  if (relaySource === undefined) return primary;
  return relayFrom ?? volume.installed.cluster?.masters[relaySource] ?? primary;
}

/** Who listens at a THL address, whatever its service's name: the handshake does not compare them. */
function listenerAt(uri: string, node: Node, service: Service): Upstream {
  const [, host = "", port] = /^thl:\/\/([^:/]+):(\d+)/.exec(uri) ?? [];
  const product = port === "2113" ? "crossSite" : "cluster";
  const members = node.volume.installed[service.product]?.members ?? {};
  const site = Object.keys(members).find((name) => members[name]?.includes(host)) ?? service.source;
  return { host, product, service: product === "cluster" ? site : service.name };
}
