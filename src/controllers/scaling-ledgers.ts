/** The ledgers of AddNodes and RemoveNodes, and the procedures they stand for: who comes, who goes, who stays. */
import type { Ledger } from "../crds/ledger.ts";
import { channelsWanted } from "../ini/channels.ts";
import { addNodes, filledKey } from "../procedures/add-nodes.ts";
import type { SiteChange } from "../procedures/apply-configuration.ts";
import { wishesOf } from "../procedures/configuration-standing.ts";
import { seenEmptyKey } from "../procedures/first-filling.ts";
import type { Procedure } from "../procedures/procedure.ts";
import { removeNodes } from "../procedures/remove-nodes.ts";
import type { Node } from "../topology/estate.ts";
import { membersOf } from "../topology/members.ts";
import { sha256Of } from "./checksum.ts";
import { iniOf, topologyOf } from "./site-readiness.ts";
import type { SiteView } from "./site-view.ts";
import { beginning, pinsFor } from "./site-walk.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

export const namesIn = ({ kept }: Ledger): readonly string[] => (kept.nodes ?? "").split(",");

export const kindOf = ({ kept }: Ledger): "MSAA" | "CAA" => (kept.kind === "CAA" ? "CAA" : "MSAA");

/** The nodes that are in service all along, the primary last. */
function changeOf({ site, estate }: ClusterPass, ledger: Ledger, others: readonly Node[]): SiteChange {
  const primary = ledger.pins?.primaries[site.name];
  return {
    site: site.name,
    nodes: [
      ...others.filter(({ name }) => name !== primary),
      ...others.filter(({ name }) => name === primary),
    ],
    kind: kindOf(ledger),
    crossSite: ledger.kept.crossSite === "true",
    channels: channelsWanted(estate, site, kindOf(ledger)),
  };
}

export function procedureFor(over: ClusterPass, ledger: Ledger): Procedure {
  const names = namesIn(ledger);
  const others = over.site.nodes.filter(({ name }) => !names.includes(name));
  const change = changeOf(over, ledger, others);
  const named = membersOf(over.site.name, Number(ledger.kept.most)).filter(({ name }) =>
    names.includes(name),
  );
  if (ledger.procedure === "RemoveNodes") return removeNodes({ ...change, leaving: named });
  const donor = change.nodes[0]?.name ?? "";
  return addNodes({ ...change, added: named, donor, dataservice: over.site.dataservice });
}

function ledgerFor(
  over: ClusterPass,
  view: SiteView,
  {
    name,
    nodes,
    most,
    policy,
    before,
  }: {
    name: "AddNodes" | "RemoveNodes";
    nodes: readonly string[];
    most: number;
    policy: string;
    before: Ledger | undefined;
  },
): Ledger {
  const kind = before === undefined ? iniOf(topologyOf(view)) : kindOf(before);
  const crossSite =
    before?.kept.crossSite ?? String(kind === "MSAA" && view.nodes.some((node) => node.crossSite != null));
  const wishes = sha256Of(wishesOf(over.estate, kind).options);
  const kept = { nodes: nodes.join(","), most: String(most), kind, crossSite, wishes };
  const frozen = pinsFor(over, view, { policy, primary: view.primary, before });
  const pins = { ...frozen, ...(crossSite === "true" && { installed: frozen.releases }) };
  const draft = { procedure: name, pins, kept } as unknown as Ledger;
  return beginning(over, { name, revision: procedureFor(over, draft).revision }, pins, kept);
}

/** Nodes that were filled before it began anew are in service as good as the others; whom it had seen empty it fills once more. */
export function additionLedger(
  over: ClusterPass,
  view: SiteView,
  names: readonly string[],
  policy: string,
  before?: Ledger,
): Ledger {
  const filled = Object.entries(before?.kept ?? {}).filter(([key]) =>
    [filledKey(""), seenEmptyKey("")].some((beginning) => key.startsWith(beginning)),
  );
  const nodes = names.filter((name) => before?.kept[filledKey(name)] !== "true");
  const most = over.site.nodes.length;
  const ledger = ledgerFor(over, view, { name: "AddNodes", nodes, most, policy, before });
  return { ...ledger, kept: { ...ledger.kept, ...Object.fromEntries(filled) } };
}

export const removalLedger = (
  over: ClusterPass,
  view: SiteView,
  names: readonly string[],
  policy: string,
  before?: Ledger,
): Ledger =>
  ledgerFor(over, view, {
    name: "RemoveNodes",
    nodes: names,
    most: over.site.nodes.length + names.length,
    policy,
    before,
  });
