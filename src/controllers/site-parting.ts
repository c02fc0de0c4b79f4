/**
 * Takes a site out of its composite once the CompositeService names it no more: walks RemoveMember from the ledger of the
 * site that leaves. Until its record says that it has left, it is a member for everybody else.
 */
import type { Ledger, Pins } from "../crds/ledger.ts";
import { activeSite, type Composite, type Estate, isActivePassive, type Site } from "../topology/estate.ts";
import { sha256Of } from "./checksum.ts";
import { among, awaitedBy, isSilent, outOfServiceOf, unsaid, unsound } from "./leaving-sites.ts";
import { endedAs, keptAnew, leftAs, procedureFor, takesPart, textsOf } from "./member-removal.ts";
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
  const named = stillNamed(estate, composite, site) ?? takesWrites(pass, view) ?? untoldOf(pass);
  if (named !== undefined) return waiting(named);
  const out = leaving.awaits === false && view.trouble !== undefined && isSilent(pass, site.name);
  const taking = out ? among(pass, (each) => each !== site.name) : pass;
  const paused = spec.proceduresPaused ? "spec.proceduresPaused admits no procedure; clear it" : undefined;
  // A site that is deleted waits for this very walk.
  const fit = { ...pass, object: withoutDeletion(pass) };
  const waits =
    (out ? paused : notNow(fit, givenUp(pass, view), false)) ??
    unsound(taking, "spec.onRemoval.unread: Abandon of the CompositeService");
  if (waits !== undefined) return waiting(waits);
  if (!isComposite(view.topology) && !out)
    return waiting(`the site is installed as ${view.topology}, and no member of a composite`);
  const fresh = freshLedger(pass, taking, view);
  const { alone, rest = "" } = textsOf(pass, fresh);
  const word = unsaid(pass, sha256Of(alone ?? rest));
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

/** Something beside the members ties it to the others, or counts on it. */
function stillNamed(
  { links }: Estate,
  { name: composite, writeAffinity }: Composite,
  { name: site }: Site,
): string | undefined {
  const link = links.find(({ source, target }) => source === site || target === site);
  if (link !== undefined) return `CrossSiteLink ${link.name} names it still; delete it`;
  return writeAffinity?.includes(site)
    ? `spec.writeAffinity of CompositeService ${composite} names it still; take it out`
    : undefined;
}

/** A site that does not read the leaver yet would never get what its clients have written there. */
function untoldOf(pass: ClusterPass): string | undefined {
  const { name: leaver } = pass.site;
  const untold = allSites(pass).find((name) => awaitedBy(pass, name).includes(leaver));
  return untold === undefined
    ? undefined
    : `${untold} has not been told of ${leaver} yet, and what is written there has to arrive; its condition ConfigurationApplied says what it waits for. spec.onRemoval.unread: Abandon of the CompositeService gives it up`;
}

/** Of an active/passive composite a site that relays may leave, by what was told last, and by its own managers. */
function takesWrites({ estate, site }: ClusterPass, { primary, relays }: SiteView): string | undefined {
  if (!isActivePassive(estate)) return undefined;
  const way = `ask for a Switch to another member first (spec.switch.site), and leave ${site.name} out of spec.members; it leaves behind it`;
  const active = activeSite(estate)?.name;
  if (active === undefined) return "nobody tells which member takes the writes";
  if (active === site.name) return `it takes the writes of the composite: ${way}`;
  return primary !== undefined && !relays ? `its managers call ${primary} a primary: ${way}` : undefined;
}

/** A relay that a human has given up need not be sound, as long as its nodes can be read: it is only stopped. */
const givenUp = ({ estate }: ClusterPass, view: SiteView): SiteView =>
  isActivePassive(estate) &&
  estate.composite?.leaving?.awaits === false &&
  view.nodes.every(({ reason }) => reason === undefined)
    ? { ...view, trouble: undefined }
    : view;

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
    ...(isActivePassive(estate) && { form: "passive", composite: estate.composite?.name ?? "" }),
    ...(before && keptAnew(whole, before)),
  };
  return beginning(whole, procedureFor(whole, { pins, kept }), pins, kept);
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
  const writes = activeSite(whole.estate)?.name === whole.site.name;
  if (writes && running.kept.form === "passive")
    return tell("False", "Waiting", `${whole.site.name} takes the writes by now: switch back in cctrl`);
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
  const active = activeSite(whole.estate)?.name;
  if (active !== undefined && active !== running.pins?.activeSite) return `${active} takes the writes by now`;
  if (spokenSince(pass, running)) return "the spec was changed after its halt";
  if (whole.estate.composite?.leaving !== undefined && awaited(whole) !== running.kept.unread)
    return "spec.onRemoval of the CompositeService was changed";
  const { revision } = procedureFor(whole, running);
  return revision === running.revision ? undefined : "the operator is another version";
}

async function walk(pass: ClusterPass, view: SiteView, ledger: Ledger, whole: ClusterPass): Promise<Work> {
  const work = await walkOn(pass, view, {
    procedure: procedureFor(whole, ledger),
    ledger,
    condition: type,
    reason: "Leaving",
    ended: endedAs(ledger),
    ini: textsOf(whole, ledger),
  });
  return work.ledger?.phase === "Finished" ? { ...work, status: leftAs(whole, ledger) } : work;
}

/**
 * All that a site does which has left as a relay: its condition, which says so too where somebody ties it to others again. Its nodes still show
 * what was installed on them, and that is no topology any more.
 */
export function outOfService(pass: ClusterPass): Work | undefined {
  const { object, estate } = pass;
  const why = outOfServiceOf(object);
  if (why === undefined || runningLedger(pass, name) !== undefined) return undefined;
  const { composite, links } = estate;
  const tied = composite?.name ?? links[0]?.name;
  const told =
    tied === undefined
      ? tell("True", "Left", why)
      : tell(
          "False",
          "OutOfService",
          `${tied} names it, and its data are those of when it left: ${why}, and create it anew with spec.fillFrom`,
        );
  // Nobody tells these any more.
  const untold = { primary: undefined, policy: undefined, sitesOut: undefined };
  return { ...told, status: { topology: "OutOfService", ...untold } };
}
