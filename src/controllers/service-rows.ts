/**
 * One row for each service of each node, as `multi_trepctl --by-service` lists them (deploy-msaa), and when a heartbeat last
 * arrived there. The tool leaves out in silence whom it cannot reach; here such a node has a row that says so.
 */
import type { Estate, Site } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import { lastHeartbeat } from "../tungsten/node-facts.ts";
import type { ReplicatorStatus } from "../tungsten/reading.ts";
import type { NodeView } from "./site-view.ts";

export type ServiceRow = {
  readonly host: string;
  readonly service: string;
  readonly role: string;
  readonly state: string;
  readonly seqno?: number;
  readonly latencySeconds?: number;
  /** Name of the last heartbeat that arrived, and when, by the node's clock. */
  readonly heartbeat?: string;
  readonly heartbeatAt?: string;
};

/** `london`, `nyc_from_london`: both keep their position in tungsten_london. */
const schemaOf = (service: string): string => `tungsten_${service.split("_from_").at(-1) ?? service}`;

/** Asked for every site of the estate, before anybody knows which services a node runs: so one session a node carries all. */
export function arrivalsOf(
  { sites }: Estate,
  nodes: readonly NodeView[],
  facts: Facts,
): ReadonlyMap<string, Arrived> {
  const arrivals = new Map<string, Arrived>();
  for (const { node } of nodes)
    for (const { dataservice } of sites) {
      const schema = schemaOf(dataservice);
      const fact = facts.get(node.name, lastHeartbeat(schema));
      if ("known" in fact && fact.known !== null)
        arrivals.set(`${node.name} ${schema}`, {
          heartbeat: fact.known.name.slice(0, 128),
          heartbeatAt: new Date(fact.known.at * 1000).toISOString(),
        });
    }
  return arrivals;
}

type Arrived = { readonly heartbeat: string; readonly heartbeatAt: string };

const rowOf = (host: string, status: ReplicatorStatus, arrived: Arrived | undefined): ServiceRow => ({
  host,
  service: status.service,
  role: status.role,
  state: typeof status.state === "string" ? status.state : "Unknown",
  ...(status.appliedSeqno !== null && { seqno: status.appliedSeqno }),
  ...(status.appliedLatencySeconds !== null && { latencySeconds: status.appliedLatencySeconds }),
  ...arrived,
});

export function serviceRows(
  { dataservice }: Site,
  nodes: readonly NodeView[],
  arrivals: ReadonlyMap<string, Arrived>,
): readonly ServiceRow[] {
  return nodes.flatMap(({ node, local, incoming }): readonly ServiceRow[] => {
    const told = [local, ...incoming].filter((status) => status !== undefined);
    const silent: readonly ServiceRow[] =
      local === undefined
        ? [{ host: node.name, service: dataservice, role: "unknown", state: "Unknown" }]
        : [];
    return [
      ...silent,
      ...told.map((status) =>
        rowOf(node.name, status, arrivals.get(`${node.name} ${schemaOf(status.service)}`)),
      ),
    ];
  });
}
