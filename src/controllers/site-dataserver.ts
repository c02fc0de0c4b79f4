/**
 * Keeps a site's nodes running with the my.cnf, image and resources that its spec wants: tells when one was started with
 * others (RestartPending) and, by the spec's word, walks MaintainDataserver from the TungstenCluster's own ledger.
 */
import type { Ledger, Pins } from "../crds/ledger.ts";
import { myCnfFiles } from "../manifests/my-cnf.ts";
import { podTemplate, templateChange } from "../manifests/pod-template.ts";
import { type Maintenance, maintainDataserver } from "../procedures/maintain-dataserver.ts";
import type { Node } from "../topology/estate.ts";
import { sha256Of } from "./checksum.ts";
import { iniOf, notNow, topologyOf } from "./site-readiness.ts";
import type { NodeView, SiteView } from "./site-view.ts";
import {
  admitted,
  allSites,
  beginning,
  begunOver,
  pinsFor,
  runningLedger,
  spokenSince,
  telling,
  type Work,
  walkOn,
} from "./site-walk.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

const name = "MaintainDataserver";
const type = "DatabaseCurrent";

const tell = telling(type);

/** While nobody can say. */
export const databaseUnknown = (why: string): Work => tell("Unknown", "ProcedureRuns", why);

/** `files`: node → checksum of its wanted my.cnf; `pod`: what each pod is to be made from. */
type Wanted = { readonly files: Readonly<Record<string, string>>; readonly pod: string };

const wantedOf = ({ estate, site, spec }: ClusterPass): Wanted => ({
  files: Object.fromEntries(
    Object.entries(myCnfFiles(estate, site, spec.mysql.settings)).map(([file, text]) => [
      file.replace(/\.cnf$/, ""),
      sha256Of(text),
    ]),
  ),
  pod: podTemplate(spec),
});

/** One checksum for all of it: what a human approves. */
const wholeOf = ({ files, pod }: Wanted): string =>
  sha256Of(JSON.stringify([...Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)), pod]));

/** Never while a request holds the site, nor beside another change of it. */
export async function maintainWhenDue(pass: ClusterPass, view: SiteView): Promise<Work> {
  if (view.holder !== "") return databaseUnknown("a procedure changes the nodes");
  const wanted = wantedOf(pass);
  const running = runningLedger(pass, name);
  if (running !== undefined) return goOn(pass, view, running, wanted);
  const unread = view.nodes.find(
    ({ dataserver, template }) =>
      dataserver === undefined || dataserver.mounted === null || template === undefined,
  );
  if (unread !== undefined)
    return tell("Unknown", "NotRead", `${unread.node.name} does not tell with what it runs`);
  const old = view.nodes.filter((each) => changed(each, wanted).length > 0);
  if (old.length === 0) return tell("True", "Current", allCurrent);
  const names = old.map(({ node }) => node.name).join(", ");
  const what = [...new Set(old.flatMap((each) => changed(each, wanted)))].join(" and ");
  return begin(
    pass,
    view,
    wanted,
    `${names} ${old.length === 1 ? "has" : "have"} to restart with a changed ${what}`,
  );
}

const allCurrent = "every node runs with the my.cnf, image and resources that the spec wants";

/** What this node runs with that the spec does not want. A pod that does not say from what it was made is left alone. */
function changed({ node, dataserver, template }: NodeView, { files, pod }: Wanted): readonly string[] {
  const file = dataserver?.started === true && dataserver.mounted === files[node.name];
  const made = template == null || template === pod;
  return [...(file ? [] : ["my.cnf"]), ...(made ? [] : [templateChange(template, pod)])];
}

async function begin(pass: ClusterPass, view: SiteView, wanted: Wanted, why: string): Promise<Work> {
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
  const kept = await admitted(pass, allSites(pass));
  if (kept !== undefined) return tell("False", "Waiting", `${why}; not begun yet: ${kept}`);
  return walk(pass, view, freshLedger(pass, view, wanted, view.policy ?? ""), wanted);
}

const single = ({ nodes }: SiteView): string | undefined =>
  nodes.length > 1
    ? undefined
    : "the site has one node, and no other one to switch to: restart its database by hand, with mysqld-service restart in its pod, or delete the pod for another image or other resources";

async function goOn(tied: ClusterPass, view: SiteView, running: Ledger, wanted: Wanted): Promise<Work> {
  const pass = begunOver(tied, running);
  const kept = await admitted(pass, allSites(pass));
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
  wanted: Wanted,
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

function maintenanceOf({ site, spec }: ClusterPass, { kept }: Ledger, wanted: Wanted): Maintenance {
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
    wanted: wanted.files,
    pod: wanted.pod,
  };
}

const walk = (pass: ClusterPass, view: SiteView, ledger: Ledger, wanted: Wanted): Promise<Work> =>
  walkOn(pass, view, {
    procedure: maintainDataserver(maintenanceOf(pass, ledger, wanted)),
    ledger,
    condition: type,
    reason: "Restarting",
    ended: { reason: "Current", message: allCurrent },
  });
