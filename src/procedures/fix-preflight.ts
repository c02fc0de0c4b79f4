/** Pre-flight of FixReplication: the named service is there, stopped, and by just what the action is for. */
import { dataNodes, type Estate, siteNamed } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import { services } from "../tungsten/node-facts.ts";
import type { ReplicatorStatus } from "../tungsten/reading.ts";
import { classifyError } from "../tungsten/replicator-errors.ts";
import { compositeShownAt, linksBeside, otherActive } from "./composite-preflight.ts";
import { wordOf } from "./conversion-readers.ts";
import { isGivenUp } from "./crossing.ts";
import { carriedBy, type FixParameters, standingError } from "./fix-names.ts";
import { headRole, headWord } from "./leading.ts";
import type { Acceptance, Objection } from "./procedure.ts";
import { viewOf } from "./switch-preflight.ts";

const named = ({ site, service, nodes }: FixParameters): Acceptance => ({
  say: "the named nodes are the site's, and the named service runs there",
  ask(estate, facts) {
    const place = estate.sites.find(({ name }) => name === site);
    if (place === undefined)
      return { refused: `this estate has no TungstenCluster ${site}; name one of its sites` };
    const own = dataNodes(estate)
      .filter((node) => node.site === site)
      .map(({ name }) => name);
    const stranger = nodes.find((name) => !own.includes(name));
    if (stranger !== undefined)
      return {
        refused: `spec.fixReplication.nodes names ${stranger}, and ${site} has the data nodes ${own.join(", ")}; correct it`,
      };
    const carried = carriedBy(estate, site, service);
    if (carried === undefined)
      return {
        refused: `spec.fixReplication.service is ${service}, which is neither ${place.dataservice} nor a service that reads another site; take the name from kubectl tungsten services`,
      };
    return {
      objections: nodes.flatMap((node): Objection[] => {
        const status = statusOn(node, carried.product, service, facts);
        return typeof status === "string" ? [{ on: site, unknown: status }] : [];
      }),
    };
  },
});

function statusOn(
  node: string,
  product: "cluster" | "crossSite",
  service: string,
  facts: Facts,
): ReplicatorStatus | string {
  const all = facts.get(node, services(product));
  if ("unknown" in all) return `${node}: ${all.unknown}`;
  if (all.known === "down") return `the ${product} replicator of ${node} does not answer`;
  return all.known.find((status) => status.service === service) ?? `${node} has no service ${service}`;
}

/** What is wrong with the action for a service in this state; undefined when it fits. */
function unfit(
  { action, service }: FixParameters,
  node: string,
  status: ReplicatorStatus,
): string | undefined {
  if (action.is === "Reprovision") return undefined;
  const where = `${service} on ${node}`;
  if (!isGivenUp(status))
    return `${where} is ${wordOf(status)}: there is nothing to mend; delete this request`;
  const error = standingError(status);
  const is = error === undefined ? wordOf(status) : `${wordOf(status)} (${error.kind})`;
  const remedy = error === undefined ? "" : `; what mends it: ${error.remedy}`;
  switch (action.is) {
    case "SkipEvent":
      return error?.kind === "apply-failure" && error.seqno === action.seqno
        ? undefined
        : `${where} is ${is}${error?.seqno == null ? "" : ` at event ${error.seqno}`}, and spec.fixReplication.skipEvent.seqno is ${action.seqno}: an event is left out only where the service is stopped at it${remedy}`;
    case "ApplySql":
      return error?.kind === "apply-failure"
        ? undefined
        : `${where} is ${is}: statements mend an event that did not apply, and none is told${remedy}`;
    case "Force":
      return error?.kind === "epoch-mismatch"
        ? undefined
        : `${where} is ${is}: force is for the epoch mismatch and for nothing else${remedy}`;
    case "Online":
      return error?.kind === "epoch-mismatch"
        ? `${where} is ${is}: a plain online ends there again${remedy}`
        : undefined;
  }
}

/** Between two tries of a service nobody can say what it will be stopped at. */
const moving = (status: ReplicatorStatus): boolean =>
  (typeof status.state === "string" && status.state.startsWith("GOING-")) ||
  (status.state === "OFFLINE:ERROR" && (status.transitioningTo !== null || classifyError(status) === null));

const fits = (fix: FixParameters): Acceptance => ({
  say: "the service is stopped by what the action is for",
  ask(estate: Estate, facts: Facts) {
    const carried = carriedBy(estate, fix.site, fix.service);
    if (carried === undefined) return { ok: true };
    const site = siteNamed(estate, fix.site);
    return {
      objections: fix.nodes
        .filter((name) => site.nodes.some((node) => node.name === name))
        .flatMap((node): Objection[] => {
          const status = statusOn(node, carried.product, fix.service, facts);
          if (typeof status === "string") return [{ on: fix.site, unknown: status }];
          if (fix.action.is !== "Reprovision" && moving(status))
            return [{ on: fix.site, unknown: `${fix.service} on ${node} tries again by itself` }];
          const refused = unfit(fix, node, status);
          return refused === undefined ? [] : [{ on: fix.site, refused }];
        }),
    };
  },
});

/** What a service is compared with lies at the head of its source; that of a relay's service is another site's. */
const madeAnewOnly = (fix: FixParameters): Acceptance => ({
  say: "in an active/passive composite a replica is made anew, and nothing else is mended",
  ask(estate, facts) {
    const { composite } = estate;
    if (composite?.type !== "ActivePassive") return { ok: true };
    const odd = linksBeside(estate);
    if (odd !== undefined) return odd;
    if (fix.action.is !== "Reprovision")
      return {
        refused: `CompositeService ${composite.name} is ActivePassive; ${fix.action.is} compares a service with the log of its own site's primary, and a relay has its events from another site: make the replica anew (action Reprovision), or mend it by the vendor's page`,
      };
    const place = estate.sites.find(({ name }) => name === fix.site);
    const shown = place && compositeShownAt(estate, place, facts);
    if (shown === undefined) return { unknown: `no manager of ${fix.site} shows the composite` };
    const other = otherActive(estate, shown);
    return other === undefined ? { ok: true } : { refused: other };
  },
});

const heads = ["master", "relay"];

/** A donor of the same site, in service and no primary where another replica could be it; a node that is a replica. */
const donorFits = (fix: FixParameters): Acceptance => ({
  say: "a node that is made anew is a replica, and its donor is in service at the same site",
  ask(estate, facts) {
    const { action, site, service, nodes } = fix;
    if (action.is !== "Reprovision") return { ok: true };
    const place = estate.sites.find(({ name }) => name === site);
    const view = place && viewOf(place, facts);
    if (place === undefined || view === undefined) return { unknown: `no manager of ${site} answers` };
    const [node = ""] = nodes;
    const at = "spec.fixReplication.reprovision.donor";
    const online = view.datasources.filter(({ state, name }) => state === "ONLINE" && name !== node);
    const refused =
      service !== place.dataservice
        ? `spec.fixReplication.service is ${service}; a node is made anew as a whole: name ${place.dataservice}`
        : view.datasources.some(({ name, role }) => name === node && heads.includes(role))
          ? `${node} is the ${headWord(headRole(estate, site))} of ${site}; ask for a Switch first: a primary is never made anew, nor a relay`
          : !online.some(({ name }) => name === action.donor)
            ? `${at} is ${action.donor}, and ONLINE at ${site} besides ${node} are ${online.map(({ name }) => name).join(", ") || "none"}; name one of them`
            : online.some(({ name, role }) => name === action.donor && heads.includes(role)) &&
                online.length > 1
              ? `${at} is ${action.donor}, the ${headWord(headRole(estate, site))} of ${site}; name a replica: ${online
                  .filter(({ role }) => !heads.includes(role))
                  .map(({ name }) => name)
                  .join(", ")}`
              : undefined;
    if (refused !== undefined) return { refused };
    const gone = {
      id: `gone:${node}`,
      text: `all data of ${node} go and are copied from ${action.donor}; while that lasts ${site} has ${online.length} usable ${online.length === 1 ? "node" : "nodes"}`,
      needsWord: true,
    };
    return { ok: true, findings: [gone] };
  },
});

export const acceptsFix = (fix: FixParameters): readonly Acceptance[] => [
  madeAnewOnly(fix),
  named(fix),
  fits(fix),
  donorFits(fix),
];
