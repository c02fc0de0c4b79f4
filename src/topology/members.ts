/** How many nodes with data a site has: those in service by its record, or those its spec asks for. */
import type { Estate, Node } from "./estate.ts";
import { connectorName, nodeName } from "./names.ts";

/** A site's data nodes, the first `count` of them: ordinals are given from 0 on and never skipped. */
export const membersOf = (site: string, count: number): readonly Node[] =>
  Array.from({ length: count }, (_, ordinal) => ({
    name: nodeName(site, ordinal),
    site,
    ordinal,
    witness: false,
  }));

/**
 * The estate as it is when this site has so many data nodes. Only for sites without a witness, whose name follows those of
 * the nodes; a witness is left out.
 */
export const withMembers = (estate: Estate, site: string, count: number): Estate => ({
  ...estate,
  sites: estate.sites.map((each) => (each.name === site ? { ...each, nodes: membersOf(site, count) } : each)),
});

/** Hosts that run only a connector, so many of them. */
export const connectorsOf = (site: string, count: number): readonly Node[] =>
  Array.from({ length: count }, (_, ordinal) => ({
    name: connectorName(site, ordinal),
    site,
    ordinal,
    witness: false,
  }));

/** The estate as it is when this site has so many hosts that run only a connector. */
export const withConnectors = (estate: Estate, site: string, count: number): Estate => ({
  ...estate,
  sites: estate.sites.map((each) =>
    each.name === site ? { ...each, connectors: connectorsOf(site, count) } : each,
  ),
});
