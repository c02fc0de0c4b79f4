/** Gauges of every replication service: what multi_trepctl lists, and how long ago a heartbeat last arrived. */
import { Gauge, type Registry } from "prom-client";
import type { ServiceSeen } from "../controllers/shell.ts";

const labelNames = ["namespace", "site", "host", "service", "role"] as const;
type Labels = Record<(typeof labelNames)[number], string>;

type Told = { readonly labels: Labels; readonly row: ServiceSeen };

/** Values are those of the last look at each site; a service that is no longer told has no series. */
export function newServiceGauges(
  registry: Registry,
  now: () => number,
): (namespace: string, site: string, rows: readonly ServiceSeen[]) => void {
  const sites = new Map<string, readonly Told[]>();
  const gauge = (rest: string, help: string, told: (row: ServiceSeen) => number | undefined): void =>
    void new Gauge({
      name: `tungsten_operator_service_${rest}`,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const { labels, row } of [...sites.values()].flat()) {
          const value = told(row);
          if (value !== undefined) this.set(labels, value);
        }
      },
    });
  gauge("online", "1 while a replication service is ONLINE.", ({ state }) => (state === "ONLINE" ? 1 : 0));
  gauge("applied_seqno", "The seqno a replication service applied last.", ({ seqno }) => seqno);
  gauge(
    "applied_latency_seconds",
    "The delay of the event a replication service applied last.",
    ({ latencySeconds }) => latencySeconds,
  );
  gauge(
    "heartbeat_age_seconds",
    "Seconds since a heartbeat last arrived at the node over this path.",
    ({ heartbeatAt }) =>
      heartbeatAt === undefined ? undefined : Math.max(0, (now() - Date.parse(heartbeatAt)) / 1000),
  );
  return (namespace, site, rows) => {
    sites.set(
      `${namespace}/${site}`,
      rows.map((row) => ({
        labels: { namespace, site, host: row.host, service: row.service, role: row.role },
        row,
      })),
    );
  };
}
