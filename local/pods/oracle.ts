/** Asks every node what it holds and has logged, and judges: rows, checksums, binary logs. */

import { until } from "../processes.ts";
import { table } from "./clients.ts";
import { binlogFaults, checksumFaults, type Rows, readRows, rowFaults, type Written } from "./judge.ts";
import { inPod, loginFile, type NodeSet, server, sql } from "./sql.ts";

/** Where each node's binary log stood: file and position. */
export type LogMarks = ReadonlyMap<string, { readonly file: string; readonly position: string }>;

async function fromEach<T>(
  nodes: NodeSet,
  ask: (pod: string) => Promise<T>,
): Promise<ReadonlyMap<string, T>> {
  const answers = new Map<string, T>();
  for (const pod of nodes.pods) answers.set(pod, await ask(pod));
  return answers;
}

/** To be read before what is judged begins: what a node logged earlier, while it was made, is nobody's fault. */
export const markLogs = (nodes: NodeSet): Promise<LogMarks> =>
  fromEach(nodes, async (pod) => {
    const [file = "", position = ""] = (await sql(nodes, pod, "SHOW MASTER STATUS")).trim().split("\t");
    if (file === "") throw new Error(`${pod} writes no binary log`);
    return { file, position };
  });

const rowsOf = (nodes: NodeSet): Promise<ReadonlyMap<string, Rows>> =>
  fromEach(nodes, async (pod) =>
    readRows(await sql(nodes, pod, `SELECT site, n, COUNT(*) FROM ${table} GROUP BY site, n`)),
  );

const userTables = `SELECT CONCAT('CHECKSUM TABLE \`', table_schema, '\`.\`', table_name, '\`;') FROM information_schema.tables
WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')
AND table_schema NOT LIKE 'tungsten\\_%' ORDER BY table_schema, table_name`;

const checksumsOf = (nodes: NodeSet): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> =>
  fromEach(nodes, async (pod) => {
    const lines = (await sql(nodes, pod, await sql(nodes, pod, userTables))).trim().split("\n");
    return new Map(lines.map((line) => line.split("\t") as [string, string]));
  });

/** Reads each log from its mark to its end, over the network as a replica would; only what speaks of Tungsten's schemas travels. */
async function loggedFaults(nodes: NodeSet, marks: LogMarks): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const pod of nodes.pods) {
    const { file, position } = marks.get(pod) ?? { file: "", position: "" };
    const from = `--read-from-remote-server --to-last-log --start-position=${position} ${file}`;
    const read = `mariadb-binlog --defaults-file=${loginFile("replication")} ${server} --verbose --base64-output=decode-rows ${from}`;
    const found = await inPod(nodes, pod, `set -o pipefail; ${read} | { grep -a tungsten_ || true; }`);
    faults.push(...binlogFaults(pod, found));
  }
  return faults;
}

/** Waits until what was written has arrived everywhere, `patience` seconds at most; a sentence for each row or table that differs. */
export async function dataFaultsOf(
  nodes: NodeSet,
  written: readonly Written[],
  patience = 60,
): Promise<readonly string[]> {
  let rows: readonly string[] = [];
  await until("every row on every node", patience, async () => {
    rows = rowFaults(written, await rowsOf(nodes));
    return rows.length === 0;
  }).catch(() => {});
  return [...rows, ...checksumFaults(await checksumsOf(nodes))];
}

/**
 * Waits until what was written has arrived everywhere, `patience` seconds at most, then judges. One sentence for each
 * fault; none: every acknowledged row is on every node exactly once, all tables are equal, and no binary log holds
 * anything of Tungsten's own but heartbeats.
 */
export async function faultsOf(
  nodes: NodeSet,
  written: readonly Written[],
  marks: LogMarks,
  patience = 60,
): Promise<readonly string[]> {
  return [...(await dataFaultsOf(nodes, written, patience)), ...(await loggedFaults(nodes, marks))];
}
