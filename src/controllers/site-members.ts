/** Who belongs to a site by its own record, and which pods it keeps: those in service, those that come and those that go. */
import { serviceKind } from "../kube/kinds.ts";
import { type Topology, wishesOf } from "../procedures/configuration-standing.ts";
import { type Estate, siteNamed } from "../topology/estate.ts";
import { withMembers } from "../topology/members.ts";
import { nodeName } from "../topology/names.ts";
import { sha256Of } from "./checksum.ts";
import type { Namespace } from "./estate-reader.ts";
import type { KubeObject, Shell } from "./shell.ts";

/** One more than the highest ordinal that a walk of this site, or one that has just ended, still needs a pod of. */
const needed = ({ status }: KubeObject, leaving: readonly string[]): number => {
  const { phase, kept } = status?.ledger ?? {};
  const walked = phase === "Running" ? Number(kept?.most ?? 0) : 0;
  return Math.max(walked, ...leaving.map((name) => Number(name.slice(name.lastIndexOf("-") + 1)) + 1));
};

/**
 * The estate with a pod for every node of this site that is in service, comes or goes. A site with a witness keeps its nodes:
 * the witness's name follows theirs.
 */
export function withPods(
  estate: Estate,
  name: string,
  object: KubeObject,
  { wanted, leaving }: { readonly wanted: number; readonly leaving: readonly string[] },
): Estate {
  const { nodes } = siteNamed(estate, name);
  const most = Math.max(nodes.length, wanted, needed(object, leaving));
  return most === nodes.length || nodes.some((node) => node.witness)
    ? estate
    : withMembers(estate, name, most);
}

/** A site that still runs from a text that names nodes of before; undefined once every one has been told. */
function untold(estate: Estate, site: string, { clusters }: Namespace): string | undefined {
  return estate.sites
    .filter(({ name }) => name !== site)
    .find(({ name }) => {
      const record = clusters.get(name)?.status?.configuration;
      const topology: Topology = record === undefined || record.topology === "MSAA" ? "MSAA" : "CAA";
      return record?.shape !== sha256Of(wishesOf(estate, topology).shape);
    })?.name;
}

/**
 * Nodes that are out and whose pods wait for the other sites to be told; none once they have been. The Services of those
 * that may go are removed, as nobody asks for their names any more.
 */
export async function leavingStill(
  shell: Shell,
  object: KubeObject,
  estate: Estate,
  namespace: Namespace,
): Promise<{ readonly leaving: readonly string[]; readonly waitsFor?: string }> {
  const { name } = object.metadata;
  const leaving: readonly string[] = object.status?.leaving ?? [];
  if (leaving.length === 0) return { leaving };
  const waitsFor = untold(estate, name, namespace);
  if (waitsFor !== undefined) return { leaving, waitsFor };
  const stay = siteNamed(estate, name).nodes.length;
  const back = Array.from({ length: object.spec?.nodes ?? 0 }, (_, ordinal) => nodeName(name, ordinal)).slice(
    stay,
  );
  for (const node of leaving.filter((each) => !back.includes(each))) {
    const at = { namespace: estate.namespace, name: node };
    const found = await shell.objects.get(serviceKind, at);
    if (found !== undefined) await shell.objects.remove(serviceKind, at, found.metadata.uid ?? "");
  }
  return { leaving: [] };
}
