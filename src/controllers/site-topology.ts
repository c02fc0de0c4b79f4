/** What a site is by the word of its managers and the products on its nodes: policy, head node, installed topology. */

import { knownValue } from "../procedures/verdicts.ts";
import { type Estate, isActivePassive, type Node, type Site } from "../topology/estate.ts";
import { generatedService } from "../topology/names.ts";
import type { Facts } from "../tungsten/facts.ts";
import { clusterView, compositeView } from "../tungsten/node-facts.ts";
import type { CompositeView } from "../tungsten/reading.ts";
import type { NodeView } from "./site-view.ts";

/** One product carries all services there, and nodes speak with every site. */
export const isComposite = (topology: string): boolean => ["CAA", "DAA", "CAP"].includes(topology);

/** A site's head node takes its writes or, where another site of the composite does that, relays them. */
const heads = ["master", "relay"];

/** `policy` and `primary` are undefined while no manager tells them; `relays`: the head node is a relay. */
export function ruling(
  data: readonly Node[],
  facts: Facts,
): { policy: string | undefined; primary: string | undefined; relays: boolean } {
  const views = data.map((node) => knownValue(facts.get(node.name, clusterView)));
  const view = views.find((known) => known !== undefined);
  const policy = view === undefined ? undefined : typeof view.policy === "string" ? view.policy : "unknown";
  const head = view?.datasources.find(({ role, state }) => heads.includes(role) && state === "ONLINE");
  return { policy, primary: head?.name, relays: head?.role === "relay" };
}

export type Seen = {
  readonly estate: Estate;
  readonly site: Site;
  readonly nodes: readonly NodeView[];
  readonly facts: Facts;
  /** Whether a checksum is that of the composite's text. */
  readonly textKnown: (sha256: string | null) => boolean;
};

/**
 * The installed topology is a fact of the nodes, whatever the objects wish for: CAA by the services that tpm generated;
 * DAA, which differs in what connectors were told, by the text they were configured from; CAP by the managers' word, and
 * by that text while they are silent.
 */
export function topologyOf(seen: Seen): string {
  const { estate, site, nodes, textKnown } = seen;
  if (nodes.some(({ cluster }) => cluster === undefined)) return "Unknown";
  if (nodes.every(({ cluster }) => cluster === null)) return "None";
  const generated = estate.sites
    .filter(({ name }) => name !== site.name)
    .map((source) => generatedService(site, source));
  const caa = nodes.filter(({ cluster }) => cluster?.services.some((name) => generated.includes(name)));
  const fromText = nodes.every(({ cluster }) => textKnown(cluster?.ini ?? null));
  if (caa.length === nodes.length)
    return fromText && estate.composite?.type === "DynamicActiveActive" ? "DAA" : "CAA";
  if (caa.length > 0) return "Mixed";
  if (nodes.some(({ crossSite }) => crossSite !== null)) return "MSAA";
  return estate.composite?.type === "ActivePassive" && (showsPassive(seen) || fromText)
    ? "CAP"
    : "Standalone";
}

/** The managers show this site in a composite of which not every member takes writes. */
function showsPassive({ estate, site, nodes, facts }: Seen): boolean {
  const shown = compositeShown(estate, nodes, facts);
  return shown.some(({ name }) => name === site.dataservice) && shown.some(({ role }) => role === "slave");
}

/** Why the site has no part in its active/passive composite by its own managers' word; undefined while it has, or nobody tells. */
export function outOfComposite({ estate, site, nodes, facts }: Omit<Seen, "textKnown">): string | undefined {
  if (!isActivePassive(estate)) return undefined;
  const shown = compositeShown(estate, nodes, facts).find(({ name }) => name === site.dataservice);
  return shown === undefined || !isOut(shown.state)
    ? undefined
    : `the composite shows ${site.name} as ${shown.state}: keep its clients away; ${wayBack(estate)}`;
}

/** A lost primary that starts has logged that under the number of the new one's next event: recovered alone it would miss it. */
export const wayBack = ({ composite }: Estate): string =>
  `run tungsten_find_orphaned on its former primary, then recover in cctrl behind use ${composite?.dataservice}, and make each of its nodes anew by tprovision, its relay from the site that takes the writes, for a recovered one may miss events without an error`;

/** Members that the site's managers hold for failed or shunned; undefined while none shows the composite, or it is none of that kind. */
export function sitesOutOf({
  estate,
  nodes,
  facts,
}: Omit<Seen, "textKnown" | "site">): readonly string[] | undefined {
  const shown = isActivePassive(estate) ? compositeShown(estate, nodes, facts) : [];
  if (shown.length === 0) return undefined;
  const out = shown.filter(({ state }) => isOut(state)).map(({ name }) => name);
  return estate.sites.filter(({ dataservice }) => out.includes(dataservice)).map(({ name }) => name);
}

const isOut = (state: string): boolean => /^(FAILED|SHUNNED)/.test(state);

function compositeShown(
  { composite }: Estate,
  nodes: readonly NodeView[],
  facts: Facts,
): CompositeView["datasources"] {
  if (composite === undefined) return [];
  const views = nodes.map(({ node }) => facts.get(node.name, compositeView(composite.dataservice)));
  return views.map(knownValue).find((view) => view !== undefined)?.datasources ?? [];
}
