/**
 * The estate's tungsten.ini: one text for all nodes of all sites (tungsten-config §1, rendering rules §9). Passwords are
 * placeholders; the node joins them with the files of its mounted Secret of the same names.
 */
import type { Estate, Site, TopologyKind } from "../topology/estate.ts";
import { linkSection } from "../topology/names.ts";
import { postProcessSections, staysOffline } from "./cross-site-options.ts";
import { type IniEntry, type IniSection, placeholder, renderIni } from "./document.ts";
import { optionKey, optionNamed } from "./option-catalogue.ts";

const secret = (name: string): IniEntry => [name, placeholder(name)];

const defaults = (site: Site): readonly IniEntry[] => [
  ["user", "tungsten"],
  ["install-directory", "/opt/continuent"],
  ["profile-script", "~/.bashrc"],
  secret("replication-user"),
  secret("replication-password"),
  ["replication-port", String(site.mysqlPort)],
  secret("application-user"),
  secret("application-password"),
  ["application-port", String(site.connectorPort)],
  ["enable-sudo-access", "false"],
  ["start-and-report", "false"],
  ["mgr-ping-method", "echo"],
  ["disable-security-controls", "true"],
  secret("rest-api-admin-user"),
  secret("rest-api-admin-pass"),
];

/**
 * TLS for replicators only, in [defaults] and [defaults.replicator] alike (deploy-msaa; deploy-cap for certificates in
 * common). With a keystore of one's own tpm wants the alias of MySQL's certificate named, also where MySQL has none.
 */
const secured: readonly IniEntry[] = [
  ["java-keystore-path", "/etc/tungsten/keystore.jks"],
  secret("java-keystore-password"),
  ["java-truststore-path", "/etc/tungsten/truststore.ts"],
  ["java-truststore-password", placeholder("java-keystore-password")],
  ["java-mysql-alias", "mysql"],
  ["thl-ssl", "true"],
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

/** By name: an object's keys have no order of their own, and the same specs must give the same bytes. */
const written = (options: Readonly<Record<string, string>>): readonly IniEntry[] =>
  Object.entries(options)
    .map(([key, value]): IniEntry => [optionKey(key), value])
    .sort(([a], [b]) => (a < b ? -1 : 1));

/** Ports stand in [defaults] as the estate's first site has them; a site that differs says so. */
const ownPorts = (site: Site, common: Site): readonly IniEntry[] => [
  ...(site.mysqlPort === common.mysqlPort
    ? []
    : [["replication-port", String(site.mysqlPort)] satisfies IniEntry]),
  ...(site.connectorPort === common.connectorPort
    ? []
    : [["application-port", String(site.connectorPort)] satisfies IniEntry]),
];

function siteSection(
  site: Site,
  primary: string,
  shared: Readonly<Record<string, string>>,
  common: Site,
): IniSection {
  const names = site.nodes.map((node) => node.name).join(",");
  const data = site.nodes.filter((node) => !node.witness).map((node) => node.name);
  const connectors = [...data, ...site.connectors.map((node) => node.name)];
  const witnesses = site.nodes.filter((node) => node.witness).map((node) => node.name);
  const voting: readonly IniEntry[] =
    witnesses.length === 0
      ? []
      : [
          ["witnesses", witnesses.join(",")],
          ["enable-active-witnesses", "true"],
        ];
  const own = Object.fromEntries(Object.entries(site.options).filter(([key]) => shared[key] === undefined));
  return {
    name: site.dataservice,
    entries: [
      ["topology", "clustered"],
      ["master", primary],
      ["members", names],
      ["connectors", connectors.join(",")],
      ...voting,
      ...ownPorts(site, common),
      ...written(own),
    ],
  };
}

/** Options that all sites write alike go to [defaults], unless tpm would ignore them there; the others stay with their site. */
function sharedOptions(estate: Estate): Readonly<Record<string, string>> {
  const [first, ...rest] = estate.sites;
  const alike = Object.entries(first?.options ?? {}).filter(
    ([key, value]) =>
      rest.every((site) => site.options[key] === value) && optionNamed(key)?.perService === false,
  );
  return Object.fromEntries(alike);
}

function linkSections(estate: Estate, common: Site): readonly IniSection[] {
  return estate.links.flatMap((link) => {
    const source = estate.sites.find((site) => site.name === link.source);
    const target = estate.sites.find((site) => site.name === link.target);
    if (source === undefined || target === undefined) return [];
    const entries: readonly IniEntry[] = [
      ["topology", "cluster-slave"],
      ["master-dataservice", source.dataservice],
      ["slave-dataservice", target.dataservice],
      ...ownPorts(target, { ...common, connectorPort: target.connectorPort }),
      ...written(link.options),
    ];
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
  const sites = estate.sites.map((site) => {
    const primary = primaries[site.name] ?? site.nodes[site.initialPrimary]?.name ?? "";
    const section = siteSection(site, primary, shared, first);
    return kind === "CAP" ? passive(section, estate, site) : section;
  });
  const later = kind === "CAA" || kind === "DAA" ? postProcessSections(estate) : [];
  const offline = later.length > 0 ? [staysOffline] : [];
  const tls = estate.secured === true ? secured : [];
  const common = [...defaults(first), ...tls, ...offline, ...affinity(estate, kind), ...written(shared)];
  return renderIni([
    { name: "defaults", entries: common },
    ...(kind === "MSAA" ? [{ name: "defaults.replicator", entries: [...crossSiteDefaults, ...tls] }] : []),
    ...sites,
    ...(kind === "MSAA" ? linkSections(estate, first) : []),
    ...compositeSection(estate, kind),
    ...later,
  ]);
}
