/**
 * The estate: sites tied together by CompositeService or CrossSiteLink objects, or one site alone, as plain data.
 * Everything downstream (ini, manifests, procedures) reads this and never a Kubernetes object.
 */

/** One Tungsten host: a pod, a member of its dataservice and the answer of `hostname`, all under one name. */
export type Node = {
  /** Unique in the estate, e.g. `nyc-0`. */
  readonly name: string;
  /** The TungstenCluster's name, e.g. `nyc`. */
  readonly site: string;
  readonly ordinal: number;
  /** An active witness votes but holds no data and runs no replicator. */
  readonly witness: boolean;
};

/** One dataservice at one site: what a TungstenCluster describes. */
export type Site = {
  /** metadata.name of the TungstenCluster. */
  readonly name: string;
  /** Tungsten's name: letters, digits, underscore; lower case. */
  readonly dataservice: string;
  /** From 1, unique in the namespace, by age: who joins later changes nobody's server ids and auto-increment offset. */
  readonly number: number;
  readonly nodes: readonly Node[];
  /** Hosts that run only a connector: no database, no replicator, no manager. None of them is a node. */
  readonly connectors: readonly Node[];
  /** Ordinal of the primary at first install; afterwards the primary is a fact, never a wish. */
  readonly initialPrimary: number;
  /** Wanted Tungsten release, e.g. `8.0.4-132`. */
  readonly release: string;
  readonly mysqlPort: number;
  readonly connectorPort: number;
  /** Extra tpm options of the catalogue, as the user wrote them. */
  readonly options: Readonly<Record<string, string>>;
  /** Name of the Secret with the certificate of its replicators; none: they are wanted without TLS. */
  readonly tls?: string | undefined;
};

/** One direction of MSAA replication: the source's transactions applied at the target by the second product. */
export type Link = {
  /** metadata.name of the CrossSiteLink. */
  readonly name: string;
  /** Name of the source Site. */
  readonly source: string;
  /** Name of the target Site. */
  readonly target: string;
  readonly options: Readonly<Record<string, string>>;
  /** Its events are wanted to travel by TLS. */
  readonly tls?: boolean | undefined;
  /** It was deleted, and what it did on the nodes is not undone yet. */
  readonly leaving?: Leaving | undefined;
};

/** How a deleted link leaves. */
export type Leaving = {
  /** What the source has and the target has not is let arrive first; otherwise it is given up, by a human's word. */
  readonly awaits: boolean;
  /** The target's position of the source goes too. */
  readonly drops: boolean;
  /** When it was deleted, in milliseconds since 1970 by the API server's clock. */
  readonly since: number;
};

export type CompositeType = "ActivePassive" | "ActiveActive" | "DynamicActiveActive";

/** What a CompositeService describes. */
export type Composite = {
  /** metadata.name of the CompositeService. */
  readonly name: string;
  readonly dataservice: string;
  readonly type: CompositeType;
  /** Names of the member Sites, in the user's order; those that leave are among them until they have left. */
  readonly members: readonly string[];
  /** ActivePassive only: name of the writable Site; a fact once the composite runs, like a site's primary. */
  readonly primarySite?: string;
  /** DynamicActiveActive only: names of Sites in order of preference for writes. */
  readonly writeAffinity?: readonly string[];
  /** Members that the spec names no more, and whether what travels to them and from them is awaited. */
  readonly leaving?: { readonly members: readonly string[]; readonly awaits: boolean };
};

/**
 * How a site that has nothing yet is installed: by itself, with the second product for the links that lead to it, or as a
 * member of its composite (`CAA` for both types whose sites all write: DAA is CAA with an order for connectors).
 */
export type InstallForm = "Alone" | "Linked" | "CAA" | "CAP";

/** How the estate's nodes are to be set up. */
export type TopologyKind = "Standalone" | "MSAA" | "CAP" | "CAA" | "DAA";

export type Estate = {
  /** Name of the composite, else of the only site, else the site names joined by "."; unique in its namespace. */
  readonly name: string;
  readonly namespace: string;
  /** Sorted by name. */
  readonly sites: readonly Site[];
  /** Sorted by name. */
  readonly links: readonly Link[];
  readonly composite?: Composite;
  /** Replicators speak TLS; see transport. */
  readonly secured?: boolean;
  /** Whether all sites and links want them to. */
  readonly tlsWanted?: boolean;
  /** Who disagrees about that, in a sentence. */
  readonly tlsDispute?: string;
};

/** A node and one remote service it applies: `nyc-0` reading `london`. Most of the conversion happens here. */
export type Reader = {
  readonly node: Node;
  /** The source Site. */
  readonly source: Site;
};

/** Every data node of the estate, sites in name order, nodes by ordinal. Witnesses hold no data and are left out. */
export function dataNodes(estate: Estate): readonly Node[] {
  return estate.sites.flatMap((site) => site.nodes.filter((node) => !node.witness));
}

/** The site called `name`; throws on a name the estate does not hold, which is a fault of the caller. */
export function siteNamed(estate: Estate, name: string): Site {
  const site = estate.sites.find((candidate) => candidate.name === name);
  if (site === undefined) throw new Error(`no site ${name} in estate ${estate.name}`);
  return site;
}

/** The site a node belongs to. */
export function siteOf(estate: Estate, node: Node): Site {
  return siteNamed(estate, node.site);
}

/** Sites tied by a composite of which one takes the writes; links come first, as in `installForm`. */
export const isActivePassive = ({ composite, links }: Estate): boolean =>
  composite?.type === "ActivePassive" && links.length === 0;

/** The site that takes the writes of an active/passive composite; undefined where every site takes its own. */
export const activeSite = (estate: Estate): Site | undefined =>
  isActivePassive(estate)
    ? estate.sites.find(({ name }) => name === estate.composite?.primarySite)
    : undefined;

/** The estate as it is, or was, while that site took the writes of its composite. */
export const withActiveSite = (estate: Estate, primarySite: string | undefined): Estate =>
  estate.composite === undefined || primarySite === undefined
    ? estate
    : { ...estate, composite: { ...estate.composite, primarySite } };

/** A passive site relays what another one writes, and takes no writes itself. */
export const isPassive = (estate: Estate, site: string): boolean =>
  isActivePassive(estate) && estate.composite?.primarySite !== site;

/**
 * Each data node with each other site of the estate: N × (S−1) readers. An active/passive composite has none: its relays
 * carry the transactions under their own site's service.
 */
export function readersOf(estate: Estate): readonly Reader[] {
  if (isActivePassive(estate)) return [];
  return dataNodes(estate).flatMap((node) =>
    estate.sites.filter((site) => site.name !== node.site).map((source) => ({ node, source })),
  );
}

/** Links come first: an estate of both is Multi-Site/Active-Active, and its composite waits to be converted to. */
export function installForm({ links, composite }: Estate, site: Site): InstallForm {
  const leadsHere = links.some(({ target, leaving }) => target === site.name && leaving === undefined);
  if (links.length > 0) return leadsHere ? "Linked" : "Alone";
  if (composite === undefined || !composite.members.includes(site.name)) return "Alone";
  return composite.type === "ActivePassive" ? "CAP" : "CAA";
}
