/**
 * A host's rows as tables that can be read in chunks: `shop.orders_<site>` holds what that site's clients wrote, keyed by
 * the transaction's number. A row applied twice has another content, as a counter in it would.
 */
import { sha256 } from "../checksum.ts";
import type { Host, World } from "../model.ts";
import type { ToolResult } from "../state.ts";
import { bad, ok } from "./tool.ts";

const hex = (text: string): string => Buffer.from(text, "utf8").toString("hex");
const textOf = (word: string): string => Buffer.from(word, "hex").toString("utf8");
const schema = "shop";
const prefix = "orders_";

type Row = { readonly n: number; readonly content: string };

/** Rows that one site's clients wrote, by number. */
function rowsOf(host: Host, site: string): readonly Row[] {
  return [...host.mysql.rows]
    .filter(([tx, count]) => tx.startsWith(`${site}:`) && count > 0)
    .map(([tx, count]) => ({ n: Number(tx.slice(site.length + 1)), content: `${tx}*${count}` }))
    .sort((a, b) => a.n - b.n);
}

const siteNamed = (world: World, dataservice: string): string | undefined =>
  [...world.sites.values()].find((site) => site.dataservice === dataservice)?.name;

/** A database that nobody wrote to, and that replicates nothing, has no tables. */
function nextTable(
  world: World,
  host: Host,
  [, afterSchema = "", afterTable = ""]: readonly string[],
): ToolResult {
  if (host.mysql.rows.size === 0 && host.mysql.schemas.size === 0) return ok();
  const names = [...world.sites.values()].map(({ dataservice }) => hex(`${prefix}${dataservice}`)).sort();
  const own = hex(schema);
  const next = names.find((name) => own > afterSchema || (own === afterSchema && name > afterTable));
  return ok(next === undefined ? "" : `${own}\t${next}\tn\t${sha256("id, content").slice(0, 32)}\n`);
}

/** Of what somebody may want there are only tables in this world. */
function belongings(world: World, host: Host): ToolResult {
  const { code, out, err } = nextTable(world, host, []);
  const [own, name] = out.split("\t");
  return { code, out: name === undefined ? "" : `table\t${own}\t${name}\n`, err };
}

const numberOf = (cut: string, open: number): number =>
  cut === "start" || cut === "end" ? open : Number(cut.slice(1));

function summed(rows: readonly Row[]): string {
  const sum = rows.reduce((total, { content }) => total + BigInt(`0x${sha256(content).slice(0, 16)}`), 0n);
  return `${rows.length}\t${sum}\t0\n`;
}

/** One of the questions about tables and chunks; undefined when it is none. */
export function answerChunks(world: World, host: Host, args: readonly string[]): ToolResult | undefined {
  const [question, first = "", table = "", ...rest] = args;
  if (question === "belongings") return belongings(world, host);
  if (question === "next-table") return nextTable(world, host, args.slice(1));
  if (question !== "boundary" && question !== "chunk" && question !== "whole") return undefined;
  const name = textOf(table);
  const site = name.startsWith(prefix) ? siteNamed(world, name.slice(prefix.length)) : undefined;
  if (textOf(first) !== schema || site === undefined)
    return bad(1, "", "ERROR 1146 (42S02): no such table\n");
  const rows = rowsOf(host, site);
  const [a = "", , c = ""] = rest;
  if (question === "whole") return ok(rows.length > Number(a) ? "more\n" : summed(rows));
  if (question === "boundary") {
    const behind = rows.filter(({ n }) => n > numberOf(c, 0));
    const [cut, last] = [behind[Number(a) - 1], behind.at(-1)];
    if (cut !== undefined) return ok(`n${cut.n}\n`);
    return ok(last === undefined ? "end\n" : `end\tn${last.n}\n`);
  }
  const [, from = "", to = ""] = rest;
  const last = Number.POSITIVE_INFINITY;
  return ok(summed(rows.filter(({ n }) => n > numberOf(from, 0) && n <= numberOf(to, last))));
}
