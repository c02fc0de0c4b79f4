/**
 * Another release of Tungsten on every node of an estate, in one maintenance window (vendor's pages: unpack, maintenance,
 * tools/tpm update --replace-release on all, connectors last by tpm promote-connector, automatic). Rolling upgrades are not
 * supported: no site returns to its policy before every node of every site runs the new release.
 */
import type { Product } from "../tungsten/invocation.ts";
import { connectorProcess, installed, managerProcess, software } from "../tungsten/node-facts.ts";
import { promoted } from "./apply-configuration.ts";
import * as act from "./conversion-commands.ts";
import {
  datasourcesIn,
  localServices,
  maintenance,
  policyAsBefore,
  proof,
  publish,
} from "./conversion-parts.ts";
import { noTpm, noTpmAlive } from "./conversion-products.ts";
import * as go from "./conversion-services.ts";
import { crossingServicesOnline, existingReaders } from "./crossing.ts";
import { managerIs, policyIs, primariesUnmoved } from "./guards.ts";
import type { Alternative, Guard, Judgement, Part, Procedure, Run, Step, Target } from "./procedure.ts";
import { eachPrimary, eachReplica, eachSite, everyNode } from "./scopes.ts";
import * as change from "./site-commands.ts";
import { maintenanceStays } from "./site-parts.ts";
import { acceptsUpgrade, readUpgradePins, type UpgradeParameters } from "./upgrade-preflight.ts";
import { doneIf, every, knowing, pending } from "./verdicts.ts";

type Scope = Part["on"];

const kindOf = ({ pins }: Run): "MSAA" | "CAA" => (pins.topology === "CAA" ? "CAA" : "MSAA");
/** Only in an estate whose ini has this form. */
const inForm =
  (kind: "MSAA" | "CAA", on: Scope): Scope =>
  (run) =>
    kindOf(run) === kind ? on(run) : [];
/** Only where the second product is installed. */
const withSecond =
  (on: Scope): Scope =>
  (run) =>
    on(run).filter(({ site }) => run.pins.installed?.[site.name] !== undefined);

/** The facts of the node: the link of its tree names the release, and tpm ended well over the wanted text. */
const updated =
  (product: Product): Judgement =>
  (target, look) => {
    const { name } = target.node;
    const { iniSha256, releases } = look.run.pins;
    return every([
      noTpm(target, look),
      knowing(look.facts.get(name, installed(product)), `the installation of ${name}`, (is) => {
        if (is === null) return pending(`${product} is not installed on ${name}`);
        const wanted = releases[target.site.name];
        if (is.release !== wanted)
          return pending(`${product} of ${name} is of release ${is.release}, not ${wanted}`);
        return doneIf(
          is.ini === iniSha256[kindOf(look.run)] && is.unfinished === null,
          `no tpm has ended well on ${name} over the wanted ini yet`,
        );
      }),
    ]);
  };

/** Known to be of another release, or of another text, and no tpm at work. */
const isOld =
  (product: Product): Judgement =>
  (target, look) => {
    const fact = look.facts.get(target.node.name, installed(product));
    const settled = noTpm(target, look);
    if (settled.is !== "done") return settled;
    if ("unknown" in fact) return pending(fact.unknown);
    return doneIf(updated(product)(target, look).is !== "done", "it is updated");
  };

const processesRun: Judgement = (target, look) => {
  const { name } = target.node;
  return every([
    go.processRuns("cluster")(target, look),
    knowing(look.facts.get(name, managerProcess), `the manager of ${name}`, (state) =>
      doneIf(state === "running", `the manager of ${name} does not run`),
    ),
    knowing(look.facts.get(name, connectorProcess), `the connector of ${name}`, (state) =>
      doneIf(state === "running", `the connector of ${name} does not run`),
    ),
  ]);
};

const readyAgain = (product: Product): Judgement =>
  product === "crossSite"
    ? (target, look) => every([updated(product)(target, look), go.processRuns(product)(target, look)])
    : (target, look) =>
        every([
          updated(product)(target, look),
          processesRun(target, look),
          go.localServiceOnline(target, look),
        ]);

/** Whoever has to be ready before this one begins: the replica before it in its site; for a site's first, the estate's first. */
function before(target: Target, run: Run): Target | undefined {
  const replicas = eachReplica(run);
  const own = replicas.filter(({ site }) => site.name === target.site.name);
  const at = own.findIndex(({ id }) => id === target.id);
  if (at > 0) return own[at - 1];
  const [first] = replicas;
  return first?.id === target.id ? undefined : first;
}

/** The estate's first replica shows whether tpm takes the release; then one node of a site at a time. */
const inTurn = (product: Product): Guard => ({
  say: "the estate's first replica is ready again, and so is the one before it in its site",
  objects: (target, look) => {
    const earlier = before(target, look.run);
    const verdict = earlier && readyAgain(product)(earlier, look);
    return verdict !== undefined && "why" in verdict
      ? `its turn comes after ${earlier?.id}: ${verdict.why}`
      : undefined;
  },
});

const replicasFirst = (product: Product): Guard => ({
  say: "every replica of its site runs the new release",
  objects: (target, look) => {
    const mine = eachReplica(look.run).filter(({ site }) => site.name === target.site.name);
    const verdict = every(mine.map((replica) => readyAgain(product)(replica, look)));
    return "why" in verdict ? verdict.why : undefined;
  },
});

const updateOf =
  (product: Product): Alternative["effect"] =>
  (target, run, attempt) =>
    change.updateKeepingConnectors(product, kindOf(run))(target, run, attempt);

const update = (product: Product, on: Scope, turn: Guard): Part => ({
  what:
    product === "cluster"
      ? "tpm update from the new package, its connector left alone; its own service is ONLINE again"
      : "tpm update of the second product from its new package",
  vendor:
    product === "cluster"
      ? "tools/tpm update --replace-release --no-connectors (in the new package)"
      : "tools/tpm update --replace-release (in the second product's new package)",
  on,
  guards: [maintenanceStays, noTpmAlive, turn],
  run: [
    {
      when: "it is of another release, or was configured from another ini",
      holds: isOld(product),
      effect: updateOf(product),
    },
    ...(product === "cluster"
      ? [
          { when: "its service is offline", holds: go.localServiceOffline, effect: act.localOnline },
          { when: "something does not run", holds: updated(product), effect: act.startAll },
        ]
      : [
          {
            when: "its replicator is stopped",
            holds: updated(product),
            effect: act.replicator("crossSite", "start"),
          },
        ]),
  ],
  done: readyAgain(product),
  tries: 10,
  settleSeconds: 30,
  stallSeconds: 3600,
});

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
          update("crossSite", withSecond(eachPrimary), noTpmAlive),
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
          { ...proof("cluster"), on: inForm("CAA", eachPrimary) },
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
