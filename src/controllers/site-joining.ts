/** Takes a site into a composite that runs. The ledger lies in the status of the site that joins. */
import type { Ledger, Pins } from "../crds/ledger.ts";
import { iniMap } from "../manifests/site-objects.ts";
import { filledKey } from "../procedures/add-nodes.ts";
import { wishesOf } from "../procedures/configuration-standing.ts";
import { seenEmptyKey } from "../procedures/first-filling.ts";
import { joinComposite } from "../procedures/join-composite.ts";
import { donorKey, passiveFilling } from "../procedures/join-passive.ts";
import type { Joining } from "../procedures/joining-scopes.ts";
import { hasReached } from "../procedures/track.ts";
import type { Site } from "../topology/estate.ts";
import { applyAll } from "./apply.ts";
import { sha256Of } from "./checksum.ts";
import { nodesInService } from "./estate-reader.ts";
import { lentFor } from "./request-planning.ts";
import { recordFor } from "./site-configuration.ts";
import { donorOf, notEmpty, policyElse } from "./site-filling.ts";
import { joinsComposite, notJoinable } from "./site-formation.ts";
import type { SiteView } from "./site-view.ts";
import {
  admitted,
  allSites,
  beginning,
  begunOver,
  ended,
  nothingToDo,
  runningLedger,
  spokenSince,
  telling,
  type Work,
  walkOn,
} from "./site-walk.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";
import { formerWalk, primaryMoved } from "./walk-anew.ts";

const type = "Installed";
const membership = "MembershipCurrent";
const waiting = (unmet: string): Work => {
  const why = `the site has not joined yet: ${unmet}`;
  return { ...telling(type)("False", "Waiting", why), why };
};

/**
 * Due on a site that has nothing installed and holds a copy of the others' data, or is to be provisioned from one of them
 * where it is passive. Without either nothing is begun here.
 */
export async function joinWhenDue(pass: ClusterPass, view: SiteView): Promise<Work> {
  const running = runningLedger(pass, "JoinComposite");
  if (running !== undefined) return goOn(pass, view, running);
  const { object, estate } = pass;
  const { status, metadata } = object;
  if (view.holder !== "" || status?.ledger?.phase === "Running") return nothingToDo;
  if (metadata.deletionTimestamp !== undefined || nodesInService(object) !== undefined) return nothingToDo;
  const passive = estate.composite?.type === "ActivePassive";
  const from = passive ? pass.spec.fillFrom?.site : status?.filledFrom;
  if (from === undefined || !joinsComposite(pass)) return nothingToDo;
  const unread = view.nodes.find(({ cluster }) => cluster === undefined);
  if (unread !== undefined) return waiting(`${unread.node.name} cannot be read: ${unread.reason ?? ""}`);
  if (view.nodes.some(({ cluster }) => cluster !== null)) return nothingToDo;
  const why = notJoinable(pass) ?? estate.tlsDispute;
  if (why !== undefined) return waiting(why);
  const lender = passive ? pass.namespace.clusters.get(from) : undefined;
  const donor = lender && donorOf(lender);
  if (passive && (donor === undefined || from === pass.site.name || !allSites(pass).includes(from)))
    return waiting(`spec.fillFrom.site: ${from} is no other member with a replica that is ONLINE`);
  const full = passive ? await notEmpty(pass, view) : undefined;
  if (full !== undefined) return waiting(full);
  const others = allSites(pass).filter((name) => name !== pass.site.name);
  const busy = await policyElse(pass, view, others);
  if (busy !== undefined) return waiting(busy);
  const kept = await admitted(pass, allSites(pass));
  if (kept !== undefined) return waiting(kept);
  return walk(pass, view, ledgerFor(pass, view, { kept: donor === undefined ? {} : { donor } }));
}

/** What the walk is about, by its ledger. */
function aboutOf({ site }: ClusterPass, { pins, kept }: Pick<Ledger, "kept"> & Partial<Ledger>): Joining {
  if (kept.donor === undefined) return { site: site.name };
  const head = pins?.primaries[site.name];
  const replicas = site.nodes.filter((node) => !node.witness && node.name !== head);
  return { site: site.name, passive: { donor: kept.donor, replicas } };
}

/**
 * Named no more in the middle, it goes back while nothing is installed there; behind that it goes on, because half of a
 * member can be taken out by nobody, and leaves once it is in. Whoever reads the composite is told so too.
 */
async function goOn(pass: ClusterPass, view: SiteView, running: Ledger): Promise<Work> {
  if (!isNamedNoMore(pass))
    return running.direction === "Revert" ? back(pass, view, running) : goIn(pass, view, running);
  const work = mayGoBack(pass, view, running)
    ? await back(pass, view, running)
    : await goIn(pass, view, running);
  return work.ledger?.phase === "Finished" && work.ledger.direction === "Revert"
    ? work
    : withMembership(work, "False", "Leaving", leavingTold(pass, work.ledger ?? running));
}

const isNamedNoMore = ({ estate, site }: ClusterPass): boolean =>
  estate.composite?.leaving?.members.includes(site.name) === true;

const withMembership = (work: Work, status: "True" | "False", reason: string, message: string): Work => ({
  ...work,
  told: [...work.told, ...telling(membership)(status, reason, message).told],
});

const leavingTold = ({ estate, site }: ClusterPass, { direction }: Ledger): string => {
  const why = `CompositeService ${estate.composite?.name} names ${site.name} no more`;
  return direction === "Revert"
    ? `${why}: its way in goes back, nothing is installed there`
    : `${why}: something is installed there already, so its way in is walked to its end, and it leaves behind it; condition Installed says where it stands`;
};

/** Nothing of Tungsten is on its nodes, nor on its way there. A walk that was begun anew does not know how far the one before had come. */
function mayGoBack(pass: ClusterPass, { nodes }: SiteView, running: Ledger): boolean {
  const procedure = joinComposite(aboutOf(pass, running));
  const { step, part } = procedure.revertUntil;
  if (hasReached(procedure, running, step, part)) return false;
  return (
    running.direction === "Revert" ||
    nodes.every(
      ({ cluster }) => cluster === null || (cluster === undefined && running.kept.anew === undefined),
    )
  );
}

/** A site that it was begun with is none of its estate any more, so that nobody could give that one its policy back. */
function lostOf({ estate }: ClusterPass, { pins }: Ledger): string | undefined {
  const before = Object.keys(pins?.members ?? {});
  const whole = before.every((name) => estate.sites.some((site) => site.name === name));
  return whole && estate.composite !== undefined
    ? undefined
    : `it began as a member of a composite with ${before.join(", ")}, which is gone, not whole, or names other sites by now: put the CompositeService back as it was; until then MAINTENANCE stays set`;
}

/** Over the sites it was begun with, whatever the specs say by now. */
async function back(whole: ClusterPass, view: SiteView, running: Ledger): Promise<Work> {
  const lost = lostOf(whole, running);
  if (lost !== undefined) return waiting(lost);
  const pass = begunOver(whole, running);
  const kept = await admitted(pass, allSites(pass));
  if (kept !== undefined) return waiting(kept);
  // The others have their policies again; a deleted site's own holds go with it.
  const left = whole.object.metadata.deletionTimestamp !== undefined && running.cursor.step > 0;
  if (running.direction === "Revert" && left) return wentBack(await ended(pass, running));
  const work = await walkOn(pass, view, {
    procedure: joinComposite(aboutOf(pass, running)),
    ledger: withoutOwn(pass, running),
    condition: type,
    reason: "GoingBack",
    ended: { reason: "WentBack", message: "" },
    back: true,
  });
  return work.ledger?.phase === "Finished" ? wentBack(work.ledger) : work;
}

/** Of a deleted site nobody waits for commands on its own nodes, which may be lost: before the installation they reach nothing else. */
function withoutOwn({ object, site }: ClusterPass, ledger: Ledger): Ledger {
  if (object.metadata.deletionTimestamp === undefined) return ledger;
  const own = (target: string): boolean => site.nodes.some(({ name }) => target.split(".")[0] === name);
  const attempts = Object.entries(ledger.attempts).filter(([target]) => !own(target));
  return { ...ledger, attempts: Object.fromEntries(attempts) };
}

/** It is a site by itself from here on. */
const wentBack = (ledger: Ledger): Work => {
  const why =
    "its way into the composite went back before anything was installed: the policies of the others are those of before";
  const work = { ...telling(type)("False", "WentBack", why), ledger, why };
  return withMembership(work, "True", "Current", "the site belongs to no composite");
};

/** Where specs, or the primary of a site that is there, changed meanwhile it is walked anew, and returns to the same policies. */
async function goIn(pass: ClusterPass, view: SiteView, running: Ledger): Promise<Work> {
  const { estate } = pass;
  const lost = lostOf(pass, running);
  if (lost !== undefined || estate.composite === undefined) return waiting(lost ?? "");
  const before = Object.keys(running.pins?.members ?? {});
  const more = estate.sites.find(({ name }) => !before.includes(name));
  if (more !== undefined)
    return waiting(
      `${more.name} was added in the middle: leave it out of spec.members of CompositeService ${estate.composite.name} until this site is in; until then MAINTENANCE stays set`,
    );
  const other = await admitted(pass, allSites(pass));
  if (other !== undefined) return waiting(other);
  const known = joinComposite(aboutOf(pass, running)).revision === running.revision;
  const same = running.kept.shape === shapeOf(pass) && !primaryMoved(pass, running);
  if (known && same && !spokenSince(pass, running)) return walk(pass, view, running);
  const former = await formerWalk(pass, view, running, passiveFilling);
  if ("busy" in former) return waiting(`its walk begins anew: ${former.busy}`);
  const kept = { ...running.kept, ...former.kept, anew: "true" };
  return walk(pass, view, ledgerFor(pass, view, { ...running, kept }));
}

/** What of the specs the composite's text is made from. */
const shapeOf = ({ estate }: ClusterPass): string =>
  sha256Of(JSON.stringify(Object.values(wishesOf(estate, "CAA"))));

/** Live primaries and releases of the sites that are there; the spec's of the one that joins, until its managers tell one. */
function ledgerFor(
  pass: ClusterPass,
  view: SiteView,
  before: Pick<Ledger, "kept"> & Partial<Ledger>,
): Ledger {
  const { estate, namespace, site, spec } = pass;
  const bySite = <T>(value: (each: Site) => T) =>
    Object.fromEntries(estate.sites.map((each) => [each.name, value(each)]));
  const statusOf = (name: string) => namespace.clusters.get(name)?.status;
  const primaryOf = ({ name, nodes, initialPrimary }: Site): string => {
    const told = name === site.name ? view.primary : statusOf(name)?.primary;
    const live = nodes.find((node) => node.name === (told ?? before.pins?.primaries[name]));
    if (live === undefined && name !== site.name)
      throw new Error(`nobody tells the primary of ${name}; nothing begins on a guess`);
    return (live ?? nodes[initialPrimary])?.name ?? "";
  };
  const policyOf = ({ name }: Site): string =>
    before.pins?.policies[name] ??
    (name === site.name ? spec.policy.toUpperCase() : String(statusOf(name)?.policy ?? "AUTOMATIC"));
  const pins: Pins = {
    primaries: bySite(primaryOf),
    policies: bySite(policyOf),
    members: bySite(({ nodes }) => nodes.filter((node) => !node.witness).map((node) => node.name)),
    releases: bySite(({ release }) => release),
    backupNodes: {},
    topology: "CAA",
    iniSha256: {},
  };
  // Who was provisioned stays so; who was begun is not empty any more.
  const same = Object.entries(before.kept).filter(
    ([key]) =>
      ["donor", "anew"].includes(key) ||
      [filledKey(""), seenEmptyKey(""), donorKey("")].some((each) => key.startsWith(each)),
  );
  const kept = { ...Object.fromEntries(same), shape: shapeOf(pass) };
  return beginning(pass, joinComposite(aboutOf(pass, { pins, kept })), pins, kept);
}

async function walk(pass: ClusterPass, view: SiteView, ledger: Ledger): Promise<Work> {
  const { estate, shell } = pass;
  const primaries = ledger.pins?.primaries ?? {};
  const text = lentFor(estate).renderIni("CAA", primaries);
  await applyAll(shell, [iniMap(estate, text)]);
  const work = await walkOn(pass, view, {
    procedure: joinComposite(aboutOf(pass, ledger)),
    ledger,
    condition: type,
    reason: "Joining",
    ended: {
      reason: "Installed",
      message: "the site is installed and was seen to run; the others are told of it next",
    },
  });
  if (work.ledger?.phase !== "Finished") return work;
  return { ...work, status: { configuration: recordFor(pass, "CAA", sha256Of(text), primaries) } };
}
