/** Pre-flight of the conversion, the part about replication: every service that is to be there is, and is well. */
import { type Node, siteOf } from "../topology/estate.ts";
import type { Product } from "../tungsten/invocation.ts";
import { services } from "../tungsten/node-facts.ts";
import type { ReplicatorStatus } from "../tungsten/reading.ts";
import { onEveryNode, type Untold } from "./preflight-asking.ts";
import type { Acceptance } from "./procedure.ts";

/** What keeps one service from being converted as it is. */
function serviceRefused(node: Node, status: ReplicatorStatus, limit: number): string | Untold | undefined {
  const where = `service ${status.service} of ${node.name}`;
  const state = typeof status.state === "string" ? status.state : `«${status.state.unrecognised}»`;
  if (state !== "ONLINE")
    return `${where} is ${state}; mend it and bring it ONLINE before converting (armed in error it would only look stopped)`;
  if (status.pendingError !== null) return `${where} has a pending error; mend it before converting`;
  if (status.pendingErrorSeqno !== null)
    return `${where} has a pending error at event ${status.pendingErrorSeqno}; mend it before converting`;
  if (status.channels === null)
    return { unknown: `${where} is ONLINE and does not tell on how many channels it applies` };
  if (status.channels > 1)
    return `${where} applies in parallel on ${status.channels} channels; disable parallel apply before converting`;
  if (status.offlineRequests.length > 0)
    return `${where} is already told to go offline (${status.offlineRequests.join("; ")}); clear that by offline and online first`;
  // ONLINE and without a position: it has nothing of its source yet (transcript trepctl-status-slave-online-but-connected-to-itself).
  if (status.appliedLatencySeconds === null)
    return { unknown: `${where} is ONLINE and does not tell how far behind it is` };
  if (status.appliedLatencySeconds > limit)
    return `${where} is ${status.appliedLatencySeconds} s behind, the limit is ${limit} s (spec.convertMsaaToCaa.limits.latencySeconds); wait or raise it`;
  return undefined;
}

const worse = (
  a: string | Untold | undefined,
  b: string | Untold | undefined,
): string | Untold | undefined => (typeof a === "string" ? a : typeof b === "string" ? b : (a ?? b));

/** The site's own service in the first product, one for each other site in the second: each told, ONLINE and current. */
export const healthy = (product: Product, limit: number): Acceptance =>
  onEveryNode(
    `every ${product} service is ONLINE without error, latency under ${limit} s`,
    () => services(product),
    (estate) => (node, all) => {
      const replicator = `the ${product === "cluster" ? "" : "cross-site "}replicator of ${node.name}`;
      if (all === "down")
        return `${replicator} is not running; start it and wait until its services are ONLINE`;
      const wanted =
        product === "cluster"
          ? [siteOf(estate, node).dataservice]
          : estate.sites.filter(({ name }) => name !== node.site).map(({ dataservice }) => dataservice);
      const missing = wanted.find((name) => !all.some(({ service }) => service === name));
      if (missing !== undefined)
        return `${replicator} does not run service ${missing}; look in its log why, and bring the service ONLINE`;
      return all.map((status) => serviceRefused(node, status, limit)).reduce(worse, undefined);
    },
  );
