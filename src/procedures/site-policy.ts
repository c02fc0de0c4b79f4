/** One site's policy as steps: MAINTENANCE before anything is touched, and the policy of before at the end. */
import type { Node } from "../topology/estate.ts";
import { setPolicyCommand } from "../tungsten/cctrl.ts";
import { policyIs } from "./guards.ts";
import type { Alternative, Guard, Judgement, Part, Run, Step, Target } from "./procedure.ts";

/** Sites as targets, each with the node whose cctrl is used; `counts` leaves out nodes whose managers are not asked. */
export type PolicyAt = {
  readonly on: Part["on"];
  readonly counts: (node: Node, run: Run) => boolean;
};

const setPolicy =
  (policyOf: (target: Target, run: Run) => string): Alternative["effect"] =>
  (target, run) => {
    const { argv, stdin } = setPolicyCommand(policyOf(target, run));
    return { begin: { argv, stdin, deadlineSeconds: 60, repeat: "safe" }, on: target.node };
  };

const before = ({ site }: Target, run: Run): string => run.pins.policies[site.name] ?? "";

export const policyBack = ({ counts }: PolicyAt): Judgement => policyIs(before, counts);

export const policyReturned = (at: PolicyAt, guards: readonly Guard[], done: Judgement): Part => ({
  what: "return to the policy of before the run",
  on: at.on,
  guards,
  run: [
    {
      when: "the policy is another",
      effect: setPolicy((target, run) => before(target, run).toLowerCase()),
    },
  ],
  done,
  stallSeconds: 600,
});

/** Managers neither fail over nor bring anything back while we do; the vendor's switch sets the same policy by itself. */
export const enterMaintenance = (at: PolicyAt, n: number): Step => ({
  n,
  id: "EnterMaintenance",
  title: "Enter Maintenance Mode",
  condition: "MaintenanceEntered",
  undo: [policyReturned(at, [], policyBack(at))],
  parts: [
    {
      what: "set policy MAINTENANCE: no manager fails over beside us",
      vendor: "cctrl> set policy maintenance",
      on: at.on,
      run: [{ when: "the policy is another", effect: setPolicy(() => "maintenance") }],
      done: policyIs(() => "MAINTENANCE", at.counts),
    },
  ],
});
