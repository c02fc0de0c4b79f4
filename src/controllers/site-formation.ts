/**
 * Sites of a composite that has never run are installed together. What a fresh one waits for before it begins, what those
 * that began before have settled, and how a composite has to stand that takes one site more.
 */
import { ledgerSchema } from "../crds/ledger.ts";
import type { InstallForm } from "../topology/estate.ts";
import { nodesInService } from "./estate-reader.ts";
import { compositeForm } from "./request-planning.ts";
import { isComposite } from "./site-topology.ts";
import type { SiteView } from "./site-view.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

/**
 * Why a site with nothing installed must not begin: the CompositeService that names it is not whole, so that nobody knows
 * its text, or another member runs already, so that an empty site would join full ones. Undefined: nothing in the way.
 */
export function othersAwaited(
  { estate, site, namespace, object }: ClusterPass,
  view: SiteView,
  form: InstallForm,
): string | undefined {
  if (view.nodes.some(({ cluster }) => cluster !== null)) return undefined;
  const need = namespace.needs.get(site.name);
  if (estate.composite === undefined && need?.startsWith("CompositeService ") === true)
    return `${need} names this site and is not whole yet, so that its tungsten.ini cannot be written; its condition Accepted says what it lacks`;
  const formed = form === "CAA" || form === "CAP";
  if (!formed && !joinsComposite({ estate, site, namespace })) return undefined;
  const way =
    nodesInService(object) === undefined
      ? "which spec.fillFrom of this TungstenCluster asks for"
      : "and one that was in service gets its volumes back, or is made anew by hand";
  for (const { name } of estate.sites.filter((each) => each.name !== site.name)) {
    const status = namespace.clusters.get(name)?.status;
    // A status that says nothing, as after a restore, is no word about the nodes.
    const topology: string = status?.topology ?? "Unknown";
    if (topology === "None" || formationOf(status) !== undefined) continue;
    return topology === "Unknown"
      ? `it is not known whether site ${name} is installed; ${estate.composite?.name} is installed on all of its sites together`
      : `site ${name} is installed already (${topology}) and this one is empty: nothing is installed beside full sites; a site joins CompositeService ${estate.composite?.name} with a copy of their data, ${way}`;
  }
  return undefined;
}

/** The site belongs to a composite of which another site runs already, so that it is not formed with it but joins it. */
export function joinsComposite({
  estate,
  site,
  namespace,
}: Pick<ClusterPass, "estate" | "site" | "namespace">): boolean {
  const members = estate.composite?.members ?? [];
  if (!members.includes(site.name)) return false;
  const others = members.filter((name) => name !== site.name);
  return others.some((name) => {
    const status = namespace.clusters.get(name)?.status;
    return isComposite(status?.topology ?? "") && formationOf(status) === undefined;
  });
}

/** Why the composite does not take a site in now: another member is not there, not sound, or in somebody's hands. */
export function notJoinable({ estate, site, namespace }: ClusterPass): string | undefined {
  const { composite } = estate;
  if (composite === undefined) return "no CompositeService names it";
  const wanted = compositeForm(estate);
  const stray = estate.sites.find(({ name }) => !composite.members.includes(name));
  if (stray !== undefined)
    return `${stray.name} is tied to it by a CrossSiteLink and no member of CompositeService ${composite.name}`;
  for (const { name } of estate.sites.filter((each) => each.name !== site.name)) {
    const cluster = namespace.clusters.get(name);
    const { status, spec } = cluster ?? { status: undefined, spec: undefined };
    if (status?.topology === undefined) return `${name} was never looked at`;
    if (spec?.proceduresPaused === true || spec?.paused === true)
      return `spec.paused or spec.proceduresPaused of ${name} admits no procedure`;
    if (status.topology === "None")
      return `nothing is installed at ${name} either: sites join one after the other; leave one of them out of spec.members of CompositeService ${composite.name} until the other is in`;
    if (status.topology !== wanted)
      return `${name} runs as ${status.topology}, and CompositeService ${composite.name} says ${composite.type}`;
    if ((status.runningProcedure ?? "") !== "" || status.ledger?.phase === "Running")
      return `${name} is being changed; the sites of an estate take turns`;
    const ready = (status.conditions ?? []).find((each: { type: string }) => each.type === "Ready");
    if (ready?.status !== "True") return `${name} is not Ready: ${ready?.message ?? "nobody has looked"}`;
    const policy = String(spec?.policy ?? "Automatic").toUpperCase();
    if (status.policy !== policy)
      return `the policy of ${name} is ${status.policy ?? "unknown"} and its spec.policy wants ${policy}: somebody may be at work`;
    const runs = (status.nodes as { release?: string }[] | undefined)?.find(
      ({ release }) => release,
    )?.release;
    if (runs !== site.release)
      return `${name} runs release ${runs ?? "unknown"} and spec.release here is ${site.release}: managers of two releases do not work together`;
  }
  return undefined;
}

/** The ledger of a composite's installation that has not ended, from a site's status. */
function formationOf(status: { ledger?: unknown } | undefined) {
  const parsed = ledgerSchema.safeParse(status?.ledger);
  if (!parsed.success || parsed.data.procedure !== "InstallSite" || parsed.data.phase !== "Running")
    return undefined;
  return parsed.data.kept.form === undefined ? undefined : parsed.data;
}

/** Primaries that another site's installation wrote into the text it has published, by site; none while no other one runs. */
export function primariesBegun({ estate, site, namespace }: ClusterPass): Readonly<Record<string, string>> {
  const ledger = estate.sites
    .filter((each) => each.name !== site.name)
    .map(({ name }) => formationOf(namespace.clusters.get(name)?.status))
    .find((running) => running !== undefined);
  return ledger?.pins?.primaries ?? {};
}
