/** The plan: a procedure resolved for one estate, every command on every node with every alternative, as a text to read and hash. */
import type { Ledger } from "../crds/ledger.ts";
import type { Command } from "../tungsten/invocation.ts";
import type { Budget, Effect, Finding, Interruption, Part, Procedure, Run, Step } from "./procedure.ts";

export type Plan = {
  /** The whole plan for humans; stored in a ConfigMap and bound to the hash. */
  readonly text: string;
  /** Commands of a run in which nothing has to be tried twice. */
  readonly commands: number;
  readonly interruptions: readonly Interruption[];
  readonly findings: readonly Finding[];
  readonly pointOfNoReturn: string;
};

/** Renders the plan. Numbers that only the run will know (rounds, attempts, checksums) are written `<n>` and `<sha256>`. */
export function planOf(procedure: Procedure, run: Run, findings: readonly Finding[]): Plan {
  const interruptions = procedure.interruptions(run.estate);
  const pointOfNoReturn =
    procedure.readsOnly === true ? "none" : placeInWords(procedure, procedure.revertUntil);
  const head = [
    `Plan of UpgradeRequest ${run.estate.namespace}/${run.requestName} (UID ${run.uid})`,
    `Procedure ${procedure.name}, revision ${procedure.revision}. Source: ${procedure.source}.`,
    `Sites and pinned primaries: ${run.estate.sites.map((site) => `${site.name} (${run.pins.primaries[site.name]})`).join(", ")}.`,
    ...(procedure.readsOnly === true
      ? ["It begins no command and changes nothing; spec.abort ends it at any time."]
      : [
          `Policies of before, to which the run returns: ${run.estate.sites.map((site) => `${site.name} ${run.pins.policies[site.name]}`).join(", ")}.`,
          `Abort, at no cost, until: ${placeInWords(procedure, procedure.abortUntil)}.`,
          `Point of no return: ${pointOfNoReturn}. Until there spec.${procedure.revert.length === 0 ? "abort" : "revert"} leads back.`,
          ...(procedure.warns ?? []),
        ]),
    ...interruptions.map(
      ({ site, seconds, why }) => `Clients of ${site}: up to ${seconds} s of interruption: ${why}.`,
    ),
    ...procedure.budgets.map((budget) => budgetLine(procedure, budget, run)),
    ...findings.map((finding) => `Finding ${finding.id}: ${finding.text}.`),
    "Notation: <n> is the number of a round or an attempt, <sha256>, <seqno> and <eventid> are what the run will know.",
  ];
  const body = procedure.steps.flatMap((step) => stepLines(step, run));
  const back = procedure.revert.flatMap((step) => stepLines(step, run, false));
  const ini = Object.entries(run.ini).flatMap(([kind, text]) => [
    "",
    `tungsten.ini, ${kind} (sha256 ${run.pins.iniSha256[kind]}):`,
    text,
  ]);
  const way = back.length === 0 ? [] : ["", "The way back (spec.revert):", ...back, ...ini];
  const text = [...head, "", ...body, ...way].join("\n");
  return {
    text: `${text}\n`,
    commands: countCommands(procedure, run),
    interruptions,
    findings,
    pointOfNoReturn,
  };
}

function budgetLine({ steps }: Procedure, { id, what, from, until, seconds }: Budget, run: Run): string {
  const numberOf = (step: string | undefined): number => steps.find((each) => each.id === step)?.n ?? 0;
  const span = `from step ${numberOf(from)} to the end of step ${numberOf(until[0])}`;
  return `Budget ${id}: ${what}, ${span}; longer than ${seconds(run.estate)} s turns WithinBudget False and stops nothing.`;
}

/** A place of the forward track, as the plan names it. */
export function placeInWords(procedure: Procedure, place: { step: string; part: number }): string {
  const step = procedure.steps.find((candidate) => candidate.id === place.step);
  if (step === undefined) return "never";
  const part = step.parts[place.part];
  return part === undefined
    ? `the end of step ${step.n}, ${step.title}`
    : `step ${step.n}, ${step.title} (${part.what})`;
}

function stepLines(step: Step, run: Run, forward = true): string[] {
  const undo = forward ? undoLines(step, run) : [];
  const parts = step.parts.flatMap((part, index) => partLines(`${step.n}.${index + 1}`, part, run));
  return ["", `Step ${step.n}. ${step.title} → condition ${step.condition}`, ...parts, ...undo];
}

const undoLines = ({ undo }: Step, run: Run): string[] =>
  typeof undo === "string" ? [`   undo: ${undo}`] : undo.flatMap((part) => partLines("undo", part, run));

function partLines(label: string, part: Part, run: Run): string[] {
  const targets = part.on(run);
  if (targets.length === 0 && part.run.length > 0) return [];
  const lines = [`   ${label} ${part.what}`];
  if (part.vendor !== undefined) lines.push(`       the vendor's line: ${part.vendor}`);
  for (const guard of part.guards ?? []) lines.push(`       only while: ${guard.say}`);
  for (const alternative of part.run) {
    lines.push(`       when ${alternative.when}:`);
    for (const target of targets)
      lines.push(`         ${effectLine(alternative.effect(target, run, 1), run)}`);
  }
  return lines;
}

function effectLine(effect: Effect, run: Run): string {
  const { node, text } = effectInWords(effect, run);
  return `${node}: ${text}`;
}

/** Where an effect happens and what it does, in the plan's notation; the procedure's page prints it too. */
export function effectInWords(effect: Effect, run: Run): { readonly node: string; readonly text: string } {
  if ("keep" in effect)
    return { node: effect.from.name, text: `copy ${general(effect.keep, run)} off the node` };
  if ("renewPodOf" in effect)
    return {
      node: effect.renewPodOf.name,
      text: "delete its pod; the StatefulSet makes it anew from its present template",
    };
  const checks = (effect.begin.prechecks ?? []).map((check) => generalWords(check.argv, run));
  const looked = checks.length === 0 ? "" : `   [looks again: ${checks.join("; ")}]`;
  const once = effect.begin.repeat === "once" ? " (never repeated on a guess)" : "";
  return { node: effect.on.name, text: `${commandLine(effect.begin, run)}${once}${looked}` };
}

/** A command's words and stdin in the plan's notation; a test compares begun commands with the plan by it. */
export function commandLine(command: Command, run: Run): string {
  const stdin =
    command.stdin !== undefined && command.stdin.length < 200 ? ` <<< ${JSON.stringify(command.stdin)}` : "";
  return `${generalWords(command.argv, run)}${stdin}`;
}

const generalWords = (argv: readonly string[], run: Run): string =>
  argv.map((word) => general(word, run)).join(" ");

/** Replaces what only the run will know. */
function general(word: string, run: Run): string {
  const numbered = new RegExp(`${run.tag}-([wvf]?)\\d+((?:[.-])\\d+)?(?=-|\\.|$)`);
  return word
    .replace(numbered, `${run.tag}-$1<n>`)
    .replace(/^[0-9a-f]{64}$/, "<sha256>")
    .replace(/^0$/, "<sha256>")
    .replace(/^-2$/, "<seqno>")
    .replace(/^not-kept$/, "<eventid>");
}

function countCommands(procedure: Procedure, run: Run): number {
  let count = 0;
  for (const part of procedure.steps.flatMap((step) => step.parts)) {
    const [first] = part.run;
    if (first !== undefined)
      count += part.on(run).filter((target) => "begin" in first.effect(target, run, 1)).length;
  }
  return count;
}

/** What the hash is taken over: the plan's text and the run it belongs to. An approval cannot fit another plan or another request. */
export function hashMaterial(plan: Plan, ledger: Ledger): string {
  return JSON.stringify([ledger.runUid, ledger.procedure, ledger.revision, plan.text]);
}
