/**
 * Admission of procedures: one Lease per site, held by a request's UID, without duration. Its resourceVersion at
 * acquisition is the fence that travels with every command; a new operator process takes the Lease anew, so its fence
 * is higher than that of the process before it (kubernetes-observed §10).
 */
import { isAlreadyExists, isConflict } from "../kube/errors.ts";
import { leaseKind } from "../kube/kinds.ts";
import type { KubeObject, Objects } from "./shell.ts";

export type Admission =
  | { readonly held: true; readonly fence: string }
  /** Another request holds the site, or the Lease changed under us and the next pass will see who won. */
  | { readonly held: false; readonly holder: string };

export const siteLeaseName = (site: string): string => `tungsten-site-${site}`;

const holderOf = (lease: KubeObject): string => String(lease.spec?.holderIdentity ?? "");

/** MicroTime wants six decimals. */
const microTime = (now: number): string => new Date(now).toISOString().replace(/Z$/, "000Z");

/** What only others can tell about a site. */
export type SiteNews = {
  /** Whether a holder, by UID, is over. */
  readonly isOver: (holder: string) => Promise<boolean>;
  /** UID of whoever is in the middle of a procedure on the site by its own ledger; empty if nobody is. */
  readonly running: () => Promise<string>;
};

/**
 * Takes the site's Lease for a request, or takes it again for a new process of ours. A Lease whose holder is over is
 * taken too. One that is missing says nothing, because anybody may have deleted it: then the ledgers are asked.
 */
export async function takeSiteLease(
  objects: Objects,
  at: { namespace: string; site: string; holder: string; now: number },
  news: SiteNews,
): Promise<Admission> {
  const name = siteLeaseName(at.site);
  const found = await objects.get(leaseKind, { namespace: at.namespace, name });
  const spec = { holderIdentity: at.holder, acquireTime: microTime(at.now), renewTime: microTime(at.now) };
  try {
    if (found === undefined) {
      const running = await news.running();
      if (running !== "" && running !== at.holder) return { held: false, holder: running };
      const labels = {
        "app.kubernetes.io/managed-by": "tungsten-operator",
        "tungsten-operator.io/site": at.site,
      };
      const made = await objects.create(leaseKind, {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { name, namespace: at.namespace, labels },
        spec,
      });
      return { held: true, fence: made.metadata.resourceVersion ?? "" };
    }
    const holder = holderOf(found);
    if (holder !== "" && holder !== at.holder && !(await news.isOver(holder))) return { held: false, holder };
    const taken = await objects.replace(leaseKind, { ...found, spec: { ...found.spec, ...spec } });
    return { held: true, fence: taken.metadata.resourceVersion ?? "" };
  } catch (error) {
    if (isConflict(error) || isAlreadyExists(error)) return { held: false, holder: "another process" };
    throw error;
  }
}

/** Gives the site's Lease back if this request holds it. */
export async function releaseSiteLease(
  objects: Objects,
  namespace: string,
  site: string,
  holder: string,
): Promise<void> {
  const found = await objects.get(leaseKind, { namespace, name: siteLeaseName(site) });
  if (found === undefined || holderOf(found) !== holder) return;
  try {
    await objects.replace(leaseKind, { ...found, spec: { ...found.spec, holderIdentity: "" } });
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
}

/** UID that the site's Lease names, read live; empty when it names none, undefined when there is no Lease. */
export async function siteHolder(
  objects: Objects,
  namespace: string,
  site: string,
): Promise<string | undefined> {
  const lease = await objects.get(leaseKind, { namespace, name: siteLeaseName(site) });
  return lease && holderOf(lease);
}
