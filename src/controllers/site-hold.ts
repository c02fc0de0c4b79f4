/** Takes the replica that spec.maintenance names out of service for a human's work, and back when it names it no more. */
import type { Told } from "../crds/conditions.ts";
import type { Ledger } from "../crds/ledger.ts";
import { handWork, holdNode } from "../procedures/hold-node.ts";
import { iniOf, notNow, topologyOf } from "./site-readiness.ts";
import type { SiteView } from "./site-view.ts";
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

const name = "HoldNode";
const type = "HandWorkDone";

const tell = telling(type);
const allIn: Pick<Told, "reason"> & { readonly message: string } = {
  reason: "AllIn",
  message: "no node is out of service for hand work",
};

/** While something else is at work on the site. */
export const holdUnknown = ({ spec }: ClusterPass, why: string): Work =>
  spec.maintenance === undefined
    ? tell("True", allIn.reason, allIn.message)
    : tell("False", "Waiting", `${spec.maintenance.node} is not taken out yet: ${why}`);

/** Never while a request holds the site, nor beside another change of it. */
export async function holdWhenDue(pass: ClusterPass, view: SiteView): Promise<Work> {
  if (view.holder !== "") return holdUnknown(pass, "a procedure changes the nodes");
  const running = runningLedger(pass, name);
  if (running !== undefined) return goOn(pass, view, running);
  const wanted = pass.spec.maintenance?.node;
  if (wanted === undefined) return tell("True", allIn.reason, allIn.message);
  const refused = refusalOf(pass, view, wanted);
  if (refused !== undefined) return tell("False", "Refused", refused);
  const waits = notNow(pass, view) ?? (await admitted(pass, allSites(pass)));
  if (waits !== undefined) return holdUnknown(pass, waits);
  return walk(pass, view, freshLedger(pass, view, wanted, view.policy ?? ""));
}

/** What no waiting mends: the name of no replica. */
function refusalOf({ site }: ClusterPass, { nodes, primary }: SiteView, wanted: string): string | undefined {
  const names = nodes.map(({ node }) => node.name);
  if (!names.includes(wanted))
    return `spec.maintenance.node: ${wanted} is no data node of ${site.name}: name one of ${names.join(", ")}`;
  if (wanted === primary)
    return `spec.maintenance.node: ${wanted} is the primary of ${site.name}: switch first (UpgradeRequest, procedure Switch), then it is taken out`;
  return names.length === 1 ? `${site.name} has no other node to serve meanwhile` : undefined;
}

async function goOn(tied: ClusterPass, view: SiteView, running: Ledger): Promise<Work> {
  const pass = begunOver(tied, running);
  const waits = await admitted(pass, allSites(pass));
  if (waits !== undefined) return tell("False", "Waiting", waits);
  const { node = "", primary } = running.kept;
  const moved = view.primary !== undefined && view.primary !== primary;
  const known = procedureOf(pass, running).revision === running.revision;
  if (!moved && known && !spokenSince(pass, running)) return walk(pass, view, running);
  const why = moved
    ? `the primary is ${view.primary} by now`
    : known
      ? "somebody changed the spec after it had halted"
      : "another version of the operator began it";
  pass.shell.events.emit(pass.object, "Normal", "BegunAnew", `${name} begins anew: ${why}`);
  const policy = running.pins?.policies[pass.site.name] ?? "";
  return walk(pass, view, freshLedger(pass, view, node, policy, running));
}

function freshLedger(
  pass: ClusterPass,
  view: SiteView,
  node: string,
  policy: string,
  before?: Ledger,
): Ledger {
  const primary = view.primary ?? before?.kept.primary ?? "";
  const kept = { node, primary, kind: before?.kept.kind ?? iniOf(topologyOf(view)) };
  const pins = pinsFor(pass, view, { policy, primary, before });
  const ledger = { pins, kept } as unknown as Ledger;
  return beginning(pass, procedureOf(pass, ledger), pins, kept);
}

function procedureOf({ site, spec }: ClusterPass, { kept }: Ledger) {
  const node = site.nodes.find((each) => each.name === kept.node);
  if (node === undefined) throw new Error(`${site.name} has no node ${kept.node}, which its ledger names`);
  return holdNode({
    site: site.name,
    node,
    kind: kept.kind === "CAA" ? "CAA" : "MSAA",
    released: spec.maintenance?.node !== node.name,
  });
}

function walk(pass: ClusterPass, view: SiteView, ledger: Ledger): Promise<Work> {
  const released = pass.spec.maintenance?.node !== ledger.kept.node;
  const held = ledger.steps.at(-1)?.id === handWork;
  return walkOn(pass, view, {
    procedure: procedureOf(pass, ledger),
    ledger,
    condition: type,
    reason: released ? "BringingBack" : held ? "HandWork" : "TakingOut",
    ended: allIn,
  });
}
