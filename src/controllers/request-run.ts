/** A request after approval: what a pass decides is recorded before it is carried out. */

import type { Told } from "../crds/conditions.ts";
import type { Ledger } from "../crds/ledger.ts";
import type { Decision } from "../procedures/advance.ts";
import { type OpenBudget, openBudgets, tellBudgets } from "../procedures/budget.ts";
import { entriesOf } from "../procedures/journal.ts";
import { otherRevision } from "../procedures/prepare.ts";
import type { Procedure } from "../procedures/procedure.ts";
import { cursorInWords, tellRun } from "../procedures/tell.ts";
import { readPods } from "./estate-reader.ts";
import { appendJournal } from "./journal-pages.ts";
import { perform } from "./perform.ts";
import { keepReport } from "./report-pages.ts";
import { decideAll, type Link, merelyRuns } from "./request-decide.ts";
import { type Admitted, lostSite, takeSites } from "./request-sites.ts";
import { writeStatus } from "./request-status.ts";
import { copyOf } from "./run-copies.ts";
import type { KubeObject } from "./shell.ts";
import type { Pass, RequestLimits, Requeue } from "./upgrade-request.ts";

export async function runRequest(pass: Pass): Promise<Requeue> {
  const { shell, request, fences } = pass;
  const { procedure, frozen } = pass.procedureOf(pass.spec);
  const other = otherRevision(pass.ledger, procedure);
  if (other !== undefined) return tellOtherRevision(pass, other);
  const admitted: Admitted = procedure.readsOnly === true ? { fresh: false } : await takeSites(pass);
  if ("queued" in admitted) return tellQueued(pass, procedure, admitted.queued);
  const pods = await readPods(shell.objects, pass.estate.namespace);
  if (await merelyRuns(pass, pods))
    return { afterMs: untilNextLook(pass.limits, pass.ledger, shell.clock.now()) };
  const links = await decideAll(pass, procedure, frozen, pods);
  const { decision } = links[links.length - 1] as Link;
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
  const now = shell.clock.now();
  const entries = links.flatMap((link) => [
    ...link.ends,
    ...entriesOf(link.decision, link.before, link.stepId, now),
  ]);
  await appendJournal(shell.objects, written, entries);
  for (const link of links) meter(pass, procedure, link);
  meterBudgets(pass, procedure, open);
  if (decision.kind === "act") {
    const held = fences.get(request.metadata.uid ?? "") ?? new Map();
    const copy = (name: string) => copyOf(request, name);
    await perform(shell, decision.deeds, { pods, fences: held, copy, texts: pass.texts });
  }
  return requeue(pass, decision);
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

function requeue({ limits, shell }: Pass, decision: Decision): Requeue {
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
      return { afterMs: untilNextLook(limits, decision.ledger, shell.clock.now()) };
    case "halt":
      return { afterMs: limits.idleMs };
  }
}

/**
 * What has run for long is looked at more rarely: a look comes late by a tenth of what was waited for at most, and never
 * by more than `pollMostMs`.
 */
export function untilNextLook(
  { pollMs, pollMostMs }: RequestLimits,
  { cursor, attempts }: Ledger,
  now: number,
): number {
  const begun = Object.values(attempts).map(({ begunAt }) => begunAt);
  const waited = now - Math.max(cursor.since, ...begun);
  return Math.round(Math.min(Math.max(pollMs, waited / 10), Math.max(pollMs, pollMostMs)));
}

/** Counted when it turns: the condition of before tells whether it was known to be spent. */
function meterBudgets({ shell, request }: Pass, procedure: Procedure, open: readonly OpenBudget[]): void {
  const conditions: readonly { type: string; reason: string }[] = request.status?.conditions ?? [];
  const before = conditions.find(({ type }) => type === "WithinBudget")?.reason;
  const spent = open.find((each) => each.spent)?.budget.id;
  if (spent !== undefined && before !== `${spent}Spent`) shell.meters.budgetSpent(procedure.name, spent);
}

function meter({ shell }: Pass, procedure: Procedure, { decision, before, stepId }: Link): void {
  const ended = decision.ledger.steps.find((entry) => entry.id === stepId && entry.finishedAt !== undefined);
  const last = before.steps.find((entry) => entry.id === stepId);
  if (ended?.finishedAt !== undefined && last?.finishedAt === undefined)
    shell.meters.stepFinished(procedure.name, stepId, (ended.finishedAt - ended.startedAt) / 1000);
  if (decision.kind === "halt" && before.halt === undefined)
    shell.meters.procedureHalted(procedure.name, decision.reason);
  if (decision.kind === "move" && decision.noted === undefined)
    shell.log.info(
      { procedure: procedure.name, step: stepId, cursor: cursorInWords(procedure, decision.ledger) },
      decision.why,
    );
}
