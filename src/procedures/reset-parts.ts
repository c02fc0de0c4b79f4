/** Parts of a reset: the export of what goes, the donor out and back, the copy, the failed site's primary and its replicas. */
import * as act from "./conversion-commands.ts";
import { localServices } from "./conversion-parts.ts";
import * as go from "./conversion-services.ts";
import { donorMayGo } from "./donors.ts";
import { heldByRun } from "./guards.ts";
import type { Guard, Part } from "./procedure.ts";
import * as arrival from "./reset-arrival.ts";
import * as sent from "./reset-commands.ts";
import * as copies from "./reset-copies.ts";
import type { ResetParameters, ResetScopes } from "./reset-scopes.ts";
import * as is from "./reset-states.ts";
import { doneIf, every } from "./verdicts.ts";

type Scope = Part["on"];
type Held = sent.Holdable;

const heldWords: Readonly<Record<Held, string>> = {
  cluster: "the cluster's replicator",
  crossSite: "the cross-site replicator",
  manager: "the manager",
  connector: "the connector",
  database: "the database",
};

export const held = (name: Held, on: Scope): Part => ({
  what: `hold ${heldWords[name]}: a restarting pod shall not start it`,
  on,
  run: [{ when: "it is not held", effect: sent.hold(name) }],
  done: heldByRun(name, true),
});
export const released = (name: Held, on: Scope): Part => ({
  what: `release ${heldWords[name]}`,
  on,
  run: [{ when: "it is held", effect: sent.release(name) }],
  done: heldByRun(name, false),
});

/** Clean, at a transaction; a process that does not run has nothing to stop. */
export const readersOff = (on: Scope, vendor: string): Part => ({
  what: "take the services that read other sites offline",
  vendor,
  on,
  run: [{ when: "it is not OFFLINE:NORMAL", effect: sent.reading("offline") }],
  done: is.readingAtRest,
});
export const localOff = (on: Scope, vendor: string): Part => ({
  what: "take the site's own service offline",
  vendor,
  on,
  run: [{ when: "it is not OFFLINE:NORMAL", effect: sent.localOffline }],
  done: is.localAtRest,
});
export const stopped = (product: "cluster" | "crossSite", on: Scope): Part => ({
  what: `stop ${heldWords[product]}`,
  on,
  run: [{ when: "it runs", effect: act.replicator(product, "stop") }],
  done: is.processStopped(product),
});

export const databaseRuns = (on: Scope): Part => ({
  what: "start the database",
  on,
  run: [{ when: "it is stopped", effect: sent.database("start") }],
  done: is.databaseIs("running"),
  stallSeconds: 1800,
});

export const shunned = (on: Scope, force: boolean): Part => ({
  what: "shun the datasource",
  vendor: "cctrl> datasource H shun",
  on,
  run: [{ when: "it is not SHUNNED", effect: sent.datasource(["shun"], force) }],
  done: is.datasourceShunned,
});

export const started = (
  product: "cluster" | "crossSite",
  verb: "start" | "start-offline",
  on: Scope,
): Part => ({
  what:
    verb === "start"
      ? `start ${heldWords[product]}`
      : `start ${heldWords[product]} with its services offline`,
  on,
  run: [{ when: "it is stopped", effect: act.replicator(product, verb) }],
  done: is.answers(product),
});

/** Step 6. */
export const takeOutParts = (scopes: ResetScopes): readonly Part[] => [
  ...(scopes.second ? [held("crossSite", scopes.donor)] : []),
  held("cluster", scopes.donor),
  held("database", scopes.donor),
  {
    ...shunned(scopes.donor, false),
    vendor: "cctrl [west]> datasource west3 shun",
    guards: [donorMayGo(scopes)],
  },
  readersOff(scopes.donorReaders, `shell west3> ${scopes.second ? "mm_trepctl" : "trepctl"} offline`),
  ...(scopes.second ? [stopped("crossSite", scopes.donor)] : []),
  localOff(scopes.donor, "cctrl [west]> replicator west3 offline"),
  stopped("cluster", scopes.donor),
  {
    what: "keep where the donor stands in every other site's log",
    on: scopes.donorRows,
    run: [
      {
        when: "a restart has left its held database stopped",
        holds: is.databaseIs("stopped"),
        effect: sent.database("start"),
      },
    ],
    done: copies.donorRowKnown,
    record: copies.donorRecord,
  },
  {
    what: "stop the donor's database",
    vendor: "shell> sudo systemctl stop mysqld",
    on: scopes.donor,
    run: [{ when: "it runs", effect: sent.stopDonorsDatabase }],
    done: is.databaseIs("stopped"),
    stallSeconds: 1800,
  },
];

/** Step 7. */
export const copyParts = (scopes: ResetScopes): readonly Part[] => [
  {
    what: "empty the data directory, and copy the donor's data path by path as both servers report them, without binary logs and auto.cnf",
    vendor: "rm -rf /var/lib/mysql/*; rsync -aze ssh /var/lib/mysql/* east1:/var/lib/mysql/",
    on: scopes.failedPrimary,
    run: [
      { when: "its database runs", holds: is.databaseIs("running"), effect: sent.database("stop") },
      {
        when: "the donor's database runs again",
        holds: copies.donorsDatabaseRuns(scopes),
        effect: (target, run, attempt) =>
          sent.stopDonorsDatabase({ ...target, node: scopes.donorNode(run) }, run, attempt),
      },
      {
        when: "on both nodes nothing runs",
        holds: copies.bothRest(scopes),
        effect: sent.copyData(scopes),
      },
    ],
    done: copies.dataCopied,
    record: copies.copyRecord,
    tries: 10,
    stallSeconds: 24 * 3600,
  },
];

/** Step 8. Its service of the failed site stays offline: that one's new log has not begun. */
export const giveBackParts = (scopes: ResetScopes): readonly Part[] => [
  released("database", scopes.donor),
  databaseRuns(scopes.donor),
  released("cluster", scopes.donor),
  started("cluster", "start-offline", scopes.donor),
  {
    what: "recover the donor, which brings its local service online",
    vendor: "cctrl [west]> datasource west3 recover",
    on: scopes.donor,
    run: [
      { when: "it is SHUNNED", holds: is.datasourceShunned, effect: sent.datasource(["recover"], false) },
      { when: "its service is not ONLINE", effect: act.localOnline },
    ],
    done: (target, look) =>
      every([is.datasourceNotShunned(target, look), go.localServiceOnline(target, look)]),
    tries: 10,
  },
  {
    what: "put the donor's datasource online: under MAINTENANCE a recovered one stays OFFLINE",
    vendor: "cctrl [west]> datasource west3 online",
    on: scopes.donor,
    run: [{ when: "it is not ONLINE", effect: sent.datasource(["online"], false) }],
    done: is.datasourceIs("ONLINE"),
  },
  ...(scopes.second ? [started("crossSite", "start-offline", scopes.donor)] : []),
  {
    what: "bring the donor's other cross-site services online",
    vendor: `shell west> ${scopes.second ? "mm_trepctl" : "trepctl"} online`,
    on: scopes.donorReaders,
    run: [{ when: "it is offline", holds: is.readingOff, effect: sent.reading("online") }],
    done: is.broughtOn,
    tries: 20,
  },
  {
    what: "wait until the donor has caught up with its primary",
    on: scopes.donor,
    run: [],
    done: copies.donorCaughtUp,
    stallSeconds: 3600,
  },
  ...(scopes.second ? [released("crossSite", scopes.donor)] : []),
];

/** Step 9. */
export const primaryParts = (scopes: ResetScopes): readonly Part[] => [
  released("database", scopes.failedPrimary),
  {
    ...databaseRuns(scopes.failedPrimary),
    vendor: "shell east1> sudo systemctl start mysqld",
  },
  {
    what: "see that the copy stands where the donor stood",
    on: scopes.failedPrimary,
    run: [],
    done: copies.rowsAsDonors(scopes),
  },
  started("cluster", "start-offline", scopes.failedPrimary),
  {
    what: "reset the local service: the failed site's log begins anew",
    vendor: "shell east1> trepctl -service east reset -all -y",
    on: scopes.failedPrimary,
    guards: [arrival.readersBegin(scopes)],
    run: [
      downAgain("cluster"),
      {
        when: "it is OFFLINE:NORMAL and holds a position of before",
        holds: is.localOffline,
        effect: sent.resetCopiedLocal,
      },
    ],
    done: copies.localReset,
    tries: 3,
  },
  released("cluster", scopes.failedPrimary),
  {
    ...localServices(scopes.failedPrimary),
    vendor: "shell east1> trepctl online",
    done: (target, look) => every([go.localServiceOnline(target, look), is.writableIs(true)(target, look)]),
  },
  {
    what: "welcome the primary's datasource and put it online",
    vendor: "cctrl [east]> datasource east1 welcome; datasource east1 online",
    on: scopes.failedPrimary,
    run: [
      {
        when: "it is SHUNNED",
        holds: is.datasourceShunned,
        effect: sent.datasource(["welcome", "online"], true),
      },
      { when: "it is OFFLINE", effect: sent.datasource(["online"], true) },
    ],
    done: is.datasourceIs("ONLINE"),
  },
  started("crossSite", "start-offline", scopes.failedPrimary),
  dropOldLogs(scopes, scopes.failedReadersOn("primaries")),
];

export const dropOldLogs = ({ second }: ResetScopes, on: Scope): Part => ({
  what: "drop the cross-site logs of before: they would lead past what the copied rows need",
  on,
  run: [
    downAgain(second ? "crossSite" : "cluster"),
    {
      when: "it is OFFLINE:NORMAL and its log holds events",
      holds: is.readingIs("OFFLINE:NORMAL"),
      effect: sent.dropOldLog,
    },
    { when: "the tool has brought it on", holds: is.readingBack, effect: sent.reading("offline") },
  ],
  done: copies.oldLogGone,
});

/**
 * A pod that restarted meanwhile has not started what is held, and what provisions a node asks its database first. Once it
 * has begun (it is the first of the part's ways), what lies there is its own to mend.
 */
export const databaseDown: Part["run"][number] = {
  when: "a restart has left its held database stopped",
  holds: (target, look) =>
    every([
      doneIf(look.alternative !== 0, "the tool has begun"),
      is.databaseIs("stopped")(target, look),
      is.processStopped("cluster")(target, look),
    ]),
  effect: sent.database("start"),
};

/** A pod that restarted meanwhile has not started what is held. */
export function downAgain(product: "cluster" | "crossSite"): Part["run"][number] {
  return {
    when: "a restart has left its replicator stopped",
    holds: is.processStopped(product),
    effect: act.replicator(product, "start-offline"),
  };
}

/** One after the other, for the source serves one provision at a time. */
export const provisionParts = (scopes: ResetScopes, vendor: string, run: Part["run"]): readonly Part[] => [
  {
    what: "provision the replica from the failed site's own primary, one after the other",
    vendor,
    on: scopes.failedReplicas,
    guards: [oneAtATime(scopes)],
    run,
    done: copies.provisionEnded(scopes),
    settleSeconds: 60,
    stallSeconds: 24 * 3600,
  },
  released("database", scopes.failedReplicas),
  databaseRuns(scopes.failedReplicas),
];

/** Each stands where the primary stands, follows its new log, and is let in. */
export const followParts = (scopes: ResetScopes): readonly Part[] => [
  released("cluster", scopes.failedReplicas),
  localServices(scopes.failedReplicas),
  {
    what: `see that the replica follows the new log, and stands in the other sites' logs ${scopes.second ? "where the primary stands" : "at events that are there"}`,
    on: scopes.failedReplicas,
    run: [],
    done: copies.provisioned(scopes),
    stallSeconds: 600,
  },
  {
    what: "put the replica's datasource online",
    on: scopes.failedReplicas,
    run: [
      {
        when: "it is SHUNNED",
        holds: is.datasourceShunned,
        effect: sent.datasource(["recover", "online"], false),
      },
      { when: "it is OFFLINE", effect: sent.datasource(["online"], false) },
    ],
    done: is.datasourceIs("ONLINE"),
  },
];

/**
 * Step 11 of the page for MSAA, the same in a composite: there the cross-site logs go before a restart could start from
 * them. The second product's replicator rests until its node is whole: a tool that minds every service would bring its on.
 */
export const replicaParts = (scopes: ResetScopes, parameters: ResetParameters): readonly Part[] => {
  const logsGone = dropOldLogs(scopes, scopes.failedReadersOn("replicas"));
  const provision = provisionParts(scopes, "shell east{2,3}> tprovision -s east1 -m xtrabackup", [
    {
      when: "it is still SHUNNED, its service OFFLINE:NORMAL",
      holds: is.localOffline,
      effect: sent.provisionReplica(scopes, parameters),
    },
    databaseDown,
    downAgain("cluster"),
  ]);
  return [
    databaseRuns(scopes.failedReplicas),
    started("cluster", "start-offline", scopes.failedReplicas),
    ...provision,
    ...(scopes.second ? [] : [logsGone]),
    ...followParts(scopes),
    ...(scopes.second ? [started("crossSite", "start-offline", scopes.failedReplicas), logsGone] : []),
  ];
};

/** Those before it in order are back: tprovision recovers a datasource as its last act. */
const oneAtATime = (scopes: ResetScopes): Guard => ({
  say: "no other replica is being provisioned",
  objects(target, look) {
    const all = scopes.failedReplicas(look.run);
    const before = all.slice(
      0,
      all.findIndex(({ id }) => id === target.id),
    );
    const open = before.map((each) => copies.takenBackIn(scopes)(each, look));
    const verdict = every(open);
    return "why" in verdict ? verdict.why : undefined;
  },
});
