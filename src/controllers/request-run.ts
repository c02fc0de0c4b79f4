/** A request after approval: one decision a pass, recorded before it is carried out. */

import type { Told } from "../crds/conditions.ts";
import type { Ledger } from "../crds/ledger.ts";
import { advance, type Controls, type Decision } from "../procedures/advance.ts";
import { type OpenBudget, openBudgets, tellBudgets } from "../procedures/budget.ts";
import { type Entry, entriesOf } from "../procedures/journal.ts";
import { endsOf } from "../procedures/journal-ends.ts";
import { departed, otherRevision, renderedInis, reworded, runOf } from "../procedures/prepare.ts";
import type { Procedure } from "../procedures/procedure.ts";
import { cursorInWords, tellRun } from "../procedures/tell.ts";
import { placeOf } from "../procedures/track.ts";
import { readPods } from "./estate-reader.ts";
import { withFacts } from "./gather.ts";
import { appendJournal } from "./journal-pages.ts";
import { perform } from "./perform.ts";
import { keepReport } from "./report-pages.ts";
import { lentFor } from "./request-planning.ts";
import { type Admitted, lostSite, takeSites } from "./request-sites.ts";
import { writeStatus } from "./request-status.ts";
import { copyOf, listCopies } from "./run-copies.ts";
import type { KubeObject } from "./shell.ts";
import type { Pass, Requeue } from "./upgrade-request.ts";

export async function runRequest(pass: Pass): Promise<Requeue> {
  const { shell, request, ledger, fences } = pass;
  const { procedure, frozen } = pass.procedureOf(pass.spec);
  const other = otherRevision(ledger, procedure);
  if (other !== undefined) return tellOtherRevision(pass, other);
  const admitted: Admitted = procedure.readsOnly === true ? { fresh: false } : await takeSites(pass);
  if ("queued" in admitted) return tellQueued(pass, procedure, admitted.queued);
  const pods = await readPods(shell.objects, pass.estate.namespace);
  const { decision, ends } = await decide(pass, procedure, frozen, pods);
  const lost = decision.kind === "act" ? await lostSite(pass) : undefined;
  if (lost !== undefined) return tellQueued(pass, procedure, lost);
  if (decision.kind === "move" && decision.noted !== undefined)
    await keepReport(shell.objects, request, decision.noted);
  const deleted = request.metadata.deletionTimestamp !== undefined;
  const open = openBudgets(procedure, decision.ledger, pass.estate, shell.clock.now());
  const told = [
    ...tellRun(procedure, decision, { ...pass.spec, deleted }),
    tellBudgets(open),
    ...admittedAgain(request),
  ];
  const written = await writeStatus(shell, request, {
    ledger: decision.ledger,
    told,
    cursor: cursorInWords(procedure, decision.ledger),
  });
  const stepId = placeOf(procedure, ledger).step?.id ?? "";
  const entries = [...ends, ...entriesOf(decision, ledger, stepId, shell.clock.now())];
  await appendJournal(shell.objects, written, entries);
  meter(pass, procedure, decision, stepId);
  meterBudgets(pass, procedure, open);
  if (decision.kind === "act") {
    const held = fences.get(request.metadata.uid ?? "") ?? new Map();
    const copy = (name: string) => copyOf(request, name);
    await perform(shell, decision.deeds, { pods, fences: held, copy, texts: pass.texts });
  }
  return requeue(pass, decision);
}

/** A decision, and how the commands ended that it has done with. */
type Decided = { readonly decision: Decision; readonly ends: readonly Entry[] };

async function decide(
  pass: Pass,
  procedure: Procedure,
  frozen: Readonly<Record<string, string>>,
  pods: Awaited<ReturnType<typeof readPods>>,
): Promise<Decided> {
  const { shell, request, ledger, estate, spec, limits } = pass;
  const { pins } = ledger;
  if (pins === undefined) throw new Error("a running ledger without pins");
  const lent = lentFor(estate);
  const ini = renderedInis(pins.primaries, lent);
  const generation = request.metadata.generation ?? 0;
  const changed = reworded(pins, frozen) ?? departed(pins, estate, ini, lent);
  if (changed !== undefined)
    return { decision: haltDeparted(ledger, changed, generation, shell.clock.now()), ends: [] };
  const controls: Controls = {
    generation,
    paused: spec.paused,
    abort: spec.abort,
    revert: spec.revert,
    acknowledge: spec.acknowledge,
  };
  const around = {
    pods,
    copies: () => listCopies(shell.objects, request),
    about: { uid: ledger.runUid, place: placeOfQuestions(ledger) },
  };
  const { notAfter } = spec.window ?? {};
  const run = {
    ...runOf(ledger, request.metadata.name, estate, pins, ini),
    ...(notAfter !== undefined && { notAfter: Date.parse(notAfter) }),
  };
  return withFacts(shell, around, (facts) => {
    const now = shell.clock.now();
    const decision = advance(procedure, ledger, { run, facts, now, controls, width: limits.width });
    return { decision, ends: endsOf(procedure, ledger, decision.ledger, { run, facts, now }) };
  });
}

/** Where questions are worth asking again: a survey's chunk is over once it is noted. */
const placeOfQuestions = ({ cursor, surveys }: Ledger): string =>
  [...Object.values(cursor), ...Object.values(surveys ?? {}).map(({ notBefore }) => notBefore)].join(".");

/** Told as a halt, and over as soon as the specs fit again. */
export function haltDeparted(ledger: Ledger, message: string, generation: number, now: number): Decision {
  const halt = {
    reason: "WorldDeparted",
    message,
    at: ledger.halt?.message === message ? ledger.halt.at : now,
    generation: generation - 1,
  };
  return { kind: "halt", ledger: { ...ledger, halt }, reason: "WorldDeparted", message };
}

/** A run that had to wait for its sites once more, and has them. */
function admittedAgain(request: KubeObject): readonly Told[] {
  const conditions: readonly { type: string; status: string }[] = request.status?.conditions ?? [];
  const waited = conditions.some(({ type, status }) => type === "Queued" && status === "True");
  return waited
    ? [{ type: "Queued", status: "False", reason: "Admitted", message: "the sites are admitted to this run" }]
    : [];
}

/** Its ledger is left as it is. */
async function tellOtherRevision({ shell, request, limits }: Pass, why: string): Promise<Requeue> {
  shell.log.error({ name: request.metadata.name }, why);
  shell.events.emit(request, "Warning", "OtherRevision", why);
  return { afterMs: limits.idleMs };
}

async function tellQueued(pass: Pass, procedure: Procedure, why: string): Promise<Requeue> {
  const { shell, request, ledger, limits } = pass;
  const told = [{ type: "Queued", status: "True" as const, reason: "SiteTaken", message: why }];
  await writeStatus(shell, request, { ledger, told, cursor: cursorInWords(procedure, ledger) });
  return { afterMs: limits.pollMs };
}

function requeue({ limits }: Pass, decision: Decision): Requeue {
  switch (decision.kind) {
    case "act":
      return {
        afterMs: decision.deeds.some(({ effect }) => "keep" in effect) ? 0 : Math.min(200, limits.pollMs),
      };
    case "move":
      return { afterMs: decision.noted?.afterMs ?? 0 };
    case "finish":
      return { afterMs: 0 };
    case "wait":
      return { afterMs: limits.pollMs };
    case "halt":
      return { afterMs: limits.idleMs };
  }
}

/** Counted when it turns: the condition of before tells whether it was known to be spent. */
function meterBudgets({ shell, request }: Pass, procedure: Procedure, open: readonly OpenBudget[]): void {
  const conditions: readonly { type: string; reason: string }[] = request.status?.conditions ?? [];
  const before = conditions.find(({ type }) => type === "WithinBudget")?.reason;
  const spent = open.find((each) => each.spent)?.budget.id;
  if (spent !== undefined && before !== `${spent}Spent`) shell.meters.budgetSpent(procedure.name, spent);
}

function meter({ shell, ledger }: Pass, procedure: Procedure, decision: Decision, stepId: string): void {
  const finished = decision.ledger.steps.find(
    (entry) => entry.id === stepId && entry.finishedAt !== undefined,
  );
  const before = ledger.steps.find((entry) => entry.id === stepId);
  if (finished?.finishedAt !== undefined && before?.finishedAt === undefined)
    shell.meters.stepFinished(procedure.name, stepId, (finished.finishedAt - finished.startedAt) / 1000);
  if (decision.kind === "halt" && ledger.halt === undefined)
    shell.meters.procedureHalted(procedure.name, decision.reason);
  if (decision.kind === "move" && decision.noted === undefined)
    shell.log.info(
      { procedure: procedure.name, step: stepId, cursor: cursorInWords(procedure, decision.ledger) },
      decision.why,
    );
}
