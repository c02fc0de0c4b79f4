/** my.cnf of each node: server ids unique in the namespace, row-based logs, offsets per site and room for the sites that write. */
import type { Estate, Site } from "../topology/estate.ts";

/** Rendered here, or set by the product at run time; with what to do instead. */
const owned: ReadonlyMap<string, string> = new Map([
  ["server_id", "it is rendered by the operator; remove it"],
  ["log_bin", "it is rendered by the operator; remove it"],
  ["binlog_format", "it is rendered by the operator: active sites need ROW; remove it"],
  ["sync_binlog", "it is rendered by the operator; remove it"],
  ["auto_increment_increment", "it is rendered by the operator; remove it"],
  ["auto_increment_offset", "it is rendered by the operator; remove it"],
  ["port", "it is rendered by the operator; set spec.mysql.port"],
  ["datadir", "the node image decides it; remove it"],
  ["socket", "the node image decides it; remove it"],
  ["read_only", "Tungsten sets it on replicas and clears it on primaries; remove it"],
  ["super_read_only", "tpm refuses to install with it; remove it"],
  ["binlog_do_db", "tpm refuses to install with it; remove it"],
]);

/** One name in all its spellings: mysqld takes - for _ and knows these words in front. */
const folded = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll("-", "_")
    .replace(/^(loose_|skip_|disable_|enable_)+/, "");

/** One sentence for each setting that would clash with what the operator renders, or would not arrive as it is. */
export function settingFaults(settings: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    const where = `spec.mysql.settings.${name.replace(/[^\w.-]/g, "?")}`;
    if (!/^[A-Za-z][\w.-]*$/.test(name))
      return [`${where}: that is no name of a server option; use letters, digits, _ and -`];
    const reason = owned.get(folded(name));
    if (reason !== undefined) return [`${where}: «${name}» may not stand here: ${reason}`];
    return /[\r\n]/.test(value) ? [`${where}: the value has a line break; put it on one line`] : [];
  });
}

const data = (site: Site) => site.nodes.filter((node) => !node.witness);

/** Room for ten writing sites from the start: raising it later would let old and new keys meet until every server restarted. */
const increment = (estate: Estate): number => Math.max(10, ...estate.sites.map(({ number }) => number));

/** One text for each data node, by file name `<node>.cnf`. */
export function myCnfFiles(
  estate: Estate,
  site: Site,
  settings: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    data(site).map((node) => {
      const lines = [
        "[mysqld]",
        `server-id=${site.number * 100 + node.ordinal}`,
        `port=${site.mysqlPort}`,
        "log-bin=mysql-bin",
        "binlog-format=ROW",
        "sync-binlog=1",
        `auto-increment-increment=${increment(estate)}`,
        `auto-increment-offset=${site.number}`,
        ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
      ];
      return [`${node.name}.cnf`, `${lines.join("\n")}\n`];
    }),
  );
}
