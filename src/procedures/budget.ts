/** Budgets: how long a run may reduce what people rely on. A spent one is told and counted; stopping half-way would be worse. */
import type { Told } from "../crds/conditions.ts";
import type { Ledger } from "../crds/ledger.ts";
import type { Estate } from "../topology/estate.ts";
import type { Budget, Procedure } from "./procedure.ts";

/** A budget that is being used: `spent` once it lasts longer than planned. Times in milliseconds since the epoch. */
export type OpenBudget = {
  readonly budget: Budget;
  readonly since: number;
  readonly until: number;
  readonly spent: boolean;
};

/** The budgets in use now, in the procedure's order; a finished run uses none. */
export function openBudgets(
  procedure: Procedure,
  ledger: Ledger,
  estate: Estate,
  now: number,
): readonly OpenBudget[] {
  if (ledger.phase !== "Running") return [];
  return procedure.budgets.flatMap((budget): OpenBudget[] => {
    const begun = ledger.steps.find(({ id }) => id === budget.from);
    const over = ledger.steps.some(
      ({ id, finishedAt }) => budget.until.includes(id) && finishedAt !== undefined,
    );
    if (begun === undefined || over) return [];
    const until = begun.startedAt + budget.seconds(estate) * 1000;
    return [{ budget, since: begun.startedAt, until, spent: now > until }];
  });
}

const clock = (time: number): string => new Date(time).toISOString().replace(/\.\d+Z$/, "Z");

/** Condition WithinBudget. Its sentence changes only when a budget begins, ends or is spent. */
export function tellBudgets(open: readonly OpenBudget[]): Told {
  const type = "WithinBudget";
  const spent = open.find((each) => each.spent);
  if (spent !== undefined) {
    const { budget, since, until } = spent;
    const message = `${budget.what} since ${clock(since)}, longer than the plan's budget, which ended at ${clock(until)}; the run goes on: read Progressing for what it waits for`;
    return { type, status: "False", reason: `${budget.id}Spent`, message };
  }
  if (open.length === 0)
    return { type, status: "True", reason: "NothingReduced", message: "nothing is reduced by this run" };
  const message = open
    .map(({ budget, since, until }) => `${budget.what} since ${clock(since)}, by plan until ${clock(until)}`)
    .join("; ");
  return { type, status: "True", reason: "Reduced", message };
}
