/** Runs the installation of a site over the same engine as every procedure; its ledger lies in the TungstenCluster's status. */
import type { Told } from "../crds/conditions.ts";
import type { Ledger, Pins } from "../crds/ledger.ts";
import { iniMap } from "../manifests/site-objects.ts";
import { installSite } from "../procedures/install-site.ts";
import { applyAll } from "./apply.ts";
import { sha256Of } from "./checksum.ts";
import { lentFor } from "./request-planning.ts";
import { recordFor } from "./site-configuration.ts";
import type { SiteView } from "./site-view.ts";
import {
  admitted,
  beginning,
  nothingToDo,
  runningLedger,
  spokenSince,
  type Work,
  walkOn,
} from "./site-walk.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

/**
 * Due: on a site where no node has the cluster product, or where links lead and no node has the second one. Where one
 * node has a product and another has not, a volume was lost or a node was added: installing there would put an empty
 * database beside full ones. Nor where a run that is gone has left its hold.
 */
function isDue(view: SiteView, linked: boolean): boolean {
  const nowhere = (product: "cluster" | "crossSite"): boolean =>
    view.nodes.length > 0 && view.nodes.every((node) => node[product] === null);
  if (nowhere("cluster")) return true;
  const clustered = view.nodes.every(({ cluster }) => cluster !== null && cluster !== undefined);
  return linked && clustered && nowhere("crossSite") && view.nodes.every(({ held }) => held === false);
}

/** Begins or goes on with an installation that is due. Never while a request holds the site. */
export async function installWhenDue(pass: ClusterPass, view: SiteView): Promise<Work> {
  const { estate, site, object, shell } = pass;
  if (view.holder !== "") return nothingToDo;
  const running = runningLedger(pass, "InstallSite");
  const linked =
    estate.links.some((link) => link.target === site.name) &&
    view.topology !== "CAA" &&
    view.topology !== "Mixed";
  // A change of the site that is not at its end.
  if (running === undefined && object.status?.ledger?.phase === "Running") return nothingToDo;
  const leaves = object.metadata.deletionTimestamp !== undefined;
  if (running === undefined && (leaves || !isDue(view, linked))) return nothingToDo;
  if (view.pods.size === 0 || view.nodes.some(({ node }) => !view.pods.has(node.name)))
    return {
      ...nothingToDo,
      why: "waits for its pods to run",
      told: [progress("waits for its pods to run")],
    };
  const kept = await admitted(pass);
  if (kept !== undefined) return { ...nothingToDo, why: kept };
  const ledger = ledgerFor(pass, view, running, linked);
  const text = lentFor(estate).renderIni("MSAA", ledger.pins?.primaries ?? {});
  await applyAll(shell, [iniMap(estate, text)]);
  const work = await walkOn(pass, view, {
    procedure: installSite(site.name, ledger.kept.linked === "true"),
    ledger,
    condition: "Installed",
    reason: "Installing",
    ended: { reason: "Installed", message: "the site is installed and was seen to run" },
  });
  if (work.ledger?.phase !== "Finished") return work;
  const primaries = ledger.pins?.primaries ?? {};
  return { ...work, status: { configuration: recordFor(pass, "MSAA", sha256Of(text), primaries) } };
}

/** Its commands are safe to repeat, so an installation that another revision began, or that halted and was spoken to, is walked anew. */
function ledgerFor(pass: ClusterPass, view: SiteView, running: Ledger | undefined, linked: boolean): Ledger {
  if (running === undefined) return freshLedger(pass, view, linked);
  const before = running.kept.linked === "true";
  const known = installSite(pass.site.name, before).revision === running.revision;
  return known && !spokenSince(pass, running) ? running : freshLedger(pass, view, before);
}

const progress = (message: string): Told => ({
  type: "Installed",
  status: "Unknown",
  reason: "Installing",
  message,
});

/** A site that runs already keeps the primary it has; only the first installation takes the spec's. */
function freshLedger(pass: ClusterPass, view: SiteView, linked: boolean): Ledger {
  const { estate, site, namespace } = pass;
  const bySite = <T>(value: (site: (typeof estate.sites)[number]) => T) =>
    Object.fromEntries(estate.sites.map((site) => [site.name, value(site)]));
  const liveOf = (name: string): unknown =>
    name === site.name ? view.primary : namespace.clusters.get(name)?.status?.primary;
  const primaries = bySite(({ name, nodes, initialPrimary }) => {
    const live = nodes.find((node) => node.name === liveOf(name));
    return (live ?? nodes[initialPrimary])?.name ?? "";
  });
  const pins: Pins = {
    primaries,
    policies: bySite(() => "AUTOMATIC"),
    members: bySite((site) => site.nodes.filter((node) => !node.witness).map((node) => node.name)),
    releases: bySite((site) => site.release),
    backupNodes: {},
    iniSha256: {},
  };
  return beginning(pass, installSite(site.name, linked), pins, { linked: String(linked) });
}
