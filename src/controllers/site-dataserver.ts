/**
 * Keeps a site's databases running with the my.cnf that its spec wants: tells when one was started with another
 * (RestartPending) and, by the spec's word, walks MaintainDataserver from the TungstenCluster's own ledger.
 */
import type { Told } from "../crds/conditions.ts";
import type { Ledger, Pins } from "../crds/ledger.ts";
import { myCnfFiles } from "../manifests/my-cnf.ts";
import { type Maintenance, maintainDataserver } from "../procedures/maintain-dataserver.ts";
import type { Node } from "../topology/estate.ts";
import { sha256Of } from "./checksum.ts";
import { iniOf, notNow, topologyOf } from "./site-readiness.ts";
import type { NodeView, SiteView } from "./site-view.ts";
import {
  admitted,
  beginning,
  nothingToDo,
  pinsFor,
  runningLedger,
  spokenSince,
  type Work,
  walkOn,
} from "./site-walk.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

const name = "MaintainDataserver";
const type = "DatabaseCurrent";

const tell = (status: Told["status"], reason: string, message: string): Work => ({
  ...nothingToDo,
  told: [{ type, status, reason, message }],
});

/** While nobody can say. */
export const databaseUnknown = (why: string): Work => tell("Unknown", "ProcedureRuns", why);

/** Node → checksum of its wanted my.cnf. */
const wantedOf = ({ estate, site, spec }: ClusterPass): Record<string, string> =>
  Object.fromEntries(
    Object.entries(myCnfFiles(estate, site, spec.mysql.settings)).map(([file, text]) => [
      file.replace(/\.cnf$/, ""),
      sha256Of(text),
    ]),
  );

/** One checksum for all of them: what a human approves. */
const wholeOf = (wanted: Readonly<Record<string, string>>): string =>
  sha256Of(JSON.stringify(Object.entries(wanted).sort(([a], [b]) => (a < b ? -1 : 1))));

/** Never while a request holds the site, nor beside another change of it. */
export async function maintainWhenDue(pass: ClusterPass, view: SiteView): Promise<Work> {
  if (view.holder !== "") return databaseUnknown("a procedure changes the nodes");
  const wanted = wantedOf(pass);
  const running = runningLedger(pass, name);
  if (running !== undefined) return goOn(pass, view, running, wanted);
  const unread = view.nodes.find(({ dataserver }) => dataserver === undefined || dataserver.mounted === null);
  if (unread !== undefined)
    return tell(
      "Unknown",
      "NotRead",
      `${unread.node.name} does not tell with which my.cnf its database runs`,
    );
  const old = view.nodes.filter((each) => !runsWith(each, wanted));
  if (old.length === 0)
    return tell("True", "Current", "every database runs with the my.cnf that the spec wants");
  const names = old.map(({ node }) => node.name).join(", ");
  return begin(
    pass,
    view,
    wanted,
    `${names} ${old.length === 1 ? "has" : "have"} to restart with a changed my.cnf`,
  );
}

const runsWith = ({ node, dataserver }: NodeView, wanted: Readonly<Record<string, string>>): boolean =>
  dataserver?.started === true && dataserver.mounted === wanted[node.name];

async function begin(
  pass: ClusterPass,
  view: SiteView,
  wanted: Readonly<Record<string, string>>,
  why: string,
): Promise<Work> {
  const { dataserver, approved } = pass.spec.changes;
  const whole = wholeOf(wanted);
  const said = approved !== "" && whole.startsWith(approved);
  if (!said && dataserver !== "Automatic")
    return tell(
      "False",
      "RestartPending",
      `${why}; to restart them one after the other set spec.changes.approved to ${whole}`,
    );
  const waits = single(view) ?? notNow(pass, view);
  if (waits !== undefined) return tell("False", "Waiting", `${why}; not begun yet: ${waits}`);
  const kept = await admitted(pass, sitesOf(pass));
  if (kept !== undefined) return tell("False", "Waiting", `${why}; not begun yet: ${kept}`);
  return walk(pass, view, freshLedger(pass, view, wanted, view.policy ?? ""), wanted);
}

const single = ({ nodes }: SiteView): string | undefined =>
  nodes.length > 1
    ? undefined
    : "the site has one node, and no other one to switch to: restart its database by hand, with mysqld-service restart in its pod";

/** Its own commands bring the other ends' services online, so their Leases are taken too. */
const sitesOf = ({ estate }: ClusterPass): readonly string[] => estate.sites.map((site) => site.name);

async function goOn(
  pass: ClusterPass,
  view: SiteView,
  running: Ledger,
  wanted: Readonly<Record<string, string>>,
): Promise<Work> {
  const kept = await admitted(pass, sitesOf(pass));
  if (kept !== undefined) return tell("False", "Waiting", kept);
  const { primary, next, home, whole } = running.kept;
  const moved = view.primary !== undefined && ![primary, next, home].includes(view.primary);
  const known = maintainDataserver(maintenanceOf(pass, running, wanted)).revision === running.revision;
  if (whole === wholeOf(wanted) && !moved && known && !spokenSince(pass, running))
    return walk(pass, view, running, wanted);
  const why = moved ? `the primary is ${view.primary} by now` : "what it was begun for has changed";
  pass.shell.events.emit(pass.object, "Normal", "BegunAnew", `${name} begins anew: ${why}`);
  const policy = running.pins?.policies[pass.site.name] ?? "";
  return walk(pass, view, freshLedger(pass, view, wanted, policy, running), wanted);
}

function freshLedger(
  pass: ClusterPass,
  view: SiteView,
  wanted: Readonly<Record<string, string>>,
  policy: string,
  before?: Ledger,
): Ledger {
  const data = pass.site.nodes.filter((node) => !node.witness);
  const primary = view.primary ?? before?.kept.primary ?? "";
  const next = data.find((node) => node.name !== primary)?.name ?? "";
  const kept = {
    primary,
    next,
    home: before?.kept.home ?? primary,
    kind: before?.kept.kind ?? iniOf(topologyOf(view)),
    whole: wholeOf(wanted),
  };
  const pins: Pins = pinsFor(pass, view, { policy, primary, before });
  const ledger = { pins, kept } as unknown as Ledger;
  return beginning(pass, maintainDataserver(maintenanceOf(pass, ledger, wanted)), pins, kept);
}

function maintenanceOf(
  { site, spec }: ClusterPass,
  { kept }: Ledger,
  wanted: Readonly<Record<string, string>>,
): Maintenance {
  const named = (node: string | undefined): Node => {
    const found = site.nodes.find((each) => each.name === node);
    if (found === undefined) throw new Error(`${site.name} has no node ${node}, which its ledger names`);
    return found;
  };
  return {
    site: site.name,
    replicas: site.nodes.filter((node) => !node.witness && node.name !== kept.primary),
    primary: named(kept.primary),
    next: named(kept.next),
    home: spec.changes.switchBack ? named(kept.home) : undefined,
    kind: kept.kind === "CAA" ? "CAA" : "MSAA",
    wanted,
  };
}

const walk = (
  pass: ClusterPass,
  view: SiteView,
  ledger: Ledger,
  wanted: Readonly<Record<string, string>>,
): Promise<Work> =>
  walkOn(pass, view, {
    procedure: maintainDataserver(maintenanceOf(pass, ledger, wanted)),
    ledger,
    condition: type,
    reason: "Restarting",
    ended: { reason: "Current", message: "every database runs with the my.cnf that the spec wants" },
  });
