/** The sites of a run: their Leases are taken in name order and their fences remembered for as long as the process lives. */
import { clusterKind, requestKind } from "../kube/kinds.ts";
import { holdsSites } from "../procedures/catalog.ts";
import type { Namespace } from "./estate-reader.ts";
import { outOfServiceOf } from "./leaving-sites.ts";
import type { KubeObject, Objects, Shell } from "./shell.ts";
import { releaseSiteLease, siteHolder, takeSiteLease } from "./site-lease.ts";
import type { FenceBook, Pass } from "./upgrade-request.ts";

/** Who waits, and for whom; or all sites held, `fresh` when one of them was taken only now. */
export type Admitted = { readonly queued: string } | { readonly fresh: boolean };

/** Takes every site's Lease that this process does not hold yet. What was taken stays: the order prevents deadlock. */
export async function takeSites({ shell, request, estate, fences }: Pass): Promise<Admitted> {
  const uid = request.metadata.uid ?? "";
  const held = fences.get(uid) ?? new Map<string, string>();
  fences.set(uid, held);
  let fresh = false;
  for (const site of estate.sites) {
    if (held.has(site.name)) continue;
    const at = { namespace: estate.namespace, site: site.name, holder: uid, now: shell.clock.now() };
    const admission = await takeSiteLease(shell.objects, at, {
      isOver: (holder) => holderIsOver(shell.objects, estate.namespace, holder),
      running: () => runningOn(shell.objects, estate.namespace, site.name),
    });
    if (!admission.held) {
      const holder = await nameOf(shell.objects, estate.namespace, admission.holder);
      return { queued: `site ${site.name} is held by ${holder}; this run waits for it` };
    }
    held.set(site.name, admission.fence);
    fresh = true;
  }
  return { fresh };
}

/** A site that has left its composite with its data, and on which nothing runs any more; undefined where there is none. */
export const outOfServiceIn = ({ estate, namespace }: Pick<Pass, "estate" | "namespace">) =>
  estate.sites
    .map(({ name }) => outOfServiceOf(namespace.clusters.get(name)))
    .find((why) => why !== undefined);

/** A site that admits no new procedure. One that runs already is not stopped by it. */
export function closedSite({ estate, namespace }: Pass): string | undefined {
  const leaving = estate.sites.find(
    ({ name }) => namespace.clusters.get(name)?.metadata.deletionTimestamp !== undefined,
  );
  if (leaving !== undefined)
    return `TungstenCluster ${leaving.name} is being deleted and admits no procedure; take it out of its composite and links, it goes then`;
  const out = outOfServiceIn({ estate, namespace });
  if (out !== undefined) return out;
  const closed = estate.sites.find(
    ({ name }) => namespace.clusters.get(name)?.spec?.proceduresPaused === true,
  );
  return closed && `spec.proceduresPaused of TungstenCluster ${closed.name} admits no procedure; clear it`;
}

/** Asked live before every act: a site whose Lease names somebody else by now. The next pass asks for it again. */
export async function lostSite({ shell, request, estate, fences }: Pass): Promise<string | undefined> {
  const uid = request.metadata.uid ?? "";
  for (const { name } of estate.sites) {
    const holder = await siteHolder(shell.objects, estate.namespace, name);
    if (holder === uid) continue;
    fences.delete(uid);
    const other =
      holder === undefined || holder === ""
        ? "nobody"
        : await nameOf(shell.objects, estate.namespace, holder);
    return `the Lease of site ${name} names ${other}, no longer this run; it is asked for again`;
  }
  return undefined;
}

/** The UpgradeRequest or TungstenCluster with that UID; a site that is being installed is held by its TungstenCluster. */
async function holderWith(
  objects: Pick<Objects, "list">,
  namespace: string,
  uid: string,
): Promise<KubeObject | undefined> {
  for (const kind of [requestKind, clusterKind]) {
    const found = (await objects.list(kind, namespace)).find(({ metadata }) => metadata.uid === uid);
    if (found !== undefined) return { ...found, kind: kind.kind };
  }
  return undefined;
}

/** Kind and name of a holder; its UID when it is gone. */
export async function nameOf(objects: Objects, namespace: string, uid: string): Promise<string> {
  const holder = await holderWith(objects, namespace, uid);
  return holder === undefined ? uid : `${holder.kind} ${holder.metadata.name}`;
}

/** A holder that is gone holds nothing any more, nor a request that is finished, nor a site that installs nothing. */
export async function holderIsOver(
  objects: Pick<Objects, "list">,
  namespace: string,
  uid: string,
): Promise<boolean> {
  const holder = await holderWith(objects, namespace, uid);
  const phase: unknown = holder?.status?.ledger?.phase;
  return (
    holder === undefined || phase === "Finished" || (holder.kind === clusterKind.kind && phase !== "Running")
  );
}

/**
 * UID of who is in the middle of a procedure on a site by the ledgers themselves: the UpgradeRequest that was approved
 * first, or the TungstenCluster that is being installed; empty if nobody is. It lists all requests, so it is asked only
 * where the site's Lease is missing.
 */
export async function runningOn(
  objects: Pick<Objects, "get" | "list">,
  namespace: string,
  site: string,
): Promise<string> {
  const runs = (await objects.list(requestKind, namespace))
    .map(({ metadata, status }) => ({ uid: metadata.uid ?? "", ledger: status?.ledger }))
    .filter(({ ledger }) => ledger?.phase === "Running" && ledger.pins?.members?.[site] !== undefined)
    .filter(({ ledger }) => holdsSites(ledger.procedure))
    .sort((a, b) => (a.ledger.approvedAt ?? 0) - (b.ledger.approvedAt ?? 0));
  const [first] = runs;
  if (first !== undefined) return first.uid;
  const cluster = await objects.get(clusterKind, { namespace, name: site });
  return cluster?.status?.ledger?.phase === "Running" ? (cluster.metadata.uid ?? "") : "";
}

/** UID of somebody else who holds the site; empty when nobody does, or one who is over. */
export async function otherHolder(
  objects: Objects,
  namespace: string,
  site: string,
  own: string | undefined,
): Promise<string> {
  const holder = (await siteHolder(objects, namespace, site)) ?? (await runningOn(objects, namespace, site));
  const free = holder === "" || holder === own || (await holderIsOver(objects, namespace, holder));
  return free ? "" : holder;
}

/**
 * A request that has not begun and may not keeps no other one waiting, nor a site from being deleted. Which sites it
 * holds this process knows, or the sites' own status tells what the process before it took.
 */
export async function giveSitesBack(
  shell: Shell,
  request: KubeObject,
  { clusters }: Namespace,
  fences: FenceBook,
): Promise<void> {
  const uid = request.metadata.uid ?? "";
  const told = [...clusters].filter(([, { status }]) => status?.runningProcedure === uid);
  const sites = new Set([...(fences.get(uid)?.keys() ?? []), ...told.map(([name]) => name)]);
  if (sites.size > 0) await releaseSites(shell, request, [...sites].sort(), fences);
}

export async function releaseSites(
  shell: Shell,
  request: KubeObject,
  sites: readonly string[],
  fences: FenceBook,
): Promise<void> {
  const uid = request.metadata.uid ?? "";
  for (const site of sites)
    await releaseSiteLease(shell.objects, request.metadata.namespace ?? "", site, uid);
  fences.delete(uid);
}
