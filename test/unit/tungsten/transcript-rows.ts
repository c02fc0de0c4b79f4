/**
 * One row for each file of test/transcripts: what the named reader must read in it, or why nobody reads it. Written from
 * the recordings by hand, never from what a reader said.
 */
import type { ErrorKind } from "../../../src/tungsten/replicator-errors.ts";

/** Expected reading, matched as a part; the file's text from the word `from` on, or up to the word `to`. */
export type ReadRow = {
  readonly file: string;
  readonly by: string;
  readonly reads: unknown;
  readonly from?: string;
  readonly to?: string;
};
export type RefusedRow = { readonly file: string; readonly refused: string };

type More = { armed?: string; error?: ErrorKind; at?: number };
type Status = readonly [
  file: string,
  service: string,
  role: string,
  state: string,
  seqno: number | null,
  more?: More,
];

/** `status` as text or JSON. Offline services tell no position; error text may come a poll late (6a, 6h t2). */
const statuses: readonly Status[] = [
  ["cluster-slave-trepctl-status-online.txt", "alpha", "slave", "ONLINE", 3],
  ["cluster-slave-trepctl-status.txt", "alpha", "slave", "GOING-ONLINE:SYNCHRONIZING", null],
  ["conv-1-status-after-heartbeat-json.db3.txt", "alpha", "slave", "OFFLINE:NORMAL", null],
  ["conv-1-status-after-heartbeat-json.db4.txt", "alpha", "slave", "OFFLINE:NORMAL", null],
  ["conv-1-status-after-heartbeat.db3.txt", "alpha", "slave", "OFFLINE:NORMAL", null],
  ["conv-1-status-after-heartbeat.db4.txt", "alpha", "slave", "OFFLINE:NORMAL", null],
  [
    "conv-1-status-armed.db3.txt",
    "alpha",
    "slave",
    "ONLINE",
    1040,
    { armed: "Offline at heartbeat event: offline_for_upg" },
  ],
  [
    "conv-1-status-armed.db4.txt",
    "alpha",
    "slave",
    "ONLINE",
    1061,
    { armed: "Offline at heartbeat event: offline_for_upg" },
  ],
  ["conv-1-status-before-arming.db3.txt", "alpha", "slave", "ONLINE", 1031],
  ["conv-1-status-before-arming.db4.txt", "alpha", "slave", "ONLINE", 1045],
  ["conv-5A-status-after-online.db3.txt", "alpha", "slave", "ONLINE", 2755],
  ["conv-5A-status-after-online.db4.txt", "alpha", "slave", "ONLINE", 2762],
  ["conv-5B-status-after-online.db4.txt", "alpha", "slave", "ONLINE", 4279],
  ["conv-5C-status-after-skip.db3.txt", "alpha", "slave", "ONLINE", 12295],
  ["conv-5C-status-after-skip.db4.txt", "alpha", "slave", "ONLINE", 12299],
  [
    "conv-5C-status-later.db4.txt",
    "alpha",
    "slave",
    "OFFLINE:ERROR",
    null,
    { error: "apply-failure", at: 10484 },
  ],
  [
    "conv-5C-status-online-plain.db3.txt",
    "alpha",
    "slave",
    "OFFLINE:ERROR",
    null,
    { error: "epoch-mismatch" },
  ],
  [
    "conv-6a-from-zero-status-t1.db4.txt",
    "alpha",
    "slave",
    "OFFLINE:ERROR",
    null,
    { error: "apply-failure", at: 1 },
  ],
  [
    "conv-6a-from-zero-status-t2.db4.txt",
    "alpha",
    "slave",
    "OFFLINE:ERROR",
    null,
    { error: "apply-failure", at: 1 },
  ],
  ["conv-6a-late-restore-status2.db3.txt", "alpha", "slave", "ONLINE", 9150],
  ["conv-6a-status-t1.db4.txt", "alpha", "slave", "OFFLINE:ERROR", null],
  ["conv-6a-status-t2.db4.txt", "alpha", "slave", "OFFLINE:ERROR", null],
  ["conv-6a-status.db3.txt", "alpha", "slave", "ONLINE", 8243],
  ["conv-6b-status-after-heartbeat.db3.txt", "alpha", "slave", "OFFLINE:NORMAL", null],
  ["conv-6b-status-error.db3.txt", "alpha", "slave", "OFFLINE:ERROR", null],
  ["conv-6b-status-just-after-arming.db3.txt", "alpha", "slave", "OFFLINE:NORMAL", null],
  ["conv-6c-before.db3.txt", "alpha", "slave", "ONLINE", 5288],
  ["conv-6c2-status-after-heartbeat.db4.txt", "alpha", "slave", "ONLINE", 4898],
  ["conv-6c2-status-after-restart.db4.txt", "alpha", "slave", "ONLINE", 4757],
  ["conv-6cd-status-online.db3.txt", "alpha", "slave", "ONLINE", 6390],
  ["conv-6cd-status-online.db4.txt", "alpha", "slave", "ONLINE", 6394],
  ["conv-6h-force-status.db4.txt", "alpha", "slave", "OFFLINE:ERROR", null, { error: "does-not-contain" }],
  ["conv-6h-status-after-repair.db4.txt", "alpha", "slave", "ONLINE", 14502],
  ["conv-6h-status-t2.db4.txt", "alpha", "slave", "OFFLINE:ERROR", null],
  ["conv-6h-status-t3.db4.txt", "alpha", "slave", "OFFLINE:ERROR", null, { error: "does-not-contain" }],
  ["conv-6h-status.db3.txt", "alpha", "slave", "ONLINE", 13373],
  ["conv-6h-status.db4.txt", "alpha", "slave", "OFFLINE:NORMAL", null],
  [
    "conv-6j-status-after-new-events.db4.txt",
    "alpha",
    "slave",
    "OFFLINE:ERROR",
    null,
    { error: "does-not-contain" },
  ],
  ["conv-6j-status-against-empty-log.db4.txt", "alpha", "slave", "ONLINE", 12604],
  ["trepctl-status-after-deferred-offline.txt", "alpha", "slave", "OFFLINE:NORMAL", null],
  [
    "trepctl-status-auto-recovery-exhausted.txt",
    "gamma",
    "slave",
    "OFFLINE:ERROR",
    null,
    { error: "apply-failure", at: 1 },
  ],
  [
    "trepctl-status-epoch-mismatch-json.txt",
    "alpha",
    "slave",
    "OFFLINE:ERROR",
    null,
    { error: "epoch-mismatch" },
  ],
  ["trepctl-status-epoch-mismatch.txt", "alpha", "slave", "OFFLINE:ERROR", null, { error: "epoch-mismatch" }],
  ["trepctl-status-master-db-down.txt", "alpha", "master", "ONLINE", 4],
  ["trepctl-status-master.txt", "alpha", "master", "ONLINE", 0],
  ["trepctl-status-offline-fresh.txt", "alpha", "master", "OFFLINE:NORMAL", null],
  [
    "trepctl-status-slave-apply-error-json.txt",
    "alpha",
    "slave",
    "OFFLINE:ERROR",
    null,
    { error: "apply-failure", at: 8 },
  ],
  [
    "trepctl-status-slave-apply-error.txt",
    "alpha",
    "slave",
    "OFFLINE:ERROR",
    null,
    { error: "apply-failure", at: 8 },
  ],
  ["trepctl-status-slave-going-online-fresh.txt", "alpha", "slave", "GOING-ONLINE:SYNCHRONIZING", null],
  ["trepctl-status-slave-json.txt", "alpha", "slave", "ONLINE", 4],
  ["trepctl-status-slave-master-replicator-stopped.txt", "alpha", "slave", "GOING-ONLINE:SYNCHRONIZING", 17],
  ["trepctl-status-slave-offline-json.txt", "alpha", "slave", "OFFLINE:NORMAL", null],
  ["trepctl-status-slave-offline.txt", "alpha", "slave", "OFFLINE:NORMAL", null],
  ["trepctl-status-slave-online-but-connected-to-itself-json.txt", "alpha", "slave", "ONLINE", null],
  ["trepctl-status-slave.txt", "alpha", "slave", "ONLINE", 4],
];

const read = (by: string, rows: Readonly<Record<string, unknown>>): readonly ReadRow[] =>
  Object.entries(rows).map(([file, reads]) => ({ file, by, reads }));

const line = (
  service: string,
  state: unknown,
  appliedSeqno: number | null,
  role = "slave",
  started = true,
) => ({
  service,
  state,
  appliedSeqno,
  role,
  started,
});

const position = (
  seqno: number,
  epoch: number,
  eventId: string,
  shardId: string | null = "#UNKNOWN",
  fragno = 0,
) => [{ taskId: 0, seqno, epoch, eventId, sourceId: "db1", shardId: shardId ?? "", fragno, lastFrag: true }];
const stop = "mysql-bin.000002:0000000000405208;-1";
const header = (seqno: number, epoch: number, eventId: string) => [
  { seqno, epoch, eventId, sourceId: "db1" },
];

const note = (host: string | null = null) => ({
  level: "NOTE",
  host,
  text: "Command successfully completed",
  check: null,
});
const noConnectors = (service: string) => ({
  level: "WARN",
  host: null,
  text: `You have not specified any connectors for the ${service} data service`,
});
const mysqlSettings = (host: string) => [
  { level: "WARN", host, check: "MySQLSettingsCheck" },
  { level: "WARN", host, check: "MySQLSettingsCheck" },
];
const installed = (host: string) => [
  noConnectors("alpha"),
  noConnectors("beta"),
  ...mysqlSettings(host),
  note(),
];
const uninstalled = (host: string) => [note(host)];
const already = (host: string) => [
  { level: "ERROR", host, check: "ConfiguredDirectoryCheck" },
  { level: "ERROR", host, check: "HostReplicatorServiceRunningCheck" },
  { level: "ERROR", host, check: "InstallingOverExistingInstallation" },
  { level: "ERROR", host, check: "TargetDirectoryDoesNotExist" },
];
const onInstalledHost = [
  { level: "WARN", host: "db1", check: "OpenFilesLimitCheck" },
  ...already("db1"),
  { level: "WARN", host: "db1", check: "NtpdRunningCheck" },
  { level: "ERROR", host: "db1", check: "THLStorageCheck" },
  { level: "ERROR", host: "db1", check: "THLStorageCheck" },
];
const replaceRelease = { level: "ERROR", host: "db3", check: "NewDirectoryRequiredCheck" };

export const readRows: readonly ReadRow[] = [
  ...statuses.map(([file, service, role, state, appliedSeqno, more = {}]) => ({
    file,
    by: "status",
    reads: {
      service,
      role,
      state,
      appliedSeqno,
      offlineRequests: more.armed === undefined ? [] : [more.armed],
      pendingErrorSeqno: more.at ?? null,
      errorKind: more.error ?? null,
    },
  })),
  ...read("services", {
    "trepctl-services-full-json.txt": [
      { service: "alpha", role: "master", state: "ONLINE", appliedSeqno: 0, pendingError: null },
    ],
    "trepctl-services-full.txt": [
      { service: "alpha", role: "master", state: "ONLINE", appliedSeqno: 0, appliedLatencySeconds: 1.374 },
    ],
    "trepctl-services-just-after-replicator-start.txt": "down",
    "trepctl-services-replicator-down-retry0.txt": "down",
    "trepctl-services-replicator-down.txt": "down",
    "trepctl-status-json-replicator-down.txt": "down",
    "trepctl-status-replicator-down.txt": "down",
    "trepctl-qs-replicator-down.txt": "down",
    "conv-6c-status-stopped.db4.txt": "down",
  }),
  ...read("service list", {
    "cluster-slave-trepctl-services.txt": [line("alpha", "GOING-ONLINE:SYNCHRONIZING", null)],
    "trepctl-services-after-reset.txt": [line("alpha", "OFFLINE:NORMAL", null, "master")],
    "trepctl-services-epoch-mismatch.txt": [line("alpha", "OFFLINE:ERROR", null)],
    "trepctl-services-json.txt": [line("alpha", "ONLINE", 0, "master")],
    "trepctl-services-offline-fresh.txt": [line("alpha", "OFFLINE:NORMAL", null, "master")],
    "trepctl-services-slave-apply-error.txt": [line("alpha", "OFFLINE:ERROR", null)],
    "trepctl-services-slave.txt": [line("alpha", "ONLINE", 4)],
    "trepctl-services-two-json.txt": [
      line("alpha", "GOING-ONLINE:SYNCHRONIZING", 3),
      line("gamma", "GOING-ONLINE:SYNCHRONIZING", null),
    ],
    "trepctl-services-two.txt": [
      line("alpha", "GOING-ONLINE:SYNCHRONIZING", 3),
      line("gamma", "GOING-ONLINE:SYNCHRONIZING", null),
    ],
  }),
  {
    file: "trepctl-unload.txt",
    by: "service list",
    from: "Processing services",
    reads: [
      line("alpha", "GOING-ONLINE:SYNCHRONIZING", 3),
      line("gamma", { unrecognised: "Unknown" }, null, "unknown", false),
    ],
  },
  ...read("log clients", { "trepctl-clients-json.txt": ["db2", "db3"] }),
  ...read("daemon", {
    "replicator-status-running.txt": "running",
    "replicator-status-stopped.txt": "stopped",
  }),
  // Left running by an uninstall that failed because MySQL was down.
  { file: "conv-6e-state-after.db3.txt", by: "daemon", to: "/opt/replicator2\n", reads: "running" },
  ...read("position", {
    "conv-1-dsctl-get.db3.txt": position(1068, 0, stop),
    "conv-1-dsctl-get.db4.txt": position(1068, 0, stop),
    "conv-6b-dsctl.db3.txt": position(4665, 3498, "mysql-bin.000002:0000000001779012;-1", "shop"),
    "conv-6c-dsctl-stopped.db4.txt": position(5294, 3498, "mysql-bin.000002:0000000002019013;-1", "shop"),
    "dsctl-get-after-set.txt": position(16, 0, "mysql-bin.000004:0000000000000000;-1", null, -1),
    "dsctl-get.txt": position(7, 0, "mysql-bin.000002:0000000000002055;-1"),
  }),
  ...read("position command", {
    "conv-1-dsctl-get-ascmd.db3.txt": { seqno: 1068, epoch: 0, eventId: stop, sourceId: "db1" },
    "conv-1-dsctl-get-ascmd.db4.txt": { seqno: 1068, epoch: 0, eventId: stop, sourceId: "db1" },
    "dsctl-get_-ascmd.txt": {
      seqno: 7,
      epoch: 0,
      eventId: "mysql-bin.000002:0000000000002055;-1",
      sourceId: "db1",
    },
  }),
  ...read("dump", {
    "conv-2-dump-tungsten_alpha.db3.txt": {
      schema: "tungsten_alpha",
      rows: {
        commits: position(1068, 0, stop),
        heartbeat: { seqno: 1068, eventId: stop, name: "offline_for_upg" },
      },
    },
  }),
  ...read("thl info", {
    "conv-1-thl-info.db3.txt": { min: 0, max: 1068 },
    "conv-1-thl-info.db4.txt": { min: 0, max: 1068 },
    "conv-5A-thl-info.db3.txt": { min: 1069, max: 2758 },
    "conv-6a-late-restore-thl-info.db4.txt": { min: 0, max: 9520 },
    "thl-info.txt": { min: 0, max: 7 },
  }),
  ...read("thl headers as text", {
    "conv-1-thl-list-last.db3.txt": header(1068, 0, stop),
    "conv-1-thl-list-last.db4.txt": header(1068, 0, stop),
    "conv-5C-source-thl-at-N-after.db1.txt": header(9538, 9528, "mysql-bin.000002:0000000003639844;-1"),
    "conv-5C-source-thl-at-N-before.db1.txt": header(9538, 3498, "mysql-bin.000002:0000000003639844;-1"),
    "thl-list_-headers_-last.txt": header(7, 0, "mysql-bin.000002:0000000000002055;-1"),
  }),
  ...read("thl headers", {
    "thl-list_-headers_-json.txt": [
      ...header(0, 0, "mysql-bin.000002:0000000000000624;-1"),
      ...header(1, 0, "mysql-bin.000002:0000000000000753;185"),
      ...header(2, 0, "mysql-bin.000002:0000000000000976;185"),
      ...[3, 4, 5, 6].map((seqno) => ({ seqno, epoch: 0, sourceId: "db1" })),
      ...header(7, 0, "mysql-bin.000002:0000000000002055;-1"),
    ],
  }),
  ...read("multi_trepctl", {
    "multi_trepctl-list-output.txt": {
      rows: [{ host: "db2", service: "alpha", role: "slave", state: "ONLINE", appliedSeqno: 7 }],
      unreachable: ["db1", "db3"],
    },
    "multi_trepctl-list.txt": {
      rows: [
        { host: "db2", service: "alpha", role: "master", appliedLatencySeconds: 0.585 },
        { host: "db2", service: "alpha", role: "slave", appliedLatencySeconds: 0 },
      ],
      unreachable: ["db3", "db1"],
    },
  }),
  ...(["to", "from"] as const).map((side) => ({
    file: "multi_trepctl-two.txt",
    by: "multi_trepctl",
    [side]: "[\n",
    reads: {
      rows: [
        { host: "db3", service: "alpha", state: "ONLINE", appliedSeqno: 3, appliedLatencySeconds: 34 },
        {
          host: "db3",
          service: "gamma",
          state: "OFFLINE:ERROR",
          appliedSeqno: null,
          appliedLatencySeconds: null,
        },
      ],
      unreachable: [],
    },
  })),
  ...read("version", { "tpm-query-version.txt": "5.2.1" }),
  ...read("tpm messages", {
    "conv-5A-install.db3.txt": installed("db3"),
    "conv-5B-install.db3.txt": installed("db3"),
    "conv-5B-install.db4.txt": installed("db4"),
    "conv-5C-install.db3.txt": installed("db3"),
    "conv-5C-install.db4.txt": installed("db4"),
    "conv-6a-install.db3.txt": installed("db3"),
    "conv-6a-install.db4.txt": installed("db4"),
    "conv-6cd-install.db4.txt": installed("db4"),
    "conv-6g-install-twice-at-once-2.db3.txt": installed("db3"),
    "conv-6h-install.db3.txt": installed("db3"),
    "conv-6h-install.db4.txt": installed("db4"),
    "tpm-install-success.txt": [
      { level: "WARN", host: "db1", check: "OpenFilesLimitCheck" },
      { level: "WARN", host: "db1", check: "NtpdRunningCheck" },
      ...mysqlSettings("db1"),
      note(),
    ],
    "conv-3-uninstall-stream.db4.txt": uninstalled("db4"),
    "conv-5C-uninstall.db3.txt": uninstalled("db3"),
    "conv-5C-uninstall.db4.txt": uninstalled("db4"),
    "conv-6c-uninstall.db3.txt": uninstalled("db3"),
    "conv-6c-uninstall.db4.txt": uninstalled("db4"),
    "conv-6f-again-after-early-kill-uninstall.db3.txt": uninstalled("db3"),
    "conv-6f-uninstall-again.db4.txt": uninstalled("db4"),
    "conv-6i-not-stopped-uninstall.db3.txt": uninstalled("db3"),
    "conv-6f-uninstall-killed-early.db3.txt": [],
    "conv-3-uninstall-from-software-dir-without-ini.db3.txt": [
      {
        level: "ERROR",
        host: null,
        text: "Unable to find any host configurations for the data service specified.  Check the list of configured data services by running 'tools/tpm query dataservices'.",
        check: null,
      },
    ],
    "conv-6e-uninstall-mysql-down.db3.txt": [
      { level: "NOTE", host: "db3", text: "Start the MySQL service" },
      { level: "ERROR", host: "db3", text: "The MySQL server has taken too long to start" },
      { level: "NOTE", host: "db3", text: "Check the status of all hosts before taking action" },
    ],
    "conv-6g-install-again-over-running.db3.txt": [
      noConnectors("alpha"),
      noConnectors("beta"),
      ...already("db3"),
      ...mysqlSettings("db3"),
    ],
    "tpm-query-topology-tty.txt": [
      {
        level: "ERROR",
        host: "db3",
        text: "This command is not supported in the Tungsten Replicator package",
      },
    ],
    "tpm-update-host-in-two-dataservices.txt": [
      { level: "ERROR", host: null, text: "db2 appears in dataservice gamma and alpha" },
      noConnectors("alpha"),
      noConnectors("beta"),
      { level: "ERROR", host: null, text: "db2 appears in dataservice alpha and gamma" },
      noConnectors("gamma"),
      { level: "ERROR", host: null, text: "Dataservice alpha: Hostnames for the dataservice members" },
      { level: "ERROR", host: null, text: "Dataservice gamma: Hostnames for the dataservice members" },
    ],
    "tpm-update-needs-replace-release.txt": [
      noConnectors("alpha"),
      noConnectors("beta"),
      noConnectors("gamma"),
      { level: "WARN", host: "db3", check: "OpenFilesLimitCheck" },
      replaceRelease,
      replaceRelease,
      replaceRelease,
      { level: "WARN", host: "db3", check: "NtpdRunningCheck" },
      ...mysqlSettings("db3"),
    ],
    "tpm-validate-bad-topology-tty.txt": [
      {
        level: "ERROR",
        host: null,
        text: 'Unable to parse "--topology": Value must be all-masters,clustered,cluster-alias,cluster-slave,direct,fan-in,master-slave,star',
      },
      ...onInstalledHost,
      {
        level: "ERROR",
        host: "db1",
        text: "Transferred log directory /opt/t1/relay/alpha already contains log files",
      },
      { level: "WARN", host: "db1", check: "MySQLSettingsCheck" },
      ...mysqlSettings("db1"),
    ],
    "tpm-validate-on-already-installed-host-tty.txt": [
      ...onInstalledHost,
      { level: "ERROR", host: "db1", check: "ServiceTransferredLogStorageCheck" },
      { level: "WARN", host: "db1", check: "MySQLSettingsCheck" },
      ...mysqlSettings("db1"),
    ],
  }),
];

/** A command's reply is never a fact; what each group lacks or lies about stands in its key. */
const refusals: Readonly<Record<string, readonly string[]>> = {
  "a command's reply, silent at exit 0: accepted, the next look decides": [
    "conv-1-arm.db3.txt",
    "conv-1-arm.db4.txt",
    "conv-1-heartbeat.db1.txt",
    "conv-1-wait-offline.db3.txt",
    "conv-1-wait-offline.db4.txt",
    "conv-5B-arm.db3.txt",
    "conv-5B-heartbeat.db1.txt",
    "conv-5B-online-force.db4.txt",
    "conv-5B-online.db3.txt",
    "conv-5C-alpha-slave-online.db2.txt",
    "conv-5C-arm.db4.txt",
    "conv-5C-heartbeat.db1.txt",
    "conv-5C-skip-seqno.db3.txt",
    "conv-5C-skip-seqno.db4.txt",
    "conv-5C-source-reset-all.db1.txt",
    "conv-5C-wait-offline.db4.txt",
    "conv-6b-heartbeat.db1.txt",
    "conv-6b-repair-online-until-heartbeat.db3.txt",
    "conv-6c-arm.db3.txt",
    "conv-6c-heartbeat.db1.txt",
    "conv-6c-wait-offline.db3.txt",
    "conv-6c2-arm.db4.txt",
    "conv-6c2-heartbeat.db1.txt",
    "conv-6ef-heartbeat.db1.txt",
    "conv-6ef-wait-offline.db3.txt",
    "conv-6ef-wait-offline.db4.txt",
    "conv-6h-arm.db3.txt",
    "conv-6h-repair-setrole.db4.txt",
    "trepctl-heartbeat.txt",
    "trepctl-offline-already.txt",
    "trepctl-offline.txt",
    "trepctl-online-after-apply-error.txt",
    "trepctl-online-slave.txt",
    "trepctl-online-until-heartbeat.txt",
    "trepctl-online.txt",
    "trepctl-reset-all-slave.txt",
    "trepctl-reset-all.txt",
    "trepctl-reset-thl.txt",
    "trepctl-wait-applied.txt",
    "trepctl-wait-state.txt",
  ],
  "a command's reply that lies: exit 0, and OFFLINE:ERROR seconds later": ["conv-5C-online-plain.db3.txt"],
  "a command's reply that lies: exit 0, and nothing was armed (the service was not ONLINE)": [
    "conv-6b-arm.db3.txt",
    "trepctl-offline-deferred-when-offline.txt",
  ],
  "a command's reply that lies: exit 0, and the replica's own heartbeat row is overwritten": [
    "trepctl-heartbeat-on-slave.txt",
  ],
  "a command's reply that lies: exit 0, and it stops at the first heartbeat of a name used twice": [
    "conv-6h-online-until-same-name.db4.txt",
    "conv-6h-second-heartbeat.db1.txt",
  ],
  "a command's reply that lies: exit 0, and nothing was done (it asked, and was answered no)": [
    "trepctl-reset-without-y.txt",
  ],
  "a command's reply that lies: exit 0, and whole files may have stayed": ["thl-purge.txt"],
  "a command's reply: exit 1 with a sentence, which the halt or the retry quotes": [
    "conv-5C-source-online-from-event.db1.txt",
    "trepctl-bad-command.txt",
    "trepctl-check.txt",
    "trepctl-clear.txt",
    "trepctl-heartbeat-db-down.txt",
    "trepctl-online-already.txt",
    "trepctl-reset-all-while-online.txt",
    "trepctl-wait-applied-timeout.txt",
    "trepctl-wait-state-timeout.txt",
  ],
  "no such service: «null» after the dots says nothing, unreadable": [
    "trepctl-offline-two-services-nosuch.txt",
    "trepctl-status-replicator-running-no-such-service.txt",
    "trepctl-status-two-services-nosuch.txt",
    "thl-no-such-service.txt",
  ],
  "a control script's reply: start returns before the port answers, stop exits 0 always": [
    "conv-2-replicator-stop.db4.txt",
    "conv-5A-start.db3.txt",
    "conv-5A-start.db4.txt",
    "replicator-start-already.txt",
    "replicator-start-offline.txt",
    "replicator-start.txt",
    "replicator-stop-already.txt",
    "replicator-stop.txt",
  ],
  "dsctl exits 3: unreadable, with its first line": [
    "conv-5C-dsctl-set-without-reset.db4.txt",
    "dsctl-get-db-down.txt",
  ],
  "tpm without a terminal says nothing: no message, and noise on stderr": [
    "conv-3-uninstall-no-tty.db3.txt",
    "conv-6f-uninstall-third-time.db4.txt",
    "tpm-validate-bad-topology-no-tty.txt",
  ],
  "an answer of tpm that nobody asks for: the link and the files tell release, method and services": [
    "tpm-query-deployments.txt",
    "tpm-query-manifest.txt",
    "tpm-query-modified-files.txt",
    "tpm-query-release.txt",
    "tpm-query-staging.txt",
  ],
  "it prints passwords: never asked": ["tpm-reverse.txt"],
  "a help text": ["dsctl-help.txt", "thl-help.txt", "tpm-help-update.txt", "trepctl-help.txt"],
  "a status cut down by grep: no service name, so no status": [
    "trepctl-load.txt",
    "trepctl-online-after-dsctl-set-and-thl-reset.txt",
    "trepctl-online-db-down.txt",
    "trepctl-online-epoch-mismatch-db3-after-dsctl-set.txt",
    "trepctl-status-after-online-force-epoch-mismatch.txt",
    "trepctl-status-after-skip.txt",
    "trepctl-status-after-until.txt",
    "trepctl-status-offline-deferred-pending.txt",
    "trepctl-status-slave-seqno-not-on-master.txt",
    "trepctl-wait-before-offline.txt",
  ],
  "stages, stores, tasks: other tables, no status": [
    "trepctl-status-json-name-channel-assignments.txt",
    "trepctl-status-json-name-stages.txt",
    "trepctl-status-json-name-tasks.txt",
    "trepctl-status-name-channel-assignments.txt",
    "trepctl-status-name-stages.txt",
    "trepctl-status-name-stores.txt",
    "trepctl-status-name-tasks.txt",
  ],
  "text for humans, with users' rows in it: never asked": [
    "trepctl-qs-apply-error.txt",
    "trepctl-qs-epoch-mismatch.txt",
    "trepctl-qs-online.txt",
    "trepctl-qs.txt",
  ],
  "events with their bodies: users' statements could imitate a header, so only -headers is asked": [
    "thl-list_-first.txt",
    "thl-list_-last.txt",
    "thl-list_-seqno_4_-specs.txt",
  ],
  "nobody asks this": [
    "thl-index.txt",
    "thl-list_-sizes.txt",
    "trepctl-clients.txt",
    "trepctl-perf-online.txt",
    "trepctl-perf.txt",
    "trepctl-shard.txt",
    "trepctl-version.txt",
    "tungsten_get_position.txt",
  ],
  "definitions of the tracking tables: the columns that are read are looked for in them below": [
    "sql-tungsten_alpha.consistency.db1.txt",
    "sql-tungsten_alpha.consistency.db2.txt",
    "sql-tungsten_alpha.heartbeat.db2.txt",
    "sql-tungsten_alpha.trep_commit_seqno.db1.txt",
    "sql-tungsten_alpha.trep_shard.db1.txt",
    "sql-tungsten_alpha.trep_shard.db2.txt",
    "sql-tungsten_alpha.trep_shard_channel.db1.txt",
  ],
  "the shell's own words about files and exit codes": [
    "conv-2-mysqldump.db4.txt",
    "conv-3-after-tree.db3.txt",
    "conv-3-after-tree.db4.txt",
    "conv-4-restore.db3.txt",
    "conv-6d-restore-binlogged.db3.txt",
    "conv-6f-state-after-kill.db4.txt",
  ],
};

export const refusedRows: readonly RefusedRow[] = Object.entries(refusals).flatMap(([refused, files]) =>
  files.map((file) => ({ file, refused })),
);
