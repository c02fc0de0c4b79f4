/**
 * A site that another one has taken the writes from by force does not know it when its pods come back: its managers hold it
 * for the primary, its database is writable, and each row that a client writes there is at no other site.
 */
import { isActivePassive } from "../topology/estate.ts";
import { connectorService } from "../topology/names.ts";
import { wayBack } from "./site-topology.ts";
import type { SiteView } from "./site-view.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

/**
 * Why the site's clients are kept away, with the way out; undefined where they are not. Told by the managers of another
 * site, as they told last: silence opens nothing. It is over when the site's own managers show its head as a relay, when the
 * others show the site as well, or where its own managers hold that other one for lost.
 */
export function clientsKeptAway(
  { estate, site, namespace }: Pick<ClusterPass, "estate" | "site" | "namespace">,
  { relays, sitesOut = [] }: Pick<SiteView, "relays" | "sitesOut">,
): string | undefined {
  if (!isActivePassive(estate) || relays) return undefined;
  const told = estate.sites.find(({ name }) => {
    const out: readonly string[] = namespace.clusters.get(name)?.status?.sitesOut ?? [];
    return name !== site.name && out.includes(site.name) && !sitesOut.includes(name);
  });
  return (
    told &&
    `${told.name} shows ${site.name} as failed or shunned: Service ${connectorService(site.name)} leads nowhere, so that nobody writes there; ${wayBack(estate)}; the Service leads there again when its own managers show it as a relay`
  );
}
