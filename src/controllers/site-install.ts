/** Runs the installation of a site over the same engine as every procedure; its ledger lies in the TungstenCluster's status. */
import type { Told } from "../crds/conditions.ts";
import { type Ledger, ledgerSchema, newLedger, type Pins } from "../crds/ledger.ts";
import { iniMap } from "../manifests/site-objects.ts";
import { advance, type Decision } from "../procedures/advance.ts";
import { installSite } from "../procedures/install-site.ts";
import { renderedInis, runOf } from "../procedures/prepare.ts";
import type { Procedure } from "../procedures/procedure.ts";
import { cursorInWords } from "../procedures/tell.ts";
import type { Facts } from "../tungsten/facts.ts";
import { marker } from "../tungsten/node-facts.ts";
import { readTpmMessages } from "../tungsten/tpm.ts";
import { applyAll } from "./apply.ts";
import { withFacts } from "./gather.ts";
import { perform } from "./perform.ts";
import { lentFor } from "./request-planning.ts";
import { holderIsOver, runningOn } from "./request-sites.ts";
import { releaseSiteLease, takeSiteLease } from "./site-lease.ts";
import type { SiteView } from "./site-view.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

export type Installing = {
  readonly ledger?: Ledger;
  readonly told: readonly Told[];
  readonly why: string;
  readonly afterMs?: number;
  /** Carries out what was decided; called after the status was written. */
  readonly act: () => Promise<void>;
};

const nothing: Installing = { told: [], why: "", act: async () => {} };

/**
 * Due: on a site where no node has the cluster product, or where links lead and no node has the second one. Where one
 * node has a product and another has not, a volume was lost or a node was added: installing there would put an empty
 * database beside full ones. Nor where a run that is gone has left its hold.
 */
function isDue(view: SiteView, linked: boolean): boolean {
  const nowhere = (product: "cluster" | "crossSite"): boolean =>
    view.nodes.length > 0 && view.nodes.every((node) => node[product] === null);
  if (nowhere("cluster")) return true;
  const clustered = view.nodes.every(({ cluster }) => cluster !== null && cluster !== undefined);
  return linked && clustered && nowhere("crossSite") && view.nodes.every(({ held }) => held === false);
}

/** Begins or goes on with an installation that is due. Never while a request holds the site. */
export async function installWhenDue(pass: ClusterPass, view: SiteView): Promise<Installing> {
  const { shell, estate, site, object, fences } = pass;
  if (view.holder !== "") return nothing;
  const running = runningLedger(pass);
  const linked =
    estate.links.some((link) => link.target === site.name) &&
    view.topology !== "CAA" &&
    view.topology !== "Mixed";
  const leaves = object.metadata.deletionTimestamp !== undefined;
  if (running === undefined && (leaves || !isDue(view, linked))) return nothing;
  if (view.pods.size === 0 || view.nodes.some(({ node }) => !view.pods.has(node.name)))
    return { ...nothing, why: "waits for its pods to run", told: [progress("waits for its pods to run")] };
  const uid = object.metadata.uid ?? "";
  const held = fences.get(uid)?.get(site.name);
  const at = { namespace: estate.namespace, site: site.name, holder: uid, now: shell.clock.now() };
  const admission =
    held !== undefined
      ? { held: true as const, fence: held }
      : await takeSiteLease(shell.objects, at, {
          isOver: (holder) => holderIsOver(shell.objects, estate.namespace, holder),
          running: () => runningOn(shell.objects, estate.namespace, site.name),
        });
  if (!admission.held) return { ...nothing, why: `site held by ${admission.holder}` };
  fences.set(uid, new Map([[site.name, admission.fence]]));
  return walk(pass, view, ledgerFor(pass, view, running, linked));
}

/** Its commands are safe to repeat, so an installation that another revision began is walked anew from the start. */
function ledgerFor(pass: ClusterPass, view: SiteView, running: Ledger | undefined, linked: boolean): Ledger {
  if (running === undefined) return freshLedger(pass, view, linked);
  const before = running.kept.linked === "true";
  const known = installSite(pass.site.name, before).revision === running.revision;
  return known ? running : freshLedger(pass, view, before);
}

const progress = (message: string): Told => ({
  type: "Installed",
  status: "Unknown",
  reason: "Installing",
  message,
});

function runningLedger({ object }: ClusterPass): Ledger | undefined {
  const parsed = ledgerSchema.safeParse(object.status?.ledger);
  return parsed.success && parsed.data.phase === "Running" ? parsed.data : undefined;
}

/** A site that runs already keeps the primary it has; only the first installation takes the spec's. */
function freshLedger(
  { object, shell, estate, site, namespace }: ClusterPass,
  view: SiteView,
  linked: boolean,
): Ledger {
  const now = shell.clock.now();
  const bySite = <T>(value: (site: (typeof estate.sites)[number]) => T) =>
    Object.fromEntries(estate.sites.map((site) => [site.name, value(site)]));
  const liveOf = (name: string): unknown =>
    name === site.name ? view.primary : namespace.clusters.get(name)?.status?.primary;
  const primaries = bySite(({ name, nodes, initialPrimary }) => {
    const live = nodes.find((node) => node.name === liveOf(name));
    return (live ?? nodes[initialPrimary])?.name ?? "";
  });
  const pins: Pins = {
    primaries,
    policies: bySite(() => "AUTOMATIC"),
    members: bySite((site) => site.nodes.filter((node) => !node.witness).map((node) => node.name)),
    releases: bySite((site) => site.release),
    backupNodes: {},
    iniSha256: {},
  };
  const { name, revision } = installSite(site.name, linked);
  const ledger = newLedger(name, revision, `${object.metadata.uid}-${now.toString(36)}`, now);
  return { ...ledger, phase: "Running", pins, kept: { linked: String(linked) } };
}

async function walk(pass: ClusterPass, view: SiteView, ledger: Ledger): Promise<Installing> {
  const { shell, estate, site, object, limits, fences } = pass;
  const procedure = installSite(site.name, ledger.kept.linked === "true");
  const lent = lentFor(estate);
  const ini = renderedInis(ledger.pins?.primaries ?? {}, lent);
  const pins: Pins = {
    ...(ledger.pins as Pins),
    iniSha256: Object.fromEntries(Object.entries(ini).map(([kind, text]) => [kind, lent.sha256(text)])),
  };
  await applyAll(shell, [iniMap(estate, ini.MSAA ?? "")]);
  const around = {
    pods: view.pods,
    copies: async () => new Map<string, string>(),
    about: { uid: `${object.metadata.uid}`, place: Object.values(ledger.cursor).join(".") },
  };
  const controls = {
    generation: object.metadata.generation ?? 0,
    paused: false,
    abort: false,
    revert: false,
    acknowledge: [],
  };
  const { decision, messages } = await withFacts(shell, around, (facts) => {
    const run = runOf(
      { ...ledger, runUid: object.metadata.uid ?? "" },
      object.metadata.name,
      estate,
      pins,
      ini,
    );
    const decided = advance(procedure, ledger, {
      run,
      facts,
      now: shell.clock.now(),
      controls,
      width: limits.width,
    });
    return { decision: decided, messages: tpmTrouble(decided.ledger, facts) };
  });
  if (decision.kind === "finish") await finish(pass);
  const why = messages.length > 0 ? messages.join("; ") : whyOf(procedure, decision);
  const held = fences.get(object.metadata.uid ?? "") ?? new Map<string, string>();
  return {
    ledger: decision.ledger,
    why,
    told: [told(decision, why, messages.length > 0)],
    afterMs: decision.kind === "wait" || decision.kind === "halt" ? limits.pollMs * 2 : 20,
    act: async () => {
      if (decision.kind === "act")
        await perform(shell, decision.deeds, { pods: view.pods, fences: held, copy: () => object });
    },
  };
}

function told(decision: Decision, why: string, failed: boolean): Told {
  if (decision.kind === "finish")
    return {
      type: "Installed",
      status: "True",
      reason: "Installed",
      message: "the site is installed and was seen to run",
    };
  return {
    type: "Installed",
    status: "False",
    reason: failed ? "TpmRefused" : decision.kind === "halt" ? decision.reason : "Installing",
    message: why,
  };
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

async function finish({ shell, estate, site, object, fences }: ClusterPass): Promise<void> {
  const uid = object.metadata.uid ?? "";
  await releaseSiteLease(shell.objects, estate.namespace, site.name, uid);
  fences.delete(uid);
}
