/** What a database holds that somebody may want: it is asked before a copy takes its place. */

import type { Node } from "../topology/estate.ts";
import { belongingInWords, belongings } from "../tungsten/chunks.ts";
import type { Facts } from "../tungsten/facts.ts";
import { installed, schemas } from "../tungsten/node-facts.ts";
import { onlyNodes, withFacts } from "./gather.ts";
import type { SiteView } from "./site-view.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

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

/** What lies on these nodes, of Tungsten or in their databases; undefined: nothing. A volume of before is a human's to throw away. */
export async function bareOrNot(
  { shell }: ClusterPass,
  { pods }: SiteView,
  nodes: readonly Node[],
): Promise<{ is: "unknown"; why: string } | { is: "dressed"; node: string; with: string } | undefined> {
  const around = onlyNodes(pods);
  return withFacts(shell, around, (facts) => {
    // Every node is asked before one of them answers for all: a pass has few rounds.
    const said = nodes.map(({ name }) => ({
      name,
      products: (["cluster", "crossSite"] as const).map((product) => facts.get(name, installed(product))),
      data: dataOn(name, facts),
    }));
    for (const { name, products, data } of said) {
      for (const is of products) {
        if ("unknown" in is) return { is: "unknown", why: `${name} cannot be read: ${is.unknown}` } as const;
        if (is.known !== null)
          return { is: "dressed", node: name, with: "an installation of Tungsten" } as const;
      }
      if (data === "nothing") continue;
      if ("unknown" in data) return { is: "unknown", why: data.unknown } as const;
      return { is: "dressed", node: name, with: data.holds } as const;
    }
    return undefined;
  });
}
