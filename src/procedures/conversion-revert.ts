/** The way back from the conversion, further than undo can go: until the first update of step 9 has begun. */
import * as act from "./conversion-commands.ts";
import {
  localServices,
  policyAsBeforeGoingBack,
  proof,
  publish,
  remedies,
  servicesOnline,
  uninstallParts,
} from "./conversion-parts.ts";
import * as products from "./conversion-products.ts";
import * as go from "./conversion-services.ts";
import { heldByRun } from "./guards.ts";
import type { Step } from "./procedure.ts";
import { eachPrimary, eachReader, eachReaderOnPrimaries, eachReplica, everyNode } from "./scopes.ts";

/** Steps of the conversion that the way back walks again. */
type Forward = Readonly<
  Record<
    "uninstall" | "restore" | "configuration" | "stopCrossSite" | "managers" | "validate" | "automatic",
    Step
  >
>;

/** Back to MSAA after uninstall: the second product once more, over the restored schemas. Seen to lose and double nothing. */
export const revertSteps = (forward: Forward): readonly Step[] => [
  {
    ...forward.uninstall,
    id: "RevertUninstall",
    title: "Revert: finish uninstalling",
    condition: "CrossSiteReplicatorsUninstalled",
    parts: uninstallParts("back"),
  },
  { ...forward.restore, id: "RevertReload", title: "Revert: reload the tracking schemas" },
  {
    ...forward.configuration,
    id: "RevertConfiguration",
    title: "Revert: the MSAA configuration",
    condition: "ConfigurationReverted",
    parts: [publish("MSAA")],
  },
  {
    ...forward.stopCrossSite,
    id: "RevertReinstall",
    title: "Revert: reinstall the cross-site replicators",
    condition: "CrossSiteReplicatorsReinstalled",
    undo: "Forward only.",
    parts: [
      {
        what: "install the second product over the restored schemas",
        on: everyNode,
        guards: [products.noTpmAlive, products.rowsRestored],
        run: [{ when: "it is not installed", effect: act.reinstall }],
        done: products.productAsWanted("crossSite", "MSAA", products.formerRelease),
        tries: 3,
        stallSeconds: 1800,
      },
      {
        what: "release the hold",
        on: everyNode,
        run: [{ when: "it is held", effect: act.release("crossSite") }],
        done: heldByRun("crossSite", false),
      },
      {
        what: "start it on the primaries",
        on: eachPrimary,
        run: [{ when: "it is stopped", effect: act.replicator("crossSite", "start") }],
        done: go.processRuns("crossSite"),
      },
      {
        what: "the primaries' services are ONLINE and their logs hold an event",
        on: eachReaderOnPrimaries,
        run: [
          ...remedies("crossSite"),
          { when: "ONLINE with an empty log", holds: go.incomingOnline("crossSite"), effect: act.wake },
        ],
        done: go.incomingLogBegun("crossSite"),
        tries: 20,
      },
      {
        what: "start it on the replicas",
        on: eachReplica,
        run: [{ when: "it is stopped", effect: act.replicator("crossSite", "start") }],
        done: go.processRuns("crossSite"),
      },
      ...servicesOnline("crossSite", eachReader),
    ],
  },
  { ...forward.managers, id: "RevertManagers", title: "Revert: start the managers" },
  { ...forward.validate, id: "RevertValidate", title: "Revert: validate", parts: [proof("crossSite")] },
  {
    ...forward.automatic,
    id: "RevertPolicy",
    title: "Revert: the policy of before",
    parts: [localServices(everyNode), ...servicesOnline("crossSite", eachReader), policyAsBeforeGoingBack],
  },
];
