/** What a forced failover may lose: events that the lost primary had and the new one has not, listed as far as anybody can tell. */
import type { Estate, Site } from "../topology/estate.ts";
import type { Facts, Known } from "../tungsten/facts.ts";
import { thlEvent, thlRange, tracking } from "../tungsten/node-facts.ts";
import { commitOf } from "./conversion-readers.ts";
import { ownSchemas } from "./leading.ts";
import type { Finding } from "./procedure.ts";
import { knownValue } from "./verdicts.ts";

/** How many events are listed one by one; of the others only the numbers are told. */
const mostListed = 50;

/** How far a node has what a site's primary wrote, applied or received; undefined while it cannot be read. */
export function standsAt(estate: Estate, node: string, site: Site, facts: Facts): number | undefined {
  const rows = ownSchemas(estate, site).map((schema) => knownValue(facts.get(node, tracking(schema))));
  const applied = rows.map((known) => commitOf(known)?.seqno).find((seqno) => seqno !== undefined);
  if (applied === undefined) return undefined;
  if (!site.nodes.some(({ name }) => name === node)) return applied;
  const stored = knownValue(facts.get(node, thlRange("cluster", site.dataservice)));
  return stored === undefined ? undefined : Math.max(applied, stored.max ?? -1);
}

/** What a node of another site has applied of the site; -1 for nothing. A row nobody can read is unknown, not nothing. */
function appliedElsewhere(estate: Estate, node: string, site: Site, facts: Facts): Known<number> {
  const rows = ownSchemas(estate, site).map((schema) => facts.get(node, tracking(schema)));
  const seqnos = rows.flatMap((row) => commitOf(knownValue(row))?.seqno ?? []);
  const open = rows.find((row) => "unknown" in row);
  if (seqnos.length === 0 && open !== undefined) return open as Known<never>;
  return { known: Math.max(-1, ...seqnos), at: 0 };
}

/** Nodes of other sites that have applied more of the site than its new primary; they keep what it will never have. Of whom nobody can tell, that is told. */
const ahead = (estate: Estate, site: Site, at: number, facts: Facts): readonly Finding[] =>
  estate.sites
    .filter((other) => other !== site)
    .flatMap((other) => other.nodes.filter((node) => !node.witness))
    .flatMap(({ name }) => {
      const stands = appliedElsewhere(estate, name, site, facts);
      if ("unknown" in stands)
        return [
          {
            id: `unread:${name}`,
            text: `${name} does not tell what it has applied of ${site.name}: where that is more than event ${at}, the sites will differ by it`,
            needsWord: true,
          },
        ];
      return stands.known <= at
        ? []
        : [
            {
              id: `ahead:${name}`,
              text: `${name} has applied events ${at + 1} to ${stands.known} of ${site.name}, which its new primary has not: the sites will differ by them`,
              needsWord: true,
            },
          ];
    });

/** A log that nobody can read. */
export const unreadLog = (lost: string, site: Site, at: number): Finding => ({
  id: `unread:${lost}`,
  text: `the log of ${lost} cannot be read: nobody can tell which events behind ${at} of ${site.name} it had`,
  needsWord: true,
});

/** What no log can tell. */
export const unextracted = (lost: string): Finding => ({
  id: `unextracted:${lost}`,
  text: `what ${lost} committed and its replicator had not read yet may be lost, and nobody can tell it from here: when ${lost} is back run tungsten_find_orphaned there, before anything recovers it`,
  needsWord: true,
});

/** Events of the lost primary's own log behind `at`, one by one with their event ids. */
function inItsLog(lost: string, site: Site, at: number, facts: Facts): readonly Finding[] {
  const range = facts.get(lost, thlRange("cluster", site.dataservice));
  if ("unknown" in range || range.known.max === null) return [unreadLog(lost, site, at)];
  return eventsInLog(lost, site, { at, max: range.known.max }, facts);
}

/** Those of a log that can be read and ends at `max`. */
export function eventsInLog(
  lost: string,
  site: Site,
  { at, max }: { at: number; max: number },
  facts: Facts,
): readonly Finding[] {
  const missing = Array.from({ length: Math.max(0, max - at) }, (_, index) => at + 1 + index);
  const listed = missing.slice(0, mostListed).map((seqno): Finding => {
    const [header] = knownValue(facts.get(lost, thlEvent("cluster", site.dataservice, seqno))) ?? [];
    const where = header === undefined ? "" : ` (${header.eventId})`;
    return {
      id: `event:${site.name}:${seqno}`,
      text: `event ${seqno}${where} of ${site.name} is in the log of ${lost} and has not arrived at the new primary: it may be lost`,
      needsWord: true,
    };
  });
  const more = missing.length - listed.length;
  return more === 0
    ? listed
    : [
        ...listed,
        {
          id: `events:${site.name}`,
          text: `so are ${more} more, up to event ${max} of ${site.name}`,
          needsWord: true,
        },
      ];
}

/** All of it, as findings of the plan. */
export function lossesOf(
  estate: Estate,
  site: Site,
  { lost, at }: { lost: string; at: number },
  facts: Facts,
): readonly Finding[] {
  return [...inItsLog(lost, site, at, facts), unextracted(lost), ...ahead(estate, site, at, facts)];
}
