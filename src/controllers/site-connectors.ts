/**
 * Keeps a site's hosts that run only a connector as its nodes are: installed, from the same text, at the same release,
 * with the same users. Walks KeepConnectors from the TungstenCluster's own ledger. Nodes always come first: connectors
 * follow what those were seen to run from.
 */
import type { Told } from "../crds/conditions.ts";
import { type Ledger, ledgerSchema, type Pins } from "../crds/ledger.ts";
import type { Standing } from "../procedures/configuration-standing.ts";
import { keepConnectors } from "../procedures/keep-connectors.ts";
import type { Node } from "../topology/estate.ts";
import { secretWord } from "../tungsten/accounts.ts";
import type { ConnectorView } from "./connector-view.ts";
import { lentFor } from "./request-planning.ts";
import type { KubeObject } from "./shell.ts";
import { accountsFirst, measured } from "./site-configuration.ts";
import { iniOf, topologyOf } from "./site-readiness.ts";
import { isBehind, type SiteView } from "./site-view.ts";
import {
  admitted,
  beginning,
  ended,
  nothingToDo,
  runningLedger,
  telling,
  type Work,
  walkOn,
} from "./site-walk.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

const name = "KeepConnectors";
const type = "ConnectorsInService";
const tell = telling(type);
/** A part that takes longer is given up, so that nobody waits for the site's Lease because of a connector; and the pause before it is tried again. */
const mostMs = 600_000;
const restMs = 600_000;

/** It was told of before, so that people look for it. */
const isTold = ({ status }: KubeObject): boolean =>
  (status?.conditions ?? []).some((told: Pick<Told, "type">) => told.type === type);

const concerns = ({ site, object }: ClusterPass): boolean => site.connectors.length > 0 || isTold(object);

/** While nobody can say. */
export const connectorsUnknown = (pass: ClusterPass, why: string): Work =>
  concerns(pass) ? tell("Unknown", "ProcedureRuns", why) : nothingToDo;

const wordOf = ({ secret }: ClusterPass): string => secretWord(secret.ini, secret.users);

type Applied = Extract<Standing, { is: "applied" }>;

const runningRelease = ({ nodes }: SiteView): string | undefined =>
  nodes.find(({ cluster }) => cluster != null)?.cluster?.release;

/** What this host lacks of what the nodes have; nothing where it is as they are. */
function lackOf(
  pass: ClusterPass,
  view: SiteView,
  { product, accounts }: ConnectorView,
  { record, other }: Applied,
): string | undefined {
  if (product == null) return "is not installed";
  if (product.unfinished !== null) return "had a tpm that was not seen to end well";
  if (product.ini !== record.sha256 && (other === undefined || product.ini !== other))
    return "runs from another tungsten.ini";
  if (product.release !== runningRelease(view)) return `runs release ${product.release}`;
  if ((product.secret ?? undefined) !== pass.secret.ini) return "has former passwords";
  return accounts?.map === true ? undefined : "lacks a line in its user.map";
}

/** Hosts that can be looked at and lack something; and the first that cannot, in words. */
function dueAmong(pass: ClusterPass, view: SiteView, standing: Applied) {
  const due: { host: Node; lack: string }[] = [];
  let unread: string | undefined;
  for (const each of view.connectors) {
    const { host, pod, product, accounts } = each;
    if (!pod) unread ??= `${host.name} has no running pod`;
    else if (product === undefined || accounts === undefined) unread ??= `${host.name} cannot be read`;
    else if (accounts.secret !== wordOf(pass))
      unread ??= `${host.name} does not mount the present Secret yet`;
    else {
      const lack = lackOf(pass, view, each, standing);
      const lies = each.packages?.has(`tungsten-clustering-${runningRelease(view)}`) === true;
      if (lack !== undefined && lies) due.push({ host, lack });
      else if (lack !== undefined)
        unread ??= `${host.name} ${lack}, and release ${runningRelease(view)} does not lie unpacked on its volume yet: spec.image has to bring it`;
    }
  }
  return { due, unread };
}

/** Never while a request holds the site, nor beside another change of it. */
export async function connectorsWhenDue(pass: ClusterPass, view: SiteView): Promise<Work> {
  const running = runningLedger(pass, name);
  if (running !== undefined) return goOn(pass, view, running);
  if (!concerns(pass)) return nothingToDo;
  if (view.holder !== "") return connectorsUnknown(pass, "a procedure changes the nodes");
  const standing = measured(pass, view);
  if (standing.is === "unknown") return tell("Unknown", "NotRead", standing.why);
  if (standing.is === "differs")
    return tell("False", "NodesFirst", `${standing.why}: the nodes come first, see ConfigurationApplied`);
  const { due, unread } = dueAmong(pass, view, standing);
  const [first] = due;
  if (first !== undefined)
    return rests(pass) ?? begin(pass, view, standing, due, `${first.host.name} ${first.lack}`);
  if (unread !== undefined) return tell("False", "NotThere", unread);
  return asWanted(view);
}

/** It has just halted, or was given up, over the same spec. */
function rests({ object, shell }: ClusterPass): Work | undefined {
  const parsed = ledgerSchema.safeParse(object.status?.ledger);
  const { procedure, halt } = parsed.success ? parsed.data : {};
  if (procedure !== name || halt === undefined || halt.generation !== (object.metadata.generation ?? 0))
    return undefined;
  const until = halt.at + restMs;
  if (shell.clock.now() >= until) return undefined;
  const again = `it is tried again at ${new Date(until).toISOString()}, or as soon as the spec changes`;
  return tell("False", halt.reason, `${halt.message}; ${again}`);
}

const serving = (names: string): string => `${names} ${names.includes(",") ? "take" : "takes"} clients`;

function asWanted({ connectors }: SiteView): Work {
  const off = connectors.find(({ runs }) => runs !== true);
  if (off !== undefined) return tell("False", "NotRunning", `the connector of ${off.host.name} does not run`);
  const names = connectors.map(({ host }) => host.name).join(", ");
  return tell("True", "AsWanted", names === "" ? "no connector runs but those of the nodes" : serving(names));
}

async function begin(
  pass: ClusterPass,
  view: SiteView,
  standing: Applied,
  due: readonly { readonly host: Node }[],
  why: string,
): Promise<Work> {
  const waits = (await notNow(pass, view)) ?? (await admitted(pass));
  if (waits !== undefined) return tell("False", "Waiting", `${why}; not begun yet: ${waits}`);
  return walk(pass, view, ledgerFor(pass, view, standing, due));
}

/** Unlike a change of the nodes it needs no sound site: it restarts nothing that replicates. */
async function notNow(pass: ClusterPass, view: SiteView): Promise<string | undefined> {
  const { object, spec, secret } = pass;
  if (object.metadata.deletionTimestamp !== undefined) return "the TungstenCluster is being deleted";
  if (spec.proceduresPaused) return "spec.proceduresPaused admits no procedure; clear it";
  const { phase, procedure } = object.status?.ledger ?? {};
  if (phase === "Running") return `${procedure} is at work on the site`;
  if (new Set(view.nodes.map(({ cluster }) => cluster?.release)).size > 1)
    return "the nodes run different releases; upgrade them first";
  if (view.nodes.some((node) => isBehind(node, secret.ini)))
    return "the nodes have former passwords; ConfigurationApplied says how that stands";
  const quiet = secret.names.length === 0 && object.status?.accounts === undefined;
  return quiet ? undefined : accountsFirst(pass, view);
}

/** Primaries are those that the nodes' text names, live or not: the text is what is brought, and nothing is said to them. */
function ledgerFor(
  pass: ClusterPass,
  view: SiteView,
  { record }: Applied,
  due: readonly { readonly host: Node }[],
): Ledger {
  const { estate, site } = pass;
  const bySite = <T>(value: (each: (typeof estate.sites)[number]) => T) =>
    Object.fromEntries(estate.sites.map((each) => [each.name, value(each)]));
  const pins: Pins = {
    primaries: record.primaries,
    policies: bySite(() => view.policy ?? ""),
    members: bySite(({ nodes }) => nodes.filter((node) => !node.witness).map((node) => node.name)),
    releases: bySite((each) => (each.name === site.name ? runningRelease(view) : undefined) ?? each.release),
    backupNodes: {},
    iniSha256: {},
  };
  const kind = iniOf(topologyOf(view));
  const kept = {
    connectors: due.map(({ host }) => host.name).join(","),
    kind,
    secret: wordOf(pass),
    sha256: textOf(pass, kind, record.primaries),
    generation: String(pass.object.metadata.generation ?? 0),
  };
  return beginning(pass, procedureOf(pass, kept), pins, kept);
}

const textOf = (
  { estate }: ClusterPass,
  kind: string,
  primaries: Readonly<Record<string, string>>,
): string => {
  const lent = lentFor(estate);
  return lent.sha256(lent.renderIni(kind, primaries));
};

function procedureOf({ site }: ClusterPass, kept: Ledger["kept"]) {
  const names = (kept.connectors ?? "").split(",");
  const hosts = site.connectors.filter((host) => names.includes(host.name));
  const kind = kept.kind === "CAA" ? "CAA" : "MSAA";
  return keepConnectors({ site: site.name, hosts, kind, secret: kept.secret ?? "" });
}

/**
 * It keeps nobody waiting: when the spec has changed, a host has lost its pod, or text or Secret are others, it ends, and
 * begins anew with what is due then, after whatever the nodes need.
 */
async function goOn(pass: ClusterPass, view: SiteView, running: Ledger): Promise<Work> {
  const kept = await admitted(pass);
  if (kept !== undefined) return tell("False", "Waiting", kept);
  const why = staleness(pass, view, running);
  if (why === undefined) return (await tooLong(pass, running)) ?? walk(pass, view, running);
  pass.shell.events.emit(pass.object, "Normal", "Ended", `${name} ends before its time: ${why}`);
  return { ...tell("False", "Waiting", why), ledger: await ended(pass, running), why };
}

/** The site's Lease goes back to whoever waits for it. */
async function tooLong(pass: ClusterPass, running: Ledger): Promise<Work | undefined> {
  const now = pass.shell.clock.now();
  if (now - running.cursor.since < mostMs) return undefined;
  const host = (running.kept.connectors ?? "").split(",")[running.cursor.step] ?? "a connector pod";
  const message = `${host} did not get further for ${mostMs / 60_000} minutes`;
  const halt = { reason: "GivenUp", message, at: now, generation: pass.object.metadata.generation ?? 0 };
  const ledger = await ended(pass, { ...running, halt });
  return { ...tell("False", halt.reason, message), ledger, why: message };
}

function staleness(pass: ClusterPass, view: SiteView, running: Ledger): string | undefined {
  const { connectors = "", kind = "", secret, sha256, generation } = running.kept;
  if (generation !== String(pass.object.metadata.generation ?? 0)) return "the spec has changed";
  for (const each of connectors.split(",")) {
    if (!pass.site.connectors.some((host) => host.name === each)) return `${each} is not wanted any more`;
    if (!view.pods.has(each)) return `${each} has no running pod`;
  }
  if (secret !== wordOf(pass)) return "the Secret has changed";
  if (sha256 !== textOf(pass, kind, running.pins?.primaries ?? {})) return "the wanted text has changed";
  return procedureOf(pass, running.kept).revision === running.revision
    ? undefined
    : "the operator is another version";
}

async function walk(pass: ClusterPass, view: SiteView, ledger: Ledger): Promise<Work> {
  const names = (ledger.kept.connectors ?? "").replaceAll(",", ", ");
  const work = await walkOn(pass, view, {
    procedure: procedureOf(pass, ledger.kept),
    ledger,
    condition: type,
    reason: "Bringing",
    ended: { reason: "AsWanted", message: serving(names) },
  });
  const halted = work.ledger?.phase === "Running" && work.ledger.halt !== undefined;
  return halted && work.ledger !== undefined ? { ...work, ledger: await ended(pass, work.ledger) } : work;
}
