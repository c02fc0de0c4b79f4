/**
 * The estate's tungsten.ini: one text for all nodes of all sites (tungsten-config §1, rendering rules §9). Passwords are
 * placeholders `@{file}`; the node joins them with the files of its mounted Secret of the same names.
 */
import type { Estate, Site, TopologyKind } from "../topology/estate.ts";
import { linkSection } from "../topology/names.ts";
import { type IniEntry, type IniSection, renderIni } from "./document.ts";

const defaults = (site: Site): readonly IniEntry[] => [
  ["user", "tungsten"],
  ["install-directory", "/opt/continuent"],
  ["profile-script", "~/.bashrc"],
  ["replication-user", "@{replication-user}"],
  ["replication-password", "@{replication-password}"],
  ["replication-port", String(site.mysqlPort)],
  ["application-user", "@{application-user}"],
  ["application-password", "@{application-password}"],
  ["application-port", String(site.connectorPort)],
  ["enable-sudo-access", "false"],
  ["start-and-report", "false"],
  ["mgr-ping-method", "echo"],
  ["disable-security-controls", "true"],
  ["rest-api-admin-user", "@{rest-api-admin-user}"],
  ["rest-api-admin-pass", "@{rest-api-admin-pass}"],
];

/** What keeps the second product out of the first one's way on the same host. */
const crossSiteDefaults: readonly IniEntry[] = [
  ["home-directory", "/opt/replicator"],
  ["thl-port", "2113"],
  ["rmi-port", "10002"],
  ["executable-prefix", "mm"],
  ["replicator-rest-api-port", "28097"],
  ["property", "replicator.prometheus.exporter.port=28091"],
];

function siteSection(site: Site, primary: string, shared: Readonly<Record<string, string>>): IniSection {
  const names = site.nodes.map((node) => node.name).join(",");
  const data = site.nodes.filter((node) => !node.witness).map((node) => node.name);
  const witnesses = site.nodes.filter((node) => node.witness).map((node) => node.name);
  const voting: readonly IniEntry[] =
    witnesses.length === 0
      ? []
      : [
          ["witnesses", witnesses.join(",")],
          ["enable-active-witnesses", "true"],
        ];
  const own = Object.entries(site.options).filter(([key]) => shared[key] === undefined);
  return {
    name: site.dataservice,
    entries: [
      ["topology", "clustered"],
      ["master", primary],
      ["members", names],
      ["connectors", data.join(",")],
      ...voting,
      ...own.map(([key, value]): IniEntry => [key.replaceAll("_", "-"), value]),
    ],
  };
}

/** Options that all sites write alike go to [defaults]; the others stay with their site. */
function sharedOptions(estate: Estate): Readonly<Record<string, string>> {
  const [first, ...rest] = estate.sites;
  const alike = Object.entries(first?.options ?? {}).filter(([key, value]) =>
    rest.every((site) => site.options[key] === value),
  );
  return Object.fromEntries(alike);
}

function linkSections(estate: Estate): readonly IniSection[] {
  return estate.links.flatMap((link) => {
    const source = estate.sites.find((site) => site.name === link.source);
    const target = estate.sites.find((site) => site.name === link.target);
    if (source === undefined || target === undefined) return [];
    const entries: IniEntry[] = [
      ["topology", "cluster-slave"],
      ["master-dataservice", source.dataservice],
      ["slave-dataservice", target.dataservice],
    ];
    for (const [key, value] of Object.entries(link.options)) entries.push([key.replaceAll("_", "-"), value]);
    return [{ name: linkSection(source, target), entries }];
  });
}

function compositeSection(estate: Estate, kind: TopologyKind): readonly IniSection[] {
  const { composite } = estate;
  if (composite === undefined || (kind !== "CAA" && kind !== "DAA" && kind !== "CAP")) return [];
  const names = composite.members.map(
    (name) => estate.sites.find((site) => site.name === name)?.dataservice ?? name,
  );
  const entries: IniEntry[] = kind === "CAP" ? [] : [["topology", "composite-multi-master"]];
  return [{ name: composite.dataservice, entries: [...entries, ["composite-datasources", names.join(",")]] }];
}

/** DAA is CAA with an order in which connectors write; it has no topology word of its own. */
function affinity(estate: Estate, kind: TopologyKind): readonly IniEntry[] {
  const order = kind === "DAA" ? estate.composite?.writeAffinity : undefined;
  if (order === undefined) return [];
  const names = order.map((name) => estate.sites.find((site) => site.name === name)?.dataservice ?? name);
  return [
    ["connector-write-affinity", names.join(",")],
    ["connector-reset-when-affinity-back", "true"],
  ];
}

/** A passive site of CAP has a relay that reads from the writable site. */
function passive(section: IniSection, estate: Estate, site: Site): IniSection {
  const active = estate.sites.find((candidate) => candidate.name === estate.composite?.primarySite);
  if (active === undefined || active.name === site.name) return section;
  const entries = section.entries.map(([key, value]): IniEntry => [key === "master" ? "relay" : key, value]);
  return { ...section, entries: [...entries, ["relay-source", active.dataservice]] };
}

/**
 * Renders the text for a topology. `primaries` names each site's live primary by site name; a site that is not in it
 * gets the node of its `initialPrimary`, which is right before the first install only.
 */
export function tungstenIni(
  estate: Estate,
  kind: TopologyKind,
  primaries: Readonly<Record<string, string>>,
): string {
  const [first] = estate.sites;
  if (first === undefined) throw new Error(`estate ${estate.name} has no site`);
  const shared = sharedOptions(estate);
  const common = Object.entries(shared).map(([key, value]): IniEntry => [key.replaceAll("_", "-"), value]);
  const sites = estate.sites.map((site) => {
    const primary = primaries[site.name] ?? site.nodes[site.initialPrimary]?.name ?? "";
    const section = siteSection(site, primary, shared);
    return kind === "CAP" ? passive(section, estate, site) : section;
  });
  return renderIni([
    { name: "defaults", entries: [...defaults(first), ...affinity(estate, kind), ...common] },
    ...(kind === "MSAA" ? [{ name: "defaults.replicator", entries: crossSiteDefaults }] : []),
    ...sites,
    ...(kind === "MSAA" ? linkSections(estate) : []),
    ...compositeSection(estate, kind),
  ]);
}
