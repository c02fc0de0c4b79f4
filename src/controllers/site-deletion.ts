/** Deleting a TungstenCluster: held while others depend on it, its objects in order, its volumes only if that was asked for before. */
import {
  budgetKind,
  claimKind,
  clusterKind,
  configMapKind,
  leaseKind,
  networkPolicyKind,
  secretKind,
  serviceKind,
  statefulSetKind,
} from "../kube/kinds.ts";
import { iniSelector } from "../manifests/site-objects.ts";
import { iniConfigMap, runnerConfigMap, siteLabel } from "../topology/names.ts";
import type { Namespace } from "./estate-reader.ts";
import { dropFinalizer, namespaceGoes, siteFinalizer } from "./ownership.ts";
import { nameOf } from "./request-sites.ts";
import type { KubeObject, ResourceKind, Shell } from "./shell.ts";
import { siteLeaseName } from "./site-lease.ts";

/** Clients first, then what runs, then what it ran from. */
const order: readonly ResourceKind[] = [
  serviceKind,
  statefulSetKind,
  budgetKind,
  networkPolicyKind,
  configMapKind,
  secretKind,
];

/**
 * Lets a deleted site go with everything that is its own. `held` where it may not go: then it stays a full member of
 * its estate until what holds it is gone, because a deletion cannot be taken back. `holder` is the UID whose procedure
 * runs on it.
 */
export async function deleteSite(
  shell: Shell,
  object: KubeObject,
  all: Namespace,
  holder: string,
): Promise<"gone" | "held"> {
  const { objects } = shell;
  const { name, namespace = "" } = object.metadata;
  if (!object.metadata.finalizers?.includes(siteFinalizer)) return "gone";
  const needed = neededBy(name, all);
  if ((needed !== "" || holder !== "") && !(await namespaceGoes(objects, namespace))) {
    const why =
      needed !== ""
        ? `${needed} needs it; remove it there first`
        : `the procedure of ${await nameOf(objects, namespace, holder)} runs on it; let it end or abort it first`;
    shell.events.emit(object, "Warning", "DeletionHeld", `not deleted: ${why}`);
    return "held";
  }
  const kinds = object.spec?.retention === "Delete" ? [...order, claimKind] : order;
  for (const kind of kinds)
    for (const child of await objects.list(kind, namespace, `${siteLabel}=${name}`))
      await removeFound(shell, kind, child);
  await removeShared(shell, object, all);
  await removeFound(shell, leaseKind, await objects.get(leaseKind, { namespace, name: siteLeaseName(name) }));
  await dropFinalizer(objects, clusterKind, object, siteFinalizer);
  return "gone";
}

/** What several sites share goes when the last of those that use it does. */
async function removeShared(shell: Shell, { metadata }: KubeObject, all: Namespace): Promise<void> {
  const { objects } = shell;
  const { name, namespace = "" } = metadata;
  const stays = (site: string): boolean =>
    site !== name &&
    (all.clusters.get(site)?.metadata.deletionTimestamp === undefined || neededBy(site, all) !== "");
  const used = all.estates
    .filter(({ sites }) => sites.some((site) => stays(site.name)))
    .map((estate) => iniConfigMap(estate.name));
  for (const map of await objects.list(configMapKind, namespace, iniSelector))
    if (!used.includes(map.metadata.name)) await removeFound(shell, configMapKind, map);
  if ([...all.clusters.keys()].some(stays)) return;
  const runner = await objects.get(configMapKind, { namespace, name: runnerConfigMap });
  await removeFound(shell, configMapKind, runner);
}

async function removeFound(shell: Shell, kind: ResourceKind, found: KubeObject | undefined): Promise<void> {
  if (found === undefined) return;
  const { name, namespace = "", uid = "" } = found.metadata;
  await shell.objects.remove(kind, { namespace, name }, uid);
}

/** The object that still needs the site, by kind and name; empty if none. It is told in the status; the deletion policies ask the objects themselves. */
export const neededBy = (name: string, { needs }: Namespace): string => needs.get(name) ?? "";
