/** On whom a part acts: the estate's nodes, sites and readers as targets. */
import {
  dataNodes,
  isPassive,
  type Node,
  readersOf,
  type Site,
  siteNamed,
  siteOf,
} from "../topology/estate.ts";
import type { Run, Target } from "./procedure.ts";

const ofNode = (run: Run, node: Node): Target => ({ id: node.name, node, site: siteOf(run.estate, node) });

/** The node pinned as a site's primary; throws when the pins do not know the site, which planning excludes. */
export function pinnedPrimary(run: Run, site: Site): Node {
  return nodeNamed(run, site, run.pins.primaries[site.name]);
}

function nodeNamed(run: Run, site: Site, name: string | undefined): Node {
  const node = site.nodes.find((candidate) => candidate.name === name);
  if (node === undefined)
    throw new Error(`site ${site.name} has no pinned node ${name ?? ""} in ${run.requestName}`);
  return node;
}

export const isPrimary = (run: Run, node: Node): boolean => run.pins.primaries[node.site] === node.name;

/** The head of a passive site relays: its database is read-only like all others there. */
export const takesWrites = (run: Run, node: Node): boolean =>
  isPrimary(run, node) && !isPassive(run.estate, node.site);

/** Not given up by a human. */
export const isThere = (run: Run, { name }: Node): boolean => run.lost?.includes(name) !== true;

/** Data nodes of a site that are not given up. */
export const nodesThere = (run: Run, site: Site): readonly Node[] =>
  site.nodes.filter((node) => !node.witness && isThere(run, node));

export const everyNode = (run: Run): readonly Target[] =>
  dataNodes(run.estate)
    .filter((node) => isThere(run, node))
    .map((node) => ofNode(run, node));

/** Hosts that run only a connector, of every site. None of them is a node. */
export const eachConnector = (run: Run): readonly Target[] =>
  run.estate.sites.flatMap((site) => site.connectors.map((node) => ({ id: node.name, node, site })));

/** Every host with a connector: data nodes, then those that run nothing else. */
export const everyConnector = (run: Run): readonly Target[] => [...everyNode(run), ...eachConnector(run)];

/** One target a site; its commands run on the pinned primary, or, when that is given up, on the first other node. */
export const eachSite = (run: Run): readonly Target[] =>
  run.estate.sites.map((site) => {
    const pinned = pinnedPrimary(run, site);
    const node = isThere(run, pinned) ? pinned : (nodesThere(run, site)[0] ?? pinned);
    return { id: site.name, node, site };
  });

export const eachPrimary = (run: Run): readonly Target[] =>
  everyNode(run).filter(({ node }) => isPrimary(run, node));
/** Primaries that write: of an active/passive composite one alone. */
export const eachWriter = (run: Run): readonly Target[] =>
  everyNode(run).filter(({ node }) => takesWrites(run, node));
export const eachReplica = (run: Run): readonly Target[] =>
  everyNode(run).filter(({ node }) => !isPrimary(run, node));

/** The replica of each site that was chosen for the backup when the plan was approved. */
export const oneReplicaPerSite = (run: Run): readonly Target[] =>
  run.estate.sites
    .map((site) => ofNode(run, nodeNamed(run, site, run.pins.backupNodes[site.name])))
    .filter(({ node }) => isThere(run, node));

/** Every data node with every remote service it applies. */
export const eachReader = (run: Run): readonly Target[] =>
  readersOf(run.estate)
    .filter(({ node }) => isThere(run, node))
    .map(({ node, source }) => ({
      id: `${node.name}.${source.name}`,
      node,
      site: siteNamed(run.estate, node.site),
      source,
    }));

export const eachReaderOnPrimaries = (run: Run): readonly Target[] =>
  eachReader(run).filter(({ node }) => isPrimary(run, node));

/** Readers that there are: in MSAA those a CrossSiteLink leads to, in a composite every one. */
export const eachLinkedReader =
  (kind: "MSAA" | "CAA") =>
  (run: Run): readonly Target[] =>
    eachReader(run).filter(
      ({ site, source }) =>
        kind === "CAA" ||
        run.estate.links.some((link) => link.target === site.name && link.source === source?.name),
    );

/** Readers at sites that have their primary, of sources that have theirs: the others come online after a failover. */
export const eachReaderLed = (run: Run): readonly Target[] =>
  eachReader(run).filter(({ site, source }) =>
    [site, source].every((each) => each === undefined || isThere(run, pinnedPrimary(run, each))),
  );
