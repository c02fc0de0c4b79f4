/**
 * Does a site run from the wanted tungsten.ini? Its nodes tell the checksum they run from; what the specs said when that
 * text was made stands in the TungstenCluster's status. So a spec that changed is told apart from an operator that writes
 * another text for the same spec, from a primary that moved, and from what somebody did by hand.
 */
import { carriedServices } from "../ini/cross-site-options.ts";
import type { Estate } from "../topology/estate.ts";

export type Topology = "MSAA" | "CAA" | "DAA" | "CAP";

/** What a site's nodes were last seen to run from. Lives in status.configuration. */
export type AppliedConfiguration = {
  readonly topology: string;
  /** Checksum of the text. */
  readonly sha256: string;
  /** Checksums of what the specs said, see `wishesOf`. */
  readonly shape: string;
  readonly wishes: string;
  /** Checksum of the shape without the nodes; records of earlier versions lack it. */
  readonly ground?: string | undefined;
  /** Names of the sites it names; records of earlier versions lack them. */
  readonly sites?: readonly string[] | undefined;
  /** Site → the node its master= names. */
  readonly primaries: Readonly<Record<string, string>>;
  /** Data nodes, in order. */
  readonly members: readonly string[];
  /** Hosts that run only a connector, as that text names them; none where left out. */
  readonly connectors?: readonly string[] | undefined;
  /** Its replicators speak TLS by it. */
  readonly secured?: boolean | undefined;
};

export type Standing =
  | { readonly is: "unknown"; readonly why: string }
  /** `other`: the checksum of what this operator would write for the same wishes, where that differs. */
  | { readonly is: "applied"; readonly record: AppliedConfiguration; readonly other?: string }
  /** `wanted`: checksum of the text to bring; `spoken`: options changed since and nothing else, so a human asked for this. */
  | { readonly is: "differs"; readonly wanted: string; readonly spoken: boolean; readonly why: string };

/** What a site is measured by. */
export type Measured = {
  readonly topology: Topology | undefined;
  /** Live primaries by site; undefined while one is not known. */
  readonly primaries: Readonly<Record<string, string>> | undefined;
  readonly members: readonly string[];
  readonly connectors: readonly string[];
  /** Checksums of the texts its products were configured from; undefined while a node cannot be read. */
  readonly running: readonly (string | null)[] | undefined;
  readonly shape: string;
  readonly ground: string;
  readonly sites: readonly string[];
  /** The same checksum as if there were these sites only. */
  readonly groundOf: (sites: readonly string[]) => string;
  /** Sites that are installed and have been seen to run. */
  readonly inService: readonly string[];
  readonly wishes: string;
  /** Where tpm ran with passwords of another version of the site's Secret: what a human approves to bring the present ones. */
  readonly rotated?: string | undefined;
  /** Replicators speak TLS in the wanted text. */
  readonly secured?: boolean | undefined;
  /** Checksum of the text for these primaries. */
  readonly checksum: (topology: Topology, primaries: Readonly<Record<string, string>>) => string;
};

/**
 * What of the specs reaches tungsten.ini in this topology, in an order of its own. `shape`: which sites, nodes and ways
 * between them there are. `ground`: the same without nodes and connectors' own hosts. `options`: the rest.
 */
export function wishesOf(
  estate: Estate,
  topology: Topology,
): { shape: string; ground: string; options: string } {
  const sorted = (options: Readonly<Record<string, string>>) =>
    Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));
  const links = topology === "MSAA" ? estate.links : [];
  // Like a primary, the site that takes the writes is a fact and no wish.
  const { type, writeAffinity, primarySite: _, leaving: __, ...composite } = estate.composite ?? {};
  const ways = topology === "MSAA" ? links.map(({ source, target }) => [source, target]) : composite;
  const shape = estate.sites.map(({ name, dataservice, nodes, connectors, mysqlPort, connectorPort }) => [
    name,
    dataservice,
    nodes.map((node) => [node.name, node.witness]),
    mysqlPort,
    connectorPort,
    ...(connectors.length === 0 ? [] : [connectors.map((node) => node.name)]),
  ]);
  const ground = estate.sites.map(({ name, dataservice, nodes, mysqlPort, connectorPort }) => [
    name,
    dataservice,
    nodes.some((node) => node.witness),
    mysqlPort,
    connectorPort,
  ]);
  return {
    shape: JSON.stringify([shape, ways]),
    ground: JSON.stringify([ground, ways]),
    options: JSON.stringify([
      estate.sites.map(({ name, options }) => [name, sorted(options)]),
      topology === "MSAA"
        ? links.map(({ source, target, options }) => [source, target, sorted(options)])
        : carriedServices(estate).map(({ service, entries }) => [
            service,
            entries.map((entry) => [...entry]),
          ]),
      topology === "MSAA" ? null : [type ?? null, writeAffinity ?? null],
    ]),
  };
}

/** The sites that are more than before, where nothing else between the sites has changed. */
function joinedSites({ sites, groundOf }: Measured, recorded: AppliedConfiguration) {
  const { sites: before, ground } = recorded;
  if (before === undefined || ground === undefined) return undefined;
  const more = sites.filter((site) => !before.includes(site));
  const kept = before.every((site) => sites.includes(site)) && groundOf(before) === ground;
  return more.length > 0 && kept ? more : undefined;
}

export function standingOf(is: Measured, recorded: AppliedConfiguration | undefined): Standing {
  const { topology, primaries, running, shape, ground, sites, wishes, members, connectors } = is;
  if (topology === undefined)
    return { is: "unknown", why: "the installed topology is not known, or in between two" };
  if (running === undefined) return { is: "unknown", why: "a node cannot be read" };
  if (primaries === undefined) return { is: "unknown", why: "a site tells no primary" };
  const all = (sha256: string): boolean => running.length > 0 && running.every((each) => each === sha256);
  const wanted = is.checksum(topology, primaries);
  const passwords = is.rotated;
  if (passwords !== undefined && (all(wanted) || (recorded?.shape === shape && recorded.wishes === wishes)))
    return { is: "differs", wanted: passwords, spoken: true, why: "passwords have changed" };
  if (all(wanted)) {
    const secured = is.secured === true && { secured: true };
    const made = { topology, sha256: wanted, shape, ground, sites, wishes };
    const beside = connectors.length > 0 && { connectors };
    return { is: "applied", record: { ...made, primaries, members, ...beside, ...secured } };
  }
  const differs = (spoken: boolean, why: string): Standing => ({ is: "differs", wanted, spoken, why });
  if (recorded === undefined || recorded.topology !== topology)
    return differs(false, "its nodes run from a tungsten.ini made from a spec that nobody here has seen");
  if (recorded.shape !== shape && recorded.ground === ground)
    return differs(true, "nodes have joined a site or left it, or connector pods have");
  const joined = joinedSites(is, recorded);
  if (recorded.shape !== shape && joined !== undefined)
    return joined.every((site) => is.inService.includes(site))
      ? differs(true, `${joined.join(", ")} joined`)
      : { is: "unknown", why: `${joined.join(", ")} joins, and is not installed yet` };
  if (recorded.shape !== shape)
    return differs(
      false,
      "sites, nodes or the ways between them have changed: what is new has to be installed and hold the data before the others are told of it",
    );
  if (recorded.wishes !== wishes) return differs(true, "options have changed");
  if (!all(recorded.sha256)) return differs(false, "somebody ran tpm over another tungsten.ini by hand");
  const now = is.checksum(topology, recorded.primaries);
  return { is: "applied", record: recorded, ...(now !== recorded.sha256 && { other: now }) };
}
