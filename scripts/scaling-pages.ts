/** What the pages of nodes that join a site and leave it show: the walk over one node more, and over one less. */
import { addNodes } from "../src/procedures/add-nodes.ts";
import type { Procedure, Run } from "../src/procedures/procedure.ts";
import { removeNodes } from "../src/procedures/remove-nodes.ts";
import type { Estate, Site } from "../src/topology/estate.ts";
import { membersOf, withMembers } from "../src/topology/members.ts";

export type ScalingPage = {
  readonly title: string;
  /** Who asks for it. */
  readonly told: string;
  readonly procedure: Procedure;
  readonly run: Run;
};

const told = (what: string): string =>
  `Nobody asks for it by name: a ${what} \`spec.nodes\` of a [TungstenCluster](../reference/tungstencluster.md) does. Its ledger lies in the TungstenCluster's status ([why](../adr/0016-members-are-a-record.md)).`;

export const scalingIs =
  "The page shows one node of site nyc of a Multi-Site/Active-Active estate. The condition `NodesInService` says in its message which step it is at; the conditions named below stand in that message only. How to read it: [changing a site](../operating/changes.md#more-nodes-fewer-nodes).";

/** The first node is the example's primary. */
function changeOf(site: Site) {
  const [primary, ...replicas] = site.nodes;
  if (primary === undefined) throw new Error(`${site.name} has no node`);
  return { site: site.name, nodes: [...replicas, primary], kind: "MSAA", crossSite: true } as const;
}

const nextOf = ({ name, nodes }: Site) => membersOf(name, nodes.length + 1).slice(nodes.length);

/** `runOver` makes the example run of an estate. */
export function additionPage(estate: Estate, site: Site, runOver: (estate: Estate) => Run): ScalingPage {
  const change = changeOf(site);
  const donor = change.nodes[0]?.name ?? "";
  return {
    title: "Add nodes to a site",
    told: told("higher"),
    procedure: addNodes({ ...change, added: nextOf(site), donor, dataservice: site.dataservice }),
    run: runOver(withMembers(estate, site.name, site.nodes.length + 1)),
  };
}

export const removalPage = (site: Site, run: Run): ScalingPage => ({
  title: "Take nodes out of a site",
  told: told("lower"),
  procedure: removeNodes({ ...changeOf(site), leaving: nextOf(site) }),
  run,
});
