/** Fills the databases of a new site from a replica of another, by its spec's word, before Tungsten is installed there. */
import type { Ledger, Pins } from "../crds/ledger.ts";
import {
  copyFilling,
  copyKept,
  type Filling,
  fillSite,
  isCopied,
  unusedKey,
} from "../procedures/fill-site.ts";
import type { Site } from "../topology/estate.ts";
import { clusterView } from "../tungsten/node-facts.ts";
import { dataOn } from "./data-kept.ts";
import { nodesInService } from "./estate-reader.ts";
import { onlyNodes, withFacts } from "./gather.ts";
import type { KubeObject } from "./shell.ts";
import { joinsComposite, notJoinable } from "./site-formation.ts";
import { isComposite } from "./site-topology.ts";
import type { SiteView } from "./site-view.ts";
import {
  admitted,
  beginning,
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
const waiting = (unmet: string): Work => {
  const why = `the site is not filled yet: ${unmet}`;
  return { ...telling(type)("False", "Waiting", why), why };
};

/** Due on a site that was never in service, as long as nothing is installed on it and it was not filled yet. */
export async function fillWhenDue(pass: ClusterPass, view: SiteView): Promise<Work> {
  const { object, spec, estate } = pass;
  const from = spec.fillFrom?.site;
  const { status } = object;
  // Whatever the spec says by now: a donor that is out is brought back.
  const running = runningLedger(pass, "FillSite");
  if (running !== undefined) return goOn(pass, view, running);
  if (from === undefined || nodesInService(object) !== undefined) return nothingToDo;
  if (view.holder !== "" || status?.ledger?.phase === "Running") return nothingToDo;
  // The vendor's tool fills a passive site, once it is installed.
  if (joinsComposite(pass) && estate.composite?.type === "ActivePassive") return nothingToDo;
  if (object.metadata.deletionTimestamp !== undefined) return nothingToDo;
  const donorSite = estate.sites.find(({ name }) => name === from);
  if (status?.filledFrom !== undefined)
    return donorSite === undefined && view.nodes.every(({ cluster }) => cluster === null)
      ? untied(status.filledFrom, from)
      : nothingToDo;
  const unread = view.nodes.find(({ cluster }) => cluster === undefined);
  if (unread !== undefined) return waiting(`${unread.node.name} cannot be read: ${unread.reason ?? ""}`);
  if (view.nodes.some(({ cluster }) => cluster !== null)) return nothingToDo;
  if (donorSite === undefined || from === object.metadata.name)
    return waiting(
      `spec.fillFrom.site: ${from} is no other site of its estate; create the CrossSiteLinks between them, or name it in spec.members of the CompositeService, first`,
    );
  const why =
    notReady(pass, donorSite) ?? (await notEmpty(pass, view)) ?? (await policyElse(pass, view, [from]));
  if (why !== undefined) return waiting(why);
  const kept = await admitted(pass, [object.metadata.name, from]);
  if (kept !== undefined) return waiting(kept);
  return walk(pass, view, freshLedger(pass, { site: object.metadata.name, from, kind: kindOf(pass) }));
}

/** A copy that was made to join with, of a site that has nothing to do with this one by now: nobody has asked for a second primary of it. */
function untied(copied: string, from: string): Work {
  const why = `its databases hold what ${copied} held, and ${from} is no other site of its estate: tie them again, by CrossSiteLinks or by spec.members of a CompositeService; or remove spec.fillFrom, then it is installed as a site of its own`;
  return { ...telling(type)("False", "Waiting", why), why };
}

/** As what the sites run that are there: links may stand beside a composite that has taken their work over. */
const kindOf = (pass: ClusterPass): "MSAA" | "CAA" => (joinsComposite(pass) ? "CAA" : "MSAA");

/** Its last replica that replicates, by its own word. */
export function donorOf({ status }: KubeObject): string | undefined {
  const nodes: readonly { name: string; role?: string; state?: string }[] = status?.nodes ?? [];
  return nodes.filter(({ role, state }) => role === "replica" && state === "ONLINE").at(-1)?.name;
}

/** What keeps the other site from lending a replica now. */
function notReady(pass: ClusterPass, from: Site): string | undefined {
  const { namespace, estate, site } = pass;
  const cluster = namespace.clusters.get(from.name);
  const status = cluster?.status;
  if (cluster === undefined || status === undefined) return `${from.name} was never looked at`;
  if (cluster.spec?.proceduresPaused === true || cluster.spec?.paused === true)
    return `spec.paused or spec.proceduresPaused of ${from.name} admits no procedure`;
  const ready = (status.conditions ?? []).find((each: { type: string }) => each.type === "Ready");
  if (ready?.status !== "True") return `${from.name} is not Ready: ${ready?.message ?? "nobody has looked"}`;
  if ((status.runningProcedure ?? "") !== "" || status.ledger?.phase === "Running")
    return `${from.name} is being changed; the sites of an estate take turns`;
  const composite = joinsComposite(pass);
  if (!composite && (isComposite(status.topology) || status.topology === "Mixed"))
    return `${from.name} runs as ${status.topology}, and no CompositeService of it names this site`;
  const why = composite ? notJoinable(pass) : undefined;
  if (why !== undefined) return why;
  const unlinked = estate.sites.find(
    ({ name }) =>
      !composite &&
      name !== site.name &&
      name !== from.name &&
      !estate.links.some((link) => link.source === name && link.target === from.name),
  );
  if (unlinked !== undefined)
    return `${from.name} does not read ${unlinked.name}, so that its data hold no position of it`;
  return donorOf(cluster) === undefined ? `${from.name} has no replica that is ONLINE` : undefined;
}

/**
 * Asked live, of each site's primary: the walk sets MAINTENANCE and returns to the policy that it begins with. One that
 * somebody has set meanwhile is theirs, and nothing begins on a guess of it.
 */
export async function policyElse(
  { shell, namespace }: ClusterPass,
  { pods }: SiteView,
  sites: readonly string[],
): Promise<string | undefined> {
  return withFacts(shell, onlyNodes(pods), (facts) => {
    const said = sites.map((name) => {
      const cluster = namespace.clusters.get(name);
      const primary: unknown = cluster?.status?.primary;
      const view = typeof primary === "string" ? facts.get(primary, clusterView) : undefined;
      return { name, view, wanted: String(cluster?.spec?.policy ?? "Automatic").toUpperCase() };
    });
    for (const { name, view, wanted } of said) {
      if (view === undefined) return `nobody tells the primary of ${name}`;
      if ("unknown" in view) return `the policy of ${name} cannot be read: ${view.unknown}`;
      if (view.known.policy !== wanted)
        return `the policy of ${name} is ${typeof view.known.policy === "string" ? view.known.policy : "unknown"} and its spec.policy wants ${wanted}: somebody may be at work`;
    }
    return undefined;
  });
}

/** Data that somebody may want are not overwritten. */
export async function notEmpty(
  { shell }: ClusterPass,
  { pods, nodes }: SiteView,
): Promise<string | undefined> {
  const around = onlyNodes(pods);
  return withFacts(shell, around, (facts) => {
    // Every node is asked before one of them answers for all: a pass has few rounds.
    const said = nodes.map(({ node }) => ({ node, data: dataOn(node.name, facts) }));
    for (const { node, data } of said) {
      if (data === "nothing") continue;
      if ("unknown" in data) return data.unknown;
      return `the database of ${node.name} holds ${data.holds} already, which somebody may want; remove spec.fillFrom, or drop it there`;
    }
    return undefined;
  });
}

/** Ledgers of earlier versions, which filled sites of a mesh only, have no kind. */
const aboutOf = ({ site }: ClusterPass, { kept }: Ledger): Filling => ({
  site: site.name,
  from: kept.from ?? "",
  kind: kept.kind === "CAA" ? "CAA" : "MSAA",
});

async function goOn(pass: ClusterPass, view: SiteView, running: Ledger): Promise<Work> {
  const about = aboutOf(pass, running);
  if (!pass.estate.sites.some(({ name }) => name === about.from))
    return waiting(
      `${about.from} lends a replica and is no other site of its estate any more: put back what tied them, so that the replica is given back`,
    );
  const kept = await admitted(pass, [pass.site.name, about.from]);
  if (kept !== undefined) return waiting(kept);
  const known = fillSite(about).revision === running.revision;
  const donor = running.pins?.backupNodes[about.from];
  const primary: unknown = pass.namespace.clusters.get(about.from)?.status?.primary;
  if (donor !== undefined && primary === donor && !isCopied(running.kept, nodesOf(pass)))
    return waiting(
      `${donor}, whose data are to be copied, is the primary of ${about.from} by now: make another node the primary again (switch in cctrl); the filling goes on then`,
    );
  if (known && !primaryMoved(pass, running) && !spokenSince(pass, running)) return walk(pass, view, running);
  const former = await formerWalk(pass, view, running, copyFilling);
  if ("busy" in former) return waiting(`its walk begins anew: ${former.busy}`);
  return walk(pass, view, anew(pass, running, former.kept));
}

const nodesOf = ({ site }: ClusterPass): readonly string[] =>
  site.nodes.filter(({ witness }) => !witness).map(({ name }) => name);

/**
 * What was pinned stays but for primaries that have moved: the donor is out, and the policy to return to was read before. Behind the copy it is proven by
 * what was kept of its donor when it was made; the donor has gone on since.
 */
const anew = (pass: ClusterPass, before: Ledger, begun: Ledger["kept"]): Ledger => {
  const { from, kind } = aboutOf(pass, before);
  const seen = before.kept[unusedKey];
  const pins = before.pins as Pins;
  const live = pass.estate.sites.flatMap(({ name, nodes }) => {
    const node = nodes.find((each) => each.name === pass.namespace.clusters.get(name)?.status?.primary);
    return node === undefined ? [] : [[name, node.name] as const];
  });
  const primaries = { ...pins.primaries, ...Object.fromEntries(live) };
  return beginning(
    pass,
    fillSite(aboutOf(pass, before)),
    { ...pins, primaries },
    {
      from,
      kind,
      ...(seen !== undefined && { [unusedKey]: seen }),
      ...begun,
      ...(isCopied(before.kept, nodesOf(pass)) && copyKept(before.kept)),
    },
  );
};

/** Of the site that lends primary and policy were seen just now; nothing is begun at the others, nor returned to. */
function freshLedger(pass: ClusterPass, about: Filling): Ledger {
  const { estate, namespace } = pass;
  const { from, kind } = about;
  const bySite = <T>(value: (each: Site) => T) =>
    Object.fromEntries(estate.sites.map((each) => [each.name, value(each)]));
  const statusOf = (name: string) => namespace.clusters.get(name)?.status;
  const pins: Pins = {
    primaries: bySite(({ name, nodes, initialPrimary }) => {
      const live = nodes.find((node) => node.name === statusOf(name)?.primary);
      return (live ?? nodes[initialPrimary])?.name ?? "";
    }),
    policies: bySite(({ name }) => statusOf(name)?.policy ?? "AUTOMATIC"),
    members: bySite(({ nodes }) => nodes.filter((node) => !node.witness).map((node) => node.name)),
    releases: bySite(({ release }) => release),
    backupNodes: { [from]: donorOf(namespace.clusters.get(from) as KubeObject) ?? "" },
    topology: kind,
    iniSha256: {},
  };
  return beginning(pass, fillSite(about), pins, { from, kind });
}

async function walk(pass: ClusterPass, view: SiteView, ledger: Ledger): Promise<Work> {
  const about = aboutOf(pass, ledger);
  const { from } = about;
  const work = await walkOn(pass, view, {
    procedure: fillSite(about),
    ledger,
    condition: type,
    reason: "Filling",
    ended: { reason: "Filled", message: `its databases hold what ${from} held` },
  });
  const told = work.told.map((each) => ({
    ...each,
    status: each.status === "True" ? ("Unknown" as const) : each.status,
  }));
  if (work.ledger?.phase !== "Finished") return work;
  return { ...work, told, status: { filledFrom: ledger.pins?.backupNodes[from] ?? from } };
}
