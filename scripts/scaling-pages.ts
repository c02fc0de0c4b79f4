/** What the pages of nodes and sites that join and leave show: the walk over one node more, one node less, one site more. */
import { addNodes } from "../src/procedures/add-nodes.ts";
import { fillSite } from "../src/procedures/fill-site.ts";
import type { Procedure, Run } from "../src/procedures/procedure.ts";
import { removeNodes } from "../src/procedures/remove-nodes.ts";
import type { Estate, Site } from "../src/topology/estate.ts";
import { membersOf, withMembers } from "../src/topology/members.ts";

export type ScalingPage = {
  readonly title: string;
  /** Who asks for it. */
  readonly told: string;
  /** What the page's estate is. */
  readonly shows: string;
  readonly procedure: Procedure;
  readonly run: Run;
};

const told = (what: string): string =>
  `Nobody asks for it by name: a ${what} \`spec.nodes\` of a [TungstenCluster](../reference/tungstencluster.md) does. Its ledger lies in the TungstenCluster's status ([why](../adr/0016-members-are-a-record.md)).`;

const scalingIs =
  "The page shows one node of site nyc of a Multi-Site/Active-Active estate. The condition `NodesInService` says in its message which step it is at; the conditions named below stand in that message only. How to read it: [changing a site](../operating/changes.md#more-nodes-fewer-nodes).";

/** The first node is the example's primary. */
function changeOf(site: Site) {
  const [primary, ...replicas] = site.nodes;
  if (primary === undefined) throw new Error(`${site.name} has no node`);
  return {
    site: site.name,
    nodes: [...replicas, primary],
    kind: "MSAA",
    crossSite: true,
    channels: { local: 1, incoming: {} },
  } as const;
}

const nextOf = ({ name, nodes }: Site) => membersOf(name, nodes.length + 1).slice(nodes.length);

/** `runOver` makes the example run of an estate. */
export function additionPage(estate: Estate, site: Site, runOver: (estate: Estate) => Run): ScalingPage {
  const change = changeOf(site);
  const donor = change.nodes[0]?.name ?? "";
  return {
    title: "Add nodes to a site",
    told: told("higher"),
    shows: scalingIs,
    procedure: addNodes({ ...change, added: nextOf(site), donor, dataservice: site.dataservice }),
    run: runOver(withMembers(estate, site.name, site.nodes.length + 1)),
  };
}

export const removalPage = (site: Site, run: Run): ScalingPage => ({
  title: "Take nodes out of a site",
  told: told("lower"),
  shows: scalingIs,
  procedure: removeNodes({ ...changeOf(site), leaving: nextOf(site) }),
  run,
});

/** A site more, made as the others are. */
export const parisBeside = (estate: Estate, site: Site): Site => ({
  ...site,
  name: "paris",
  dataservice: "paris",
  number: estate.sites.length + 1,
  nodes: membersOf("paris", 3),
});

/** paris joins london and nyc, filled from the site that the pages are about. */
export function fillingPage(estate: Estate, site: Site, runOver: (estate: Estate) => Run): ScalingPage {
  const paris = parisBeside(estate, site);
  const links = estate.sites.flatMap(({ name }) => [
    { name: `${name}-to-paris`, source: name, target: "paris", options: {} },
    { name: `paris-to-${name}`, source: "paris", target: name, options: {} },
  ]);
  return {
    title: "Fill a site that joins others",
    told: "Nobody asks for it by name: `spec.fillFrom` of a new [TungstenCluster](../reference/tungstencluster.md) does. Its ledger lies in the TungstenCluster's status.",
    shows: `The page shows paris, which joins the estate and gets the data of ${site.name}. Afterwards it is [installed](install-site.md), and the other sites get [the text that names it](apply-configuration.md). The condition \`Installed\` says in its message which step it is at; the conditions named below stand in that message only. How to read it: [changing a site](../operating/changes.md#a-site-more).`,
    procedure: fillSite({ site: "paris", from: site.name, kind: "MSAA" }),
    run: runOver({ ...estate, sites: [...estate.sites, paris], links: [...estate.links, ...links] }),
  };
}
