/**
 * Who leads: the head node of each site, and which site takes the writes where only one does (active/passive). A head is
 * the primary of a site that writes, and the relay of a passive one. Everybody has to say so: managers, databases,
 * replicators, and a relay by where it reads.
 */
import { activeSite, type Estate, isPassive, type Node, type Site, siteOf } from "../topology/estate.ts";
import { clusterView, readOnly, tracking } from "../tungsten/node-facts.ts";
import type { ClusterView, ReplicatorStatus, TrackingRows } from "../tungsten/reading.ts";
import { trackingSchema } from "./conversion-names.ts";
import { serviceStatus } from "./conversion-services.ts";
import type { Look, Run, Verdict } from "./procedure.ts";
import { done, doneIf, every, knowing, knownValue, pending } from "./verdicts.ts";

export type Leading = {
  /** Undefined where every site takes writes of its own. */
  readonly active: Site | undefined;
  /** Name of a site's head node. */
  readonly headOf: (site: Site) => string;
};

export type HeadRole = "master" | "relay";

/** What managers call a site's head. */
export const headRole = (estate: Estate, site: string): HeadRole =>
  isPassive(estate, site) ? "relay" : "master";

/** The same for people. */
export const headWord = (role: HeadRole): string => (role === "relay" ? "relay" : "primary");

/** The one datasource that is a head, and ONLINE; undefined for none, for several, and for one of the other role. */
export function soleHead({ datasources }: ClusterView, role: HeadRole): string | undefined {
  const heads = datasources.filter((source) => source.role === "master" || source.role === "relay");
  const [only] = heads;
  return heads.length === 1 && only?.state === "ONLINE" && only.role === role ? only.name : undefined;
}

/** As it was when the plan was approved. */
export const leadingAsPinned = ({ estate, pins }: Run): Leading => ({
  active: activeSite(estate),
  headOf: ({ name }) => pins.primaries[name] ?? "",
});

const roleOf = ({ active, headOf }: Leading, site: Site, node: Node): HeadRole | "slave" => {
  if (headOf(site) !== node.name) return "slave";
  return active === undefined || active.name === site.name ? "master" : "relay";
};

/** One head of the right role by every manager's word, by what every database admits, and by the replicators' roles. */
export const ledBy = (leading: Leading, site: Site, nodes: readonly Node[], look: Look): Verdict =>
  every([
    ...nodes.map((node) => managersAgree(leading, site, node, look)),
    ...nodes.map((node) => databaseAgrees(leading, site, node, look)),
    ...nodes.map((node) => replicatorAgrees(leading, site, node, look)),
  ]);

function managersAgree(leading: Leading, site: Site, node: Node, look: Look): Verdict {
  const role = leading.active === undefined || leading.active.name === site.name ? "master" : "relay";
  const roles = leading.active === undefined ? ["master"] : ["master", "relay"];
  return knowing(look.facts.get(node.name, clusterView), `cctrl of ${node.name}`, ({ datasources }) => {
    const heads = datasources.filter((source) => roles.includes(source.role) && source.state === "ONLINE");
    const names = heads.map(({ name }) => name).join(" and ") || "nobody";
    const word = heads[0]?.role === "relay" ? "relay" : "primary";
    return doneIf(
      names === leading.headOf(site) && heads[0]?.role === role,
      `${names} is the ${word} of ${site.name} by the word of ${node.name}`,
    );
  });
}

const databaseAgrees = (leading: Leading, site: Site, node: Node, look: Look): Verdict =>
  knowing(look.facts.get(node.name, readOnly), `read_only of ${node.name}`, (is) => {
    const writes = roleOf(leading, site, node) === "master";
    const only = leading.active === undefined || leading.active.name === site.name;
    const wanted = only
      ? `${leading.headOf(site)} is to be the only writable node of ${site.name}`
      : `no node of ${site.name} is to be writable`;
    return doneIf(is !== writes, `${node.name} is ${is ? "read-only" : "writable"}, and ${wanted}`);
  });

function replicatorAgrees(leading: Leading, site: Site, node: Node, look: Look): Verdict {
  const status = serviceStatus("cluster", site.dataservice, { id: node.name, node, site }, look);
  if (typeof status === "string") return pending(status);
  const wanted = roleOf(leading, site, node);
  if (status.role !== wanted)
    return pending(`${site.dataservice} on ${node.name} has the role ${status.role}, wanted is ${wanted}`);
  return wanted === "relay" ? relayReads(leading, status, node) : done;
}

/** Through whichever node of the active site its managers chose. */
function relayReads({ active }: Leading, status: ReplicatorStatus, node: Node): Verdict {
  const host = /^thls?:\/\/([^:/]+)/.exec(status.pipelineSource ?? "")?.[1];
  return doneIf(
    active?.nodes.some(({ name }) => name === host) === true,
    `the relay ${node.name} reads from ${host ?? "nobody"}, and ${active?.name} takes the writes`,
  );
}

/** Where a node's own service may keep its position: under its site's name, in an active/passive composite perhaps under that one's. */
export const ownSchemas = (estate: Estate, site: Site): readonly string[] => [
  trackingSchema(site),
  ...(activeSite(estate) === undefined ? [] : [`tungsten_${estate.composite?.dataservice}`]),
];

/**
 * Where a heartbeat of the composite's active site may stand at a node. A relay's service is named after its own site, and
 * older code names the schemas of a composite's members after the composite ([doc:oss], tungsten-config §1.3): which of
 * them a release uses nobody has seen. The name is unique to the run, so the first that holds it is enough.
 */
export function heartbeatSchemas({ estate }: Run, sender: Site, site: Site): readonly string[] {
  if (activeSite(estate) === undefined) return [trackingSchema(sender)];
  return [...new Set([...ownSchemas(estate, site), trackingSchema(sender)])];
}

/** The last heartbeat of a sender that arrived at a node has such a name. */
export function heartbeatArrived(
  sender: Site,
  node: Node,
  fits: (name: string) => boolean,
  look: Look,
): Verdict {
  const schemas = heartbeatSchemas(look.run, sender, siteOf(look.run.estate, node));
  const facts = schemas.map((schema) => look.facts.get(node.name, tracking(schema)));
  const has = (rows: TrackingRows | "absent" | undefined): boolean =>
    rows !== undefined && rows !== "absent" && fits(rows.heartbeat?.name ?? "");
  if (facts.some((fact) => has(knownValue(fact)))) return done;
  return every(
    facts.map((fact) =>
      knowing(fact, `the heartbeat row of ${node.name}`, () =>
        pending(`no heartbeat of ${sender.name} has arrived at ${node.name} yet`),
      ),
    ),
  );
}
