/** From specs to estates: which sites belong together, and one sentence for each thing that does not fit. */
import type { Composite, CompositeType, Estate, Leaving, Link, Node, Site } from "./estate.ts";
import { connectorsOf } from "./members.ts";
import { compositeNameFaults, linkNameFaults, siteNameFaults } from "./name-faults.ts";
import { dataserviceName, isMemberName, nodeName } from "./names.ts";
import { transportOf } from "./transport.ts";

/** The specs as their schemas give them, with the objects' names. */
export type ClusterInput = {
  readonly name: string;
  /** See site-numbers; without it the place among the inputs by name. */
  readonly number?: number | undefined;
  readonly dataservice?: string | undefined;
  readonly nodes: number;
  readonly witness?: { readonly active: boolean } | undefined;
  readonly initialPrimary: number;
  readonly release: string;
  readonly mysqlPort: number;
  readonly connectorPort: number;
  /** How many hosts run only a connector. */
  readonly connectors?: number | undefined;
  readonly options: Readonly<Record<string, string>>;
  readonly tls?: string | undefined;
  /** Whether its replicators were last seen to speak TLS; undefined while nobody has seen them run. */
  readonly secured?: boolean | undefined;
};
export type LinkInput = {
  readonly name: string;
  readonly source: string;
  readonly target: string;
  readonly options: Readonly<Record<string, string>>;
  readonly tls?: boolean | undefined;
  readonly leaving?: Leaving | undefined;
};
export type CompositeInput = {
  readonly name: string;
  readonly dataservice?: string | undefined;
  readonly type: CompositeType;
  readonly members: readonly string[];
  readonly primarySite?: string | undefined;
  readonly writeAffinity?: readonly string[] | undefined;
  readonly leaving?: Composite["leaving"] | undefined;
};

export type EstateInputs = {
  readonly clusters: readonly ClusterInput[];
  readonly links: readonly LinkInput[];
  readonly composites: readonly CompositeInput[];
};

/** About which object a problem is, e.g. `CrossSiteLink/london-to-nyc`, and the sentence. */
export type Problem = { readonly about: string; readonly sentence: string };

export function estatesOf(
  namespace: string,
  inputs: EstateInputs,
): { estates: readonly Estate[]; problems: readonly Problem[] } {
  const sites = [...inputs.clusters].sort(byName).map(siteFrom);
  const problems = [
    ...siteProblems(sites),
    ...linkProblems(sites, inputs.links),
    ...linkNameFaults(sites, inputs.links, inputs.composites.map(compositeFrom)),
    ...compositeProblems(sites, inputs.composites),
    ...inputs.composites.flatMap((composite) => compositeNameFaults(sites, compositeFrom(composite))),
  ];
  const known = new Set(sites.map((site) => site.name));
  const links = inputs.links.filter(
    (link) => known.has(link.source) && known.has(link.target) && link.source !== link.target,
  );
  const composites = inputs.composites.filter((composite) =>
    composite.members.every((member) => known.has(member)),
  );
  const groups = groupsOf(sites, links, composites);
  const seen = new Map(
    inputs.clusters.flatMap(({ name, secured }) => (secured === undefined ? [] : [[name, secured] as const])),
  );
  const estates = groups
    .map((group) => estateFrom(namespace, group, links, composites))
    .map((estate) => ({ ...estate, ...transportOf(estate, seen) }));
  return { estates, problems };
}

/** The estate a site belongs to. */
export const estateWith = (estates: readonly Estate[], site: string): Estate | undefined =>
  estates.find((estate) => estate.sites.some((candidate) => candidate.name === site));

const byName = (a: { name: string }, b: { name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

function siteFrom(input: ClusterInput, place: number): Site {
  const total = input.nodes + (input.witness?.active === true ? 1 : 0);
  const nodes: Node[] = Array.from({ length: total }, (_, ordinal) => ({
    name: nodeName(input.name, ordinal),
    site: input.name,
    ordinal,
    witness: ordinal >= input.nodes,
  }));
  const { name, initialPrimary, release, mysqlPort, connectorPort, options, tls } = input;
  const connectors = connectorsOf(name, input.connectors ?? 0);
  return {
    name,
    dataservice: input.dataservice ?? dataserviceName(name),
    number: input.number ?? place + 1,
    nodes,
    connectors,
    initialPrimary,
    release,
    mysqlPort,
    connectorPort,
    options,
    ...(tls !== undefined && { tls }),
  };
}

function siteProblems(sites: readonly Site[]): readonly Problem[] {
  const problems: Problem[] = [];
  const seen = new Map<string, string>();
  for (const site of sites) {
    const about = `TungstenCluster/${site.name}`;
    const twin = seen.get(site.dataservice);
    if (twin !== undefined)
      problems.push({
        about,
        sentence: `spec.dataservice ${site.dataservice} is also that of TungstenCluster ${twin}; choose another`,
      });
    seen.set(site.dataservice, site.name);
    problems.push(...siteNameFaults(site, sites));
    const double = sites.find((other) => other.number === site.number && other.name < site.name);
    if (double !== undefined)
      problems.push({
        about,
        sentence: `status.siteNumber ${site.number}, from which server ids and auto-increment offsets are made, is also that of TungstenCluster ${double.name}; clear it on the one that is not installed`,
      });
    const odd = site.nodes.find((node) => !isMemberName(node));
    if (odd !== undefined)
      problems.push({
        about,
        sentence: `member name ${odd.name} is no host name that tpm accepts; shorten metadata.name to letters, digits and "-"`,
      });
    const data = site.nodes.filter((node) => !node.witness).length;
    if (site.initialPrimary >= data)
      problems.push({
        about,
        sentence: `spec.initialPrimary ${site.initialPrimary} is none of the ordinals 0 to ${data - 1}`,
      });
  }
  return problems;
}

function linkProblems(sites: readonly Site[], links: readonly LinkInput[]): readonly Problem[] {
  return links.flatMap((link) => {
    const about = `CrossSiteLink/${link.name}`;
    const missing = [link.source, link.target].find((name) => !sites.some((site) => site.name === name));
    if (missing !== undefined)
      return [
        {
          about,
          sentence: `TungstenCluster ${missing} does not exist in this namespace; create it or correct the name`,
        },
      ];
    if (link.source === link.target)
      return [
        { about, sentence: `spec.source and spec.target are both ${link.source}; a site cannot read itself` },
      ];
    const twin = links.find(
      (other) => other.name < link.name && other.source === link.source && other.target === link.target,
    );
    return twin === undefined
      ? []
      : [
          {
            about,
            sentence: `CrossSiteLink ${twin.name} already links ${link.source} to ${link.target}; delete one of them`,
          },
        ];
  });
}

function compositeProblems(
  sites: readonly Site[],
  composites: readonly CompositeInput[],
): readonly Problem[] {
  const owner = new Map<string, string>();
  return composites.flatMap((composite) => {
    const about = `CompositeService/${composite.name}`;
    const problems: Problem[] = [];
    for (const member of composite.members) {
      if (!sites.some((site) => site.name === member))
        problems.push({
          about,
          sentence: `member ${member} is no TungstenCluster of this namespace; create it or correct the name`,
        });
      const other = owner.get(member);
      if (other !== undefined)
        problems.push({
          about,
          sentence: `member ${member} already belongs to CompositeService ${other}; remove it from one of them`,
        });
      owner.set(member, composite.name);
    }
    return problems;
  });
}

/** Sites connected by links or composites, in name order. */
function groupsOf(
  sites: readonly Site[],
  links: readonly LinkInput[],
  composites: readonly CompositeInput[],
): readonly (readonly Site[])[] {
  const parent = new Map(sites.map((site) => [site.name, site.name]));
  const rootOf = (name: string): string => {
    const up = parent.get(name) ?? name;
    return up === name ? name : rootOf(up);
  };
  const join = (a: string, b: string) => parent.set(rootOf(a), rootOf(b));
  for (const link of links) join(link.source, link.target);
  for (const { members } of composites) for (const member of members) join(members[0] ?? member, member);
  const groups = new Map<string, Site[]>();
  for (const site of sites) {
    const group = groups.get(rootOf(site.name));
    if (group === undefined) groups.set(rootOf(site.name), [site]);
    else group.push(site);
  }
  return [...groups.values()];
}

function estateFrom(
  namespace: string,
  sites: readonly Site[],
  links: readonly LinkInput[],
  composites: readonly CompositeInput[],
): Estate {
  const inside = (name: string) => sites.some((site) => site.name === name);
  const composite = composites.find(({ members }) => members.some(inside));
  const own: Link[] = links
    .filter((link) => inside(link.source))
    .map((link) => ({ ...link }))
    .sort(byName);
  const name = composite?.name ?? estateName(sites);
  return { name, namespace, sites, links: own, ...(composite && { composite: compositeFrom(composite) }) };
}

/** Sites' names hold no dot, so that no two estates of a namespace get one name; many of them are counted instead. */
const estateName = (sites: readonly Site[]): string => {
  const joined = sites.map((site) => site.name).join(".");
  return joined.length <= 200 ? joined : `${sites[0]?.name}.and-${sites.length - 1}-more`;
};

const compositeFrom = (input: CompositeInput): Composite => ({
  name: input.name,
  dataservice: input.dataservice ?? dataserviceName(input.name),
  type: input.type,
  members: input.members,
  ...(input.primarySite !== undefined && { primarySite: input.primarySite }),
  ...(input.writeAffinity !== undefined && { writeAffinity: input.writeAffinity }),
  ...(input.leaving !== undefined && { leaving: input.leaving }),
});
