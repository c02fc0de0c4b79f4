/** The four conditions of a request before its run, in every standing and whatever was told before. */
import { describe, expect, test } from "@jest/globals";
import { type Told, withConditions } from "../../../src/crds/conditions.ts";
import { type Standing, say, tellStanding } from "../../../src/procedures/tell-standing.ts";

const types = ["Accepted", "Planned", "Approved", "Queued"] as const;
const objection = say("Approved", "False", "AwaitingApproval", "read the plan of awaiting");

/** Standing, and what the four tell in it once all have been told. */
const standings: readonly (readonly [Standing, ...string[]])[] = [
  [{ is: "refused", why: "refused" }, "False Refused", "False Refused", "False Refused", "False Refused"],
  [
    { is: "checking", why: "checking" },
    ...["Unknown Checking", "Unknown Checking", "Unknown Checking", "Unknown Checking"],
  ],
  [
    { is: "awaiting", plan: "plan of awaiting", objection },
    ...["True PreflightPassed", "True PlanMade", "False AwaitingApproval", "False NotApproved"],
  ],
  [
    { is: "queued", plan: "plan of queued", hash: "queued", why: "queued" },
    ...["True PreflightPassed", "True PlanMade", "True Approved", "True SiteTaken"],
  ],
  [
    { is: "begun", plan: "plan of begun", hash: "begun" },
    ...["True PreflightPassed", "True PlanMade", "True Approved", "False Admitted"],
  ],
  [
    { is: "dryRun", plan: "plan of dryRun" },
    ...["True PreflightPassed", "True PlanMade", "False DryRun", "False DryRun"],
  ],
];
const ends: readonly (readonly [Standing, ...string[]])[] = [
  [{ is: "alreadyDone" }, "True AlreadyDone", "False AlreadyDone", "False AlreadyDone", "False AlreadyDone"],
  [{ is: "aborted" }, "False Aborted", "False Aborted", "False Aborted", "False Aborted"],
];

/** Every condition was told, each by a sentence of its own: whatever is left of them afterwards is history told as now. */
const stale: readonly Told[] = types.flatMap((type) => say(type, "Unknown", "Stale", "stale"));

const retold = (before: readonly Told[], standing: Standing) =>
  withConditions(withConditions([], before, 1, 0), tellStanding(standing, before), 2, 1000);

describe.each([...standings, ...ends])("%j", (standing, ...wanted) => {
  test("tells all four, whatever was told before", () => {
    const told = retold(stale, standing);
    expect(
      types
        .map((type) => told.find((each) => each.type === type))
        .map((each) => `${each?.status} ${each?.reason}`),
    ).toEqual(wanted);
    expect(JSON.stringify(told)).not.toMatch(/stale/i);
  });

  test("says nothing of plans, approvals and sites that nobody was told of before, if it is not good", () => {
    const told = tellStanding(standing, []);
    expect(told.filter(({ type, status }) => status !== "True" && type !== "Accepted")).toEqual(
      standing.is === "awaiting" ? [objection] : standing.is === "begun" ? [expect.anything()] : [],
    );
  });
});

test("an end leaves a pre-flight that had passed as it was", () => {
  const passed = say("Accepted", "True", "PreflightPassed", "every pre-flight check has passed");
  for (const [standing] of ends) expect(tellStanding(standing, [passed])).toEqual([]);
});
