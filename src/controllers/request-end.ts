/**
 * The end of a request. A finished one: the sites remember it, their Leases go back, the finalizer goes. A deleted one
 * goes when nothing is left that its ledger could matter to. Done again it changes nothing.
 */
import type { Ledger } from "../crds/ledger.ts";
import { requestKind } from "../kube/kinds.ts";
import type { Namespace } from "./estate-reader.ts";
import { rememberRun } from "./finished-runs.ts";
import { dropFinalizer, namespaceGoes, runFinalizer } from "./ownership.ts";
import { releaseSites } from "./request-sites.ts";
import { writeStatus } from "./request-status.ts";
import type { KubeObject, Shell } from "./shell.ts";
import type { FenceBook, Requeue } from "./upgrade-request.ts";

export async function finishRequest(
  shell: Shell,
  request: KubeObject,
  ledger: Ledger,
  fences: FenceBook,
): Promise<Requeue> {
  const sites = Object.keys(ledger.pins?.members ?? {}).sort();
  // A run that began no command changed nothing: it may be asked again under its name.
  if (ledger.commandsBegun > 0) for (const site of sites) await rememberRun(shell, request, ledger, site);
  shell.questions.delete(request.metadata.uid ?? "");
  shell.statusWrites.delete(request.metadata.uid ?? "");
  if (request.metadata.finalizers?.includes(runFinalizer)) {
    await releaseSites(shell, request, sites, fences);
    await dropFinalizer(shell.objects, requestKind, request, runFinalizer);
    return { afterMs: 0 };
  }
  if (request.metadata.deletionTimestamp === undefined)
    await writeStatus(shell, request, { ledger, told: [], cursor: ledger.outcome ?? "Finished" });
  return "never";
}

/** Let go whatever its ledger says, if its namespace is deleted as a whole: its pods and volumes go too. */
export async function letGoWithNamespace(shell: Shell, request: KubeObject): Promise<boolean> {
  const { deletionTimestamp, finalizers, namespace = "" } = request.metadata;
  if (deletionTimestamp === undefined || !finalizers?.includes(runFinalizer)) return false;
  if (!(await namespaceGoes(shell.objects, namespace))) return false;
  await dropFinalizer(shell.objects, requestKind, request, runFinalizer);
  return true;
}

/** Let go in mid-run, if none of its sites exists any more: there is nothing left for it to finish or to undo. */
export async function letGoWithSites(
  shell: Shell,
  request: KubeObject,
  ledger: Ledger,
  { clusters }: Namespace,
): Promise<boolean> {
  const sites = Object.keys(ledger.pins?.members ?? {});
  if (request.metadata.deletionTimestamp === undefined || sites.length === 0) return false;
  if (sites.some((site) => clusters.has(site))) return false;
  const why = "its run did not end, but every TungstenCluster of it is gone, so the request goes too";
  shell.events.emit(request, "Warning", "RunAbandoned", why);
  await dropFinalizer(shell.objects, requestKind, request, runFinalizer);
  return true;
}
