/**
 * Takes deleted CrossSiteLinks off the nodes: walks RemoveLinks over all sites from the ledger of the first one. Until it is
 * over the links are links of the estate; then their finalizers go, and the estate is what is left.
 */
import type { Ledger, Pins } from "../crds/ledger.ts";
import { linkKind } from "../kube/kinds.ts";
import { removeLinks } from "../procedures/remove-links.ts";
import type { LinkRemoval, Pair } from "../procedures/remove-links-parts.ts";
import { type Estate, type Link, siteNamed } from "../topology/estate.ts";
import { sha256Of } from "./checksum.ts";
import { among, isDeleted, isSilent, onlyWith, unsaid, unsound } from "./leaving-sites.ts";
import { isNowhere, onNodes } from "./link-services.ts";
import { dropFinalizer, linkFinalizer } from "./ownership.ts";
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

const name = "RemoveLinks";
export const linksCondition = "LinksCurrent";

const tell = telling(linksCondition);

const leavingLinks = ({ links }: Estate): readonly Link[] =>
  links.filter((link) => link.leaving !== undefined);

/** Nothing is told of an estate that no link leaves. */
export async function leaveWhenDue(pass: ClusterPass, view: SiteView): Promise<Work> {
  const running = runningLedger(pass, name);
  if (running !== undefined) return goOn(pass, view, running);
  // One that is on no node goes by itself.
  const links = await onNodes(pass.shell, pass.estate, leavingLinks(pass.estate));
  if (links.length === 0) return toldOnce(pass);
  if (isComposite(view.topology)) return nothingToDo;
  if (view.holder !== "") return tell("Unknown", "ProcedureRuns", "a procedure changes the nodes");
  const why = `${links.map((link) => link.name).join(", ")} ${links.length === 1 ? "was" : "were"} deleted`;
  const out = leftOut(pass);
  const taking = among(pass, (site) => !out.includes(site));
  const first = taking.estate.sites.find((site) => !isDeleted(pass, site.name));
  if (first === undefined) return tell("False", "Waiting", `${why}; no site is left to begin it`);
  if (first.name !== pass.site.name)
    return tell(
      "False",
      "Waiting",
      `${why}; TungstenCluster ${first.name} takes them out for all sites; see its condition ${linksCondition}`,
    );
  return othersFollow(pass, links, why) ?? begin(taking, view, why, { whole: pass.estate, links });
}

/** What was said while links were leaving does not stand there for ever. */
function toldOnce({ object }: ClusterPass): Work {
  const told: readonly { type: string; status: string; reason: string }[] = object.status?.conditions ?? [];
  const last = told.find(({ type }) => type === linksCondition);
  const open = last !== undefined && last.status !== "True" && last.reason !== "WorldDeparted";
  return open ? tell("True", ended.reason, ended.message) : nothingToDo;
}

/** Sites of which nobody can say, and all of whose links a human has given up: the others go on without them. */
const leftOut = (pass: ClusterPass): readonly string[] =>
  pass.estate.sites
    .filter(({ name: site }) => {
      const own = pass.estate.links.filter(({ source, target }) => source === site || target === site);
      return own.length > 0 && own.every(({ leaving }) => leaving?.awaits === false) && isSilent(pass, site);
    })
    .map(({ name: site }) => site);

/** The estate as it is, and the links that a walk takes out of it. */
type Leaving = { readonly whole: Estate; readonly links: readonly Link[] };

async function begin(pass: ClusterPass, view: SiteView, why: string, leaving: Leaving): Promise<Work> {
  const waits =
    notNow(pass, view, false) ?? unsound(pass, "spec.onDeletion.unread: Abandon of the links that leave");
  if (waits !== undefined) return tell("False", "Waiting", `${why}; not begun yet: ${waits}`);
  const fresh = freshLedger(pass, view, leaving);
  const own = partsLeft(pass, fresh).find(({ sites }) => sites.some((site) => site.name === pass.site.name));
  const word = unsaid(pass, sha256Of(textsOf(pass, fresh)[own === undefined ? "" : keyOf(own)] ?? ""));
  if (word !== undefined) return tell("False", "ApprovalNeeded", `${why}; ${word}`);
  const kept = await admitted(pass, allSites(pass));
  if (kept !== undefined) return tell("False", "Waiting", `${why}; not begun yet: ${kept}`);
  return walk(pass, view, fresh, leaving.whole);
}

/** What the ledger keeps of each link: whether it is awaited, and whether its position goes. */
const wordOf = ({ leaving }: Link): string =>
  `${leaving?.awaits === false ? "abandon" : "await"} ${leaving?.drops === true ? "drop" : "keep"}`;

/** Links are deleted one by one, also by one command: whoever follows at once is walked with the first. */
const togetherMs = 10_000;

function othersFollow({ shell }: ClusterPass, links: readonly Link[], why: string): Work | undefined {
  const newest = Math.max(...links.map(({ leaving }) => leaving?.since ?? 0));
  const left = newest + togetherMs - shell.clock.now();
  // A clock of the API server's that is far ahead of ours delays nothing.
  if (left <= 0 || left > togetherMs) return undefined;
  const waits = "a link that is deleted within ten seconds goes with them";
  return { ...tell("False", "Waiting", `${why}; not begun yet: ${waits}`), afterMs: left };
}

const keptUnder = ({ kept }: Pick<Ledger, "kept">, prefix: string): readonly string[] =>
  Object.keys(kept)
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length));
const linksIn = (ledger: Pick<Ledger, "kept">) => keptUnder(ledger, "link.");

/** Links that were there, and stayed, when the walk began: one that is made meanwhile is nothing to it. */
const stayingIn = ({ kept }: Pick<Ledger, "kept">): readonly Pair[] =>
  keptUnder({ kept }, "stay.").map((link) => {
    const [source = "", target = ""] = (kept[`stay.${link}`] ?? "").split(" ");
    return { source, target };
  });

/** What is left of the estate when the links of a walk are gone: each part, and the sites of it that take part. */
const partsLeft = (pass: ClusterPass, kept: Pick<Ledger, "kept">): readonly Estate[] => {
  const taking = allSites(pass);
  const stay = keptUnder(kept, "stay.");
  const all = pass.namespace.estates.flatMap(({ links }) => links.map((link) => link.name));
  return pass.namespace
    .without(all.filter((link) => !stay.includes(link)))
    .map((part) => onlyWith(part, (site) => taking.includes(site)))
    .filter(({ sites }) => sites.length > 0);
};

const keyOf = ({ sites }: Estate): string => `MSAA-${sites[0]?.name ?? ""}`;

function changeOf(pass: ClusterPass, whole: Estate, ledger: Pick<Ledger, "pins" | "kept">): LinkRemoval {
  const { kept, pins } = ledger;
  const names = linksIn(ledger);
  const going = whole.links.filter((link) => names.includes(link.name));
  const staying = stayingIn(ledger);
  const sites = allSites(pass);
  const reading = sites.filter((site) => staying.some(({ target }) => target === site));
  return {
    sites: pass.estate.sites.map((site) => {
      const data = site.nodes.filter((node) => !node.witness);
      const isPrimary = (node: (typeof data)[number]) => node.name === pins?.primaries[site.name];
      return [...data.filter((node) => !isPrimary(node)), ...data.filter(isPrimary)];
    }),
    texts: partsLeft(pass, ledger).map((part) => ({
      key: keyOf(part),
      sites: part.sites.map((site) => site.name),
    })),
    links: going
      .filter(({ target }) => sites.includes(target))
      .map((link) => ({
        source: siteNamed(whole, link.source),
        target: siteNamed(whole, link.target),
        awaits: kept[`link.${link.name}`]?.startsWith("await") === true,
        drops: kept[`link.${link.name}`]?.endsWith("drop") === true,
      })),
    bare: sites.filter((site) => !reading.includes(site) && going.some(({ target }) => target === site)),
    reading,
    staying,
    sourcesLeft: sites.filter((site) => staying.some(({ source }) => source === site)),
    tag: kept.tag ?? "",
    beat: `${kept.tag}.${kept.turn}`,
  };
}

const textsOf = (pass: ClusterPass, { pins, kept }: Pick<Ledger, "pins" | "kept">) =>
  Object.fromEntries(
    partsLeft(pass, { kept }).map((part) => [
      keyOf(part),
      lentFor(part).renderIni("MSAA", pins?.primaries ?? {}),
    ]),
  );

/** Dumps that an earlier turn has made are the only place of what its uninstalling dropped. */
const carried = (before: Ledger | undefined): Record<string, string> =>
  Object.fromEntries(
    Object.entries(before?.kept ?? {}).filter(([key]) => /^(dump\.|binlog\.|stay\.|tag$)/.test(key)),
  );

function freshLedger(pass: ClusterPass, view: SiteView, { whole, links }: Leaving, before?: Ledger): Ledger {
  const { estate, namespace, object, shell, site } = pass;
  const policyOf = (each: string): string =>
    before?.pins?.policies[each] ??
    (each === site.name ? view.policy : namespace.clusters.get(each)?.status?.policy) ??
    "AUTOMATIC";
  const pins: Pins = {
    ...pinsFor(pass, view, { policy: policyOf(site.name), primary: view.primary, before }),
    policies: Object.fromEntries(estate.sites.map((each) => [each.name, policyOf(each.name)])),
  };
  const words = links.flatMap((link) => [
    [`link.${link.name}`, wordOf(link)],
    [`ends.${link.name}`, `${link.source} ${link.target}`],
  ]);
  const tag = `${(object.metadata.uid ?? "").slice(0, 8)}${shell.clock.now().toString(36)}`;
  const kept: Record<string, string> = {
    tag,
    ...Object.fromEntries(estate.sites.map((each) => [`site.${each.name}`, "takes part"])),
    ...(before === undefined
      ? Object.fromEntries(
          estate.links
            .filter(({ leaving }) => leaving === undefined)
            .map(({ name: link, source, target }) => [`stay.${link}`, `${source} ${target}`]),
        )
      : {}),
    ...carried(before),
    ...Object.fromEntries(words),
    turn: String(Number(before?.kept.turn ?? 0) + 1),
  };
  const { steps } = removeLinks(changeOf(pass, whole, { pins, kept }));
  return beginning(pass, removeLinks(changeOf(pass, whole, { pins, kept })), pins, {
    ...kept,
    steps: String(steps.length),
  });
}

/** Where words, or a primary, have changed the walk begins anew, and returns to the policies of before all the same. */
async function goOn(whole: ClusterPass, view: SiteView, running: Ledger): Promise<Work> {
  const names = linksIn(running);
  const left = leavingLinks(whole.estate).filter((link) => names.includes(link.name));
  if (String(running.cursor.step) === running.kept.steps) return finish(whole, running);
  const gone = names.filter((link) => !left.some((each) => each.name === link));
  if (gone.length > 0 && (left.length === 0 || !(await wereNowhere(whole, running, gone))))
    return takenAway(whole, running);
  const sites = keptUnder(running, "site.");
  const pass = among(whole, (site) => sites.includes(site));
  const kept = await admitted(pass, allSites(pass));
  if (kept !== undefined) return tell("False", "Waiting", kept);
  const stale =
    gone.length > 0
      ? `${gone.join(", ")} went by itself`
      : staleness(pass, view, running, { left, whole: whole.estate });
  if (stale === undefined) return walk(pass, view, running, whole.estate);
  pass.shell.events.emit(pass.object, "Normal", "BegunAnew", `${name} begins anew: ${stale}`);
  const out = leftOut(whole);
  const again = among(whole, (site) => !out.includes(site));
  const leaving = { whole: whole.estate, links: left };
  return walk(again, view, freshLedger(again, view, leaving, running), whole.estate);
}

/** Nothing was stopped yet, and no node has a service of theirs: they were on their way out by themselves. */
async function wereNowhere(
  { shell, estate }: ClusterPass,
  { cursor, kept }: Ledger,
  gone: readonly string[],
): Promise<boolean> {
  if (cursor.step > 0) return false;
  for (const link of gone) {
    const [source, target] = (kept[`ends.${link}`] ?? "")
      .split(" ")
      .map((end) => estate.sites.find(({ name: site }) => site === end));
    if (source === undefined || target === undefined) return false;
    if (!(await isNowhere(shell, estate, source, target))) return false;
  }
  return true;
}

function staleness(
  pass: ClusterPass,
  view: SiteView,
  running: Ledger,
  { left, whole }: { readonly left: readonly Link[]; readonly whole: Estate },
): string | undefined {
  const primaries = primariesOf(pass, view) ?? {};
  const moved = Object.entries(primaries).find(([site, node]) => node !== running.pins?.primaries[site]);
  if (moved !== undefined) return `the primary of ${moved[0]} is ${moved[1]} by now`;
  if (spokenSince(pass, running)) return "the spec was changed after its halt";
  const other = left.find((link) => running.kept[`link.${link.name}`] !== wordOf(link));
  if (other !== undefined) return `spec.onDeletion of CrossSiteLink ${other.name} was changed`;
  const { revision } = removeLinks(changeOf(pass, whole, running));
  return revision === running.revision ? undefined : "the operator is another version";
}

async function walk(pass: ClusterPass, view: SiteView, ledger: Ledger, whole: Estate): Promise<Work> {
  const change = changeOf(pass, whole, ledger);
  return walkOn(pass, view, {
    procedure: removeLinks(change),
    ledger,
    condition: linksCondition,
    reason: "Leaving",
    ended,
    ini: textsOf(pass, ledger),
  });
}

const ended = { reason: "Left", message: "the links that were deleted are gone from every node" };

/**
 * All steps are done. The links go first, and only then the ledger says that it is over: as long as it does not, no other
 * site of the estate begins anything, and nobody brings the links back to the nodes.
 */
async function finish(pass: ClusterPass, running: Ledger): Promise<Work> {
  const { shell, estate } = pass;
  const names = linksIn(running);
  const held = (await shell.objects.list(linkKind, estate.namespace)).filter(
    ({ metadata }) =>
      metadata.deletionTimestamp !== undefined &&
      names.includes(metadata.name) &&
      metadata.finalizers?.includes(linkFinalizer),
  );
  for (const link of held) await dropFinalizer(shell.objects, linkKind, link, linkFinalizer);
  if (held.length > 0 || leavingLinks(estate).some((link) => names.includes(link.name)))
    return { ...tell("False", "Leaving", "the links go"), ledger: running, afterMs: 20 };
  await giveBack(pass);
  return {
    ...tell("True", ended.reason, ended.message),
    ledger: { ...running, phase: "Finished", outcome: "Succeeded" },
    ...recordLeft(pass, running),
  };
}

/** What the site runs from now; nothing where it was left out itself. */
function recordLeft(pass: ClusterPass, running: Ledger): Pick<Work, "status"> {
  const { site } = pass;
  const sites = keptUnder(running, "site.");
  const own = partsLeft(pass, running)
    .map((part) => onlyWith(part, (each) => sites.includes(each)))
    .find((part) => part.sites.some(({ name: each }) => each === site.name));
  if (own === undefined) return {};
  const primaries = Object.fromEntries(
    own.sites.map((each) => [each.name, running.pins?.primaries[each.name] ?? ""]),
  );
  const lent = lentFor(own);
  const sha256 = lent.sha256(lent.renderIni("MSAA", primaries));
  return { status: { configuration: recordFor({ estate: own, site }, "MSAA", sha256, primaries) } };
}

/** Somebody took the finalizers off in the middle: nobody can tell any more what the sites are to become. */
async function takenAway(pass: ClusterPass, running: Ledger): Promise<Work> {
  const { halt: _, ...ledger } = running;
  const why =
    "links that were on their way out lost their finalizer by hand: what the walk has stopped stays stopped, and MAINTENANCE stays set; look at every site, bring back what is missing, and set the policy in cctrl";
  pass.shell.events.emit(pass.object, "Warning", "WalkAbandoned", why);
  await giveBack(pass);
  return {
    ...tell("False", "WorldDeparted", why),
    ledger: { ...ledger, phase: "Finished", outcome: "Aborted" },
  };
}
