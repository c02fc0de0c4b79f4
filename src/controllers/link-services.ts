/** Whether a CrossSiteLink is on the nodes: the service by which its target reads its source. */
import { type Estate, type Link, type Site, siteNamed } from "../topology/estate.ts";
import { installed } from "../tungsten/node-facts.ts";
import { readPods } from "./estate-reader.ts";
import { onlyNodes, withFacts } from "./gather.ts";
import type { Shell } from "./shell.ts";

/** Every data node of the target is known to have no service for this source. */
export async function isNowhere(
  shell: Shell,
  { namespace }: Pick<Estate, "namespace">,
  source: Site,
  target: Site,
): Promise<boolean> {
  const around = onlyNodes(await readPods(shell.objects, namespace));
  const nodes = target.nodes.filter((node) => !node.witness);
  return withFacts(shell, around, (facts) =>
    nodes
      .map((node) => facts.get(node.name, installed("crossSite")))
      .every((is) => "known" in is && is.known?.services.includes(source.dataservice) !== true),
  );
}

/** Those that some node has a service for, or of which nobody can say. */
export async function onNodes(
  shell: Shell,
  estate: Estate,
  links: readonly Link[],
): Promise<readonly Link[]> {
  const there: Link[] = [];
  for (const link of links) {
    const [source, target] = [siteNamed(estate, link.source), siteNamed(estate, link.target)];
    if (!(await isNowhere(shell, estate, source, target))) there.push(link);
  }
  return there;
}
