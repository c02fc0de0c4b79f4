/**
 * Pre-flight of the conversion, the part about the ways between sites: managers and connectors of every site reach every
 * node of every other, which MSAA never needed (tungsten-config §4). A connection tells three things: somebody answered,
 * the other host refused it, or it was swallowed. Where nobody has to listen yet a refusal proves the way, as an answer does.
 */
import type { Estate, Node, Site } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import type { Endpoint } from "../tungsten/node.ts";
import { reach } from "../tungsten/node-facts.ts";
import { onEveryNode, type Untold } from "./preflight-asking.ts";
import type { Acceptance } from "./procedure.ts";
import { knownValue } from "./verdicts.ts";

/** Listened on before the conversion too: THL, managers' RMI; MySQL's beside them. */
const answering = (site: Site): readonly number[] => [2112, 9997, site.mysqlPort];
/** Routers' JMX, routers' gateway, managers' remote RMI: who listens, and from when on, no page says. */
const later: readonly number[] = [10999, 11999, 12000];

const othersOf = (estate: Estate, node: Node): readonly Site[] =>
  estate.sites.filter((site) => site.name !== node.site);

/** All of a node's endpoints in one question. */
const askedOf = (estate: Estate, node: Node) =>
  reach(
    othersOf(estate, node).flatMap((site) =>
      site.nodes
        .filter((peer) => !peer.witness)
        .flatMap((peer) => [...answering(site), ...later].map((port) => `${peer.name}:${port}`)),
    ),
  );

const portOf = ({ endpoint }: Endpoint): number => Number(endpoint.split(":")[1]);
const isLater = (endpoint: Endpoint): boolean => later.includes(portOf(endpoint));

/** Why this endpoint may not stay so, or that nobody can tell; undefined where the way is open. */
function objectionTo(node: Node, endpoint: Endpoint, estate: Estate): string | Untold | undefined {
  const [host = ""] = endpoint.endpoint.split(":");
  const site = estate.sites.find(({ nodes }) => nodes.some(({ name }) => name === host));
  const way = `let site ${node.site} in on port ${portOf(endpoint)} in the NetworkPolicies of the pods of site ${site?.name}, or open the firewall between them`;
  switch (endpoint.state) {
    case "open":
      return undefined;
    case "refused":
      return isLater(endpoint)
        ? undefined
        : `${node.name} cannot reach ${endpoint.endpoint} (refused): nobody listens there, and Multi-Site/Active-Active does already; start what is down on ${host}`;
    case "timeout":
    case "unreachable":
      return `${node.name} cannot reach ${endpoint.endpoint} (${endpoint.state}): something on the way swallows it, and Composite Active/Active needs it; ${way}`;
    case "unresolved":
      return `${node.name} cannot reach ${endpoint.endpoint} (unresolved): no address is known for ${host}; mend its name in DNS`;
    default:
      return {
        unknown: `${node.name} does not tell whether it reaches ${endpoint.endpoint} («${endpoint.state}»)`,
      };
  }
}

export const reachable: Acceptance = onEveryNode(
  "every node reaches every node of the other sites on the ports of CAA",
  (node, estate) => askedOf(estate, node),
  (estate) => (node, endpoints) => {
    const all = endpoints.map((endpoint) => objectionTo(node, endpoint, estate));
    return all.find((each) => typeof each === "string") ?? all.find((each) => each !== undefined);
  },
);

/** For the report: where the way is open, and nobody has been seen to listen. */
export function waysKnown(estate: Estate, node: Node, facts: Facts): readonly string[] {
  const ends = (knownValue(facts.get(node.name, askedOf(estate, node))) ?? []).filter(isLater);
  const silent = ends.filter(({ state }) => state === "refused");
  if (silent.length === 0 || ends.some((end) => objectionTo(node, end, estate) !== undefined)) return [];
  const ports = [...new Set(silent.map(portOf))].sort((a, b) => a - b).join(", ");
  return [
    `${node.name}: nobody listens yet on ${silent.length} of ${ends.length} ports (${ports}) of the other sites' nodes; its connections were refused, so they arrived`,
  ];
}
