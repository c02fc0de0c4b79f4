/** What a database holds that somebody may want: it is asked before a copy takes its place. */
import { belongingInWords, belongings } from "../tungsten/chunks.ts";
import type { Facts } from "../tungsten/facts.ts";
import { schemas } from "../tungsten/node-facts.ts";

/** A tracking schema, or a thing of a user's; `nothing` where the database is as it was made. */
export function dataOn(
  node: string,
  facts: Facts,
): { readonly holds: string } | { readonly unknown: string } | "nothing" {
  const known = facts.get(node, schemas);
  const thing = facts.get(node, belongings);
  if ("unknown" in known) return { unknown: `the schemas of ${node} cannot be read: ${known.unknown}` };
  if ("unknown" in thing)
    return { unknown: `it cannot be read what the database of ${node} holds: ${thing.unknown}` };
  const tracking = [...known.known.keys()].find((name) => name.startsWith("tungsten_"));
  if (tracking !== undefined) return { holds: tracking };
  return thing.known === "none" ? "nothing" : { holds: belongingInWords(thing.known) };
}
