/**
 * What somebody changes by hand on a site's nodes while a conversion runs there. It is told at the site, apart from the
 * run's own word, and never fought: the run looks before it acts, and refuses, waits or halts by itself where it matters.
 */
import type { Ledger } from "../crds/ledger.ts";
import { requestKind } from "../kube/kinds.ts";
import type { Estate, Node, Site } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import { iniState } from "../tungsten/node-facts.ts";
import { serviceDrift } from "./drift.ts";
import type { Shell } from "./shell.ts";

/** What a run has frozen, as far as it can be compared with the nodes. */
export type RunningHere = {
  readonly name: string;
  /** Checksums of the texts that the run publishes, on its way and on the way back. */
  readonly inis: readonly string[];
  readonly primary: string | undefined;
};

/** The conversion that holds the site; undefined for other procedures, which move what this one needs to stay. */
export async function runningHere(
  shell: Pick<Shell, "objects">,
  { namespace }: Estate,
  site: Site,
  holder: string,
): Promise<RunningHere | undefined> {
  if (holder === "") return undefined;
  const requests = await shell.objects.list(requestKind, namespace);
  const request = requests.find(({ metadata }) => metadata.uid === holder);
  const ledger: Partial<Ledger> | undefined = request?.status?.ledger;
  if (request === undefined || ledger?.procedure !== "ConvertMsaaToCaa" || ledger.pins === undefined)
    return undefined;
  const { iniSha256, primaries } = ledger.pins;
  return { name: request.metadata.name, inis: Object.values(iniSha256), primary: primaries[site.name] };
}

export function driftDuring(
  estate: Estate,
  site: Site,
  run: RunningHere,
  primary: string | undefined,
  facts: Facts,
): readonly string[] {
  const data = site.nodes.filter((node) => !node.witness);
  const moved =
    primary === undefined || run.primary === undefined || primary === run.primary
      ? []
      : [
          `the primary of ${site.name} is ${primary}, and UpgradeRequest ${run.name} was planned for ${run.primary}: it halts before its next step; switch back to ${run.primary}, or abort or revert the request`,
        ];
  return [
    ...moved,
    ...data.flatMap((node) => iniChanged(node, run, facts)),
    ...data.flatMap((node) => serviceDrift(estate, site, node, facts)),
  ];
}

/** Before its first publication a node may have any text; afterwards only those of the run. */
function iniChanged({ name }: Node, run: RunningHere, facts: Facts): readonly string[] {
  const ini = facts.get(name, iniState);
  if ("unknown" in ini || ini.known.published === null) return [];
  const { published, joined } = ini.known;
  if (!run.inis.includes(published))
    return [
      `the tungsten.ini published on ${name} is none of UpgradeRequest ${run.name}, which updates from no other: let step 6 publish it, or put back what lay in /opt/tungsten-operator/ini/tungsten.ini there`,
    ];
  return joined
    ? []
    : [
        `/etc/tungsten/tungsten.ini of ${name} is not the text that UpgradeRequest ${run.name} published, and no update begins from it: run /etc/runner/runner join in the pod, or restart the pod`,
      ];
}
