/** What somebody changed on a site's nodes by hand. It is told, with since when and the way out, and never set back. */
import type { Told } from "../crds/conditions.ts";
import type { Estate, Node, Site } from "../topology/estate.ts";
import { generatedService } from "../topology/names.ts";
import type { Facts } from "../tungsten/facts.ts";
import {
  dataserver,
  iniState,
  installed,
  readOnly,
  serverFile,
  serverSettings,
} from "../tungsten/node-facts.ts";

/** One thing that differs, in a sentence with its way out. `since`: when it was first seen, RFC 3339. */
export type Drift = { readonly what: string; readonly since: string };

/** Nodes of which nobody can say whether they are as they were left. */
export const unreadNodes = (site: Site, facts: Facts): readonly string[] =>
  site.nodes
    .filter((node) => !node.witness)
    .map(({ name }) => name)
    .filter((name) => {
      const answers = [
        facts.get(name, iniState),
        facts.get(name, installed("cluster")),
        facts.get(name, readOnly),
      ];
      return answers.some((answer) => "unknown" in answer);
    });

/** Every difference on the site's nodes, as far as they can be read. `relays`: another site takes the writes. */
export function driftOf(
  estate: Estate,
  site: Site,
  primary: string | undefined,
  facts: Facts,
  relays = false,
): readonly string[] {
  const data = site.nodes.filter((node) => !node.witness);
  return [
    ...data.flatMap((node) => iniDrift(node, facts)),
    ...data.flatMap((node) => serviceDrift(estate, site, node, facts)),
    ...data.flatMap((node) => settingDrift(node, facts)),
    ...(primary === undefined ? [] : data.flatMap((node) => writeDrift(node, primary, facts, relays))),
  ];
}

function iniDrift({ name }: Node, facts: Facts): readonly string[] {
  const [ini, product] = [facts.get(name, iniState), facts.get(name, installed("cluster"))];
  if ("unknown" in ini || ini.known.published === null) return [];
  const { published, joined } = ini.known;
  if (!joined)
    return [
      `/etc/tungsten/tungsten.ini of ${name} is not the published text with its passwords: somebody edited it, or the Secret has just changed; compare it with /opt/tungsten-operator/ini/tungsten.ini there and put it back, or bring the change into the spec`,
    ];
  const ran = "known" in product ? product.known?.ini : undefined;
  if (ran === undefined || ran === null || ran === published) return [];
  return [
    `tpm of ${name} last ran with another tungsten.ini than the one that lies there; run tpm update there, or publish the former text again`,
  ];
}

/** Services that no object declares. A missing one keeps the site from being Ready and is told there. */
export function serviceDrift(estate: Estate, site: Site, { name }: Node, facts: Facts): readonly string[] {
  const others = estate.sites.filter((other) => other.name !== site.name);
  const declared = {
    cluster: [site.dataservice, ...others.map((source) => generatedService(site, source))],
    crossSite: others.map(({ dataservice }) => dataservice),
  };
  return (["cluster", "crossSite"] as const).flatMap((product) => {
    const is = facts.get(name, installed(product));
    const names = "known" in is ? (is.known?.services ?? []) : [];
    return names
      .filter((service) => !declared[product].includes(service))
      .map(
        (service) =>
          `${name} runs service ${service} under ${product === "cluster" ? "/opt/continuent" : "/opt/replicator"}, which no TungstenCluster, CrossSiteLink or CompositeService declares; declare it, or remove it with tpm`,
      );
  });
}

/** What keeps the keys of writing sites apart, where the server was started with the file and runs otherwise. */
function settingDrift({ name }: Node, facts: Facts): readonly string[] {
  const [file, running, server] = [
    facts.get(name, serverFile),
    facts.get(name, serverSettings),
    facts.get(name, dataserver),
  ];
  if ("unknown" in file || "unknown" in running || "unknown" in server || !server.known.started) return [];
  const pairs = [
    ["auto_increment_increment", running.known.autoIncrementIncrement],
    ["auto_increment_offset", running.known.autoIncrementOffset],
  ] as const;
  return pairs.flatMap(([option, is]) => {
    const said = file.known.get(option.replaceAll("_", "-"));
    if (said === undefined || said === is) return [];
    return [
      `${option} of ${name} is ${is}, and its my.cnf says ${said}: two sites may make the same keys; SET GLOBAL ${option} = ${said} there, and let its clients connect anew`,
    ];
  });
}

function writeDrift({ name }: Node, primary: string, facts: Facts, relays: boolean): readonly string[] {
  const is = facts.get(name, readOnly);
  if ("unknown" in is) return [];
  if (relays)
    return is.known
      ? []
      : [
          `the database of ${name} is writable and its site relays another one: a write there is at no other site; set read_only=1, then compare the data`,
        ];
  if (name === primary && is.known)
    return [
      `the database of ${name} is read-only and its site's primary; find out why, then set read_only=0`,
    ];
  if (name !== primary && !is.known)
    return [
      `the database of ${name} is writable and ${primary} is its site's primary: a write there is on no other node; set read_only=1, then compare the data`,
    ];
  return [];
}

/** Keeps the time at which each was first seen. */
export const sinceWhen = (
  sentences: readonly string[],
  before: readonly Drift[],
  now: number,
): readonly Drift[] =>
  sentences.map((what) => ({
    what,
    since: before.find((each) => each.what === what)?.since ?? new Date(now).toISOString(),
  }));

/** Condition AsLeft: the nodes are as the operator, or a run, left them. While a procedure changes them nobody can say. */
export function tellDrift(drift: readonly Drift[], unread: readonly string[], changing: boolean): Told {
  const type = "AsLeft";
  if (changing && drift.length > 0)
    return { type, status: "False", reason: "ChangedDuringRun", message: inWords(drift) };
  if (changing)
    return { type, status: "Unknown", reason: "ProcedureRuns", message: "a procedure changes the nodes" };
  if (drift.length === 0 && unread.length > 0)
    return { type, status: "Unknown", reason: "NotRead", message: `${unread.join(", ")} cannot be read` };
  if (drift.length === 0)
    return { type, status: "True", reason: "AsLeft", message: "nobody changed the nodes by hand" };
  return { type, status: "False", reason: "Drifted", message: inWords(drift) };
}

const inWords = (drift: readonly Drift[]): string =>
  drift.map(({ what, since }) => `${what} (since ${since})`).join(". ");
