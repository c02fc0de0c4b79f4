/**
 * Whether an estate's replicators speak TLS as its specs want: tells who disagrees, and, by a word of approval, walks
 * ChangeTransport over all sites from the ledger of the first one.
 */
import type { Ledger } from "../crds/ledger.ts";
import { changeTransport, type TransportChange } from "../procedures/change-transport.ts";
import { lentFor } from "./request-planning.ts";
import type { KubeObject } from "./shell.ts";
import { recordFor } from "./site-configuration.ts";
import { notNow, topologyOf } from "./site-readiness.ts";
import type { SiteView } from "./site-view.ts";
import {
  admitted,
  allSites,
  beginning,
  begunOver,
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

const name = "ChangeTransport";
const type = "TransportCurrent";

const tell = telling(type);

const runningTransport = (pass: ClusterPass): Ledger | undefined => runningLedger(pass, name);

/** The specs want another transport than the one that runs. */
const transportPending = ({ estate }: ClusterPass): boolean =>
  estate.tlsWanted !== undefined && estate.tlsWanted !== (estate.secured === true);

/** As the specs want it: what a walk brings. */
const wantedEstate = (pass: ClusterPass): ClusterPass => ({
  ...pass,
  estate: { ...pass.estate, secured: pass.estate.tlsWanted ?? pass.estate.secured === true },
});

/** Nothing is told of an estate where nobody speaks of TLS. */
export async function transportWhenDue(pass: ClusterPass, view: SiteView): Promise<Work> {
  const { estate, site } = pass;
  const running = runningTransport(pass);
  if (running !== undefined) {
    // While the specs disagree it goes on to what it was begun for.
    const secured = pass.estate.tlsWanted ?? running.kept.secured === "true";
    return goOn({ ...pass, estate: { ...pass.estate, secured } }, view, running);
  }
  const secured = estate.secured === true;
  if (estate.tlsDispute !== undefined) return tell("False", "Disagreement", estate.tlsDispute);
  if (!secured && !transportPending(pass)) return nothingToDo;
  if (view.holder !== "") return tell("Unknown", "ProcedureRuns", "a procedure changes the nodes");
  if (!transportPending(pass))
    return tell("True", "Secured", "replicators of both products speak TLS, at every site of the estate");
  const [first] = estate.sites;
  if (first?.name !== site.name)
    return tell(
      "False",
      "Waiting",
      `TungstenCluster ${first?.name} begins it for all sites; see its condition ${type}`,
    );
  return begin(wantedEstate(pass), view);
}

const outage =
  "nothing is replicated, within sites and between them, from the first node's update until the last one is done and online";

async function begin(pass: ClusterPass, view: SiteView): Promise<Work> {
  const { estate, spec } = pass;
  const [topology, primaries] = [topologyOf(view), primariesOf(pass, view)];
  if (topology === undefined || primaries === undefined)
    return tell("Unknown", "NotRead", "the installed topology, or the primary of a site, is not known");
  const lent = lentFor(estate);
  const wanted = lent.sha256(lent.renderIni(topology, primaries));
  const why = `replicators of all sites are to ${estate.secured === true ? "speak TLS" : "do without TLS"}; ${outage}`;
  const { approved } = spec.changes;
  if (approved === "" || !wanted.startsWith(approved))
    return tell(
      "False",
      "ApprovalNeeded",
      `${why}; to begin set spec.changes.approved of TungstenCluster ${pass.site.name} to ${wanted}`,
    );
  const waits = notNow(pass, view) ?? unsound(pass);
  if (waits !== undefined) return tell("False", "Waiting", `${why}; not begun yet: ${waits}`);
  const kept = await admitted(pass, allSites(pass));
  if (kept !== undefined) return tell("False", "Waiting", `${why}; not begun yet: ${kept}`);
  return walk(pass, view, freshLedger(pass, view, view.policy ?? ""));
}

/** What of another site keeps all of them waiting: their nodes are updated too, and no pass of theirs looks once more. */
const unsound = ({ estate, site, namespace }: ClusterPass): string | undefined =>
  estate.sites
    .filter(({ name: each }) => each !== site.name)
    .map(({ name: each }) => unsoundSite(each, namespace.clusters.get(each)))
    .find((why) => why !== undefined);

/** By its spec, and by what its own last pass told of its nodes; a spec that no pass has looked at yet tells nothing. */
export function unsoundSite(site: string, cluster: KubeObject | undefined): string | undefined {
  if (cluster === undefined) return `TungstenCluster ${site} is gone`;
  const { metadata, spec, status } = cluster;
  if (metadata.deletionTimestamp !== undefined) return `TungstenCluster ${site} is being deleted`;
  if (spec?.paused === true || spec?.proceduresPaused === true)
    return `spec.paused or spec.proceduresPaused of TungstenCluster ${site} admits no procedure; clear it`;
  const conditions: readonly { type: string; status: string; observedGeneration?: number }[] =
    status?.conditions ?? [];
  const ready = conditions.find(({ type: is }) => is === "Ready");
  if (ready?.status !== "True") return `site ${site} is not Ready; see its conditions`;
  if (ready.observedGeneration !== metadata.generation)
    return `the spec of TungstenCluster ${site} has changed, and its site has not been looked at since`;
  const wanted = String(spec?.policy ?? "Automatic").toUpperCase();
  if (status?.policy !== wanted)
    return `the policy of ${site} is ${status?.policy ?? "unknown"} and its spec.policy wants ${wanted}: somebody may be at work; set it back in cctrl, or correct spec.policy`;
  const nodes: readonly { release?: string }[] = status.nodes ?? [];
  return new Set(nodes.map(({ release }) => release)).size > 1
    ? `the nodes of ${site} run different releases; upgrade them first`
    : undefined;
}

function changeOf({ estate }: ClusterPass, { pins, kept }: Pick<Ledger, "pins" | "kept">): TransportChange {
  return {
    sites: estate.sites.map((site) => {
      const data = site.nodes.filter((node) => !node.witness);
      const isPrimary = (node: (typeof data)[number]) => node.name === pins?.primaries[site.name];
      return [...data.filter((node) => !isPrimary(node)), ...data.filter(isPrimary)];
    }),
    // The text of any composite, DAA's and CAP's too, is asked for by CAA's name.
    kind: kept.kind === "MSAA" ? "MSAA" : "CAA",
    crossSite: kept.crossSite === "true",
    secured: estate.secured === true,
  };
}

/** Specs that change their mind in the middle lead every node back, by the same walk. */
async function goOn(tied: ClusterPass, view: SiteView, running: Ledger): Promise<Work> {
  const pass = begunOver(tied, running);
  const kept = await admitted(pass, allSites(pass));
  if (kept !== undefined) return tell("False", "Waiting", kept);
  const changed = running.kept.secured !== String(pass.estate.secured === true);
  const other = changeTransport(changeOf(pass, running)).revision !== running.revision;
  if (!changed && !other && !spokenSince(pass, running)) return walk(pass, view, running);
  pass.shell.events.emit(pass.object, "Normal", "BegunAnew", `${name} begins anew: the specs have changed`);
  const policy = running.pins?.policies[pass.site.name] ?? "";
  return walk(pass, view, freshLedger(pass, view, policy, running));
}

/** Every site's policy is given back as its own status tells it. */
function freshLedger(pass: ClusterPass, view: SiteView, policy: string, before?: Ledger): Ledger {
  const { estate, namespace } = pass;
  const pins = pinsFor(pass, view, { policy, primary: view.primary, before });
  const policies = Object.fromEntries(
    estate.sites.map(({ name: each }) => [
      each,
      before?.pins?.policies[each] ??
        (each === pass.site.name ? policy : (namespace.clusters.get(each)?.status?.policy ?? "AUTOMATIC")),
    ]),
  );
  const kind = before?.kept.kind ?? topologyOf(view) ?? "MSAA";
  const crossSite =
    before?.kept.crossSite ?? String(kind === "MSAA" && view.nodes.some((node) => node.crossSite != null));
  const kept = { kind, crossSite, secured: String(estate.secured === true) };
  const all = { ...pins, policies };
  return beginning(pass, changeTransport(changeOf(pass, { pins: all, kept })), all, kept);
}

async function walk(pass: ClusterPass, view: SiteView, ledger: Ledger): Promise<Work> {
  const { estate } = pass;
  const change = changeOf(pass, ledger);
  const work = await walkOn(pass, view, {
    procedure: changeTransport(change),
    ledger,
    condition: type,
    reason: "Changing",
    ended: {
      reason: change.secured ? "Secured" : "Plain",
      message: `replicators of every site ${change.secured ? "speak TLS" : "do without TLS"}`,
    },
  });
  if (work.ledger?.phase !== "Finished") return work;
  const primaries = ledger.pins?.primaries ?? {};
  const lent = lentFor(estate);
  const sha256 = lent.sha256(lent.renderIni(change.kind, primaries));
  const record = { ...recordFor(pass, change.kind, sha256, primaries), secured: change.secured };
  return { ...work, status: { configuration: record } };
}
