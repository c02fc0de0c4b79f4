/** What a database holds that somebody may want: it is asked before a copy takes its place. */
import { nextTable, tableInWords } from "../tungsten/chunks.ts";
import type { Facts } from "../tungsten/facts.ts";
import { schemas } from "../tungsten/node-facts.ts";

/** A tracking schema, or a table of a user's; `nothing` where the database is as it was made. */
export function dataOn(
  node: string,
  facts: Facts,
): { readonly holds: string } | { readonly unknown: string } | "nothing" {
  const known = facts.get(node, schemas);
  const table = facts.get(node, nextTable(undefined));
  if ("unknown" in known) return { unknown: `the schemas of ${node} cannot be read: ${known.unknown}` };
  if ("unknown" in table) return { unknown: `the tables of ${node} cannot be read: ${table.unknown}` };
  const tracking = [...known.known.keys()].find((name) => name.startsWith("tungsten_"));
  if (tracking !== undefined) return { holds: tracking };
  return table.known === "none" ? "nothing" : { holds: `table ${tableInWords(table.known)}` };
}
