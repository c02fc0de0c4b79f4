/** Parts and guards that changes of an installed site share: policies, services brought online, a policy that stays. */
import type { Node } from "../topology/estate.ts";
import type { Product } from "../tungsten/invocation.ts";
import { clusterView } from "../tungsten/node-facts.ts";
import * as act from "./conversion-commands.ts";
import { noDatasourceOut } from "./conversion-proof.ts";
import * as go from "./conversion-services.ts";
import { policyIs } from "./guards.ts";
import type { Guard, Part, Step, Target } from "./procedure.ts";
import { every, knownValue } from "./verdicts.ts";

export type Scope = Part["on"];

/** The targets of a scope that are kept. */
export const of =
  (scope: Scope, keep: (target: Target) => boolean): Scope =>
  (run) =>
    scope(run).filter(keep);

/** Some node tells the policy, and none tells another: managers neither fail over nor bring anything back meanwhile. */
export const maintenanceStays: Guard = {
  say: "the policy is MAINTENANCE by the word of every coordinator that answers",
  objects: ({ site }, look) => {
    const views = site.nodes
      .filter((node) => !node.witness)
      .map((node) => knownValue(look.facts.get(node.name, clusterView)))
      .filter((view) => view !== undefined);
    if (views.length === 0) return `no coordinator of ${site.name} tells the policy`;
    const other = views.find(({ policy }) => policy !== "MAINTENANCE");
    return (
      other &&
      `the policy of ${site.name} is ${typeof other.policy === "string" ? other.policy : "unknown"} in the middle of a change: set policy maintenance in cctrl`
    );
  },
};

/** `counts`: the nodes whose managers are asked; one that is only about to join has none yet. */
export const enterMaintenance = (onSite: Scope, counts: (node: Node) => boolean = () => true): Step => ({
  n: 1,
  id: "EnterMaintenance",
  title: "Set policy maintenance",
  condition: "InMaintenance",
  undo: "Return to the policy of before: set policy automatic in cctrl.",
  parts: [
    {
      what: "set policy MAINTENANCE: managers neither fail over nor bring stopped services back",
      vendor: "cctrl> set policy maintenance",
      on: onSite,
      run: [{ when: "the policy is another", effect: act.setPolicy(() => "maintenance") }],
      done: policyIs(() => "MAINTENANCE", counts),
    },
  ],
});

/** Under MAINTENANCE nobody but us brings it back; one that is on its way there is left to it. */
export const localService = (on: Scope): Part => ({
  what: "the cluster's own service is ONLINE",
  on,
  run: [
    {
      when: "the replicator is stopped",
      holds: go.processStopped("cluster"),
      effect: act.replicator("cluster", "start"),
    },
    { when: "the service is OFFLINE", holds: go.localServiceOffline, effect: act.localOnline },
  ],
  done: go.localServiceOnline,
  tries: 20,
});

export const incomingServices = (product: Product, on: Scope): Part => ({
  what: "every service that brings other sites' transactions is ONLINE",
  on,
  run: [
    {
      when: "its process is down",
      holds: go.processStopped(product),
      effect: act.replicator(product, "start"),
    },
    {
      when: "it is OFFLINE:NORMAL",
      holds: go.incomingIs(product, "OFFLINE:NORMAL"),
      effect: act.incomingOnlineCommand(product),
    },
    {
      when: "a known error that plain online may mend",
      holds: go.errorNeedsPlainOnline(product),
      effect: act.incomingOnlineCommand(product),
    },
  ],
  done: go.incomingOnline(product),
  tries: 20,
});

/** The last look, and the policy of before. What is found offline once more begins the step anew. */
export const returnPolicy = (
  n: number,
  { onSite, nodes, readers, product }: { onSite: Scope; nodes: Scope; readers: Scope; product: Product },
): Step => ({
  n,
  id: "ReturnPolicy",
  title: "See everything online, and return to the policy of before",
  condition: "PolicyReturned",
  undo: "Nothing to undo.",
  parts: [
    localService(nodes),
    incomingServices(product, readers),
    {
      what: "every datasource is ONLINE by the managers' word",
      on: onSite,
      run: [],
      done: noDatasourceOut,
      stallSeconds: 600,
    },
    {
      what: "return to the policy of before",
      vendor: "cctrl> set policy automatic",
      on: onSite,
      guards: [go.nothingOffline(go.siteOnline)],
      run: [
        {
          when: "the policy is another",
          effect: act.setPolicy(({ site }, run) => (run.pins.policies[site.name] ?? "").toLowerCase()),
        },
      ],
      done: (target, look) =>
        every([
          policyIs(({ site }, run) => run.pins.policies[site.name] ?? "")(target, look),
          go.siteOnline(target, look),
        ]),
      stallSeconds: 600,
    },
  ],
});
