/**
 * What of the failed site has arrived where. A reset throws unapplied events away: every healthy node must have what any
 * of them has, and what none has is named to a human first.
 */
import type { Estate, Node } from "../topology/estate.ts";
import { dataNodes, siteNamed, siteOf } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import type { Product } from "../tungsten/invocation.ts";
import { services, thlEvent, thlRange, tracking } from "../tungsten/node-facts.ts";
import type { CommitRow, ReplicatorStatus } from "../tungsten/reading.ts";
import { serviceOf, trackingSchema } from "./conversion-names.ts";
import { commitOf, wordOf } from "./conversion-readers.ts";

/** A healthy node as a reader of the failed site. */
export type Standing = {
  readonly node: Node;
  readonly row: CommitRow;
  readonly heartbeat: string | null;
  /** Its service that reads the failed site; a sentence when it cannot be judged. */
  readonly status: ReplicatorStatus | string;
};

export type Standings = {
  readonly readers: readonly Standing[];
  /** Newest event in any log of the failed site; -1 when all are empty. */
  readonly tip: number;
  readonly highest: number;
  readonly lowest: number;
};

/** A gap, as a finding a human may have read: `lost:` no healthy node has it, `unequal:` some have. */
export type Gap = { readonly id: string; readonly text: string };

/** Where every healthy node stands, and the failed site's own logs; or what cannot be read. */
export function standingsOf(
  estate: Estate,
  failed: string,
  product: Product,
  facts: Facts,
): Standings | string {
  const site = siteNamed(estate, failed);
  const own = site.nodes.filter((node) => !node.witness);
  const healthy = dataNodes(estate).filter((node) => node.site !== failed);
  const ranges = own.map((node) => ({
    node,
    fact: facts.get(node.name, thlRange("cluster", site.dataservice)),
  }));
  const rows = healthy.map((node) => ({ node, fact: facts.get(node.name, tracking(trackingSchema(site))) }));
  const statuses = new Map(
    healthy.map((node) => [node.name, statusOf(estate, node, failed, product, facts)]),
  );
  const open = [...ranges, ...rows].find(({ fact }) => "unknown" in fact);
  if (open !== undefined)
    return `${open.node.name} cannot be read: ${"unknown" in open.fact ? open.fact.unknown : ""}`;
  const readers: Standing[] = [];
  for (const { node, fact } of rows) {
    const known = "known" in fact ? fact.known : undefined;
    const row = commitOf(known);
    if (row === undefined || known === undefined || known === "absent")
      return `${trackingSchema(site)} of ${node.name} holds no single commit row`;
    const status = statuses.get(node.name) ?? "not asked";
    readers.push({ node, row, heartbeat: known.heartbeat?.name ?? null, status });
  }
  const seqnos = readers.map(({ row }) => row.seqno);
  const tips = ranges.map(({ fact }) => ("known" in fact ? (fact.known.max ?? -1) : -1));
  return { readers, tip: Math.max(-1, ...tips), highest: Math.max(...seqnos), lowest: Math.min(...seqnos) };
}

function statusOf(
  estate: Estate,
  node: Node,
  failed: string,
  product: Product,
  facts: Facts,
): ReplicatorStatus | string {
  const name = serviceOf(product, siteOf(estate, node), siteNamed(estate, failed));
  const fact = facts.get(node.name, services(product));
  if ("unknown" in fact) return `the services of ${node.name} cannot be read: ${fact.unknown}`;
  if (fact.known === "down") return `the ${product} replicator of ${node.name} does not answer`;
  return fact.known.find(({ service }) => service === name) ?? `${node.name} has no service ${name}`;
}

export const standsInWords = ({ node, row, status }: Standing): string =>
  `${node.name} at ${row.seqno} (${typeof status === "string" ? status : wordOf(status)})`;

/** What a reset at these standings would lose, and what it would leave unequal. */
export function gapsOf(failed: string, { readers, tip, highest, lowest }: Standings): readonly Gap[] {
  // Without states: those come and go, and a plan is bound to its text.
  const where = readers.map(({ node, row }) => `${node.name} at ${row.seqno}`).join(", ");
  return [
    ...(tip > highest
      ? [
          {
            id: `lost:${failed}:${highest + 1}-${tip}`,
            text: `events ${highest + 1} to ${tip} of ${failed} are on no other site and would be gone (${where}); they lie in the exported THL`,
          },
        ]
      : []),
    ...(lowest < highest
      ? [
          {
            id: `unequal:${failed}:${lowest + 1}-${highest}`,
            text: `events ${lowest + 1} to ${highest} of ${failed} are on some nodes of the other sites and not on all, which would differ for ever (${where})`,
          },
        ]
      : []),
  ];
}

/** First and last event of a gap by their ids, where a node of the failed site still holds them. */
export function eventsInWords(estate: Estate, failed: string, id: string, facts: Facts): string {
  const [, first, last] = /:(\d+)-(\d+)$/.exec(id) ?? [];
  if (first === undefined || last === undefined) return "";
  const site = siteNamed(estate, failed);
  const named = [first, last].flatMap((seqno) =>
    site.nodes
      .filter((node) => !node.witness)
      .flatMap((node) => {
        const fact = facts.get(node.name, thlEvent("cluster", site.dataservice, Number(seqno)));
        return "known" in fact && fact.known[0] !== undefined ? [`${seqno} is ${fact.known[0].eventId}`] : [];
      })
      .slice(0, 1),
  );
  return named.length === 0 ? "" : ` (${named.join(", ")})`;
}
