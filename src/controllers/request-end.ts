/** A finished request: the sites remember it, their Leases go back, the finalizer goes. Done again it changes nothing. */
import type { Ledger } from "../crds/ledger.ts";
import { clusterKind, requestKind } from "../kube/kinds.ts";
import { stepTimes } from "./durations.ts";
import { runFinalizer } from "./request-planning.ts";
import { releaseSites } from "./request-sites.ts";
import { writeStatus } from "./request-status.ts";
import type { KubeObject, Shell } from "./shell.ts";
import type { FenceBook, Requeue } from "./upgrade-request.ts";

const remembered = 20;

export async function finishRequest(
  shell: Shell,
  request: KubeObject,
  ledger: Ledger,
  fences: FenceBook,
): Promise<Requeue> {
  const sites = Object.keys(ledger.pins?.members ?? {}).sort();
  // A run that began no command changed nothing: it may be asked again under its name.
  if (ledger.commandsBegun > 0) for (const site of sites) await remember(shell, request, ledger, site);
  shell.questions.delete(request.metadata.uid ?? "");
  if (request.metadata.finalizers?.includes(runFinalizer)) {
    await releaseSites(shell, request, sites, fences);
    const finalizers = request.metadata.finalizers.filter((name) => name !== runFinalizer);
    const ref = { namespace: request.metadata.namespace ?? "", name: request.metadata.name };
    await shell.objects.patch(requestKind, ref, {
      metadata: { finalizers, resourceVersion: request.metadata.resourceVersion },
    });
    return { afterMs: 0 };
  }
  if (request.metadata.deletionTimestamp === undefined)
    await writeStatus(shell, request, { ledger, told: [], cursor: ledger.outcome ?? "Finished" });
  return "never";
}

async function remember(shell: Shell, request: KubeObject, ledger: Ledger, site: string): Promise<void> {
  const cluster = await shell.objects.get(clusterKind, {
    namespace: request.metadata.namespace ?? "",
    name: site,
  });
  if (cluster === undefined) return;
  const runs: { uid: string }[] = cluster.status?.finishedRuns ?? [];
  const uid = request.metadata.uid ?? "";
  if (runs.some((run) => run.uid === uid)) return;
  const run = {
    uid,
    name: request.metadata.name,
    procedure: ledger.procedure,
    outcome: ledger.outcome ?? "",
    finishedAt: new Date(shell.clock.now()).toISOString(),
    steps: stepTimes(ledger),
  };
  await shell.objects.replaceStatus(clusterKind, {
    ...cluster,
    status: { ...cluster.status, finishedRuns: [...runs, run].slice(-remembered) },
  });
}
