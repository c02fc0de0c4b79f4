/** my.cnf of each node: server ids unique in the estate, row-based logs, offsets per site and room for the sites that write. */
import type { Estate, Site } from "../topology/estate.ts";

/** Rendered here; a user's setting of the same name is refused. */
const owned = [
  "server_id",
  "log_bin",
  "binlog_format",
  "auto_increment_increment",
  "auto_increment_offset",
  "port",
  "datadir",
  "socket",
];

const folded = (name: string): string => name.toLowerCase().replaceAll("-", "_");

/** One sentence for each setting that would clash with what the operator renders. */
export function settingFaults(settings: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    if (owned.includes(folded(name)))
      return [`spec.mysql.settings.${name}: «${name}» is rendered by the operator; remove it`];
    return /[\r\n]/.test(value)
      ? [`spec.mysql.settings.${name}: the value has a line break; put it on one line`]
      : [];
  });
}

/** Room for as many writing sites as the estate has, and at least four, so that a site can join without a change everywhere. */
const increment = (estate: Estate): number => Math.max(4, estate.sites.length);

/** One text for each data node, by file name `<node>.cnf`. */
export function myCnfFiles(
  estate: Estate,
  site: Site,
  settings: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const siteNumber = estate.sites.findIndex(({ name }) => name === site.name) + 1;
  return Object.fromEntries(
    site.nodes
      .filter((node) => !node.witness)
      .map((node) => {
        const lines = [
          "[mysqld]",
          `server-id=${siteNumber * 100 + node.ordinal}`,
          `port=${site.mysqlPort}`,
          "log-bin=mysql-bin",
          "binlog-format=ROW",
          "sync-binlog=1",
          `auto-increment-increment=${increment(estate)}`,
          `auto-increment-offset=${siteNumber}`,
          ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
        ];
        return [`${node.name}.cnf`, `${lines.join("\n")}\n`];
      }),
  );
}
