/**
 * Names that cannot be: too long for what is derived from them, or equal to another one in the same tungsten.ini, where
 * tpm would make one section of both. One sentence each.
 */
import type { Composite, Link, Site } from "./estate.ts";
import type { Problem } from "./estate-of.ts";
import {
  connectorSet,
  generatedService,
  linkSection,
  longestSchema,
  longestSiteName,
  longestWithConnectors,
  trackingSchemaOf,
} from "./names.ts";

const servicePattern = /^[a-z][a-z0-9_]*$/;

/** What is wrong with a dataservice's name by itself; it may be the default that metadata.name gave. */
function dataserviceFault(name: string): string | undefined {
  const say = (why: string) => `spec.dataservice ${name} ${why}; choose another`;
  if (!servicePattern.test(name))
    return say("does not begin with a letter, or holds more than letters, digits and _");
  if (name === "defaults") return say("is the name of tungsten.ini's section for all services");
  if (name.includes("_from_"))
    return say('contains "_from_", which Composite Active/Active uses for its own services');
  return undefined;
}

/** Pods that run only a connector have names of their own, which a neighbour may have already. */
function connectorNameFault({ name, connectors }: Site, sites: readonly Site[]): string | undefined {
  if (connectors.length === 0) return undefined;
  if (name.length > longestWithConnectors)
    return `spec.connector.replicas: metadata.name has ${name.length} characters, and the names of connector pods leave room for ${longestWithConnectors}; set it to 0, or choose a shorter name`;
  return sites.some((other) => other.name === connectorSet(name))
    ? `spec.connector.replicas: connector pods would have the names of the nodes of TungstenCluster ${connectorSet(name)}; set it to 0, or give one of them another name`
    : undefined;
}

/** Of one site: lengths, and its dataservice. `sites` are all of the namespace. */
export function siteNameFaults(site: Site, sites: readonly Site[]): readonly Problem[] {
  const about = `TungstenCluster/${site.name}`;
  const faults = [
    site.name.length > longestSiteName
      ? `metadata.name has ${site.name.length} characters; pods, markers and host names leave room for ${longestSiteName}: choose a shorter one`
      : undefined,
    dataserviceFault(site.dataservice),
    connectorNameFault(site, sites),
  ];
  return faults.filter((sentence) => sentence !== undefined).map((sentence) => ({ about, sentence }));
}

/** Sections of links against each other and against the dataservices; every link and service named is taken as it is. */
export function linkNameFaults(
  sites: readonly Site[],
  links: readonly Link[],
  composites: readonly Composite[],
): readonly Problem[] {
  const taken = new Map<string, { readonly what: string; readonly link?: Link }>();
  for (const site of sites)
    taken.set(site.dataservice, { what: `the dataservice of TungstenCluster ${site.name}` });
  for (const each of composites)
    taken.set(each.dataservice, { what: `the dataservice of CompositeService ${each.name}` });
  return links.flatMap((link) => {
    const source = sites.find((site) => site.name === link.source);
    const target = sites.find((site) => site.name === link.target);
    if (source === undefined || target === undefined) return [];
    const section = linkSection(source, target);
    const owner = taken.get(section);
    if (owner === undefined) taken.set(section, { what: `that of CrossSiteLink ${link.name}`, link });
    const same = owner?.link?.source === link.source && owner.link.target === link.target;
    if (owner === undefined || same) return [];
    const sentence = `its section [${section}] of tungsten.ini is also ${owner.what}; set spec.dataservice of one of the sites to another name`;
    return [{ about: `CrossSiteLink/${link.name}`, sentence }];
  });
}

/** A composite's own name, the services it makes tpm generate, and the members its order of writing names. */
export function compositeNameFaults(sites: readonly Site[], composite: Composite): readonly Problem[] {
  const about = `CompositeService/${composite.name}`;
  const twin = sites.find(({ dataservice }) => dataservice === composite.dataservice);
  const stranger = composite.writeAffinity?.find((name) => !composite.members.includes(name));
  const faults = [
    dataserviceFault(composite.dataservice),
    twin &&
      `spec.dataservice ${composite.dataservice} is also that of TungstenCluster ${twin.name}; choose another`,
    stranger &&
      `spec.writeAffinity names ${stranger}, which is no member; add it to spec.members or remove it there`,
    composite.type === "ActivePassive" ? undefined : generatedFault(sites, composite),
  ];
  return faults.filter((sentence) => sentence !== undefined).map((sentence) => ({ about, sentence }));
}

/** tpm makes a schema for every generated service too, and MySQL cuts no name: it refuses. */
function generatedFault(sites: readonly Site[], composite: Composite): string | undefined {
  const members = sites.filter(({ name }) => composite.members.includes(name));
  const made = members.flatMap((target) =>
    members.filter((source) => source !== target).map((source) => generatedService(target, source)),
  );
  const long = made.find((name) => trackingSchemaOf(name).length > longestSchema);
  if (long !== undefined)
    return `the dataservices of its members make a schema ${trackingSchemaOf(long)} of ${trackingSchemaOf(long).length} characters, MySQL takes ${longestSchema}; give one of them a shorter spec.dataservice`;
  const twin = made.find((name, index) => made.indexOf(name) !== index);
  return twin && `the dataservices of its members make the service ${twin} twice; rename one of them`;
}
