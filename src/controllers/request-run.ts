/** A request after approval: what a pass decides is recorded before it is carried out. */

import type { Told } from "../crds/conditions.ts";
import type { Ledger } from "../crds/ledger.ts";
import type { Decision } from "../procedures/advance.ts";
import { type OpenBudget, openBudgets, tellBudgets } from "../procedures/budget.ts";
import { entriesOf } from "../procedures/journal.ts";
import { givenUp, lossInWords } from "../procedures/loss.ts";
import { otherRevision } from "../procedures/prepare.ts";
import type { Procedure } from "../procedures/procedure.ts";
import { cursorInWords, tellHeldUp, tellRun } from "../procedures/tell.ts";
import { admitted, say } from "../procedures/tell-standing.ts";
import { dataNodes } from "../topology/estate.ts";
import { readPods } from "./estate-reader.ts";
import { appendJournal } from "./journal-pages.ts";
import { perform } from "./perform.ts";
import { keepReport } from "./report-pages.ts";
import { decideAll, type Link, merelyRuns } from "./request-decide.ts";
import { type Admitted, lostSite, takeSites } from "./request-sites.ts";
import { queuedAs, toldBefore, writeStatus } from "./request-status.ts";
import { copyOf } from "./run-copies.ts";
import type { KubeObject, PodRef } from "./shell.ts";
import type { Pass, RequestLimits, Requeue } from "./upgrade-request.ts";

export async function runRequest(pass: Pass): Promise<Requeue> {
  const { shell, request, fences } = pass;
  const { procedure, frozen } = pass.procedureOf(pass.spec);
  const other = otherRevision(pass.ledger, procedure);
  if (other !== undefined) return tellOtherRevision(pass, other);
  const sites: Admitted = procedure.readsOnly === true ? { fresh: false } : await takeSites(pass);
  if ("queued" in sites) return tellQueued(pass, procedure, sites.queued);
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
    ...tellRun(procedure, decision, { ...pass.spec, deleted }, lossOf(pass, procedure, decision, pods)),
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

function lossOf(
  { estate }: Pass,
  procedure: Procedure,
  { kind, ledger }: Decision,
  pods: ReadonlyMap<string, PodRef>,
): string | undefined {
  if (kind !== "wait" && kind !== "halt") return undefined;
  const gone = givenUp(ledger);
  const missing = dataNodes(estate)
    .map(({ name }) => name)
    .filter((name) => !pods.has(name) && !gone.includes(name));
  return lossInWords(procedure, ledger, missing);
}

/** A run that had to wait for its sites once more, or stood still, and has them. */
function admittedAgain(request: KubeObject): readonly Told[] {
  const last = queuedAs(request);
  return last === undefined || last.reason === admitted.reason ? [] : [admitted];
}

/** Its ledger and its place are left as they are, to the letter: nothing of them is known here for certain. */
async function tellOtherRevision({ shell, request, ledger, limits }: Pass, why: string): Promise<Requeue> {
  shell.log.error({ name: request.metadata.name }, why);
  const message = `${why}. See docs/operating/halts.md#otherrevision.`;
  const before = toldBefore(request, ledger).filter(({ type }) => type !== "Stalled");
  await writeStatus(shell, request, {
    ledger: request.status?.ledger as Ledger,
    told: [...before, say("Stalled", "True", "OtherRevision", message)],
    cursor: String(request.status?.cursor ?? ""),
  });
  return { afterMs: limits.idleMs };
}

/** A run that waits for its sites once more. What it has reduced stays reduced meanwhile, and is told. */
async function tellQueued(pass: Pass, procedure: Procedure, why: string): Promise<Requeue> {
  const { shell, request, ledger, limits, spec, estate } = pass;
  const open = openBudgets(procedure, ledger, estate, shell.clock.now());
  const deleted = request.metadata.deletionTimestamp !== undefined;
  const told = [
    say("Queued", "True", "SiteTaken", why),
    ...tellHeldUp(procedure, ledger, why, { ...spec, deleted }),
    tellBudgets(open),
  ];
  await writeStatus(shell, request, { ledger, told, cursor: cursorInWords(procedure, ledger) });
  meterBudgets(pass, procedure, open);
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
