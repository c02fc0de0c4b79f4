/** The sites of a run: their Leases are taken in name order and their fences remembered for as long as the process lives. */
import { clusterKind, requestKind } from "../kube/kinds.ts";
import type { KubeObject, Shell } from "./shell.ts";
import { releaseSiteLease, takeSiteLease } from "./site-lease.ts";
import type { FenceBook, Pass } from "./upgrade-request.ts";

/** Takes every site's Lease; returns why not when another request holds one. What was taken stays: the order prevents deadlock. */
export async function takeSites(pass: Pass): Promise<string | undefined> {
  const { shell, request, estate, fences, namespace } = pass;
  const uid = request.metadata.uid ?? "";
  const held = fences.get(uid) ?? new Map<string, string>();
  fences.set(uid, held);
  for (const site of estate.sites) {
    if (held.has(site.name)) continue;
    const paused = namespace.clusters.get(site.name)?.spec?.proceduresPaused === true;
    if (paused) return `spec.proceduresPaused of TungstenCluster ${site.name} admits no procedure; clear it`;
    const at = { namespace: estate.namespace, site: site.name, holder: uid, now: shell.clock.now() };
    const admission = await takeSiteLease(shell.objects, at, (holder) =>
      holderIsOver(shell, estate.namespace, holder),
    );
    if (!admission.held)
      return `site ${site.name} is held by ${await nameOf(shell, estate.namespace, admission.holder)}; this run waits for it`;
    held.set(site.name, admission.fence);
  }
  return undefined;
}

/** The UpgradeRequest or TungstenCluster with that UID; a site that is being installed is held by its TungstenCluster. */
async function holderWith(shell: Shell, namespace: string, uid: string): Promise<KubeObject | undefined> {
  for (const kind of [requestKind, clusterKind]) {
    const found = (await shell.objects.list(kind, namespace)).find(({ metadata }) => metadata.uid === uid);
    if (found !== undefined) return { ...found, kind: kind.kind };
  }
  return undefined;
}

async function nameOf(shell: Shell, namespace: string, uid: string): Promise<string> {
  const holder = await holderWith(shell, namespace, uid);
  return holder === undefined ? uid : `${holder.kind} ${holder.metadata.name}`;
}

/** A holder that is gone holds nothing any more, nor a request that is finished, nor a site that installs nothing. */
async function holderIsOver(shell: Shell, namespace: string, uid: string): Promise<boolean> {
  const holder = await holderWith(shell, namespace, uid);
  const phase: unknown = holder?.status?.ledger?.phase;
  return (
    holder === undefined || phase === "Finished" || (holder.kind === clusterKind.kind && phase !== "Running")
  );
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
