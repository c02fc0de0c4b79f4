/** Whether a CrossSiteLink is on the nodes: the service by which its target reads its source. */
import { type Estate, type Link, type Site, siteNamed } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import { installed } from "../tungsten/node-facts.ts";
import { readPods } from "./estate-reader.ts";
import { onlyNodes, withFacts } from "./gather.ts";
import type { Shell } from "./shell.ts";

const isOff = (source: Site, target: Site, facts: Facts): boolean =>
  target.nodes
    .filter((node) => !node.witness)
    .map((node) => facts.get(node.name, installed("crossSite")))
    .every((is) => "known" in is && is.known?.services.includes(source.dataservice) !== true);

/** Every data node of the target is known to have no service for this source. */
export async function isNowhere(
  shell: Shell,
  { namespace }: Pick<Estate, "namespace">,
  source: Site,
  target: Site,
): Promise<boolean> {
  const around = onlyNodes(await readPods(shell.objects, namespace));
  return withFacts(shell, around, (facts) => isOff(source, target, facts));
}

/** Those that some node has a service for, or of which nobody can say; all nodes are asked together. */
export async function onNodes(
  shell: Shell,
  estate: Estate,
  links: readonly Link[],
): Promise<readonly Link[]> {
  if (links.length === 0) return [];
  const around = onlyNodes(await readPods(shell.objects, estate.namespace));
  return withFacts(shell, around, (facts) =>
    links.filter(({ source, target }) => !isOff(siteNamed(estate, source), siteNamed(estate, target), facts)),
  );
}
