/**
 * Keeps as many nodes in service as a site's spec asks for: walks AddNodes or RemoveNodes from the TungstenCluster's own
 * ledger. Until a walk is over, everybody else's estate is the one of before.
 */
import type { Ledger } from "../crds/ledger.ts";
import { filledKey, nodeFilling } from "../procedures/add-nodes.ts";
import { wishesOf } from "../procedures/configuration-standing.ts";
import { type Node, siteNamed } from "../topology/estate.ts";
import { membersOf, withMembers } from "../topology/members.ts";
import { sha256Of } from "./checksum.ts";
import { bareOrNot } from "./data-kept.ts";
import { nodesInService } from "./estate-reader.ts";
import { lostNode, mayRebuild } from "./lost-volume.ts";
import { lentFor } from "./request-planning.ts";
import { additionLedger, kindOf, namesIn, procedureFor, removalLedger } from "./scaling-ledgers.ts";
import { recordFor } from "./site-configuration.ts";
import { leavingStill } from "./site-members.ts";
import { notNow, topologyOf } from "./site-readiness.ts";
import { type SiteView, viewOf } from "./site-view.ts";
import {
  admitted,
  allSites,
  begunOver,
  primariesOf,
  runningLedger,
  spokenSince,
  telling,
  type Work,
  walkOn,
} from "./site-walk.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";
import { formerWalk } from "./walk-anew.ts";

const type = "NodesInService";
/** A site that people replicate for has somebody to fail over to. */
const fewest = 2;

const tell = telling(type);

/** While nobody can say. */
export const membersUnknown = (why: string): Work => tell("Unknown", "ProcedureRuns", why);

const waiting = (why: string, waits: string): Work =>
  tell("False", "Waiting", `${why}; not begun yet: ${waits}`);
const named = (nodes: readonly Node[]): string => nodes.map(({ name }) => name).join(", ");

/** The pass over the estate as it is with so many nodes here. */
function withCount(pass: ClusterPass, count: number): ClusterPass {
  const estate = withMembers(pass.estate, pass.site.name, count);
  return { ...pass, estate, site: siteNamed(estate, pass.site.name) };
}

/** Never while a request holds the site, nor beside another change of it. */
export async function scaleWhenDue(pass: ClusterPass, view: SiteView): Promise<Work> {
  const { object, site, spec } = pass;
  const inService = nodesInService(object);
  const running = runningLedger(pass, "AddNodes") ?? runningLedger(pass, "RemoveNodes");
  if (running !== undefined) return goOn(pass, view, running);
  if (inService === undefined)
    return tell("Unknown", "NotRead", "the site was never seen to run from a text that is known here");
  const lost = lostNode(view);
  if (spec.nodes === inService && lost === undefined) return asWanted(pass);
  if (view.holder !== "") return membersUnknown("a procedure changes the nodes");
  if (lost !== undefined) return beginRebuilding(pass, view, lost);
  const why = `spec.nodes is ${spec.nodes}, and ${inService} ${inService === 1 ? "is" : "are"} in service`;
  if (site.nodes.some((node) => node.witness))
    return refused(
      why,
      "the witness's name follows those of the nodes",
      `put spec.nodes back to ${inService}`,
    );
  if (object.status?.ledger?.phase === "Running")
    return waiting(why, "another change of the site is under way");
  return spec.nodes > inService
    ? beginAddition(pass, view, inService, why)
    : beginRemoval(pass, view, inService, why);
}

const refused = (why: string, reason: string, way: string): Work =>
  tell("False", "Refused", `${why}: ${reason}; ${way}`);

async function asWanted({ shell, object, estate, site, namespace }: ClusterPass): Promise<Work> {
  const { leaving, waitsFor } = await leavingStill(shell, object, estate, namespace);
  const kept =
    waitsFor === undefined ? "" : `; the pods of ${leaving.join(", ")} stay until ${waitsFor} has been told`;
  return tell(
    "True",
    "AsWanted",
    `${named(site.nodes)} ${site.nodes.length === 1 ? "is" : "are"} in service${kept}`,
  );
}

/** The text that the walk would bring, and whether it may: as soon as the site is sound, or by its checksum. */
function unsaid(pass: ClusterPass, view: SiteView): string | undefined {
  const primaries = primariesOf(pass, view);
  const { configuration, approved } = pass.spec.changes;
  if (configuration === "Automatic" || primaries === undefined) return undefined;
  const lent = lentFor(pass.estate);
  const sha256 = lent.sha256(lent.renderIni(topologyOf(view) ?? "MSAA", primaries));
  if (approved !== "" && sha256.startsWith(approved)) return undefined;
  return `to bring tungsten.ini ${sha256.slice(0, 8)} to every node set spec.changes.approved to ${sha256}`;
}

async function beginAddition(
  pass: ClusterPass,
  view: SiteView,
  inService: number,
  why: string,
): Promise<Work> {
  const wide = withCount(pass, pass.spec.nodes);
  const added = wide.site.nodes.slice(inService);
  const missing = added.filter(({ name }) => !view.pods.has(name));
  if (missing.length > 0) return waiting(why, `${named(missing)} has no running pod`);
  const dressed = await bareOrNot(pass, view, added);
  if (dressed !== undefined)
    return dressed.is === "unknown"
      ? waiting(why, dressed.why)
      : refused(why, ...notBare(dressed.node, dressed.with, inService));
  const waits = notNow(pass, view);
  if (waits !== undefined) return waiting(why, waits);
  const word = unsaid(wide, view);
  if (word !== undefined) return tell("False", "ApprovalNeeded", `${why}; ${word}`);
  const kept = await admitted(pass, allSites(pass));
  if (kept !== undefined) return waiting(why, kept);
  return walk(
    wide,
    view,
    additionLedger(
      wide,
      view,
      added.map(({ name }) => name),
      view.policy ?? "",
    ),
  );
}

/** As one that joins, in the place it has: the others know it already, and their text does not change. */
async function beginRebuilding(pass: ClusterPass, view: SiteView, lost: Node): Promise<Work> {
  const said = await mayRebuild(pass, view, lost);
  if ("told" in said) return tell("False", ...said.told);
  const policy = said.rest.policy ?? "";
  return walk(pass, said.rest, additionLedger(pass, said.rest, [lost.name], policy));
}

const notBare = (node: string, held: string, inService: number): readonly [string, string] => [
  `${node} comes with a volume that holds ${held}, so that it may hold data that somebody wants`,
  `put spec.nodes back to ${inService}, delete its claims (opt-${node}, backups-${node}) once you are sure, and raise it again`,
];

async function beginRemoval(
  pass: ClusterPass,
  view: SiteView,
  inService: number,
  why: string,
): Promise<Work> {
  const { nodes: wanted } = pass.spec;
  const leaving = pass.site.nodes.slice(wanted);
  const back = `put spec.nodes back to ${inService}`;
  const primary = leaving.find(({ name }) => name === view.primary);
  if (view.primary === undefined) return waiting(why, "no coordinator tells a primary");
  if (primary !== undefined)
    return refused(
      why,
      `${primary.name}, which would leave, is the primary`,
      `switch to another node first (an UpgradeRequest with procedure Switch), or ${back}`,
    );
  if (wanted < fewest)
    return refused(why, "a site of one node has nobody to fail over to and nobody to be filled from", back);
  const narrow = withCount(pass, wanted);
  const stays = await viewOf(narrow);
  const waits = notNow(pass, stays);
  if (waits !== undefined) return waiting(why, waits);
  const word = unsaid(narrow, stays);
  if (word !== undefined) return tell("False", "ApprovalNeeded", `${why}; ${word}`);
  const kept = await admitted(pass, allSites(pass));
  if (kept !== undefined) return waiting(why, kept);
  return walk(
    narrow,
    stays,
    removalLedger(
      narrow,
      stays,
      leaving.map(({ name }) => name),
      stays.policy ?? "",
    ),
  );
}

/** Where specs or primary have changed the walk begins anew; where nodes that join are not wanted any more, it turns round. */
async function goOn(tied: ClusterPass, view: SiteView, running: Ledger): Promise<Work> {
  const pass = begunOver(tied, running);
  const kept = await admitted(pass, allSites(pass));
  if (kept !== undefined) return tell("False", "Waiting", kept);
  const { site, spec } = pass;
  const adds = running.procedure === "AddNodes";
  const names = namesIn(running);
  const most = Number(running.kept.most);
  const inService = site.nodes.length;
  const over = withCount(pass, adds ? most : most - names.length);
  const policy = running.pins?.policies[site.name] ?? "";
  // A node that is made anew was in service before; it is taken out once it is whole.
  const unwanted = adds && inService < most && spec.nodes < most;
  const unfit = unwanted
    ? membersOf(site.name, most)
        .slice(inService)
        .map(({ name }) => name)
    : names.filter((name) => running.kept[filledKey(name)] !== "true");
  const misplaced = unfit.find((name) => name === view.primary);
  if (misplaced !== undefined) return tell("False", "Waiting", switchBack(pass, running, misplaced, unfit));
  const stale = unwanted ? "its nodes are not wanted any more" : staleness(over, view, running);
  if (stale === undefined) return walk(over, view, running);
  const former = await formerWalk(over, view, running, nodeFilling);
  if ("busy" in former)
    return tell("False", "Waiting", `${running.procedure} begins anew, as ${stale}: ${former.busy}`);
  const before = { ...running, kept: { ...running.kept, ...former.kept } };
  pass.shell.events.emit(pass.object, "Normal", "BegunAnew", `${running.procedure} begins anew: ${stale}`);
  if (!unwanted)
    return walk(
      over,
      view,
      adds
        ? additionLedger(over, view, names, policy, before)
        : removalLedger(over, view, names, policy, running),
    );
  const narrow = withCount(pass, inService);
  return walk(narrow, view, removalLedger(narrow, view, unfit, policy, running));
}

/** Somebody made a node the primary that is only half in, or on its way out: no walk goes on around it. */
function switchBack(
  { site }: ClusterPass,
  { procedure, pins }: Ledger,
  misplaced: string,
  unfit: readonly string[],
): string {
  const homes = [pins?.primaries[site.name] ?? "", ...site.nodes.map(({ name }) => name)];
  const home = homes.find((name) => name !== "" && !unfit.includes(name));
  return `${misplaced}, which is not in service for good, is the primary of ${site.name} by now: make another node the primary again (switch to ${home} in cctrl); ${procedure} goes on then`;
}

function staleness(over: ClusterPass, view: SiteView, running: Ledger): string | undefined {
  const pinned = running.pins?.primaries[over.site.name];
  if (view.primary !== undefined && view.primary !== pinned) return `the primary is ${view.primary} by now`;
  if (spokenSince(over, running)) return "the spec was changed after its halt";
  if (running.kept.wishes !== sha256Of(wishesOf(over.estate, kindOf(running)).options))
    return "options have changed";
  if (procedureFor(over, running).revision !== running.revision) return "the operator is another version";
  return undefined;
}

async function walk(over: ClusterPass, view: SiteView, ledger: Ledger): Promise<Work> {
  const primaries = ledger.pins?.primaries ?? {};
  const work = await walkOn(over, view, {
    procedure: procedureFor(over, ledger),
    ledger,
    condition: type,
    reason: "Scaling",
    ended: { reason: "AsWanted", message: `${named(over.site.nodes)} are in service` },
  });
  if (work.ledger?.phase !== "Finished") return work;
  const lent = lentFor(over.estate);
  const sha256 = lent.sha256(lent.renderIni(kindOf(ledger), primaries));
  const configuration = recordFor(over, kindOf(ledger), sha256, primaries);
  return {
    ...work,
    status: { configuration, ...(ledger.procedure === "RemoveNodes" && { leaving: namesIn(ledger) }) },
  };
}
