/** What holds a deleted CrossSiteLink: services on the nodes that still do what it asked for. */
import { estateWith } from "../topology/estate-of.ts";
import { type Namespace, readNamespace } from "./estate-reader.ts";
import { isNowhere } from "./link-services.ts";
import { linkFinalizer, namespaceGoes } from "./ownership.ts";
import type { KubeObject, Shell } from "./shell.ts";
import { linksCondition } from "./site-leaving.ts";

/**
 * Why the link may not go yet, for people; undefined when it may: nothing of it is on any node, as with one that a
 * conversion has replaced; or nobody is left whom it could concern.
 */
export async function linkHeld(shell: Shell, { metadata, spec }: KubeObject): Promise<string | undefined> {
  const { name, namespace: where = "", finalizers } = metadata;
  if (finalizers?.includes(linkFinalizer) !== true) return undefined;
  if (await namespaceGoes(shell.objects, where)) return undefined;
  const namespace = await readNamespace(shell.objects, where);
  const ends: readonly string[] = [String(spec?.source?.name), String(spec?.target?.name)];
  if (ends.some((end) => !namespace.clusters.has(end))) return undefined;
  const estate = estateWith(namespace.estates, ends[1] ?? "");
  const [source, target] = ends.map((end) => estate?.sites.find((site) => site.name === end));
  if (estate === undefined || source === undefined || target === undefined)
    return `a spec of ${ends.join(" or ")} is not sound, so that nobody knows what it did; see condition Accepted there`;
  if (estate.sites.every((site) => isDeleted(namespace, site.name))) return undefined;
  const walker = estate.sites.find(({ name: site }) => {
    const { procedure, phase, kept } = namespace.clusters.get(site)?.status?.ledger ?? {};
    return procedure === "RemoveLinks" && phase === "Running" && kept?.[`link.${name}`] !== undefined;
  });
  if (walker === undefined && (await isNowhere(shell, estate, source, target))) return undefined;
  const teller = walker ?? estate.sites.find(({ name: site }) => !isDeleted(namespace, site)) ?? target;
  const told = toldBy(namespace, teller.name);
  return `it goes when ${target.name} reads ${source.name} no more; TungstenCluster ${teller.name}: ${told ?? "not begun"}`;
}

const isDeleted = ({ clusters }: Namespace, site: string): boolean =>
  clusters.get(site)?.metadata.deletionTimestamp !== undefined;

function toldBy({ clusters }: Namespace, site: string): string | undefined {
  const conditions: readonly { type: string; message: string }[] =
    clusters.get(site)?.status?.conditions ?? [];
  return conditions.find(({ type }) => type === linksCondition)?.message;
}
