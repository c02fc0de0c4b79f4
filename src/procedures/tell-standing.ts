/**
 * How a request is told until its run begins, and when it ends without one: `Accepted`, `Planned`, `Approved` and `Queued`
 * together, in every standing, so that none of them goes on saying what was true before.
 */
import type { Told } from "../crds/conditions.ts";

/** Where a request stands; `plan` is the sentence of `Planned`. */
export type Standing =
  | { readonly is: "refused"; readonly why: string }
  | { readonly is: "checking"; readonly why: string }
  | { readonly is: "awaiting"; readonly plan: string; readonly objection: Told }
  | { readonly is: "queued"; readonly plan: string; readonly hash: string; readonly why: string }
  | { readonly is: "begun"; readonly plan: string; readonly hash: string }
  | { readonly is: "dryRun"; readonly plan: string }
  | { readonly is: "alreadyDone" | "aborted" };

export const say = (type: string, status: Told["status"], reason: string, message: string): Told => ({
  type,
  status,
  reason,
  message,
});

/** A request that ends without a run. */
export const endings = {
  Planned: "dry run: the plan was made and nothing was run",
  AlreadyDone: "the sites remember this run as finished; nothing was run",
  Aborted: "aborted before anything was run",
} as const;

const passed = say("Accepted", "True", "PreflightPassed", "every pre-flight check has passed");
const planMade = (plan: string): Told => say("Planned", "True", "PlanMade", plan);
const isApproved = (hash: string): Told => say("Approved", "True", "Approved", `plan ${hash} is approved`);

/** Its sites are its own. */
export const admitted = say("Queued", "False", "Admitted", "it waits for no site");

/** What is said in a standing, and what is taken back: that is said only where it was said before. */
type Row = { readonly says: readonly Told[]; readonly takesBack: readonly Told[] };

const refused = (why: string): Row => ({
  says: [say("Accepted", "False", "Refused", why)],
  takesBack: [
    say("Planned", "False", "Refused", "there is no plan any more; Accepted says why"),
    say("Approved", "False", "Refused", "there is no plan to approve; Accepted says why"),
    say("Queued", "False", "Refused", "it asks for no site; Accepted says why"),
  ],
});

const checking = (why: string): Row => ({
  says: [say("Accepted", "Unknown", "Checking", `cannot tell yet: ${why}`)],
  takesBack: [
    say(
      "Planned",
      "Unknown",
      "Checking",
      "whether the last plan still fits cannot be told; Accepted says why",
    ),
    say("Approved", "Unknown", "Checking", "an approval is looked at when there is a plan again"),
    say("Queued", "Unknown", "Checking", "sites are asked for when there is a plan again"),
  ],
});

const alreadyDone: readonly Told[] = [
  say("Planned", "False", "AlreadyDone", `no plan is made: ${endings.AlreadyDone}`),
  say("Approved", "False", "AlreadyDone", `no approval is awaited: ${endings.AlreadyDone}`),
  say("Queued", "False", "AlreadyDone", `it asks for no site: ${endings.AlreadyDone}`),
];

const aborted: readonly Told[] = [
  say("Planned", "False", "Aborted", `there is no plan any more: ${endings.Aborted}`),
  say("Approved", "False", "Aborted", `no approval is awaited: ${endings.Aborted}`),
  say("Queued", "False", "Aborted", `it asks for no site: ${endings.Aborted}`),
];

function rowOf(standing: Standing): Row {
  switch (standing.is) {
    case "refused":
      return refused(standing.why);
    case "checking":
      return checking(standing.why);
    case "awaiting":
      return {
        says: [passed, planMade(standing.plan), standing.objection],
        takesBack: [say("Queued", "False", "NotApproved", "it asks for no site; Approved says why")],
      };
    case "queued": {
      const queued = say("Queued", "True", "SiteTaken", standing.why);
      return { says: [passed, planMade(standing.plan), isApproved(standing.hash), queued], takesBack: [] };
    }
    case "begun":
      return { says: [passed, planMade(standing.plan), isApproved(standing.hash), admitted], takesBack: [] };
    case "dryRun":
      return {
        says: [passed, planMade(standing.plan)],
        takesBack: [
          say("Approved", "False", "DryRun", "a dry run needs no approval"),
          say("Queued", "False", "DryRun", "a dry run asks for no site"),
        ],
      };
    case "alreadyDone":
      return { says: [], takesBack: alreadyDone };
    case "aborted":
      return { says: [], takesBack: aborted };
  }
}

/** The conditions of a standing, given those told before. */
export function tellStanding(
  standing: Standing,
  before: readonly Pick<Told, "type" | "status">[],
): readonly Told[] {
  const { says, takesBack } = rowOf(standing);
  const was = (type: string) => before.find((told) => told.type === type)?.status;
  const unsettled = was("Accepted") !== undefined && was("Accepted") !== "True";
  return [
    ...says,
    ...takesBack.filter(({ type }) => was(type) !== undefined),
    ...(unsettled && standing.is === "aborted" ? [say("Accepted", "False", "Aborted", endings.Aborted)] : []),
    ...(unsettled && standing.is === "alreadyDone"
      ? [say("Accepted", "True", "AlreadyDone", `nothing is checked: ${endings.AlreadyDone}`)]
      : []),
  ];
}
