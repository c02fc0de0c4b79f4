/** The service that FixReplication mends: which product runs it, what it reads, where its position lies, what it is stopped at. */
import { type Estate, type Site, siteNamed } from "../topology/estate.ts";
import { generatedService } from "../topology/names.ts";
import type { Product } from "../tungsten/invocation.ts";
import { tracking } from "../tungsten/node-facts.ts";
import type { ReplicatorStatus } from "../tungsten/reading.ts";
import { classifyError } from "../tungsten/replicator-errors.ts";
import { trackingSchema } from "./conversion-names.ts";
import { commitOf } from "./conversion-readers.ts";
import { serviceStatus } from "./conversion-services.ts";
import { isGivenUp } from "./crossing.ts";
import type { Look, Run, Target } from "./procedure.ts";
import { knownValue } from "./verdicts.ts";

/** What a request of FixReplication asks for, by the block's fields. */
export type FixParameters = {
  readonly site: string;
  readonly service: string;
  readonly nodes: readonly string[];
  readonly reason: string;
  readonly action:
    | { readonly is: "SkipEvent"; readonly seqno: number }
    | { readonly is: "ApplySql"; readonly sha256: string }
    | { readonly is: "Online" }
    | { readonly is: "Force" }
    | { readonly is: "Reprovision"; readonly donor: string; readonly method: "xtrabackup" | "mysqldump" };
};

export type Carried = { readonly product: Product; readonly source: Site };

/** By its name: the site's own, another site's in the second product, or the composite's; undefined for none of them. */
export function carriedBy(estate: Estate, siteName: string, service: string): Carried | undefined {
  const site = estate.sites.find(({ name }) => name === siteName);
  if (site === undefined) return undefined;
  if (site.dataservice === service) return { product: "cluster", source: site };
  for (const source of estate.sites.filter((other) => other !== site)) {
    if (source.dataservice === service) return { product: "crossSite", source };
    if (generatedService(site, source) === service) return { product: "cluster", source };
  }
  return undefined;
}

/** The same where pre-flight has passed. */
export function carried(run: Run, { site, service }: FixParameters): Carried {
  const found = carriedBy(run.estate, site, service);
  if (found === undefined) throw new Error(`no service ${service} at ${site}`);
  return found;
}

/** The named nodes, each with the source of its service. */
export const fixTargets =
  (fix: FixParameters) =>
  (run: Run): readonly Target[] => {
    const site = siteNamed(run.estate, fix.site);
    const { source } = carried(run, fix);
    return site.nodes
      .filter(({ name }) => fix.nodes.includes(name))
      .map((node) => ({ id: node.name, node, site, source }));
  };

export const fixStatus = (fix: FixParameters, target: Target, look: Look): ReplicatorStatus | string =>
  serviceStatus(carried(look.run, fix).product, fix.service, target, look);

/** The seqno applied last, by the database: a service that is offline does not tell it. */
export const appliedSeqno = (fix: FixParameters, target: Target, look: Look): number | undefined =>
  commitOf(
    knownValue(look.facts.get(target.node.name, tracking(trackingSchema(carried(look.run, fix).source)))),
  )?.seqno;

/** Seqno and kind of an error at which a service stays stopped; undefined while it goes on, tries again or tells none. */
export function standingError(
  status: ReplicatorStatus,
): { readonly kind: string; readonly remedy: string; readonly seqno: number | null } | undefined {
  const error = status.state === "OFFLINE:ERROR" && isGivenUp(status) ? classifyError(status) : null;
  return error === null ? undefined : { ...error, seqno: status.pendingErrorSeqno };
}

/** What is kept in the sites' status when the run is over. */
export const pastKey = (target: Target): string => `past.${target.id}`;
/** Where a node notes that the approved statements have run on it. */
export const sqlNote = (run: Run, target: Target): string => `sql-${run.tag}-${target.node.name}`;
