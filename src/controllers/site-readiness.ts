/** What every change of a site waits for: on a site in trouble, in somebody's hands or out of turn, nothing is restarted. */
import { type AppliedConfiguration, type Topology, wishesOf } from "../procedures/configuration-standing.ts";
import { sha256Of } from "./checksum.ts";
import type { SiteView } from "./site-view.ts";
import { primariesOf } from "./site-walk.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

/** In which form the site's ini is written; undefined while that is not known, or in between two. */
export const topologyOf = ({ topology }: SiteView): Topology | undefined =>
  topology === "CAA" ? "CAA" : topology === "MSAA" || topology === "Standalone" ? "MSAA" : undefined;

/** Why a change may not begin now, with the way out; undefined when it may. */
export function notNow(pass: ClusterPass, view: SiteView): string | undefined {
  const { object, spec } = pass;
  if (object.metadata.deletionTimestamp !== undefined) return "the TungstenCluster is being deleted";
  if (spec.proceduresPaused) return "spec.proceduresPaused admits no procedure; clear it";
  if (view.trouble !== undefined) return view.trouble;
  if (primariesOf(pass, view) === undefined) return "the primary of a site of the estate is not known";
  if (topologyOf(view) === undefined) return "the installed topology is not known, or in between two";
  const wanted = spec.policy.toUpperCase();
  if (view.policy !== wanted)
    return `the policy is ${view.policy ?? "unknown"} and spec.policy wants ${wanted}: somebody may be at work; set it back in cctrl, or correct spec.policy`;
  if (new Set(view.nodes.map(({ cluster }) => cluster?.release)).size > 1)
    return "the nodes run different releases; upgrade them first";
  return elsewhere(pass);
}

/** Another site of the estate that is being changed, or whose turn comes first. */
function elsewhere({ estate, site, namespace }: ClusterPass): string | undefined {
  for (const { name: other } of estate.sites.filter((each) => each.name !== site.name)) {
    const status = namespace.clusters.get(other)?.status;
    if (status?.ledger?.phase === "Running" || (status?.runningProcedure ?? "") !== "")
      return `site ${other} is being changed; the sites of an estate take turns`;
    const record: AppliedConfiguration | undefined = status?.configuration;
    const wishes = record && wishesOf(estate, record.topology === "CAA" ? "CAA" : "MSAA");
    const behind =
      wishes !== undefined &&
      (record?.wishes !== sha256Of(wishes.options) ||
        (record.ground === sha256Of(wishes.ground) && record.shape !== sha256Of(wishes.shape)));
    if (other < site.name && behind)
      return `site ${other} has its turn first; its condition ConfigurationApplied says why it has not had it`;
  }
  return undefined;
}
