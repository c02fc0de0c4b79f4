/** Whether the replicators of an estate speak TLS: its sites and links have to agree, because both ends of a path must. */
import type { Estate } from "./estate.ts";

/** What a site's replicators were last seen to run with; undefined for a site that nobody has seen run. */
export type Seen = ReadonlyMap<string, boolean>;

/**
 * `secured`: as the first site that runs does; a change of it is a walk of its own. Only an estate of which no site runs
 * begins as its specs want it. `tlsWanted`: what all specs agree on. `tlsDispute`: or who disagrees.
 */
export function transportOf(
  { sites, links }: Pick<Estate, "sites" | "links">,
  seen: Seen,
): Pick<Estate, "secured" | "tlsWanted" | "tlsDispute"> {
  const [running] = sites.flatMap(({ name }) => seen.get(name) ?? []);
  const dispute = disputeIn({ sites, links });
  const wanted = sites[0]?.tls !== undefined;
  return {
    secured: running ?? (wanted && dispute === undefined),
    ...(dispute === undefined ? { tlsWanted: wanted } : { tlsDispute: dispute }),
  };
}

function disputeIn({ sites, links }: Pick<Estate, "sites" | "links">): string | undefined {
  const wants = [
    ...sites.map(({ name, tls }) => ({ who: `TungstenCluster ${name}`, tls: tls !== undefined })),
    ...links.map(({ name, tls }) => ({ who: `CrossSiteLink ${name}`, tls: tls === true })),
  ];
  const [first, silent] = [wants.find(({ tls }) => tls), wants.find(({ tls }) => !tls)];
  if (first === undefined) return undefined;
  if (silent !== undefined)
    return `${first.who} wants TLS for replicators and ${silent.who} does not: set spec.tls of every TungstenCluster and CrossSiteLink of the estate, or of none`;
  const other = sites.find(({ tls }) => tls !== sites[0]?.tls);
  return other === undefined
    ? undefined
    : `TungstenCluster ${sites[0]?.name} names Secret ${sites[0]?.tls} in spec.tls and ${other.name} names ${other.tls}: one certificate serves the whole estate; name the same`;
}
