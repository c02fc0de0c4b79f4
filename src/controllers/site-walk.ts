/** One pass of a procedure whose ledger lies in its TungstenCluster: the site's Lease, facts, a decision, and how it is told. */
import type { Told } from "../crds/conditions.ts";
import { type Ledger, ledgerSchema, newLedger, type Pins } from "../crds/ledger.ts";
import { advance, type Decision } from "../procedures/advance.ts";
import { renderedInis, runOf } from "../procedures/prepare.ts";
import type { Procedure } from "../procedures/procedure.ts";
import { cursorInWords } from "../procedures/tell.ts";
import { activeSite, withActiveSite } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import { marker } from "../tungsten/node-facts.ts";
import { readTpmMessages } from "../tungsten/tpm.ts";
import { onlyNodes, withFacts } from "./gather.ts";
import { perform } from "./perform.ts";
import { lentFor } from "./request-planning.ts";
import { holderIsOver, nameOf, runningOn } from "./request-sites.ts";
import { releaseSiteLease, siteHolder, takeSiteLease } from "./site-lease.ts";
import type { SiteView } from "./site-view.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

/** What a pass of the site's own work came to. */
export type Work = {
  /** Of the procedure that is walked, or has just ended. */
  readonly ledger?: Ledger;
  readonly told: readonly Told[];
  /** Why it is not done; empty when there is nothing to do. */
  readonly why: string;
  readonly afterMs?: number;
  /** Further status to write beside the ledger. */
  readonly status?: object;
  /** Carries out what was decided; called after the status was written. */
  readonly act: () => Promise<void>;
};

export const nothingToDo: Work = { told: [], why: "", act: async () => {} };

/** One condition told, and nothing begun. */
export const telling =
  (type: string) =>
  (status: Told["status"], reason: string, message: string): Work => ({
    ...nothingToDo,
    told: [{ type, status, reason, message }],
  });

/** Of a walk whose commands run at the other ends too: every site's Lease is taken. */
export const allSites = ({ estate }: ClusterPass): readonly string[] => estate.sites.map(({ name }) => name);

/**
 * The pass over the sites that a walk was begun with. A site that a new link or a composite ties to them meanwhile waits for
 * its end: it may be in the middle of a walk of its own, and two that ask for each other's Leases would wait for ever.
 */
export function begunOver(pass: ClusterPass, { pins }: Ledger): ClusterPass {
  const { composite, ...estate } = pass.estate;
  const has = (name: string): boolean => pins?.primaries[name] !== undefined;
  const sites = estate.sites.filter(({ name }) => has(name));
  if (sites.length === estate.sites.length || !has(pass.site.name)) return pass;
  const links = estate.links.filter(({ source, target }) => has(source) && has(target));
  const members = composite?.members.filter(has) ?? [];
  const tied = composite !== undefined && members.length > 0 && { composite: { ...composite, members } };
  return { ...pass, estate: { ...estate, sites, links, ...tied } };
}

/** The ledger of this procedure, while it runs. */
export function runningLedger({ object }: ClusterPass, procedure: string): Ledger | undefined {
  const parsed = ledgerSchema.safeParse(object.status?.ledger);
  const ledger = parsed.success && parsed.data.phase === "Running" ? parsed.data : undefined;
  return ledger?.procedure === procedure ? ledger : undefined;
}

/** It halted, and somebody has changed the spec since: that is the word to try again, with every command's tries. */
export const spokenSince = ({ object }: ClusterPass, { halt }: Ledger): boolean =>
  halt !== undefined && (object.metadata.generation ?? 0) > halt.generation;

/** A run's first ledger; its UID holds the time, so that the keys of the next one are others. */
export function beginning(
  { object, shell }: ClusterPass,
  { name, revision }: Pick<Procedure, "name" | "revision">,
  pins: Pins,
  kept: Readonly<Record<string, string>>,
): Ledger {
  const now = shell.clock.now();
  const ledger = newLedger(name, revision, `${object.metadata.uid}-${now.toString(36)}`, now);
  return { ...ledger, phase: "Running", pins, kept };
}

/** Every site's primary by the sites' own word; undefined while one tells none. */
export function primariesOf(
  { estate, site, namespace }: ClusterPass,
  view: SiteView,
): Record<string, string> | undefined {
  const primaries: Record<string, string> = {};
  for (const { name: each } of estate.sites) {
    const live = each === site.name ? view.primary : namespace.clusters.get(each)?.status?.primary;
    if (typeof live !== "string" || live === "") return undefined;
    primaries[each] = live;
  }
  return primaries;
}

/** Releases that a site's nodes run by its own last word. A spec may name another long before an UpgradeRequest brings it. */
export function releasesTold({ namespace }: Pick<ClusterPass, "namespace">, name: string): readonly string[] {
  const nodes: readonly { release?: string }[] = namespace.clusters.get(name)?.status?.nodes ?? [];
  return [...new Set(nodes.flatMap(({ release }) => release ?? []))];
}

/** What a change of an installed site is walked with: live primaries, the release that runs, the policy to return to. */
export function pinsFor(
  pass: ClusterPass,
  view: SiteView,
  { policy, primary, before }: { policy: string; primary: string | undefined; before: Ledger | undefined },
): Pins {
  const { estate, site } = pass;
  const bySite = <T>(value: (each: (typeof estate.sites)[number]) => T) =>
    Object.fromEntries(estate.sites.map((each) => [each.name, value(each)]));
  const live: Record<string, string> = { ...before?.pins?.primaries, ...primariesOf(pass, view) };
  if (primary !== undefined) live[site.name] = primary;
  const runs = view.nodes.find(({ cluster }) => cluster != null)?.cluster?.release;
  const active = activeSite(estate)?.name;
  return {
    ...(active !== undefined && { activeSite: active }),
    primaries: bySite(({ name }) => {
      const node = live[name];
      if (node === undefined)
        throw new Error(`nobody tells the primary of ${name}; nothing begins on a guess`);
      return node;
    }),
    policies: bySite(({ name }) => (name === site.name ? policy : "AUTOMATIC")),
    members: bySite(({ nodes }) => nodes.filter((node) => !node.witness).map((node) => node.name)),
    releases: bySite(
      ({ name, release }) =>
        (name === site.name ? runs : releasesTold(pass, name)[0]) ?? before?.pins?.releases[name] ?? release,
    ),
    backupNodes: {},
    iniSha256: {},
  };
}

/**
 * Takes the Leases of these sites that this process does not hold, in the order of their names. Why not, otherwise. Each is
 * looked at live: one that somebody else has taken is asked for again, under a new fence.
 */
export async function admitted(
  { shell, estate, site, object, fences }: ClusterPass,
  sites: readonly string[] = [site.name],
): Promise<string | undefined> {
  const uid = object.metadata.uid ?? "";
  const held = fences.get(uid) ?? new Map<string, string>();
  fences.set(uid, held);
  for (const each of [...sites].sort()) {
    if (held.has(each) && (await siteHolder(shell.objects, estate.namespace, each)) === uid) continue;
    held.delete(each);
    const at = { namespace: estate.namespace, site: each, holder: uid, now: shell.clock.now() };
    const admission = await takeSiteLease(shell.objects, at, {
      isOver: (holder) => holderIsOver(shell.objects, estate.namespace, holder),
      running: () => runningOn(shell.objects, estate.namespace, each),
    });
    if (!admission.held)
      return `site ${each} is held by ${await nameOf(shell.objects, estate.namespace, admission.holder)}`;
    held.set(each, admission.fence);
  }
  return undefined;
}

/** The last word on a procedure before it is walked; tests break it there on purpose. */
export type Walked = (procedure: Procedure) => Procedure;

export type Walk = {
  readonly procedure: Procedure;
  readonly ledger: Ledger;
  /** The condition that tells it, and its reason while it runs. */
  readonly condition: string;
  readonly reason: string;
  readonly ended: { readonly reason: string; readonly message: string };
  /** The texts it publishes, by the keys its parts name; left out: those of the estate as it is. */
  readonly ini?: Readonly<Record<string, string>>;
  /** It is to go back as far as its procedure knows a way. */
  readonly back?: boolean;
};

export async function walkOn(pass: ClusterPass, view: SiteView, walk: Walk): Promise<Work> {
  const { shell, object, limits, fences } = pass;
  const procedure = pass.walked(walk.procedure);
  const { decision, messages } = await decide(pass, view, { ...walk, procedure });
  if (decision.kind === "finish") await giveBack(pass);
  const why = messages.length > 0 ? messages.join("; ") : whyOf(procedure, decision);
  const held = fences.get(object.metadata.uid ?? "") ?? new Map<string, string>();
  return {
    ledger: decision.ledger,
    why,
    told: [tell(walk, decision, why, messages.length > 0)],
    afterMs: decision.kind === "wait" || decision.kind === "halt" ? limits.pollMs * 2 : 20,
    act: async () => {
      if (decision.kind === "act")
        await perform(shell, decision.deeds, { pods: view.pods, fences: held, copy: () => object });
    },
  };
}

async function decide(
  pass: ClusterPass,
  view: SiteView,
  { procedure, ledger, ini: own, back = false }: Walk,
): Promise<{ decision: Decision; messages: readonly string[] }> {
  const { shell, object, limits } = pass;
  const estate = withActiveSite(pass.estate, ledger.pins?.activeSite);
  const lent = lentFor(estate);
  const ini = own ?? renderedInis(ledger.pins?.primaries ?? {}, lent);
  const iniSha256 = Object.fromEntries(Object.entries(ini).map(([kind, text]) => [kind, lent.sha256(text)]));
  const pins: Pins = { ...(ledger.pins as Pins), iniSha256 };
  const uid = object.metadata.uid ?? "";
  const around = {
    ...onlyNodes(view.pods),
    about: { uid, place: Object.values(ledger.cursor).join(".") },
  };
  const generation = object.metadata.generation ?? 0;
  const controls = { generation, paused: false, abort: false, revert: back, acknowledge: [] };
  return withFacts(shell, around, (facts) => {
    const run = runOf({ ...ledger, runUid: uid }, object.metadata.name, estate, pins, ini);
    const now = shell.clock.now();
    const decision = advance(procedure, ledger, { run, facts, now, controls, width: limits.width });
    return { decision, messages: tpmTrouble(decision.ledger, facts) };
  });
}

function tell(walk: Walk, decision: Decision, why: string, failed: boolean): Told {
  const { condition: type, reason, ended } = walk;
  if (decision.kind === "finish") return { type, status: "True", ...ended };
  const halted = decision.kind === "halt" ? decision.reason : reason;
  return { type, status: "False", reason: failed ? "TpmRefused" : halted, message: why };
}

const whyOf = (procedure: Procedure, decision: Decision): string =>
  `${cursorInWords(procedure, decision.ledger)}: ${decision.kind === "halt" ? decision.message : decision.kind === "finish" ? "done" : decision.why}`;

/** tpm's ERROR and WARN lines of failed commands, with host and check, redacted by the reader. */
function tpmTrouble(ledger: Ledger, facts: Facts): readonly string[] {
  const lines = Object.entries(ledger.attempts).flatMap(([target, { key }]) => {
    const state = key === "" ? undefined : facts.get(target, marker(key));
    if (
      state === undefined ||
      !("known" in state) ||
      state.known.state !== "exited" ||
      state.known.output.exitCode === 0
    )
      return [];
    return readTpmMessages(state.known.output)
      .filter(({ level }) => level !== "NOTE")
      .map(
        ({ level, host, text, check }) =>
          `${level} ${host ?? target}: ${text}${check === null ? "" : ` (${check})`}`,
      );
  });
  return [...new Set(lines)].slice(0, 20);
}

/** A walk that is not gone on with: nothing of it is left to do, or to undo. */
export async function ended(pass: ClusterPass, ledger: Ledger): Promise<Ledger> {
  await giveBack(pass);
  return { ...ledger, phase: "Finished", outcome: "Aborted" };
}

/** The Leases go to whoever waits for them. */
export async function giveBack({ shell, estate, object, fences }: ClusterPass): Promise<void> {
  const uid = object.metadata.uid ?? "";
  for (const each of fences.get(uid)?.keys() ?? [])
    await releaseSiteLease(shell.objects, estate.namespace, each, uid);
  fences.delete(uid);
}
