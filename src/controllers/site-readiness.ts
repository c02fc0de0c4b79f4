/** What every change of a site waits for: on a site in trouble, in somebody's hands or out of turn, nothing is restarted. */
import { optionFaults } from "../ini/option-catalogue.ts";
import { type AppliedConfiguration, type Topology, wishesOf } from "../procedures/configuration-standing.ts";
import { sha256Of } from "./checksum.ts";
import type { SiteView } from "./site-view.ts";
import { primariesOf } from "./site-walk.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

/** In which form the site's ini is written; undefined while that is not known, or in between two. */
export const topologyOf = ({ topology }: SiteView): Topology | undefined =>
  topology === "Standalone" ? "MSAA" : topologies.find((known) => known === topology);
const topologies = ["MSAA", "CAA", "DAA", "CAP"] as const;

/** The text of an ini is asked for by these two words; the second is whatever the composite is. */
export const iniOf = (topology: Topology | undefined): "MSAA" | "CAA" =>
  topology === undefined || topology === "MSAA" ? "MSAA" : "CAA";

/**
 * Why a change may not begin now, with the way out; undefined when it may. `turns`: one that brings its site's text alone
 * lets the sites before it have theirs first.
 */
export function notNow(pass: ClusterPass, view: SiteView, turns = true): string | undefined {
  const { object, spec } = pass;
  if (object.metadata.deletionTimestamp !== undefined) return "the TungstenCluster is being deleted";
  if (spec.proceduresPaused) return "spec.proceduresPaused admits no procedure; clear it";
  if (view.trouble !== undefined) return view.trouble;
  if (primariesOf(pass, view) === undefined) return "the primary of a site of the estate is not known";
  if (topologyOf(view) === undefined) return "the installed topology is not known, or in between two";
  const wanted = spec.policy.toUpperCase();
  if (view.policy !== wanted)
    return `the policy is ${view.policy ?? "unknown"} and spec.policy wants ${wanted}: somebody may be at work; set it back in cctrl, or correct spec.policy`;
  if (new Set(view.nodes.map(({ cluster }) => cluster?.release)).size > 1)
    return "the nodes run different releases; upgrade them first";
  return refusedTie(pass) ?? oddOption(pass) ?? elsewhere(pass, turns);
}

/** A composite or link of the estate that is refused: no text is made from what was not meant. */
export function refusedTie({
  estate,
  namespace,
}: Pick<ClusterPass, "estate" | "namespace">): string | undefined {
  const ties = [
    ...(estate.composite === undefined ? [] : [`CompositeService/${estate.composite.name}`]),
    ...estate.links.map(({ name }) => `CrossSiteLink/${name}`),
  ];
  const found = namespace.problems.find(({ about }) => ties.includes(about));
  return found && `${found.about.replace("/", " ")} is refused: ${found.sentence}`;
}

/** An option that tpm would not take as it is meant: its own object is refused, and no other one's walk brings it. */
const oddOption = ({ estate }: ClusterPass): string | undefined => {
  const [fault] = [
    ...estate.sites.map(({ name, options }) => [`TungstenCluster ${name}`, options] as const),
    ...estate.links.map(({ name, options }) => [`CrossSiteLink ${name}`, options] as const),
  ].flatMap(([who, options]) => optionFaults(options, "spec.options").map((text) => `${who}: ${text}`));
  return fault;
};

/** Another site of the estate that is being changed, or whose turn comes first. */
function elsewhere({ estate, site, namespace }: ClusterPass, turns: boolean): string | undefined {
  for (const { name: other } of estate.sites.filter((each) => each.name !== site.name)) {
    const status = namespace.clusters.get(other)?.status;
    if (status?.ledger?.phase === "Running" || (status?.runningProcedure ?? "") !== "")
      return `site ${other} is being changed; the sites of an estate take turns`;
    const record: AppliedConfiguration | undefined = status?.configuration;
    const wishes = record && wishesOf(estate, record.topology === "MSAA" ? "MSAA" : "CAA");
    const behind =
      wishes !== undefined &&
      (record?.wishes !== sha256Of(wishes.options) ||
        (record.ground === sha256Of(wishes.ground) && record.shape !== sha256Of(wishes.shape)));
    if (turns && other < site.name && behind)
      return `site ${other} has its turn first; its condition ConfigurationApplied says why it has not had it`;
  }
  return undefined;
}
