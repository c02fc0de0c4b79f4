/** Pre-flight of the conversion: what must hold before a plan is made. Each refusal is one sentence with a way out. */

import { channelsIn } from "../ini/channels.ts";
import { dataNodes, type Estate, type Node, type Site, siteOf } from "../topology/estate.ts";
import { findings, installed, oldestTransaction, schemas } from "../tungsten/node-facts.ts";
import { compareReleases, releaseOf } from "../tungsten/release.ts";
import { backupAttested } from "./conversion-backups.ts";
import { serviceOf } from "./conversion-names.ts";
import { backlogSmall } from "./conversion-preflight-backlog.ts";
import { logReadersKnown, readersKnown, recordable } from "./conversion-preflight-estate.ts";
import { hostAcceptances } from "./conversion-preflight-hosts.ts";
import { keyAcceptances } from "./conversion-preflight-keys.ts";
import { logsKept } from "./conversion-preflight-logs.ts";
import { reachable } from "./conversion-preflight-ports.ts";
import { roomEnough, roomForBackup } from "./conversion-preflight-room.ts";
import { settings } from "./conversion-preflight-servers.ts";
import { healthy } from "./conversion-preflight-services.ts";
import { siteAcceptances, toolReady } from "./conversion-preflight-sites.ts";
import { onEveryNode } from "./preflight-asking.ts";
import type { Acceptance, AcceptanceAnswer, Finding, Objection } from "./procedure.ts";
import type { SurveyParameters } from "./survey-compare.ts";

export type ConversionParameters = {
  /** Attested: who took it, when, and where it lies, as the human says. */
  readonly backup: {
    readonly mode: "Take" | "Attested";
    readonly who?: string | undefined;
    readonly when?: string | undefined;
    readonly evidence?: string | undefined;
    readonly maxAgeHours?: number;
    readonly sites?: readonly { readonly site: string; readonly sha256: string; readonly lsn: string }[];
  };
  /** Who arms, keeps positions, stops and dumps; left out: Primitives. */
  readonly positions?: "Primitives" | "TungstenPrepUpgrade";
  readonly limits: {
    readonly latencySeconds: number;
    readonly backlogEvents: number;
    readonly oldestTransactionSeconds: number;
  };
  /** Ids of findings a human has read and accepts. */
  readonly acknowledgedFindings: readonly string[];
  /** Compare all data first, last, or both; left out it is not compared. */
  readonly verifyData?: "None" | "Before" | "After" | "Both";
  readonly verification?: SurveyParameters;
  /** Drop what is proven empty at the end; left out it is told alone. */
  readonly dropEmptySchemas?: boolean;
};

const ok: AcceptanceAnswer = { ok: true };

const othersOf = (estate: Estate, node: Node) => estate.sites.filter((site) => site.name !== node.site);

const clusterInstalled = onEveryNode(
  "MSAA is what is installed: the cluster product",
  () => installed("cluster"),
  (estate) => (node, is) => {
    if (is === null)
      return `${node.name} has no Tungsten installed under /opt/continuent; wait for its TungstenCluster to become Ready`;
    const crossing = othersOf(estate, node).map((source) =>
      serviceOf("cluster", siteOf(estate, node), source),
    );
    if (crossing.some((name) => is.services.includes(name)))
      return `${node.name} already runs ${crossing.filter((name) => is.services.includes(name)).join(", ")}: the estate is Composite Active/Active and there is nothing to convert; delete this request`;
    if (is.method === "staging")
      return `${node.name} was installed by the staging method, which cannot be converted; run translatetoini.pl and reinstall from the ini first`;
    if (is.method !== "ini")
      return { unknown: `${node.name} does not tell whether the cluster product was installed from the ini` };
    if ((is.parallel ?? 1) > 1)
      return `${node.name} applies in parallel on ${is.parallel} channels; disable parallel apply before converting`;
    const { name, options } = siteOf(estate, node);
    if (channelsIn(options) > 1)
      return `spec.options of TungstenCluster ${name} ask for ${channelsIn(options)} apply channels; disable parallel apply before converting`;
    return undefined;
  },
);

const crossSiteInstalled = onEveryNode(
  "MSAA is what is installed: the second product",
  () => installed("crossSite"),
  (estate) => (node, is) => {
    const wanted = othersOf(estate, node).map((source) => source.dataservice);
    if (is === null)
      return `${node.name} has no cross-site replicator under /opt/replicator: this is no Multi-Site/Active-Active estate; create CrossSiteLinks or remove the request`;
    const missing = wanted.filter((name) => !is.services.includes(name));
    if (missing.length > 0)
      return `${node.name} does not replicate from ${missing.join(", ")}; every site must read every other one before the conversion`;
    const strange = is.services.filter((name) => !wanted.includes(name));
    if (strange.length > 0)
      return `the cross-site replicator of ${node.name} also runs ${strange.join(", ")}, which step 4 would uninstall; move that to an installation of its own first`;
    if (is.method === "staging")
      return `the cross-site replicator of ${node.name} was installed by the staging method; run translatetoini.pl and reinstall it from the ini first`;
    if (is.method !== "ini")
      return { unknown: `${node.name} does not tell whether the second product was installed from the ini` };
    if ((is.parallel ?? 1) > 1)
      return `the cross-site replicator of ${node.name} applies in parallel on ${is.parallel} channels; disable parallel apply before converting`;
    return undefined;
  },
);

/** Tungsten's update goes to a later release, or stays. */
function goesBack({ name, release }: Site, node: Node, now: string): string | undefined {
  const [to, from] = [releaseOf(release), releaseOf(now)];
  return to !== undefined && from !== undefined && compareReleases(to, from) < 0
    ? `${node.name} runs release ${now}, and spec.release of TungstenCluster ${name} is ${release}, which is older; set it to ${now} or later`
    : undefined;
}

const releases: Acceptance = {
  say: "the target release is 6 or later, and both products of a node are at one release",
  ask(estate, facts) {
    const old = estate.sites.find((site) => Number(site.release.split(".")[0]) < 6);
    if (old !== undefined)
      return {
        refused: `spec.release of TungstenCluster ${old.name} is ${old.release}; Composite Active/Active needs release 6 or later`,
      };
    const [one] = estate.sites;
    const other = estate.sites.find(({ release }) => release !== one?.release);
    if (one !== undefined && other !== undefined)
      return {
        refused: `spec.release of TungstenCluster ${one.name} is ${one.release}, that of ${other.name} is ${other.release}; a composite runs one release: make them the same`,
      };
    const first = new Map<string, { node: string; release: string }>();
    return {
      objections: dataNodes(estate).flatMap((node): Objection[] => {
        const cluster = facts.get(node.name, installed("cluster"));
        const crossSite = facts.get(node.name, installed("crossSite"));
        if ("unknown" in cluster) return [{ on: node.site, unknown: `${node.name}: ${cluster.unknown}` }];
        if ("unknown" in crossSite) return [{ on: node.site, unknown: `${node.name}: ${crossSite.unknown}` }];
        const [a, b] = [cluster.known?.release, crossSite.known?.release];
        if (a === undefined || b === undefined) return [];
        const twin = first.get(node.site) ?? { node: node.name, release: a };
        first.set(node.site, twin);
        const refused =
          goesBack(siteOf(estate, node), node, a) ??
          (a !== b
            ? `${node.name} runs the cluster product at ${a} and the cross-site product at ${b}; bring both to one release first`
            : twin.release !== a
              ? `${twin.node} runs release ${twin.release} and ${node.name} release ${a}; bring ${node.site} to one release first`
              : undefined);
        return refused === undefined ? [] : [{ on: node.site, refused }];
      }),
    };
  },
};

const transactions = (limit: number): Acceptance =>
  onEveryNode(
    `no transaction is older than ${limit} s`,
    () => oldestTransaction,
    () => (node, seconds) =>
      seconds > limit
        ? `a transaction on ${node.name} has been open for ${seconds} s, the limit is ${limit} s; let it end`
        : undefined,
  );

const told = (acknowledged: readonly string[]): Acceptance => ({
  say: "what the databases hold that active/active sites stumble over is known and acknowledged",
  ask(estate, facts) {
    const found = new Map<string, Finding & { readonly site: string }>();
    const objections: Objection[] = [];
    for (const node of dataNodes(estate)) {
      const answer = facts.get(node.name, findings);
      if ("unknown" in answer) objections.push({ on: node.site, unknown: `${node.name}: ${answer.unknown}` });
      for (const { kind, name } of "known" in answer ? answer.known : [])
        if (kind === "xa" || kind === "ddl")
          objections.push({
            on: node.site,
            refused: `${node.name} has ${kind === "xa" ? "a prepared XA transaction" : "DDL running"}: ${name}; let it end`,
          });
        else if (!found.has(`${kind}:${name}`)) {
          const text = sentences[kind]?.(name) ?? `${kind} ${name}`;
          found.set(`${kind}:${name}`, { id: `${kind}:${name}`, text, needsWord: true, site: node.site });
        }
    }
    for (const { id, text, site } of found.values())
      if (!acknowledged.includes(id))
        objections.push({
          on: site,
          refused: `${text}; if that is intended add "${id}" to spec.convertMsaaToCaa.acknowledgedFindings`,
        });
    const known = [...found.values()].filter(({ id }) => acknowledged.includes(id));
    return { objections, findings: known.map(({ id, text, needsWord }) => ({ id, text, needsWord })) };
  },
});

const sentences: Record<string, (name: string) => string> = {
  trigger: (name) => `trigger ${name} would fire at every site`,
  event: (name) => `event ${name} is enabled and would run at every site`,
  nokey: (name) => `table ${name} has no primary key, so a row applied twice stays twice`,
  nontransactional: (name) => `table ${name} is not transactional, so a crash may leave half of a write`,
};

const noCollision = onEveryNode(
  "no schema has a name of the new services",
  () => schemas,
  (estate) => (node, names) => {
    const clash = othersOf(estate, node)
      .map((source) => `tungsten_${serviceOf("cluster", siteOf(estate, node), source)}`)
      .find((name) => (names.get(name) ?? 0) > 0);
    return (
      clash &&
      `${node.name} has a schema ${clash} that is not empty, a name the conversion needs; drop it after looking what it holds`
    );
  },
);

/** The composite is there, names exactly the estate's sites, and every pair is linked both ways. */
const composed: Acceptance = {
  say: "the CompositeService names every linked site, each linked with each both ways",
  ask(estate) {
    const { composite } = estate;
    if (composite === undefined)
      return {
        refused:
          "spec.convertMsaaToCaa.compositeService names no CompositeService of this namespace; create it first",
      };
    if (composite.type === "ActivePassive")
      return {
        refused: `CompositeService ${composite.name} is ActivePassive; the conversion makes ActiveActive or DynamicActiveActive`,
      };
    const outside = estate.sites.find((site) => !composite.members.includes(site.name));
    if (outside !== undefined)
      return {
        refused: `site ${outside.name} is linked with the estate but no member of CompositeService ${composite.name}; add it to spec.members`,
      };
    if (estate.sites.length < 2)
      return {
        refused: `CompositeService ${composite.name} has fewer than two sites; there is nothing to convert`,
      };
    const broken = unlinked(estate);
    return broken === undefined ? ok : { refused: broken };
  },
};

/** Where no link is at all, the nodes are asked what they are: there may be nothing to convert. */
function unlinked({ sites, links }: Estate): string | undefined {
  const leaving = links.find((link) => link.leaving !== undefined);
  if (leaving !== undefined)
    return `CrossSiteLink ${leaving.name} was deleted and is being taken off the nodes; wait until it is gone, then create it anew`;
  const pairs = sites.flatMap((source) =>
    sites.filter((target) => target !== source).map((target) => [source.name, target.name] as const),
  );
  const missing = pairs.find(
    ([from, to]) => !links.some(({ source, target }) => source === from && target === to),
  );
  if (links.length === 0 || missing === undefined) return undefined;
  return `no CrossSiteLink leads from ${missing[0]} to ${missing[1]}; every site must read every other one before the conversion: create it and wait until it is Ready`;
}

/** All checks, cheapest and most telling first. */
export function acceptsConversion(parameters: ConversionParameters): readonly Acceptance[] {
  const { limits, acknowledgedFindings } = parameters;
  return [
    composed,
    recordable,
    releases,
    clusterInstalled,
    crossSiteInstalled,
    ...siteAcceptances,
    toolReady(parameters.positions),
    healthy("cluster", limits.latencySeconds),
    healthy("crossSite", limits.latencySeconds),
    backlogSmall(limits.backlogEvents),
    settings,
    transactions(limits.oldestTransactionSeconds),
    told(acknowledgedFindings),
    readersKnown(acknowledgedFindings),
    logReadersKnown(acknowledgedFindings),
    noCollision,
    ...hostAcceptances,
    roomEnough(parameters),
    logsKept(parameters),
    ...keyAcceptances,
    roomForBackup(parameters),
    backupAttested(parameters.backup),
    reachable,
  ];
}
