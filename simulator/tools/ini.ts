/** tungsten.ini as tpm reads it, with tpm's own slackness (tungsten-observed §2.1 to §2.3): unknown keys vanish in silence. */
import type { ProductName } from "../state.ts";

type ClusterService = {
  master: string;
  members: readonly string[];
  /** Hosts that are in connectors= and not in members=. */
  connectors: readonly string[];
  relaySource: string | undefined;
};

export type Configuration = {
  /** Sites by dataservice name: who is master, who is a member, and whom a passive site relays. */
  readonly clusters: ReadonlyMap<string, ClusterService>;
  /** cluster-slave sections: source and target dataservice. */
  readonly links: readonly { source: string; target: string }[];
  /** `multiMaster`: every member writes; otherwise one does, and the others relay it. */
  readonly composite: { name: string; members: readonly string[]; multiMaster: boolean } | undefined;
  readonly options: ReadonlyMap<string, string>;
  /** Every section as it stands, keys in tpm's spelling. */
  readonly sections: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly errors: readonly string[];
};

const topologies = [
  "all-masters",
  "clustered",
  "cluster-alias",
  "cluster-slave",
  "direct",
  "fan-in",
  "master-slave",
  "star",
];
const aliases: Record<string, string> = {
  relay: "master",
  masters: "master",
  "master-dataservice": "relay-source",
  "slave-dataservice": "target-dataservice",
  "home-directory": "install-directory",
};

/** tpm's booleans: whatever holds an n and is no true or yes is false, `on` with it; `1` is refused (undefined). */
export const truth = (value: string): boolean | undefined =>
  /^(true|t|yes|y)$/i.test(value) ? true : /n|^f/i.test(value) ? false : undefined;

/** Sections in file order; later keys win, but for `property`, which gathers them line by line; a line that is none is fatal for the whole file. */
export function readConfiguration(text: string, product: ProductName): Configuration {
  const sections = new Map<string, Map<string, string>>();
  const errors: string[] = [];
  let current = "__anonymous__";
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.replace(/(^|\s)[#;].*$/, "").trim();
    if (line === "") continue;
    const header = /^\[(.+)\]$/.exec(line);
    if (header?.[1] !== undefined) current = header[1];
    else if (/^[^=]+(=|$)/.test(line) && line.includes("=")) {
      const [word = "", ...rest] = line.split("=");
      const key = word.trim().replace(/^--/, "").replaceAll("_", "-");
      const section = sections.get(current) ?? new Map<string, string>();
      const value = rest.join("=").trim();
      const before = key === "property" ? section.get(key) : undefined;
      section.set(aliases[key] ?? key, before === undefined ? value : `${before}\n${value}`);
      sections.set(current, section);
    } else errors.push(`ERROR >> ${line} could not be parsed to a LineType`);
  }
  const options = new Map([
    ...(sections.get("defaults") ?? []),
    ...(product === "crossSite" ? (sections.get("defaults.replicator") ?? []) : []),
  ]);
  const starts = options.get("start-and-report");
  if (starts !== undefined && truth(starts) === undefined)
    errors.push('ERROR >> Unable to parse "--start-and-report": Value must be true or false');
  return { ...servicesOf(sections, errors), options, sections, errors };
}

function servicesOf(sections: ReadonlyMap<string, ReadonlyMap<string, string>>, errors: string[]) {
  const clusters: Map<string, ClusterService> = new Map();
  const links: { source: string; target: string }[] = [];
  let composite: Configuration["composite"];
  for (const [header, keys] of sections) {
    if (header === "defaults" || header === "__anonymous__" || isForPostProcess(header)) continue;
    const name = header.toLowerCase().replace(/[.-]/g, "_");
    const topology = keys.get("topology") ?? "clustered";
    const members = keys.get("composite-datasources");
    if (members !== undefined)
      composite = {
        name,
        members: members.split(","),
        multiMaster: keys.get("topology") === "composite-multi-master",
      };
    else if (topology === "cluster-slave")
      links.push({ source: keys.get("relay-source") ?? "", target: keys.get("target-dataservice") ?? "" });
    else if (!topologies.includes(topology))
      errors.push(`ERROR >> Unable to parse "--topology": Value must be ${topologies.join(",")}`);
    else clusters.set(name, clusterService(keys));
  }
  return { clusters, links, composite };
}

/** Split at commas and not trimmed: a blank after one becomes part of a name. */
const listOf = (value: string | undefined): readonly string[] => (value ?? "").split(",");

function clusterService(keys: ReadonlyMap<string, string>): ClusterService {
  const members = listOf(keys.get("members"));
  return {
    master: keys.get("master") ?? "",
    members,
    connectors: listOf(keys.get("connectors")).filter((host) => host !== "" && !members.includes(host)),
    relaySource: keys.get("relay-source"),
  };
}

/** Sections that install and update pass by: `[defaults.replicator]`, `[S.replicator]`, `[x_from_y]` (tungsten-config §1.4). */
export const isForPostProcess = (header: string): boolean => /\.replicator$|_from_/.test(header);
