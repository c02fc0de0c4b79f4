/**
 * Takes a site out of its composite once the CompositeService names it no more: walks RemoveMember from the ledger of the
 * site that leaves. Until its record says that it has left, it is a member for everybody else.
 */
import type { Ledger, Pins } from "../crds/ledger.ts";
import { type MemberRemoval, removeMember } from "../procedures/remove-member.ts";
import { type Composite, type Estate, type Site, siteNamed } from "../topology/estate.ts";
import { estateWith } from "../topology/estate-of.ts";
import { sha256Of } from "./checksum.ts";
import { among, isSilent, onlyWith, unsaid, unsound } from "./leaving-sites.ts";
import { lentFor } from "./request-planning.ts";
import { recordFor } from "./site-configuration.ts";
import { notNow } from "./site-readiness.ts";
import { isComposite } from "./site-topology.ts";
import type { SiteView } from "./site-view.ts";
import {
  admitted,
  allSites,
  beginning,
  giveBack,
  nothingToDo,
  pinsFor,
  primariesOf,
  runningLedger,
  spokenSince,
  telling,
  type Work,
  walkOn,
} from "./site-walk.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

const name = "RemoveMember";
const type = "MembershipCurrent";

const tell = telling(type);

/** Nothing is told of a site that leaves nothing. */
export async function partWhenDue(pass: ClusterPass, view: SiteView): Promise<Work> {
  const { estate, site, spec } = pass;
  const running = runningLedger(pass, name);
  if (running !== undefined) return goOn(pass, view, running);
  const { composite } = estate;
  const leaving = composite?.leaving;
  if (composite === undefined || leaving === undefined || !leaving.members.includes(site.name))
    return toldOnce(pass);
  if (view.holder !== "") return tell("Unknown", "ProcedureRuns", "a procedure changes the nodes");
  const why = `CompositeService ${composite.name} names ${site.name} no more`;
  const waiting = (waits: string): Work => tell("False", "Waiting", `${why}; not begun yet: ${waits}`);
  const [first] = leaving.members;
  if (first !== site.name) return waiting(`TungstenCluster ${first} leaves before it`);
  const named = stillNamed(estate, composite, site);
  if (named !== undefined) return waiting(named);
  const out = leaving.awaits === false && view.trouble !== undefined && isSilent(pass, site.name);
  const taking = out ? among(pass, (each) => each !== site.name) : pass;
  const paused = spec.proceduresPaused ? "spec.proceduresPaused admits no procedure; clear it" : undefined;
  // A site that is deleted waits for this very walk.
  const fit = { ...pass, object: withoutDeletion(pass) };
  const waits =
    (out ? paused : notNow(fit, view, false)) ??
    unsound(taking, "spec.onRemoval.unread: Abandon of the CompositeService");
  if (waits !== undefined) return waiting(waits);
  if (!isComposite(view.topology) && !out)
    return waiting(`the site is installed as ${view.topology}, and no member of a composite`);
  const fresh = freshLedger(pass, taking, view);
  const word = unsaid(pass, sha256Of(textsOf(pass, fresh).alone ?? ""));
  if (word !== undefined) return tell("False", "ApprovalNeeded", `${why}; ${word}`);
  const kept = await admitted(pass, allSites(pass));
  if (kept !== undefined) return waiting(kept);
  return walk(taking, view, fresh, pass);
}

function withoutDeletion({ object }: ClusterPass): ClusterPass["object"] {
  const { deletionTimestamp: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function toldOnce({ object }: ClusterPass): Work {
  const told: readonly { type: string; status: string; reason: string }[] = object.status?.conditions ?? [];
  const last = told.find((each) => each.type === type);
  const open = last !== undefined && last.status !== "True" && last.reason !== "WorldDeparted";
  return open ? tell("True", "Current", "the site leaves no composite") : nothingToDo;
}

/** Something beside the members ties it to the others, or counts on it; or nobody knows here how it is let go. */
function stillNamed(
  { links }: Estate,
  { name: composite, type: form, writeAffinity }: Composite,
  { name: site }: Site,
): string | undefined {
  if (form === "ActivePassive")
    return "a relay is not let drain by this version: take a passive site out by the vendor's page, or name it again";
  const link = links.find(({ source, target }) => source === site || target === site);
  if (link !== undefined) return `CrossSiteLink ${link.name} names it still; delete it`;
  return writeAffinity?.includes(site)
    ? `spec.writeAffinity of CompositeService ${composite} names it still; take it out`
    : undefined;
}

/** The estate of those that stay, and that of the site alone. */
const partsOf = ({ namespace, site }: ClusterPass, { staying }: Pick<MemberRemoval, "staying">) => {
  const after = namespace.without([], [site.name]);
  const parts = [estateWith(after, staying[0]?.name ?? ""), estateWith(after, site.name)] as const;
  const [rest, alone] = parts.map(
    (part) =>
      part && onlyWith(part, (name) => name === site.name || staying.some((each) => each.name === name)),
  );
  return { rest, alone };
};

/** A composite of one is none: the last site gets a text of its own too. */
const kindLeft = (staying: readonly Site[]): "CAA" | "MSAA" => (staying.length > 1 ? "CAA" : "MSAA");

const takesPart = ({ kept }: Pick<Ledger, "kept">): boolean => kept.leaver !== "as it is";

function changeOf(whole: ClusterPass, { pins, kept }: Pick<Ledger, "pins" | "kept">): MemberRemoval {
  const { estate, site } = whole;
  const names = (kept.staying ?? "").split(",");
  const staying = names.map((each) => siteNamed(estate, each));
  const taking = takesPart({ kept }) ? [...names, site.name] : names;
  const ordered = (each: Site) => {
    const data = each.nodes.filter((node) => !node.witness);
    const isPrimary = (node: (typeof data)[number]) => node.name === pins?.primaries[each.name];
    return [...data.filter((node) => !isPrimary(node)), ...data.filter(isPrimary)];
  };
  const { composite } = estate;
  return {
    leaver: site,
    staying,
    sites: estate.sites.filter((each) => taking.includes(each.name)).map(ordered),
    texts: [
      { key: "rest", sites: names },
      ...(takesPart({ kept }) ? [{ key: "alone", sites: [site.name] }] : []),
    ],
    awaits: kept.unread === "await",
    ...(composite !== undefined && staying.length > 1 && { composite: composite.dataservice }),
    beat: `${kept.tag}.${kept.turn}`,
  };
}

function textsOf(whole: ClusterPass, ledger: Ledger): Record<string, string> {
  const primaries = ledger.pins?.primaries ?? {};
  const { staying } = changeOf(whole, ledger);
  const { rest, alone } = partsOf(whole, { staying });
  return {
    ...(rest && { rest: lentFor(rest).renderIni(kindLeft(staying), primaries) }),
    ...(alone && { alone: lentFor(alone).renderIni("MSAA", primaries) }),
  };
}

const awaited = ({ estate }: ClusterPass): string =>
  estate.composite?.leaving?.awaits === false ? "abandon" : "await";

function freshLedger(whole: ClusterPass, taking: ClusterPass, view: SiteView, before?: Ledger): Ledger {
  const { estate, namespace, object, shell, site } = whole;
  const policyOf = (each: string): string =>
    before?.pins?.policies[each] ??
    (each === site.name ? view.policy : namespace.clusters.get(each)?.status?.policy) ??
    "AUTOMATIC";
  const pins: Pins = {
    ...pinsFor(taking, view, { policy: policyOf(site.name), primary: view.primary, before }),
    policies: Object.fromEntries(taking.estate.sites.map((each) => [each.name, policyOf(each.name)])),
  };
  const kept = {
    tag: before?.kept.tag ?? `${(object.metadata.uid ?? "").slice(0, 8)}${shell.clock.now().toString(36)}`,
    turn: String(Number(before?.kept.turn ?? 0) + 1),
    staying:
      before?.kept.staying ??
      estate.sites
        .map((each) => each.name)
        .filter((each) => each !== site.name)
        .join(","),
    leaver: taking.estate.sites.includes(site) ? "takes part" : "as it is",
    unread: awaited(whole),
  };
  return beginning(whole, removeMember(changeOf(whole, { pins, kept })), pins, kept);
}

/** A site that is named again while it is on its way out goes out all the same: half of the nodes know it no more. */
async function goOn(whole: ClusterPass, view: SiteView, running: Ledger): Promise<Work> {
  const missing = (running.kept.staying ?? "")
    .split(",")
    .find((each) => !whole.estate.sites.some((site) => site.name === each));
  if (missing !== undefined) return fallenApart(whole, running, missing);
  const kept = await admitted(whole, allSites(whole));
  if (kept !== undefined) return tell("False", "Waiting", kept);
  const pass = takesPart(running) ? whole : among(whole, (each) => each !== whole.site.name);
  const stale = staleness(pass, whole, view, running);
  if (stale === undefined) return walk(pass, view, running, whole);
  pass.shell.events.emit(pass.object, "Normal", "BegunAnew", `${name} begins anew: ${stale}`);
  const out = awaited(whole) === "abandon" && isSilent(whole, whole.site.name);
  const again = out ? among(whole, (each) => each !== whole.site.name) : whole;
  return walk(again, view, freshLedger(whole, again, view, running), whole);
}

/** The CompositeService, or a site, is gone in the middle: nobody can tell any more what the others are to become. */
async function fallenApart(pass: ClusterPass, running: Ledger, missing: string): Promise<Work> {
  const { halt: _, ...ledger } = running;
  const why = `${missing} belongs to its estate no more: what the walk has stopped stays stopped, and MAINTENANCE stays set; look at every site, bring back what is missing, and set the policy in cctrl`;
  pass.shell.events.emit(pass.object, "Warning", "WalkAbandoned", why);
  await giveBack(pass);
  return {
    ...tell("False", "WorldDeparted", why),
    ledger: { ...ledger, phase: "Finished", outcome: "Aborted" },
  };
}

function staleness(
  pass: ClusterPass,
  whole: ClusterPass,
  view: SiteView,
  running: Ledger,
): string | undefined {
  const primaries = primariesOf(pass, view) ?? {};
  const moved = Object.entries(primaries).find(([site, node]) => node !== running.pins?.primaries[site]);
  if (moved !== undefined) return `the primary of ${moved[0]} is ${moved[1]} by now`;
  if (spokenSince(pass, running)) return "the spec was changed after its halt";
  if (whole.estate.composite?.leaving !== undefined && awaited(whole) !== running.kept.unread)
    return "spec.onRemoval of the CompositeService was changed";
  const { revision } = removeMember(changeOf(whole, running));
  return revision === running.revision ? undefined : "the operator is another version";
}

async function walk(pass: ClusterPass, view: SiteView, ledger: Ledger, whole: ClusterPass): Promise<Work> {
  const work = await walkOn(pass, view, {
    procedure: removeMember(changeOf(whole, ledger)),
    ledger,
    condition: type,
    reason: "Leaving",
    ended: { reason: "Left", message: "the site has left its composite and is a dataservice of its own" },
    ini: textsOf(whole, ledger),
  });
  if (work.ledger?.phase !== "Finished") return work;
  const { alone } = partsOf(whole, changeOf(whole, ledger));
  if (alone === undefined) return work;
  const { site, object } = whole;
  const before =
    object.status?.configuration?.primaries?.[site.name] ?? site.nodes[site.initialPrimary]?.name;
  const primaries = { [site.name]: ledger.pins?.primaries[site.name] ?? before };
  const lent = lentFor(alone);
  const sha256 = lent.sha256(lent.renderIni("MSAA", primaries));
  return {
    ...work,
    status: { configuration: recordFor({ estate: alone, site }, "MSAA", sha256, primaries) },
  };
}
