/** Fills the databases of a new site from a replica of another, by its spec's word, before Tungsten is installed there. */
import type { Ledger, Pins } from "../crds/ledger.ts";
import { fillSite } from "../procedures/fill-site.ts";
import { type Site, siteNamed } from "../topology/estate.ts";
import { dataOn } from "./data-kept.ts";
import { nodesInService } from "./estate-reader.ts";
import { onlyNodes, withFacts } from "./gather.ts";
import type { KubeObject } from "./shell.ts";
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
  if (from === undefined || status?.filledFrom !== undefined || nodesInService(object) !== undefined)
    return nothingToDo;
  if (view.holder !== "" || status?.ledger?.phase === "Running") return nothingToDo;
  if (object.metadata.deletionTimestamp !== undefined) return nothingToDo;
  const unread = view.nodes.find(({ cluster }) => cluster === undefined);
  if (unread !== undefined) return waiting(`${unread.node.name} cannot be read: ${unread.reason ?? ""}`);
  if (view.nodes.some(({ cluster }) => cluster !== null)) return nothingToDo;
  const donorSite = estate.sites.find(({ name }) => name === from);
  if (donorSite === undefined || from === object.metadata.name)
    return waiting(
      `spec.fillFrom.site: ${from} is no other site of its estate; create the CrossSiteLinks between them first`,
    );
  const why = notReady(pass, donorSite) ?? (await notEmpty(pass, view));
  if (why !== undefined) return waiting(why);
  const kept = await admitted(pass, [object.metadata.name, from]);
  if (kept !== undefined) return waiting(kept);
  return walk(pass, view, freshLedger(pass, from));
}

/** Its last replica that replicates, by its own word. */
function donorOf({ status }: KubeObject): string | undefined {
  const nodes: readonly { name: string; role?: string; state?: string }[] = status?.nodes ?? [];
  return nodes.filter(({ role, state }) => role === "replica" && state === "ONLINE").at(-1)?.name;
}

/** What keeps the other site from lending a replica now. */
function notReady({ namespace, estate, site }: ClusterPass, from: Site): string | undefined {
  const cluster = namespace.clusters.get(from.name);
  const status = cluster?.status;
  if (cluster === undefined || status === undefined) return `${from.name} was never looked at`;
  if (cluster.spec?.proceduresPaused === true || cluster.spec?.paused === true)
    return `spec.paused or spec.proceduresPaused of ${from.name} admits no procedure`;
  if (status.topology === "CAA" || status.topology === "Mixed")
    return `${from.name} belongs to a composite, whose sites are not filled this way`;
  const ready = (status.conditions ?? []).find((each: { type: string }) => each.type === "Ready");
  if (ready?.status !== "True") return `${from.name} is not Ready: ${ready?.message ?? "nobody has looked"}`;
  if ((status.runningProcedure ?? "") !== "" || status.ledger?.phase === "Running")
    return `${from.name} is being changed; the sites of an estate take turns`;
  const unlinked = estate.sites.find(
    ({ name }) =>
      name !== site.name &&
      name !== from.name &&
      !estate.links.some((link) => link.source === name && link.target === from.name),
  );
  if (unlinked !== undefined)
    return `${from.name} does not read ${unlinked.name}, so that its data hold no position of it`;
  return donorOf(cluster) === undefined ? `${from.name} has no replica that is ONLINE` : undefined;
}

/** Data that somebody may want are not overwritten. */
async function notEmpty({ shell }: ClusterPass, { pods, nodes }: SiteView): Promise<string | undefined> {
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

async function goOn(pass: ClusterPass, view: SiteView, running: Ledger): Promise<Work> {
  const from = running.kept.from ?? "";
  const kept = await admitted(pass, [pass.site.name, from]);
  if (kept !== undefined) return waiting(kept);
  const known = fillSite({ site: pass.site.name, from }).revision === running.revision;
  return walk(pass, view, known && !spokenSince(pass, running) ? running : anew(pass, running));
}

/** What was pinned stays: the donor is out, and the policy to return to was read before. */
const anew = (pass: ClusterPass, before: Ledger): Ledger =>
  beginning(pass, fillSite({ site: pass.site.name, from: before.kept.from ?? "" }), before.pins as Pins, {
    from: before.kept.from ?? "",
  });

function freshLedger(pass: ClusterPass, from: string): Ledger {
  const { estate, namespace, site } = pass;
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
    topology: "MSAA",
    iniSha256: {},
  };
  return beginning(pass, fillSite({ site: siteNamed(estate, site.name).name, from }), pins, { from });
}

async function walk(pass: ClusterPass, view: SiteView, ledger: Ledger): Promise<Work> {
  const from = ledger.kept.from ?? "";
  const work = await walkOn(pass, view, {
    procedure: fillSite({ site: pass.site.name, from }),
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
