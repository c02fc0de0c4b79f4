/** Before approval: pre-flight, pins and plan, made anew from the live world on every pass until a human approves a hash. */
import type { Ledger, Pins } from "../crds/ledger.ts";
import type { Estate } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import { connectorHosts } from "./connector-hosts.ts";
import { estimateLine, estimateOf, type Seen } from "./estimate.ts";
import { hashMaterial, type Plan, planOf } from "./plan.ts";
import {
  findingsOf,
  firstOf,
  type PreflightReport,
  preflightReport,
  refusalsOf,
  unknownsOf,
} from "./preflight-report.ts";
import type { Finding, Procedure, Run } from "./procedure.ts";

export type Prepared =
  | { readonly is: "refused"; readonly why: string; readonly report: PreflightReport }
  | { readonly is: "unknown"; readonly why: string; readonly report: PreflightReport }
  | {
      readonly is: "planned";
      readonly plan: Plan;
      readonly hash: string;
      readonly pins: Pins;
      readonly report: PreflightReport;
    };

/** What the shell lends to planning: how to render an ini for pins, and how to hash. Both are functions of their arguments. */
export type Lent = {
  readonly renderIni: (kind: string, primaries: Readonly<Record<string, string>>) => string;
  readonly sha256: (text: string) => string;
  /** How long steps took in earlier runs on these sites. */
  readonly seen?: Seen;
  /** What earlier runs left out or forced on these sites. */
  readonly past?: readonly Finding[];
  /** Why nothing can be asked of a site any more, whatever its nodes say: what they lack is no fault to mend. */
  readonly outOfService?: string | undefined;
};

const iniKinds = ["CAA", "MSAA"] as const;

/** Asks every pre-flight check, freezes what there is to freeze and prints the plan with its hash. */
export function prepare(
  procedure: Procedure,
  ledger: Ledger,
  requestName: string,
  estate: Estate,
  facts: Facts,
  lent: Lent,
): Prepared {
  const title = `Pre-flight of UpgradeRequest ${estate.namespace}/${requestName} (UID ${ledger.runUid}), procedure ${procedure.name}`;
  if (lent.outOfService !== undefined) return outOfService(title, estate, lent.outOfService);
  const apart = estate.sites.some(({ connectors }) => connectors.length > 0);
  const checks = apart ? [connectorHosts(procedure), ...procedure.accepts] : procedure.accepts;
  const asked = checks.map((check) => ({ check, answer: check.ask(estate, facts) }));
  const reading = procedure.pins(estate, facts);
  const estimates = estimateOf(procedure, estate, facts, lent.seen ?? {});
  const knows = [...(procedure.knows?.(estate, facts) ?? []), ...estimateLine(estimates)];
  const report = preflightReport(title, estate, asked, knows);
  const refusals = refusalsOf(asked);
  if (refusals.length > 0) return { is: "refused", why: firstOf(refusals), report };
  const unknowns = [...unknownsOf(asked), ...("unknown" in reading ? [reading.unknown] : [])];
  if (unknowns.length > 0 || "unknown" in reading) return { is: "unknown", why: firstOf(unknowns), report };
  const { run, pins: frozen } = frozenRun(ledger, requestName, estate, reading.pins, lent);
  const pins = { ...frozen, estimates };
  const findings = [...asked.flatMap(({ answer }) => findingsOf(answer)), ...(lent.past ?? [])];
  const plan = planOf(procedure, run, findings);
  return { is: "planned", plan, hash: lent.sha256(hashMaterial(plan, ledger)), pins, report };
}

/** Asked alone: the other checks would send people to mend what was stopped on purpose. */
function outOfService(title: string, estate: Estate, why: string): Prepared {
  const answer = { refused: why };
  const asked = [{ check: { say: "no site is out of service", ask: () => answer }, answer }];
  return { is: "refused", why, report: preflightReport(title, estate, asked, []) };
}

function frozenRun(
  ledger: Ledger,
  requestName: string,
  estate: Estate,
  pinned: Omit<Pins, "iniSha256">,
  lent: Lent,
) {
  const ini = renderedInis(pinned.primaries, lent);
  const iniSha256 = Object.fromEntries(Object.entries(ini).map(([kind, text]) => [kind, lent.sha256(text)]));
  const pins: Pins = { ...pinned, iniSha256 };
  return { pins, run: runOf(ledger, requestName, estate, pins, ini) };
}

export const renderedInis = (
  primaries: Readonly<Record<string, string>>,
  lent: Lent,
): Record<string, string> =>
  Object.fromEntries(iniKinds.map((kind) => [kind, lent.renderIni(kind, primaries)]));

/** The run as judgements see it. */
export function runOf(
  ledger: Ledger,
  requestName: string,
  estate: Estate,
  pins: Pins,
  ini: Readonly<Record<string, string>>,
): Run {
  const tag = ledger.runUid.replaceAll("-", "").slice(0, 8);
  return {
    requestName,
    uid: ledger.runUid,
    tag,
    estate,
    pins,
    kept: ledger.kept,
    surveys: ledger.surveys ?? {},
    round: ledger.cursor.round,
    ini,
  };
}

/** Why this operator must not walk a run that another one began; undefined when it may. */
export function otherRevision(ledger: Ledger, { name, revision }: Procedure): string | undefined {
  if (ledger.procedure === name && ledger.revision === revision) return undefined;
  return `the run was begun as ${ledger.procedure}, revision ${ledger.revision}, and this operator knows ${name}, revision ${revision}; let a version of the operator that knows the former finish it`;
}

/** What changed in the request's own block since approval; undefined while nothing has that the steps depend on. */
export function reworded(pins: Pins, frozen: Readonly<Record<string, string>>): string | undefined {
  const changed = Object.entries(pins.parameters ?? {}).find(([path, value]) => frozen[path] !== value);
  return (
    changed &&
    `${changed[0]} changed during the run from ${changed[1]} to ${frozen[changed[0]] ?? "nothing"}; put it back until the run has finished`
  );
}

/** Why the live specs no longer fit what was approved; undefined while they do. */
export function departed(
  pins: Pins,
  estate: Estate,
  ini: Readonly<Record<string, string>>,
  lent: Lent,
): string | undefined {
  for (const site of estate.sites) {
    const members = site.nodes.filter((node) => !node.witness).map((node) => node.name);
    if ((pins.members[site.name] ?? []).join() !== members.join())
      return `the members of TungstenCluster ${site.name} changed during the run: planned were ${(pins.members[site.name] ?? []).join(", ")}, now they are ${members.join(", ")}; put spec.nodes back`;
    if (pins.releases[site.name] !== site.release)
      return `spec.release of TungstenCluster ${site.name} changed during the run from ${pins.releases[site.name]} to ${site.release}; put it back until the run has finished`;
  }
  const gone = Object.keys(pins.members).find((name) => !estate.sites.some((site) => site.name === name));
  if (gone !== undefined)
    return `site ${gone} left the estate during the run; put its TungstenCluster and membership back`;
  const changed = Object.entries(ini).find(([kind, text]) => pins.iniSha256[kind] !== lent.sha256(text));
  return (
    changed &&
    `the ${changed[0]} tungsten.ini differs from the approved one: a spec changed during the run, or another version of the operator writes it otherwise; put that back until the run has finished`
  );
}
