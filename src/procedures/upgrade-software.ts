/**
 * Another release of Tungsten on every node of an estate, in one maintenance window (vendor's pages: unpack, maintenance,
 * tools/tpm update --replace-release on all, connectors last by tpm promote-connector, automatic). Rolling upgrades are not
 * supported: no site returns to its policy before every node of every site runs the new release.
 */
import { software } from "../tungsten/node-facts.ts";
import { promoted } from "./apply-configuration.ts";
import * as act from "./conversion-commands.ts";
import { optionParts } from "./conversion-options.ts";
import {
  datasourcesIn,
  localServices,
  maintenance,
  policyAsBefore,
  proof,
  publish,
} from "./conversion-parts.ts";
import { crossingServicesOnline, existingReaders } from "./crossing.ts";
import { managerIs, policyIs, primariesUnmoved } from "./guards.ts";
import type { Judgement, Part, Procedure, Run, Step } from "./procedure.ts";
import { eachPrimary, eachReplica, eachSite, eachWriter, everyNode } from "./scopes.ts";
import * as change from "./site-commands.ts";
import { inForm, inTurn, replicasFirst, update, updated, withSecond } from "./upgrade-parts.ts";
import { acceptsUpgrade, readUpgradePins, type UpgradeParameters } from "./upgrade-preflight.ts";
import { doneIf, every, knowing } from "./verdicts.ts";

const packagesThere: Judgement = (target, look) =>
  knowing(look.facts.get(target.node.name, software), `the packages on ${target.node.name}`, (unpacked) => {
    const second = look.run.pins.installed?.[target.site.name] !== undefined;
    const release = look.run.pins.releases[target.site.name];
    const wanted = [`tungsten-clustering-${release}`, ...(second ? [`tungsten-replicator-${release}`] : [])];
    const missing = wanted.find((name) => !unpacked.has(name));
    return doneIf(missing === undefined, `${missing} does not lie unpacked on ${target.node.name}`);
  });

const versionsProven: Judgement = (target, look) =>
  every([
    updated("cluster")(target, look),
    ...(look.run.pins.installed?.[target.site.name] === undefined
      ? []
      : [updated("crossSite")(target, look)]),
    managerIs("running")(target, look),
  ]);

/** Members are numbered 0 to 8; of each site one connector at a time. */
const promotions: readonly Part[] = Array.from({ length: 9 }, (_, ordinal) => ({
  what: "let the connector run the new release; its clients connect anew, those of the site's other nodes stay",
  vendor: "tpm promote-connector",
  on: (run: Run) => everyNode(run).filter(({ node }) => node.ordinal === ordinal),
  run: [{ when: "it runs as before the update", effect: change.promoteConnector }],
  done: promoted,
  settleSeconds: 30,
  stallSeconds: 600,
}));

const forward = (step: Omit<Step, "undo">): Step => ({
  ...step,
  undo: "Forward only: Tungsten does not go back to an older release.",
});

const opening: readonly Step[] = [
  {
    n: 1,
    id: "SeePackages",
    title: "Download and unpack the package",
    condition: "PackagesUnpacked",
    undo: "Nothing to undo: packages lie beside the running release.",
    parts: [
      {
        what: "the new packages lie unpacked on every node; nothing is touched before",
        on: everyNode,
        run: [],
        done: packagesThere,
      },
    ],
  },
  {
    n: 2,
    id: "EnterMaintenance",
    title: "Set policy maintenance at every site",
    condition: "MaintenanceEntered",
    undo: [
      {
        what: "return to the policy of before the run",
        on: eachSite,
        run: [
          {
            when: "the policy is another",
            effect: act.setPolicy(({ site }, run) => (run.pins.policies[site.name] ?? "").toLowerCase()),
          },
        ],
        done: policyIs(({ site }, run) => run.pins.policies[site.name] ?? ""),
      },
    ],
    parts: [maintenance],
  },
  {
    n: 3,
    id: "PublishConfiguration",
    title: "Write the configuration on every node",
    condition: "ConfigurationPublished",
    undo: "Nothing to undo: nothing reads it before tpm runs.",
    parts: (["MSAA", "CAA"] as const).map((kind) => ({ ...publish(kind), on: inForm(kind, everyNode) })),
  },
];

/** The upgrade of an estate for one request's parameters. */
export function upgradeSoftware(parameters: UpgradeParameters): Procedure {
  return {
    name: "UpgradeSoftware",
    revision: 1,
    source:
      "Tungsten documentation, Upgrading Tungsten Cluster (INI); The tpm update Command; tpm promote-connector",
    accepts: acceptsUpgrade(parameters),
    holds: [primariesUnmoved],
    pins: readUpgradePins,
    steps: [
      ...opening,
      forward({
        n: 4,
        id: "UpdateReplicas",
        title: "tools/tpm update on the replicas",
        condition: "ReplicasUpdated",
        parts: [
          update("cluster", eachReplica, inTurn("cluster")),
          ...optionParts(inForm("CAA", eachReplica)),
          update("crossSite", withSecond(eachReplica), inTurn("crossSite")),
        ],
      }),
      forward({
        n: 5,
        id: "UpdatePrimaries",
        title: "tools/tpm update on the primaries",
        condition: "PrimariesUpdated",
        parts: [
          update("cluster", eachPrimary, replicasFirst("cluster")),
          ...optionParts(inForm("CAA", eachPrimary)),
          update("crossSite", withSecond(eachPrimary), replicasFirst("crossSite")),
        ],
      }),
      forward({
        n: 6,
        id: "ProveVersions",
        title: "See every node run the new release",
        condition: "VersionsProven",
        parts: [
          localServices(everyNode),
          crossingServicesOnline(existingReaders),
          {
            what: "every product of every node is of the new release, by its own tree, and the managers of each site are one group",
            on: everyNode,
            run: [],
            done: versionsProven,
            stallSeconds: 600,
          },
        ],
      }),
      forward({
        n: 7,
        id: "ProveReplication",
        title: "Prove that every path replicates",
        condition: "ReplicationProven",
        parts: [
          { ...proof("crossSite"), on: inForm("MSAA", eachPrimary) },
          { ...proof("cluster"), on: inForm("CAA", eachWriter) },
        ],
      }),
      forward({
        n: 8,
        id: "PromoteConnectors",
        title: "Promote the connectors, one of each site at a time",
        condition: "ConnectorsPromoted",
        parts: promotions,
      }),
      forward({
        n: 9,
        id: "ReturnToAutomatic",
        title: "Return to the policies of before",
        condition: "PolicyReturned",
        parts: [
          localServices(everyNode),
          crossingServicesOnline(existingReaders),
          policyAsBefore,
          datasourcesIn,
        ],
      }),
    ],
    abortUntil: { step: "UpdateReplicas", part: 0 },
    revert: [],
    revertUntil: { step: "UpdateReplicas", part: 0 },
    interruptions: (estate) =>
      estate.sites.map(({ name }) => ({
        site: name,
        seconds: 0,
        why: "writes go on; the clients of each node connect anew when its connector is promoted",
      })),
    warns: ["No other release is installed, no primary is moved and no site is added until it has ended."],
    budgets: [
      {
        id: "Failover",
        what: "no manager fails over",
        from: "EnterMaintenance",
        until: ["ReturnToAutomatic"],
        seconds: () => 2 * 3600,
      },
    ],
  };
}
