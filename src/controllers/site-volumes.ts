/**
 * A site's volumes: claims are made by the StatefulSet, whose templates for them nobody may change. So the size that the
 * spec wants goes to the claims themselves, which only ever grow, and the StatefulSet keeps the templates it has.
 */
import type { Told } from "../crds/conditions.ts";
import { claimKind, statefulSetKind } from "../kube/kinds.ts";
import { bytesOfQuantity } from "../manifests/quantity.ts";
import { siteLabel } from "../topology/names.ts";
import type { KubeObject } from "./shell.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

const type = "VolumesCurrent";
const tell = (status: Told["status"], reason: string, message: string): Told => ({
  type,
  status,
  reason,
  message,
});

/** What a site's volumes were last seen to be. Lives in status.storage, and spares the reads of a site where nothing changes. */
type Recorded = { readonly template: string; readonly size: string; readonly nodes: number };

export type Volumes = {
  /** The size in the StatefulSet's templates: that of its making. */
  readonly template: string;
  readonly told: Told;
  /** Once every volume is as wanted. */
  readonly status: { readonly storage?: Recorded };
};

/** Lets claims grow to the wanted size, and tells how that stands. A smaller size than a volume has is refused in words. */
export async function volumesOf(pass: ClusterPass): Promise<Volumes> {
  const { object, site, spec } = pass;
  const { size } = spec.storage;
  const recorded: Recorded | undefined = object.status?.storage;
  const current = tell("True", "Current", `every volume has the size that the spec wants, ${size}`);
  if (recorded?.size === size && recorded.nodes === site.nodes.length && !claimsChange(object))
    return { template: recorded.template, told: current, status: { storage: recorded } };
  const template = recorded?.template ?? (await templateSize(pass)) ?? size;
  const trouble = await grown(pass);
  return trouble === undefined
    ? { template, told: current, status: { storage: { template, size, nodes: site.nodes.length } } }
    : { template, told: trouble, status: {} };
}

/** A node comes, goes or is made anew: a claim that takes the place of a lost one has the size of the templates. */
const claimsChange = ({ status }: KubeObject): boolean =>
  (status?.conditions ?? []).some(
    (each: { type: string; status: string }) => each.type === "NodesInService" && each.status === "False",
  );

async function templateSize({ shell, estate, site }: ClusterPass): Promise<string | undefined> {
  const live = await shell.objects.get(statefulSetKind, { namespace: estate.namespace, name: site.name });
  return live?.spec?.volumeClaimTemplates?.[0]?.spec?.resources?.requests?.storage;
}

/** Undefined once every node has its claims and each is as large as wanted. */
async function grown({ shell, estate, site, spec }: ClusterPass): Promise<Told | undefined> {
  const wanted = spec.storage.size;
  const bytes = bytesOfQuantity(wanted);
  if (bytes === undefined)
    return tell("False", "Refused", `spec.storage.size: ${wanted} is no size: write e.g. 20Gi`);
  const claims = await shell.objects.list(claimKind, estate.namespace, `${siteLabel}=${site.name}`);
  const large = claims.find((claim) => bytesOf(askedOf(claim)) > bytes);
  if (large !== undefined)
    return tell(
      "False",
      "Refused",
      `spec.storage.size: ${wanted} is less than the ${askedOf(large)} of ${large.metadata.name}, and volumes do not shrink: put ${askedOf(large)} back`,
    );
  for (const claim of claims.filter((each) => bytesOf(askedOf(each)) < bytes)) {
    const refused = await grow(shell, claim, wanted);
    if (refused !== undefined) return tell("False", "ExpansionRefused", refused);
  }
  const waits = claims.find(({ status }) => bytesOf(status?.capacity?.storage) < bytes);
  if (waits !== undefined) return tell("False", "Expanding", waitsFor(waits, wanted));
  const without = site.nodes.find(
    ({ name }) => !claims.some((claim) => claim.metadata.name === `opt-${name}`),
  );
  return without && tell("Unknown", "NotRead", `${without.name} has no volume yet`);
}

/** Of a size that is not told, nothing. */
const bytesOf = (size: string | undefined): number => bytesOfQuantity(size ?? "") ?? 0;

const askedOf = (claim: KubeObject): string => claim.spec?.resources?.requests?.storage ?? "";

async function grow(
  shell: ClusterPass["shell"],
  { metadata }: KubeObject,
  storage: string,
): Promise<string | undefined> {
  const { name, namespace = "", resourceVersion } = metadata;
  try {
    await shell.objects.patch(
      claimKind,
      { namespace, name },
      { metadata: { resourceVersion }, spec: { resources: { requests: { storage } } } },
    );
    return undefined;
  } catch (error) {
    return `${name} does not grow to ${storage}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Some drivers enlarge a file system only when it is mounted anew. */
function waitsFor(claim: KubeObject, wanted: string): string {
  const conditions: { type: string; status: string; message?: string }[] = claim.status?.conditions ?? [];
  const { name } = claim.metadata;
  if (conditions.some(({ type: each, status }) => each === "FileSystemResizePending" && status === "True"))
    return `${name} grows to ${wanted} when its pod is made anew: this storage driver enlarges a file system only when it is mounted; take the node out, delete the pod, and bring it back`;
  const trouble = conditions.find(({ type: each }) => /Error|Infeasible/.test(each))?.message;
  return `${name} is growing to ${wanted}${trouble === undefined ? "" : `: ${trouble}`}`;
}
