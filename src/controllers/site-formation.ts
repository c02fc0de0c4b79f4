/**
 * Sites of a composite that has never run are installed together. What a fresh one waits for before it begins, and what
 * those that began before have settled.
 */
import { ledgerSchema } from "../crds/ledger.ts";
import type { InstallForm } from "../topology/estate.ts";
import type { SiteView } from "./site-view.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

/**
 * Why a site with nothing installed must not begin: the CompositeService that names it is not whole, so that nobody knows
 * its text, or another member runs already, so that an empty site would join full ones. Undefined: nothing in the way.
 */
export function othersAwaited(
  { estate, site, namespace }: ClusterPass,
  view: SiteView,
  form: InstallForm,
): string | undefined {
  if (view.nodes.some(({ cluster }) => cluster !== null)) return undefined;
  const need = namespace.needs.get(site.name);
  if (estate.composite === undefined && need?.startsWith("CompositeService ") === true)
    return `${need} names this site and is not whole yet, so that its tungsten.ini cannot be written; its condition Accepted says what it lacks`;
  if (form !== "CAA" && form !== "CAP") return undefined;
  for (const { name } of estate.sites.filter((each) => each.name !== site.name)) {
    const status = namespace.clusters.get(name)?.status;
    // A status that says nothing, as after a restore, is no word about the nodes.
    const topology: string = status?.topology ?? "Unknown";
    if (topology === "None" || formationOf(status) !== undefined) continue;
    return topology === "Unknown"
      ? `it is not known whether site ${name} is installed; ${estate.composite?.name} is installed on all of its sites together`
      : `site ${name} is installed already (${topology}) and this one is empty: nothing is installed beside full sites; a site joins CompositeService ${estate.composite?.name} with a copy of their data`;
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
