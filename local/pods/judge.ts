/** What counts as right: pure judgements over what clients were told, what nodes hold and what binary logs say. */

/** One insert of a client. `lost` got no answer, or an error: its row may exist once or not at all. */
export type Attempt = {
  readonly n: number;
  readonly outcome: "acknowledged" | "lost";
  /** Milliseconds since 1970, by the node's clock. */
  readonly begun: number;
  readonly ended: number;
  readonly said: string;
};
export type Written = { readonly site: string; readonly attempts: readonly Attempt[] };
/** How often a row is in a node's table, by `<site> <n>`. */
export type Rows = ReadonlyMap<string, number>;

/** Lines of the client's log: `ack N BEGUN ENDED` and `lost N BEGUN ENDED what was said`. Throws on any other. */
export function readClientLog(site: string, log: string): Written {
  const attempts = log
    .split("\n")
    .filter((line) => line !== "" && line !== "end")
    .map((line): Attempt => {
      const match = /^(ack|lost) (\d+) (\d+) (\d+) ?(.*)$/.exec(line);
      if (match === null) throw new Error(`the client of ${site} wrote a line that nobody can read: ${line}`);
      const [, word, n, begun, ended, said = ""] = match;
      const outcome = word === "ack" ? "acknowledged" : "lost";
      return { n: Number(n), outcome, begun: Number(begun), ended: Number(ended), said };
    });
  return { site, attempts };
}

/** The longest time in which a client that kept trying got nothing through: from one acknowledgement to the next, in milliseconds. */
export function longestInterruption({ attempts }: Written): number {
  const first = attempts[0]?.begun ?? 0;
  const last = attempts.at(-1)?.ended ?? 0;
  const marks = [first, ...attempts.filter(acknowledged).map(({ ended }) => ended), last];
  return marks.slice(1).reduce((most, mark, index) => Math.max(most, mark - (marks[index] ?? mark)), 0);
}

const acknowledged = ({ outcome }: Attempt): boolean => outcome === "acknowledged";

export const acknowledgedBy = ({ attempts }: Written): number => attempts.filter(acknowledged).length;

/** Lines of `site<TAB>n<TAB>count`. */
export const readRows = (table: string): Rows =>
  new Map(
    table
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [site, n, count] = line.split("\t");
        return [`${site} ${n}`, Number(count)];
      }),
  );

/** A sentence for each row that is not where it must be, as often as it must be. Empty: all is right. */
export function rowFaults(written: readonly Written[], nodes: ReadonlyMap<string, Rows>): readonly string[] {
  if (nodes.size === 0) return ["no node was asked"];
  const outcomes = new Map<string, Attempt["outcome"]>(
    written.flatMap(({ site, attempts }) =>
      attempts.map(({ n, outcome }) => [`${site} ${n}`, outcome] as const),
    ),
  );
  const mustBe = [...outcomes].filter(([, outcome]) => outcome === "acknowledged").map(([row]) => row);
  const anywhere = new Set([...nodes.values()].flatMap((rows) => [...rows.keys()]));
  return [...nodes].flatMap(([node, rows]) => [
    ...mustBe
      .filter((row) => !rows.has(row))
      .map((row) => `${node} lacks row ${row}, which was acknowledged`),
    ...[...rows]
      .filter(([, count]) => count !== 1)
      .map(([row, count]) => `${node} has row ${row} ${count} times`),
    ...[...rows.keys()]
      .filter((row) => !outcomes.has(row))
      .map((row) => `${node} has row ${row}, which no client wrote`),
    ...[...anywhere]
      .filter((row) => outcomes.get(row) === "lost" && !rows.has(row))
      .map((row) => `${node} lacks row ${row}, which other nodes have`),
  ]);
}

/** A sentence for each table whose checksum is not the same on all nodes. `sums`: by node, by table. */
export function checksumFaults(sums: ReadonlyMap<string, ReadonlyMap<string, string>>): readonly string[] {
  const tables = new Set([...sums.values()].flatMap((byTable) => [...byTable.keys()]));
  return [...tables].flatMap((table) => {
    const told = [...sums].map(([node, byTable]) => `${node} ${byTable.get(table) ?? "has no such table"}`);
    const different = new Set([...sums.values()].map((byTable) => byTable.get(table)));
    return different.size === 1 ? [] : [`checksum of ${table}: ${told.join(", ")}`];
  });
}

/**
 * What of Tungsten's own stands in a binary log beside heartbeats, in the words of `mariadb-binlog --verbose`: row
 * events of its schemas, and statements that name one.
 */
export function binlogFaults(node: string, log: string): readonly string[] {
  const faults = log.split("\n").flatMap((line) => {
    const row = /^### (INSERT INTO|UPDATE|DELETE FROM) `(tungsten_[^`]*)`\.`([^`]*)`/.exec(line);
    if (row !== null) return row[3] === "heartbeat" ? [] : [`${row[1]} ${row[2]}.${row[3]}`];
    const statement = !line.startsWith("#") && /\btungsten_\w+/.test(line);
    return statement ? [line.trim()] : [];
  });
  return [...new Set(faults)].map((fault) => `${node} has in its binary log: ${fault}`);
}
