/** Who takes part when something leaves an estate: sites that are sound, and those that the others go on without. */
import { type Estate, isActivePassive } from "../topology/estate.ts";
import type { KubeObject } from "./shell.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

/** How long a site has to be silent before it is left out: a pod that restarts is back by then. */
const silentMs = 120_000;

type Told = { readonly type: string; readonly status: string; readonly lastTransitionTime: string };

const statusOf = ({ namespace }: ClusterPass, site: string) => namespace.clusters.get(site)?.status ?? {};

const readyOf = (pass: ClusterPass, site: string): Told | undefined =>
  (statusOf(pass, site).conditions ?? []).find(({ type }: Told) => type === "Ready");

export const isDeleted = ({ namespace }: ClusterPass, site: string): boolean =>
  namespace.clusters.get(site)?.metadata.deletionTimestamp !== undefined;

/** A node of it cannot be read, and it has not been Ready for a while; a site that merely is in trouble is waited for. */
export function isSilent(pass: ClusterPass, site: string): boolean {
  const ready = readyOf(pass, site);
  if (ready === undefined || ready.status === "True") return false;
  const since = Date.parse(ready.lastTransitionTime);
  return statusOf(pass, site).topology === "Unknown" && pass.shell.clock.now() - since > silentMs;
}

/** The estate with these of its sites only. */
export function onlyWith(estate: Estate, keep: (site: string) => boolean): Estate {
  const { composite } = estate;
  return {
    ...estate,
    sites: estate.sites.filter((site) => keep(site.name)),
    links: estate.links.filter(({ source, target }) => keep(source) && keep(target)),
    ...(composite && { composite: { ...composite, members: composite.members.filter(keep) } }),
  };
}

/** The pass over an estate of these sites only. */
export const among = (pass: ClusterPass, keep: (site: string) => boolean): ClusterPass => ({
  ...pass,
  estate: onlyWith(pass.estate, keep),
});

/** Another site that is not Ready, or that admits no procedure; `word` gives up what cannot arrive. */
export function unsound(pass: ClusterPass, word: string): string | undefined {
  for (const { name: other } of pass.estate.sites.filter((each) => each.name !== pass.site.name)) {
    if (readyOf(pass, other)?.status !== "True")
      return `site ${other} is not Ready; see its conditions. What cannot arrive any more is given up by ${word}`;
    if (pass.namespace.clusters.get(other)?.spec?.proceduresPaused === true)
      return `spec.proceduresPaused of TungstenCluster ${other} admits no procedure; clear it`;
  }
  return undefined;
}

/** Where changes of the walking site want a word: the text that it gets itself, by its checksum. */
export function unsaid({ spec, site }: ClusterPass, sha256: string): string | undefined {
  const { configuration, approved } = spec.changes;
  if (configuration === "Automatic" || (approved !== "" && sha256.startsWith(approved))) return undefined;
  return `to begin set spec.changes.approved of TungstenCluster ${site.name} to ${sha256}`;
}

/**
 * Sites on their way out of a composite that this one runs without a service of, and whose writes have to arrive there: it
 * gets the text that names them first. None where only one site writes, or where what is on its way is given up.
 */
export function awaitedBy({ estate, namespace }: ClusterPass, site: string): readonly string[] {
  const { leaving } = estate.composite ?? {};
  const named: readonly string[] | undefined = namespace.clusters.get(site)?.status?.configuration?.sites;
  if (leaving === undefined || !leaving.awaits || isActivePassive(estate) || named === undefined) return [];
  return leaving.members.filter((leaver) => leaver !== site && !named.includes(leaver));
}

/** What is told of a site that has left its composite as a relay, with the way out; undefined of every other one. */
export function outOfServiceOf(object: KubeObject | undefined): string | undefined {
  const left: unknown = object?.status?.leftComposite;
  return typeof left === "string" && left !== ""
    ? `TungstenCluster ${object?.metadata.name} has left CompositeService ${left} and is out of service, with all its data: delete it, and its volumes' claims when they are needed no more`
    : undefined;
}
