/** What a walk that begins anew has to know of the one before it: what of it still runs, and whom its tool has begun to fill. */
import type { Ledger } from "../crds/ledger.ts";
import { mayStillArriveMs } from "../procedures/advance.ts";
import { begunIn, type FillingPart, seenEmptyKey } from "../procedures/first-filling.ts";
import { nodeName } from "../topology/names.ts";
import type { Facts } from "../tungsten/facts.ts";
import { marker } from "../tungsten/node-facts.ts";
import { onlyNodes, withFacts } from "./gather.ts";
import type { SiteView } from "./site-view.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

/** `busy`: nothing may be begun anew yet, and why. Otherwise what its ledger keeps of the nodes that are being filled. */
export type Former = { readonly busy: string } | { readonly kept: Readonly<Record<string, string>> };

/** A site that is there tells another primary than the walk has pinned; what the walk's own site tells is not asked. */
export const primaryMoved = ({ estate, site, namespace }: ClusterPass, { pins }: Ledger): boolean =>
  estate.sites.some(({ name, nodes }) => {
    const live: unknown = namespace.clusters.get(name)?.status?.primary;
    return name !== site.name && live !== pins?.primaries[name] && nodes.some((node) => node.name === live);
  });

/** Asked live: two commands of one walk, of which each takes the other's node for its own, must never run side by side. */
export function formerWalk(
  { shell, site }: ClusterPass,
  { pods }: SiteView,
  running: Ledger,
  filling?: FillingPart,
): Promise<Former> {
  return withFacts(shell, onlyNodes(pods), (facts): Former => {
    const busy = stillRuns(site.name, running, facts, shell.clock.now());
    return busy === undefined
      ? { kept: filling === undefined ? {} : filledSoFar(site.name, running, filling, facts) }
      : { busy };
  });
}

/** A command of the walk that runs, or of which nobody can say, or that may still reach its node. */
function stillRuns(site: string, running: Ledger, facts: Facts, now: number): string | undefined {
  const begun = Object.entries(running.attempts).filter(([, { key }]) => key !== "");
  // Every node is asked before one of them answers for all: a pass has few rounds.
  const said = begun.map(([id, { key, begunAt }]) => ({
    young: now - begunAt < mayStillArriveMs,
    facts: mayRunOn(id, site, running).map((node) => ({ node, fact: facts.get(node, marker(key)) })),
  }));
  for (const { young, facts: answers } of said) {
    for (const { node, fact } of answers) {
      if ("unknown" in fact) return `${node} cannot be read: ${fact.unknown}`;
      if (fact.known.state === "running" || fact.known.state === "starting")
        return `a command still runs on ${node}`;
    }
    const nowhere = answers.every(({ fact }) => "known" in fact && fact.known.state === "absent");
    if (young && nowhere) return "its last command was never seen to begin and may still arrive";
  }
  return undefined;
}

/** A site's command runs on its primary, a node's there; but a node that leaves is shunned from the primary, and a donor stopped for its copy. */
function mayRunOn(id: string, site: string, { pins, procedure }: Ledger): readonly string[] {
  const [named = ""] = id.split(".");
  const ofSite = pins?.primaries[named];
  if (ofSite !== undefined) return [ofSite];
  const primary = pins?.primaries[site];
  if (procedure === "RemoveNodes" && primary !== undefined) return [named, primary];
  const donors = procedure === "FillSite" ? Object.values(pins?.backupNodes ?? {}) : [];
  return [...new Set([named, ...donors])];
}

function filledSoFar(
  site: string,
  ledger: Ledger,
  { steps, part, remedies }: FillingPart,
  facts: Facts,
): Record<string, string> {
  const kept = Object.entries(ledger.kept).filter(([key]) => key.startsWith(seenEmptyKey("")));
  const { id = "" } = ledger.steps.at(-1) ?? {};
  const [, ordinal] = /^ProvisionNode(\d+)$/.exec(id) ?? [];
  const { cursor } = ledger;
  return {
    ...Object.fromEntries(kept),
    ...(steps.test(id) && cursor.part === part && begunIn(ledger, remedies, facts)),
    // Ledgers of earlier versions do not keep it.
    ...(ordinal !== undefined &&
      cursor.part > part && { [seenEmptyKey(nodeName(site, Number(ordinal)))]: "true" }),
  };
}
