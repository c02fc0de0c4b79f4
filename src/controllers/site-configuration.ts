/**
 * Keeps a site's tungsten.ini as the specs want it: tells whether its nodes run from the wanted text and, when options have
 * changed, walks ApplyConfiguration from the TungstenCluster's own ledger. One site of an estate after the other.
 */
import type { Ledger } from "../crds/ledger.ts";
import { channelsWanted } from "../ini/channels.ts";
import { iniMap } from "../manifests/site-objects.ts";
import { applyConfiguration, type SiteChange } from "../procedures/apply-configuration.ts";
import {
  type AppliedConfiguration,
  type Standing,
  standingOf,
  type Topology,
  wishesOf,
} from "../procedures/configuration-standing.ts";
import { generatedService } from "../topology/names.ts";
import { secretWord } from "../tungsten/accounts.ts";
import { applyAll } from "./apply.ts";
import { sha256Of } from "./checksum.ts";
import { awaitedBy } from "./leaving-sites.ts";
import { compositeForm, lentFor } from "./request-planning.ts";
import { databasesFirst } from "./site-accounts.ts";
import { iniOf, notNow, topologyOf } from "./site-readiness.ts";
import { isComposite } from "./site-topology.ts";
import { isBehind, type SiteView } from "./site-view.ts";
import {
  admitted,
  beginning,
  begunOver,
  pinsFor,
  primariesOf,
  runningLedger,
  spokenSince,
  telling,
  type Work,
  walkOn,
} from "./site-walk.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

const name = "ApplyConfiguration";
const type = "ConfigurationApplied";

const tell = telling(type);

/** While nobody can say. */
export const configurationUnknown = (why: string): Work => tell("Unknown", "ProcedureRuns", why);

/** What the site's nodes were last seen to run from, as its status keeps it. */
const recordedOf = (pass: ClusterPass): AppliedConfiguration | undefined => pass.object.status?.configuration;

/** Checksums of the texts that the products of this topology were configured from. */
function runningTexts({ nodes, topology }: SiteView): readonly (string | null)[] | undefined {
  const texts: (string | null)[] = [];
  for (const { cluster, crossSite } of nodes) {
    if (cluster === undefined || crossSite === undefined) return undefined;
    texts.push(cluster?.ini ?? null);
    if (!isComposite(topology) && crossSite !== null) texts.push(crossSite.ini);
  }
  return texts;
}

/** Which sites there are, which of them are installed and linked to, and what the ground would be with some of them. */
function sitesOf({ estate, namespace }: ClusterPass, topology: Topology) {
  const among = (names: readonly string[]) => ({
    ...estate,
    sites: estate.sites.filter(({ name }) => names.includes(name)),
    links: estate.links.filter(({ source, target }) => names.includes(source) && names.includes(target)),
    ...(estate.composite && {
      composite: {
        ...estate.composite,
        members: estate.composite.members.filter((name) => names.includes(name)),
      },
    }),
  });
  const installed = (name: string): boolean => {
    const status = namespace.clusters.get(name)?.status;
    const told = (status?.conditions ?? []).find((each: { type: string }) => each.type === "Ready");
    return status?.topology === topology && told?.status === "True";
  };
  const names = estate.sites.map(({ name }) => name);
  return {
    sites: names,
    groundOf: (some: readonly string[]) => sha256Of(wishesOf(among(some), topology).ground),
    inService: names.filter(installed),
  };
}
/** Version of the Secret whose passwords have to come to its nodes; undefined while all of them run with these. */
const passwordsFor = ({ secret }: ClusterPass, { nodes }: SiteView): string | undefined =>
  nodes.some((each) => isBehind(each, secret.ini)) ? (secret.ini ?? "none") : undefined;

/** Before tungsten.ini has a password every database must take it. */
export const accountsFirst = async (pass: ClusterPass, view: SiteView): Promise<string | undefined> => {
  const { secret } = pass;
  const { nodes } = view;
  const word = secretWord(secret.ini, secret.users);
  const ready = nodes.every(({ accounts }) => accounts?.secret === word && accounts.database && accounts.map);
  return ready ? databasesFirst(pass, view) : "the accounts come first; AccountsCurrent says how they stand";
};

/** How its nodes stand to what the specs want of them. */
export function measured(pass: ClusterPass, view: SiteView): Standing {
  const lent = lentFor(pass.estate);
  const topology = topologyOf(view);
  const { shape, ground, options } = wishesOf(pass.estate, topology ?? "MSAA");
  return standingOf(
    {
      topology,
      primaries: primariesOf(pass, view),
      members: view.nodes.map(({ node }) => node.name),
      connectors: pass.site.connectors.map((node) => node.name),
      running: runningTexts(view),
      shape: sha256Of(shape),
      ground: sha256Of(ground),
      ...sitesOf(pass, topology ?? "MSAA"),
      wishes: sha256Of(options),
      rotated: passwordsFor(pass, view) && sha256Of(`passwords ${pass.secret.ini}`),
      secured: pass.estate.secured,
      checksum: (kind, primaries) => lent.sha256(lent.renderIni(iniOf(kind), primaries)),
    },
    recordedOf(pass),
  );
}

/** Never while a request holds the site, nor while it is being installed. */
export async function configureWhenDue(pass: ClusterPass, view: SiteView): Promise<Work> {
  if (view.holder !== "") return configurationUnknown("a procedure changes the nodes");
  await showText(pass, view);
  const running = runningLedger(pass, name);
  if (running !== undefined) return goOn(pass, view, running);
  const standing = measured(pass, view);
  switch (standing.is) {
    case "unknown":
      return tell("Unknown", "NotRead", standing.why);
    case "applied":
      return { ...tell("True", "Applied", applied(standing)), status: { configuration: standing.record } };
    case "differs":
      return begin(pass, view, standing);
  }
}

const applied = ({ record, other }: Extract<Standing, { is: "applied" }>): string =>
  `every node runs from tungsten.ini ${record.sha256.slice(0, 8)}${other === undefined ? "" : `; this version of the operator writes another text (${other.slice(0, 8)}) for the same spec: it comes with the next change`}`;

/** The wanted text for people and Argo CD; the estate's first site writes it. */
async function showText(pass: ClusterPass, view: SiteView): Promise<void> {
  const { estate, site, shell } = pass;
  const [topology, primaries] = [topologyOf(view), primariesOf(pass, view)];
  if (estate.sites[0]?.name !== site.name || topology === undefined || primaries === undefined) return;
  await applyAll(shell, [iniMap(estate, lentFor(estate).renderIni(iniOf(topology), primaries))]);
}

async function begin(
  pass: ClusterPass,
  view: SiteView,
  { wanted, spoken, why }: Extract<Standing, { is: "differs" }>,
): Promise<Work> {
  const leavers = pass.estate.composite?.leaving?.members ?? [];
  if (leavers.length > 0 && awaitedBy(pass, pass.site.name).length === 0)
    return tell(
      "False",
      "Waiting",
      `${why}; ${leavers.join(", ")} leaves the composite: every site gets its text with that, or after it`,
    );
  const left = leftService(pass, view);
  if (left !== undefined) return tell("False", "Refused", `${why}; ${left}`);
  const { configuration, approved } = pass.spec.changes;
  const said = approved !== "" && wanted.startsWith(approved);
  if (!said && !(spoken && configuration === "Automatic")) {
    const way = `to bring tungsten.ini ${wanted.slice(0, 8)} to every node set spec.changes.approved to ${wanted}`;
    return tell("False", "ApprovalNeeded", `${why}; ${way}`);
  }
  const rotated = passwordsFor(pass, view) !== undefined;
  const waits = (rotated ? await accountsFirst(pass, view) : undefined) ?? notNow(pass, view);
  if (waits !== undefined) return tell("False", "Waiting", `${why}; not begun yet: ${waits}`);
  const kept = await admitted(pass);
  if (kept !== undefined) return tell("False", "Waiting", `${why}; not begun yet: ${kept}`);
  return walk(pass, view, freshLedger(pass, view, view.policy ?? ""));
}

/** A service of a link or a member that is gone: tpm refuses a text that leaves out what is there, and nobody took it offline. */
function leftService({ estate, site }: ClusterPass, { nodes }: SiteView): string | undefined {
  const named = (name: string) => estate.sites.find((each) => each.name === name)?.dataservice;
  const linked = estate.links.filter(({ target }) => target === site.name).map(({ source }) => named(source));
  const generated = estate.sites.map((source) => generatedService(site, source));
  for (const { node, cluster, crossSite } of nodes) {
    const second = crossSite?.services.find((service) => !linked.includes(service));
    const first = cluster?.services.find((name) => name !== site.dataservice && !generated.includes(name));
    const service = second ?? first;
    if (service === undefined) continue;
    const trepctl = second === undefined ? "trepctl" : "mm_trepctl";
    return `${node.name} has service ${service}, which no link and no composite asks for any more: put back what asked for it, or take it offline (${trepctl} -service ${service} offline) and remove it on every node by the vendor's page, tpm delete-service`;
  }
  return undefined;
}

function changeOf({ site, estate }: ClusterPass, { pins, kept }: Ledger): SiteChange {
  const primary = pins?.primaries[site.name];
  const data = site.nodes.filter((node) => !node.witness);
  return {
    site: site.name,
    nodes: [...data.filter((node) => node.name !== primary), ...data.filter((node) => node.name === primary)],
    kind: kept.kind === "CAA" ? "CAA" : "MSAA",
    crossSite: kept.crossSite === "true",
    channels: channelsWanted(estate, site, kept.kind === "CAA" ? "CAA" : "MSAA"),
    passwords: kept.passwords,
    joins: kept.joins === "true",
  };
}

/** The text names a site that the one they run from does not. */
const joinsMore = (pass: ClusterPass): boolean => {
  const before = recordedOf(pass)?.sites;
  return before !== undefined && pass.estate.sites.some(({ name }) => !before.includes(name));
};

/** Where specs or primary changed meanwhile the walk begins anew, and returns to the policy of before all the same. */
async function goOn(tied: ClusterPass, view: SiteView, running: Ledger): Promise<Work> {
  const pass = begunOver(tied, running);
  const kept = await admitted(pass);
  if (kept !== undefined) return tell("False", "Waiting", kept);
  const { site, estate } = pass;
  const wishes = sha256Of(wishesOf(estate, changeOf(pass, running).kind).options);
  const moved = view.primary !== undefined && view.primary !== running.pins?.primaries[site.name];
  const other = applyConfiguration(changeOf(pass, running)).revision !== running.revision;
  const again = spokenSince(pass, running);
  const passwords = passwordsNow(pass, view, running) !== running.kept.passwords;
  if (running.kept.wishes === wishes && !moved && !other && !again && !passwords)
    return walk(pass, view, running);
  const policy = running.pins?.policies[site.name] ?? "";
  const ledger = freshLedger(pass, view, policy, running);
  const why = moved
    ? `the primary is ${view.primary} by now`
    : again
      ? "the spec was changed after its halt"
      : "what it was begun for has changed";
  pass.shell.events.emit(pass.object, "Normal", "BegunAnew", `${name} begins anew: ${why}`);
  return walk(pass, view, ledger);
}

/** Once a walk brings passwords it goes on to, whatever the nodes say in the middle. */
const passwordsNow = (pass: ClusterPass, view: SiteView, before: Ledger | undefined): string | undefined =>
  before?.kept.passwords === undefined ? passwordsFor(pass, view) : (pass.secret.ini ?? "none");

function freshLedger(pass: ClusterPass, view: SiteView, policy: string, before?: Ledger): Ledger {
  const { estate } = pass;
  const pins = pinsFor(pass, view, { policy, primary: view.primary, before });
  const kind = before?.kept.kind ?? iniOf(topologyOf(view));
  const crossSite =
    before?.kept.crossSite ?? String(kind === "MSAA" && view.nodes.some((node) => node.crossSite != null));
  const wishes = sha256Of(wishesOf(estate, kind === "CAA" ? "CAA" : "MSAA").options);
  const passwords = passwordsNow(pass, view, before);
  const joins = joinsMore(pass) && { joins: "true" };
  const kept = { kind, crossSite, wishes, ...joins, ...(passwords !== undefined && { passwords }) };
  const change = changeOf(pass, { pins, kept } as unknown as Ledger);
  return beginning(pass, applyConfiguration(change), pins, kept);
}

async function walk(pass: ClusterPass, view: SiteView, ledger: Ledger): Promise<Work> {
  const { estate } = pass;
  const change = changeOf(pass, ledger);
  const lent = lentFor(estate);
  const primaries = ledger.pins?.primaries ?? {};
  const sha256 = lent.sha256(lent.renderIni(change.kind, primaries));
  const work = await walkOn(pass, view, {
    procedure: applyConfiguration(change),
    ledger,
    condition: type,
    reason: "Applying",
    ended: { reason: "Applied", message: `every node runs from tungsten.ini ${sha256.slice(0, 8)}` },
  });
  if (work.ledger?.phase !== "Finished") return work;
  const record = recordFor(pass, change.kind, sha256, primaries);
  return { ...work, status: { configuration: record } };
}

/** What the site's nodes run from once a walk over this estate is over; a composite's topology is what its type says. */
export function recordFor(
  { estate, site }: Pick<ClusterPass, "estate" | "site">,
  kind: "CAA" | "MSAA",
  sha256: string,
  primaries: Readonly<Record<string, string>>,
): AppliedConfiguration {
  const topology = kind === "MSAA" ? "MSAA" : compositeForm(estate);
  const { shape, ground, options } = wishesOf(estate, topology);
  return {
    topology,
    sha256,
    shape: sha256Of(shape),
    ground: sha256Of(ground),
    sites: estate.sites.map(({ name }) => name),
    wishes: sha256Of(options),
    primaries,
    members: site.nodes.filter((node) => !node.witness).map((node) => node.name),
    ...(site.connectors.length > 0 && { connectors: site.connectors.map((node) => node.name) }),
    ...(estate.secured === true && { secured: true }),
  };
}
