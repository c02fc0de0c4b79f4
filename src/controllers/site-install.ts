/** Runs the installation of a site over the same engine as every procedure; its ledger lies in the TungstenCluster's status. */
import type { Ledger, Pins } from "../crds/ledger.ts";
import { iniMap } from "../manifests/site-objects.ts";
import { wishesOf } from "../procedures/configuration-standing.ts";
import { installSite } from "../procedures/install-site.ts";
import { type InstallForm, installForm } from "../topology/estate.ts";
import { applyAll } from "./apply.ts";
import { sha256Of } from "./checksum.ts";
import { nodesInService } from "./estate-reader.ts";
import { lentFor } from "./request-planning.ts";
import { recordFor } from "./site-configuration.ts";
import { othersAwaited, primariesBegun } from "./site-formation.ts";
import { refusedTie } from "./site-readiness.ts";
import type { SiteView } from "./site-view.ts";
import {
  admitted,
  beginning,
  nothingToDo,
  releasesTold,
  runningLedger,
  spokenSince,
  telling,
  type Work,
  walkOn,
} from "./site-walk.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

/**
 * Due: on a site where no node has the cluster product, or where links lead and no node has the second one. Where one
 * node has a product and another has not, a volume was lost or a node was added: installing there would put an empty
 * database beside full ones. Nor where a run that is gone has left its hold.
 */
export function isDue(view: Pick<SiteView, "nodes" | "topology">, form: InstallForm): boolean {
  if (all(view, ({ cluster }) => cluster === null)) return true;
  const linked = form === "Linked" && view.topology !== "CAA" && view.topology !== "Mixed";
  return (
    linked &&
    all(view, ({ cluster, crossSite, held }) => cluster != null && crossSite === null && held === false)
  );
}

/** It holds of every node, and there is one: of a site whose nodes nobody knows nothing holds. */
const all = (
  { nodes }: Pick<SiteView, "nodes">,
  holds: (node: SiteView["nodes"][number]) => boolean,
): boolean => nodes.length > 0 && nodes.every(holds);

/** It was in service, and no node has anything any more: whoever brings its volumes back must not find new ones in their place. */
const volumesLost = ({ object, site }: ClusterPass, view: SiteView): string | undefined =>
  nodesInService(object) !== undefined && all(view, ({ cluster }) => cluster === null)
    ? `${site.name} was in service, and nothing is installed on any of its nodes: bring their volumes back; or delete the TungstenCluster and create it anew, for an empty site, or with spec.fillFrom for one with another site's data`
    : undefined;

/** Begins or goes on with an installation that is due. Never while a request holds the site. */
export async function installWhenDue(pass: ClusterPass, view: SiteView): Promise<Work> {
  const { estate, site, object, shell } = pass;
  if (view.holder !== "") return nothingToDo;
  const running = runningLedger(pass, "InstallSite");
  const form = installForm(estate, site);
  // A change of the site that is not at its end.
  if (running === undefined && object.status?.ledger?.phase === "Running") return nothingToDo;
  const leaves = object.metadata.deletionTimestamp !== undefined;
  if (running === undefined && (leaves || !isDue(view, form))) return nothingToDo;
  const refused = running === undefined ? refusedTie(pass) : undefined;
  if (refused !== undefined) return waiting("AwaitingSites", `not begun yet: ${refused}`);
  const others = running === undefined ? othersAwaited(pass, view, form) : undefined;
  if (others !== undefined) return waiting("AwaitingSites", others);
  const left = running === undefined ? undefined : compositeLeft(pass, view, running, form);
  if (left !== undefined) return waiting("AwaitingSites", left);
  const lost = running === undefined ? volumesLost(pass, view) : undefined;
  if (lost !== undefined) return waiting("VolumesLost", lost);
  if (view.pods.size === 0 || view.nodes.some(({ node }) => !view.pods.has(node.name)))
    return waiting("Installing", "waits for its pods to run");
  if (running === undefined && estate.tlsDispute !== undefined)
    return waiting("Installing", `not begun yet: ${estate.tlsDispute}`);
  if (running === undefined && releaseOf(pass, view) === undefined)
    return waiting(
      "AwaitingSites",
      "not begun yet: the nodes of the other sites run different releases; bring them to one, by an UpgradeRequest with procedure UpgradeSoftware",
    );
  const kept = await admitted(pass);
  if (kept !== undefined) return { ...nothingToDo, why: kept };
  const ledger = ledgerFor(pass, view, running, form);
  const walked = formKept(ledger);
  const text = lentFor(estate).renderIni(kindOf(walked), ledger.pins?.primaries ?? {});
  await applyAll(shell, [iniMap(estate, text)]);
  const work = await walkOn(pass, view, {
    procedure: installSite(site.name, walked),
    ledger,
    condition: "Installed",
    reason: "Installing",
    ended: { reason: "Installed", message: "the site is installed and was seen to run" },
  });
  if (work.ledger?.phase !== "Finished") return work;
  const primaries = ledger.pins?.primaries ?? {};
  return { ...work, status: { configuration: recordFor(pass, kindOf(walked), sha256Of(text), primaries) } };
}

const waiting = (reason: string, why: string): Work => ({
  ...telling("Installed")("Unknown", reason, why),
  why,
});

const isComposite = (form: InstallForm): boolean => form === "CAA" || form === "CAP";
const kindOf = (form: InstallForm): "MSAA" | "CAA" => (isComposite(form) ? "CAA" : "MSAA");

/** In which form a ledger's installation is walked. */
const formKept = ({ kept }: Ledger): InstallForm =>
  kept.form === "CAA" || kept.form === "CAP" ? kept.form : kept.linked === "true" ? "Linked" : "Alone";

/** The composite it is being installed for is not there any more, and nodes know its text by now. */
function compositeLeft(
  { estate }: ClusterPass,
  view: SiteView,
  running: Ledger,
  form: InstallForm,
): string | undefined {
  const begun = formKept(running);
  if (!isComposite(begun) || begun === form || all(view, ({ cluster }) => cluster === null)) return undefined;
  return `its installation began as a member of a composite, which ${estate.composite === undefined ? "is gone or not whole" : "is of another type now"}: put the CompositeService back as it was, or uninstall the nodes by hand (tools/tpm uninstall --i-am-sure) to begin anew`;
}

/**
 * Its commands are safe to repeat, so an installation that another revision began, or that halted and was spoken to, is
 * walked anew. So is one that has installed nothing yet when links or a composite tie the site to others, and a
 * composite's when its text has changed: what is published follows, what is installed says that it does not.
 */
function ledgerFor(
  pass: ClusterPass,
  view: SiteView,
  running: Ledger | undefined,
  form: InstallForm,
): Ledger {
  if (running === undefined) return freshLedger(pass, view, form);
  const nowhere = all(view, ({ cluster }) => cluster === null);
  const before = nowhere ? form : formKept(running);
  const known =
    before === formKept(running) && installSite(pass.site.name, before).revision === running.revision;
  const tied = estateShape(pass, before) === (running.kept.shape ?? "");
  return known && tied && !spokenSince(pass, running) ? running : freshLedger(pass, view, before, running);
}

/**
 * The release to install: what runs here already, else what runs at the sites it joins, whatever the spec names as the next;
 * undefined while those differ.
 */
function releaseOf(pass: ClusterPass, { nodes }: SiteView): string | undefined {
  const { estate, site } = pass;
  const own = nodes.find(({ cluster }) => cluster != null)?.cluster?.release;
  const others = estate.sites.filter(({ name }) => name !== site.name);
  const [first, second] = new Set(others.flatMap(({ name }) => releasesTold(pass, name)));
  return own ?? (second === undefined ? (first ?? site.release) : undefined);
}

/** What of the specs a composite's text is made from; sites that stand alone are walked on whatever changes. */
const estateShape = ({ estate }: ClusterPass, form: InstallForm): string =>
  isComposite(form) ? sha256Of(JSON.stringify(Object.values(wishesOf(estate, "CAA")))) : "";

/**
 * A site that runs already keeps the primary it has; only the first installation takes the spec's. Sites that are
 * installed together write one text: who comes later takes the primaries that another one has begun with.
 */
function freshLedger(pass: ClusterPass, view: SiteView, form: InstallForm, before?: Ledger): Ledger {
  const { estate, site, namespace } = pass;
  const bySite = <T>(value: (site: (typeof estate.sites)[number]) => T) =>
    Object.fromEntries(estate.sites.map((site) => [site.name, value(site)]));
  const liveOf = (name: string): unknown =>
    name === site.name ? view.primary : namespace.clusters.get(name)?.status?.primary;
  const begun = isComposite(form) ? primariesBegun(pass) : {};
  const primaries = bySite(({ name, nodes, initialPrimary }) => {
    const live = nodes.find((node) => node.name === (begun[name] ?? liveOf(name)));
    return (live ?? nodes[initialPrimary])?.name ?? "";
  });
  const pins: Pins = {
    primaries,
    policies: bySite(() => "AUTOMATIC"),
    members: bySite((site) => site.nodes.filter((node) => !node.witness).map((node) => node.name)),
    releases: bySite(({ name, release }) =>
      name === site.name ? (releaseOf(pass, view) ?? before?.pins?.releases[name] ?? release) : release,
    ),
    backupNodes: {},
    iniSha256: {},
  };
  const kept = isComposite(form)
    ? { form, shape: estateShape(pass, form) }
    : { linked: String(form === "Linked") };
  return beginning(pass, installSite(site.name, form), pins, kept);
}
