/**
 * What differs where a composite has one site that writes (deploy-cap, "Adding a remote Composite Cluster"): the new site is
 * installed empty and held, its relay is provisioned from a replica of a site that is there, its replicas from the relay, and
 * only then does anybody come near it. The vendor's tool sets the position, because which schema holds it there no page
 * tells for certain: a copy by hand could stand under a name that nobody reads.
 */
import type { Node } from "../topology/estate.ts";
import { readOnly, thlEvent, thlRange } from "../tungsten/node-facts.ts";
import { provision } from "../tungsten/provision.ts";
import { offline } from "../tungsten/trepctl.ts";
import { filledKey } from "./add-nodes.ts";
import * as act from "./conversion-commands.ts";
import * as go from "./conversion-services.ts";
import { donorServes } from "./donors.ts";
import { type FillingPart, firstFilling } from "./first-filling.ts";
import { standingError } from "./fix-names.ts";
import { localAtRest } from "./fix-reprovision.ts";
import { connectorRuns, managerIs } from "./guards.ts";
import type { JoinScopes } from "./joining-scopes.ts";
import { caughtUpSeconds, either } from "./out-of-service.ts";
import type { Alternative, Judgement, Look, Part, Run, Step, Target } from "./procedure.ts";
import { datasource } from "./reset-commands.ts";
import { downAgain, released } from "./reset-parts.ts";
import * as is from "./reset-states.ts";
import { everyNode, pinnedPrimary } from "./scopes.ts";
import { check, safely } from "./site-commands.ts";
import { enterMaintenance, localService, maintenanceStays, of, type Scope } from "./site-parts.ts";
import { broken, done, doneIf, every, knowing, pending } from "./verdicts.ts";

/** The site whose writes the new one relays. */
const activeOf = ({ estate }: Run) => estate.sites.find(({ name }) => name === estate.composite?.primarySite);

/** A new manager begins under AUTOMATIC, and brings every service online that a running replicator has: so that one comes last. */
const startStep = ({ fresh, onFresh }: JoinScopes): Step => ({
  n: 8,
  id: "StartNewSite",
  title: "Start managers of the new site, and its replicators with their services offline",
  condition: "NewSiteStarted",
  undo: "stopall on every node of the new site.",
  parts: [
    {
      what: "start the managers, beside replicators that are down",
      vendor: "startall",
      on: fresh,
      run: [{ when: "it is stopped", effect: act.manager("start") }],
      done: managerIs("running"),
      settleSeconds: 30,
      stallSeconds: 600,
    },
    ...enterMaintenance(onFresh).parts,
    {
      what: "start its replicator offline: it applies nothing over an empty database",
      vendor: "startall",
      on: fresh,
      guards: [maintenanceStays],
      run: [{ when: "it is stopped", effect: act.replicator("cluster", "start-offline") }],
      done: go.processRuns("cluster"),
    },
  ],
});

const remedies: readonly Alternative[] = [
  downAgain("cluster"),
  {
    when: "its service is not at rest",
    effect: (target) => safely(target.node, offline("cluster", target.site.dataservice)),
  },
];

const filling = (donor: (run: Run) => string) =>
  firstFilling({
    when: "it is SHUNNED, its service OFFLINE:NORMAL",
    looks: "no-tables",
    ready: (target, look) => every([is.datasourceShunned(target, look), localAtRest(target, look)]),
    tool: (target, run, prechecks) =>
      safely(target.node, provision(donor(run), "xtrabackup", false), {
        deadlineSeconds: 24 * 3600,
        prechecks: [
          check("policy-is", "MAINTENANCE"),
          check("shunned", target.node.name),
          check("state-is", "cluster", target.site.dataservice, "OFFLINE:NORMAL"),
          check("no-tpm"),
          ...prechecks,
        ],
      }),
    remedies,
  });

/** In the steps of the relay and of each replica. */
export const passiveFilling: FillingPart = {
  steps: /^Provision(Relay|Node\d+)$/,
  part: 2,
  remedies: remedies.length,
};

/** A service that stops at an event directly behind the copy stands where its data do not: another copy would stop there too. */
export const copyFits: Judgement = (target, look) => {
  const { name } = target.node;
  const service = target.site.dataservice;
  const status = go.serviceStatus("cluster", service, target, look);
  const error = typeof status === "string" ? undefined : standingError(status);
  return error?.kind === "apply-failure"
    ? broken(
        "CopyUnproven",
        `service ${service} of ${name}, filled a moment ago, is OFFLINE:ERROR at event ${error.seqno ?? "?"} (apply-failure): its position is not that of its data`,
      )
    : done;
};

/**
 * Its last command was the provision, and it has brought the service or the datasource back; what it left of them the parts
 * behind do, rather than a second copy. A walk that begins anew does not fill it once more.
 */
const filled =
  ({ endedWell }: ReturnType<typeof firstFilling>): Judgement =>
  (target, look) => {
    if (look.run.kept[filledKey(target.node.name)] === "true") return done;
    const ended = endedWell("the provision")(target, look);
    if (ended.is !== "done") return ended;
    const broughtBack = either(is.datasourceNotShunned, go.localServiceOnline);
    return every([copyFits(target, look), broughtBack(target, look)]);
  };

/** Under which a ledger keeps it. */
export const donorKey = (node: string): string => `donorAt.${node}`;

/** What the donor has applied, in the active site's numbering, noted before it is copied: no copy of it stands before that. */
const donorStands = (on: Scope, donor: (run: Run) => string): Part => {
  const applied = (look: Look): number | string => {
    const target = everyNode(look.run).find(({ node }) => node.name === donor(look.run));
    if (target === undefined) return `${donor(look.run)} is no node of this estate`;
    const status = go.serviceStatus("cluster", target.site.dataservice, target, look);
    return typeof status === "string" ? status : (status.appliedSeqno ?? `${target.id} tells no position`);
  };
  /** Of a node that a walk before this one has filled nobody can tell it any more. */
  const known = ({ node }: Target, look: Look): string | undefined =>
    look.run.kept[donorKey(node.name)] ??
    (look.run.kept[filledKey(node.name)] === "true" ? "none" : undefined);
  return {
    what: "note what the donor has applied: what is filled from it begins no earlier",
    vendor: "trepctl status: appliedLastSeqno",
    on,
    run: [],
    done: (target, look) => {
      const at = applied(look);
      return known(target, look) !== undefined || typeof at === "number" ? done : pending(at);
    },
    record: (target, look) => ({
      [donorKey(target.node.name)]: known(target, look) ?? String(applied(look)),
    }),
    stallSeconds: 600,
  };
};

/**
 * The tool clears the log of the node that it fills ("stale THL removal"), so that the new one begins behind the copy. One that
 * begins with event 0 was read from there, over an empty database: what nobody logged, or a table of before, is missing.
 */
export const copyWasMade: Judgement = ({ node, site }, look) => {
  const donorAt = look.run.kept[donorKey(node.name)];
  if (donorAt === undefined) return pending(`where the donor of ${node.name} stood was not noted`);
  return knowing(
    look.facts.get(node.name, thlRange("cluster", site.dataservice)),
    `the log of ${node.name}`,
    ({ min }) =>
      min === 0 && Number(donorAt) > 0
        ? broken(
            "CopyUnproven",
            `the log of ${node.name} begins with event 0, and its donor had applied ${donorAt} before the provision: the tool ended well and has copied nothing`,
          )
        : done,
  );
};

const provisioned = (
  on: Scope,
  { what, vendor, donor, head }: { what: string; vendor: string; donor: (run: Run) => string; head: boolean },
): readonly Part[] => [
  {
    what: "shun the datasource: it is let back by the tool, or behind it",
    vendor: "cctrl> datasource NODE shun",
    on,
    guards: [maintenanceStays],
    run: [{ when: "it is not SHUNNED", effect: datasource(["shun"], head) }],
    done: (target, look) =>
      look.run.kept[filledKey(target.node.name)] === "true" ? done : is.datasourceShunned(target, look),
  },
  donorStands(on, donor),
  {
    what,
    vendor,
    on,
    guards: [maintenanceStays, ...filling(donor).guards, donorServes(donor)],
    run: filling(donor).run,
    done: filled(filling(donor)),
    record: ({ node }) => ({ [filledKey(node.name)]: "true" }),
    settleSeconds: 60,
    tries: 10,
    stallSeconds: 24 * 3600,
  },
];

/** By the service's own word: the event it has applied last is that event of the active site's log. */
const standsInActiveLog: Judgement = (target, look) => {
  const active = activeOf(look.run);
  const status = go.serviceStatus("cluster", target.site.dataservice, target, look);
  if (active === undefined) return pending("the CompositeService names no primarySite");
  if (typeof status === "string") return pending(status);
  const { state, appliedSeqno: at, appliedEventId: id } = status;
  if (state !== "ONLINE" || at === null || at < 0 || id === null)
    return pending(`${target.site.dataservice} on ${target.node.name} is not ONLINE with a position yet`);
  const primary = pinnedPrimary(look.run, active);
  const event = look.facts.get(primary.name, thlEvent("cluster", active.dataservice, at));
  return knowing(event, `event ${at} of ${primary.name}`, ([header]) =>
    header === undefined || header.eventId === id
      ? doneIf(header !== undefined, `${primary.name} was not seen to hold event ${at} yet`)
      : broken(
          "CopyUnproven",
          `${target.node.name} stands at ${at} (${id}), and ${primary.name} has ${header.eventId} there: it does not follow the log of ${active.name}`,
        ),
  );
};

const caughtUp: Judgement = (target, look) => {
  const status = go.serviceStatus("cluster", target.site.dataservice, target, look);
  if (typeof status === "string") return pending(status);
  const behind = status.appliedLatencySeconds;
  return doneIf(
    status.state === "ONLINE" && behind !== null && behind <= caughtUpSeconds,
    `${target.node.name} is ${behind ?? "an unknown number of"} seconds behind`,
  );
};

const follows = (on: Scope): readonly Part[] => [
  localService(on),
  {
    what: "it was copied, and follows the active site's log: what it applied last is an event there",
    on,
    run: [],
    done: (target, look) => every([copyWasMade(target, look), standsInActiveLog(target, look)]),
    stallSeconds: 600,
  },
  { what: "it has caught up", on, run: [], done: caughtUp, stallSeconds: 24 * 3600 },
];

const online = (on: Scope, back: readonly ("welcome" | "recover" | "online")[], force: boolean): Part => ({
  what: "put the datasource online: under MAINTENANCE a recovered one stays OFFLINE",
  vendor: "cctrl> datasource NODE online",
  on,
  run: [
    { when: "it is SHUNNED", holds: is.datasourceShunned, effect: datasource(back, force) },
    { when: "it is OFFLINE", effect: datasource(["online"], force) },
  ],
  done: is.datasourceIs("ONLINE"),
});

const relayStep = ({ freshPrimary }: JoinScopes, donor: string): Step => ({
  n: 9,
  id: "ProvisionRelay",
  title: `Provision the relay of the new site from ${donor}`,
  condition: "RelayProvisioned",
  undo: "Nothing to undo: what was there was empty.",
  parts: [
    ...provisioned(freshPrimary, {
      what: "provision the relay from a replica of a site that is there",
      vendor: "shell db7> tprovision -s db2 -m xtrabackup",
      donor: () => donor,
      head: true,
    }),
    ...follows(freshPrimary),
    online(freshPrimary, ["welcome", "online"], true),
  ],
});

/** One after the other, for the source serves one provision at a time. */
const replicaStep = ({ onFresh }: JoinScopes, node: Node, n: number): Step => {
  const on = of(everyNode, (target) => target.node.name === node.name);
  return {
    n,
    id: `ProvisionNode${node.ordinal}`,
    title: `Provision ${node.name} from the relay of the new site`,
    condition: `Node${node.ordinal}Provisioned`,
    undo: "Nothing to undo: what was there was empty.",
    parts: [
      ...provisioned(on, {
        what: "provision the replica from the relay",
        vendor: "shell db8> tprovision -s db7 -m xtrabackup",
        donor: (run) => onFresh(run)[0]?.node.name ?? "",
        head: false,
      }),
      ...follows(on),
      online(on, ["recover", "online"], false),
    ],
  };
};

/** No node of a passive site takes writes. */
const everythingRuns: Judgement = (target, look) =>
  every([
    go.processRuns("cluster")(target, look),
    managerIs("running")(target, look),
    connectorRuns(target, look),
    knowing(look.facts.get(target.node.name, readOnly), `read_only of ${target.node.name}`, (is) =>
      doneIf(is, `the database of ${target.node.name} is writable`),
    ),
  ]);

const openStep = ({ fresh }: JoinScopes): Step => ({
  n: 11,
  id: "OpenConnectors",
  title: "Start the connectors of the new site",
  condition: "ConnectorsOpened",
  undo: "connector stop on every node of the new site.",
  parts: [
    ...(["cluster", "manager", "connector"] as const).map((name) => released(name, fresh)),
    {
      what: "replicator, manager and connector run, and each database is read-only",
      vendor: "startall",
      on: fresh,
      run: [{ when: "something does not run", effect: act.startAll }],
      done: everythingRuns,
      settleSeconds: 30,
      stallSeconds: 600,
    },
  ],
});

/** From an installed and empty site to one that relays and serves. */
export const passiveSteps = (
  scopes: JoinScopes,
  { donor, replicas }: { donor: string; replicas: readonly Node[] },
): readonly Step[] => [
  startStep(scopes),
  relayStep(scopes, donor),
  ...replicas.map((node, index) => replicaStep(scopes, node, 10 + index)),
  openStep(scopes),
];
