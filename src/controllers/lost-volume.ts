/**
 * A node of an installed site whose volume was lost: its pod came up with an empty one, beside full neighbours. It is made
 * anew from them, by a word for that one volume: nobody else can tell whether the former comes back, or held something.
 */
import { claimKind } from "../kube/kinds.ts";
import { bytesOfQuantity } from "../manifests/quantity.ts";
import { type Node, siteNamed } from "../topology/estate.ts";
import { siteLabel } from "../topology/names.ts";
import { bareOrNot } from "./data-kept.ts";
import type { KubeObject } from "./shell.ts";
import { notNow } from "./site-readiness.ts";
import { type SiteView, viewOf } from "./site-view.ts";
import { admitted, allSites } from "./site-walk.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

/** The first node that has nothing of Tungsten while another has; undefined where there is none, or nobody can tell. */
export function lostNode({ nodes }: Pick<SiteView, "nodes">): Node | undefined {
  const full = nodes.some(({ cluster }) => cluster != null);
  const bare = nodes.find(({ cluster, crossSite }) => cluster === null && crossSite === null);
  return full ? bare?.node : undefined;
}

type Refusal = { readonly told: readonly [reason: string, message: string] };

/** How the site stands without that node, once it may be made anew; else what stands in the way, or is to be said. */
export async function mayRebuild(
  pass: ClusterPass,
  view: SiteView,
  lost: Node,
): Promise<Refusal | { readonly rest: SiteView }> {
  const why = `${lost.name} has an empty volume and its neighbours are in service`;
  const waits = (what: string): Refusal => ({ told: ["Waiting", `${why}; it is not made anew: ${what}`] });
  if (pass.object.status?.ledger?.phase === "Running")
    return waits("another change of the site is under way");
  if (pass.site.nodes.some(({ witness }) => witness))
    return refusal(`${why}: the site has a witness; install and provision it by hand`);
  const dressed = await bareOrNot(pass, view, [lost]);
  if (dressed?.is === "unknown") return waits(dressed.why);
  if (dressed !== undefined)
    return refusal(
      `${lost.name} has no Tungsten and its database holds ${dressed.with}, so that it may hold data that somebody wants; give it an empty volume once you are sure, or install and provision it by hand`,
    );
  const rest = await viewOf(without(pass, lost));
  if (rest.primary === undefined || rest.primary === lost.name)
    return waits("no other node is the primary; ask for a Failover to one that has the data");
  const inTheWay = notNow(pass, rest);
  if (inTheWay !== undefined) return waits(inTheWay);
  const claim = await claimOf(pass, lost);
  const word = claim?.metadata.uid;
  if (word === undefined) return waits(`its claim opt-${lost.name} cannot be read`);
  const small = tooSmall(pass, claim);
  if (small !== undefined) return waits(small);
  if (pass.spec.changes.rebuild !== word)
    return {
      told: [
        "ApprovalNeeded",
        `${why}: its volume was lost. Bring the former one back, or, to install it and fill it from a replica, set spec.changes.rebuild to ${word}, the UID of its claim`,
      ],
    };
  const kept = await admitted(pass, allSites(pass));
  return kept === undefined ? { rest } : waits(kept);
}

const refusal = (why: string): Refusal => ({ told: ["Refused", why] });

/** The pass over the site as it is without that node. */
function without(pass: ClusterPass, lost: Node): ClusterPass {
  const sites = pass.estate.sites.map((site) =>
    site.name === pass.site.name
      ? { ...site, nodes: site.nodes.filter(({ name }) => name !== lost.name) }
      : site,
  );
  const estate = { ...pass.estate, sites };
  return { ...pass, estate, site: siteNamed(estate, pass.site.name) };
}

/** A copy of neighbours that have grown does not fit into a volume of the templates' size. */
function tooSmall({ spec }: ClusterPass, claim: KubeObject | undefined): string | undefined {
  const [has, wanted] = [claim?.status?.capacity?.storage, spec.storage.size].map((size) =>
    bytesOfQuantity(String(size)),
  );
  return has !== undefined && wanted !== undefined && has >= wanted
    ? undefined
    : `its volume has ${claim?.status?.capacity?.storage ?? "no size yet"}, and spec.storage.size wants ${spec.storage.size}`;
}

/** Another volume in the place of the former has another UID: a word counts for one loss. */
async function claimOf(
  { shell, estate, site }: ClusterPass,
  { name }: Node,
): Promise<KubeObject | undefined> {
  const claims = await shell.objects.list(claimKind, estate.namespace, `${siteLabel}=${site.name}`);
  return claims.find(({ metadata }) => metadata.name === `opt-${name}`);
}
