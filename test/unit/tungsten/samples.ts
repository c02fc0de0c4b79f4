/** Whole outputs, each with the reader it is for: recordings where there are any, else the vendor's samples and the protocol's lines. */
import type { ToolOutput } from "../../../src/tungsten/invocation.ts";
import { printed, recorded } from "./recording.ts";

export type Sample = { readonly by: string; readonly name: string; readonly output: ToolOutput };

const fromRecording = (by: string, ...files: readonly string[]): readonly Sample[] =>
  files.map((name) => ({ by, name, output: recorded(name) }));
const written = (by: string, name: string, stdout: string, exitCode = 0): Sample => ({
  by,
  name,
  output: { ...printed(stdout), exitCode },
});

const rule = `+${"-".repeat(81)}+`;
const row = (text: string): string => `|${text.padEnd(80)} |`;
const box = (head: readonly string[], details: readonly string[]): string =>
  [rule, ...head.map(row), rule, ...details.map(row), rule].join("\n");

/** Three nodes, one in trouble: the vendor's sample (deploy-msaa) with a failed replica as the failure pages print it. */
export const clusterListing = [
  "Continuent Tungsten 8.0.4 Build 132",
  "east: session established",
  "[LOGICAL] /east > COORDINATOR[east3:AUTOMATIC:ONLINE]",
  "",
  "ROUTERS:",
  rule,
  row("connector@east1[6117](ONLINE, created=1, active=0)"),
  row("connector@east2[6105](ONLINE, created=0, active=0)"),
  rule,
  "",
  "DATASOURCES:",
  box(
    [
      "east1(master:ONLINE, progress=213, THL latency=0.921)",
      "STATUS [OK] [2025/01/02 03:31:31 PM UTC][SSL]",
    ],
    [
      "  MANAGER(state=ONLINE)",
      "  REPLICATOR(role=master, state=ONLINE)",
      "  DATASERVER(state=ONLINE)",
      "  CONNECTIONS(created=1, active=0)",
    ],
  ),
  "",
  box(
    [
      "east2(slave:FAILED(DATASERVER 'east2@east' STOPPED), progress=3, ",
      "latency=0.194)",
      "STATUS [CRITICAL] [2025/01/02 03:31:31 PM UTC]",
      "REASON[DATASERVER 'east2@east' STOPPED]",
    ],
    [
      "  MANAGER(state=ONLINE)",
      "  REPLICATOR(role=slave, master=east1, state=SUSPECT)",
      "  DATASERVER(state=STOPPED)",
    ],
  ),
  "",
  box(
    [
      "east3(slave:SHUNNED(MANUALLY-SHUNNED), progress=213, latency=0.942)",
      "STATUS [SHUNNED] [2025/01/02 PM UTC]",
    ],
    ["  MANAGER(state=ONLINE)", "  REPLICATOR(role=slave, master=east1, state=ONLINE)"],
  ),
  "",
  "Exiting...",
  "",
].join("\n");

export const compositeListing = [
  "COORDINATOR[east1:MAINTENANCE:ONLINE]",
  "   east:COORDINATOR[east1:MAINTENANCE:ONLINE]",
  "   west:COORDINATOR[west3:AUTOMATIC:ONLINE]",
  "DATASOURCES:",
  box(
    [
      "east(composite master:ONLINE, global progress=1, max latency=3.489)",
      "STATUS [OK] [2025/01/28 PM UTC]",
    ],
    [
      "  east(master:ONLINE, progress=1, max latency=3.489)",
      "  east_from_west(relay:ONLINE, progress=1, max latency=0.100)",
    ],
  ),
  box(
    ["west(composite master:SHUNNED(SUPERSEDED), global progress=7, max latency=1.002)"],
    ["  west(master:ONLINE, progress=7, max latency=1.002)"],
  ),
  "Exiting...",
  "",
].join("\n");

const sha = "0123456789abcdef".repeat(4);

export const samples: readonly Sample[] = [
  ...fromRecording(
    "status",
    "conv-1-status-armed.db3.txt",
    "trepctl-status-slave-apply-error.txt",
    "trepctl-status-slave-apply-error-json.txt",
    "trepctl-status-master.txt",
    "conv-5C-status-online-plain.db3.txt",
  ),
  ...fromRecording("services", "trepctl-services-full-json.txt", "trepctl-services-full.txt"),
  ...fromRecording("service list", "trepctl-services-two.txt", "trepctl-services-two-json.txt"),
  ...fromRecording("daemon", "replicator-status-running.txt", "replicator-status-stopped.txt"),
  written(
    "daemon",
    "manager with wrapper",
    "Tungsten Manager Service is running: PID:4711, Wrapper:STARTED, Java:STARTED\n",
  ),
  ...fromRecording("position", "conv-6b-dsctl.db3.txt", "dsctl-get-after-set.txt"),
  ...fromRecording("position command", "dsctl-get_-ascmd.txt"),
  ...fromRecording("log clients", "trepctl-clients-json.txt"),
  ...fromRecording("dump", "conv-2-dump-tungsten_alpha.db3.txt"),
  ...fromRecording("thl info", "conv-5A-thl-info.db3.txt"),
  ...fromRecording("thl headers", "thl-list_-headers_-json.txt"),
  ...fromRecording("thl headers as text", "conv-5C-source-thl-at-N-after.db1.txt"),
  ...fromRecording("multi_trepctl", "multi_trepctl-list.txt"),
  ...fromRecording("version", "tpm-query-version.txt"),
  written("cluster view", "one dataservice", clusterListing),
  written("composite view", "two members", compositeListing),
  written(
    "installed",
    "cluster",
    `link=releases/tungsten-clustering-8.0.4-132_pid4\nrelease=8.0.4-132\nmethod=ini\nservices=nyc,nyc_from_london\nini=${sha}\nparallel=16\nunfinished=\n`,
  ),
  written(
    "properties",
    "of a service",
    "replicator.auto_enable\ttrue\nreplicator.stage.q-to-dbms.filters\treplicate\n",
  ),
  written(
    "fingerprints",
    "of a node",
    `account\treplication-user\t${sha}\nstore\t/etc/tungsten/keystore.jks\tabsent\nidentity\tkey\t${sha}\n`,
  ),
  written("ini", "published", `published=${sha}\njoined=yes\nsecret=${sha}\n`),
  written(
    "marker",
    "exited",
    `state\texited\nbegan\t1700000000000\nended\t1700000001000\nrc\t13\nout\t5\nerr\t3\nhelloerr`,
  ),
  written("marker", "running", "state\trunning\nbegan\t1700000000000\n"),
  written("clock", "clock", "1700000000123\n"),
  written("space", "two volumes", "/opt\t53687091200\t107374182400\n/backups\t12345678\t99999999\n"),
  written(
    "space",
    "two volumes and the logs on them",
    "/opt\t53687091200\t107374182400\tbinlog=734003200/604812\tcluster:nyc=unknown\tcrossSite:london_nyc=52428800/86399\n/backups\t12345678\t99999999\n",
  ),
  written("count", "a count", "1204\n"),
  written("read-only", "writable", "0\n"),
  written(
    "server settings",
    "server",
    "server_id\t101\nlog_bin\t1\nbinlog_format\tROW\nauto_increment_increment\t4\nauto_increment_offset\t1\nversion\t10.11.19\nbinlog_expire_logs_seconds\t864000\n",
  ),
  written("binlog position", "position", "mysql-bin.000002\t405208\n"),
  written(
    "tracking",
    "rows",
    "commit\t0\t1068\t0\t1\tdb1\t0\tmysql-bin.000002:0000000000405208;-1\t#UNKNOWN\nheartbeat\t1068\tmysql-bin.000002:0000000000405208;-1\toffline_for_upg\n",
  ),
  written("schemas", "schemas", "tungsten_london\t5\ntungsten_nyc_from_london\t0\n"),
  written("files", "files", `dump-1.sql\t6558\t${sha}\nposition-1.json\t214\t${sha}\n`),
  written("my-cnf", "file", "server-id\t101\nlog-bin\tmysql-bin\n"),
  written("reach", "endpoints", "nyc-0:2112\topen\nnyc-1:2112\trefused\n"),
  written("belongings", "one", "table\t73686f70\t6f7264657273\n"),
  written("next table", "one", "73686f70\t6f7264657273\tn,x\t9f86d081884c7d65\n"),
  written("boundary", "inside", "n20000,x6162\n"),
  written("boundary", "end", "end\tn20417,x6364\n"),
  written("chunk", "sum", "20000\t48213467821364872136487\t0\n"),
  written("arrival", "arrived", "tu-5a5a5a5a-v1-1\t1795000012\t369\n"),
  written("accounts", "both", "replication\tpresent\napplication\tpresent\n"),
  written("software", "packages", "tungsten-clustering-8.0.4-132\ntungsten-replicator-8.0.4-132\n"),
  written("holds", "holds", "crossSite\nmanager\n"),
  written("findings", "findings", "trigger\tshop.audit\nxa\tx1\n"),
  written("log readers", "two", "debezium\t10.0.0.7\nmaxwell\tcdc.example.org\n"),
  written("tpm processes", "one", "4711 ruby tools/tpm install --tty\n"),
  written("database", "up", "running\n"),
  written("dataserver", "started with what is mounted", `mounted=${sha}\nstarted=yes\n`),
  written("accounts state", "settled", "secret=0123456789ab.none\ndatabase=yes\nmap=yes\nsettled=yes\n"),
  written("pod", "of a template", 'template={"image":"node:1"}\n'),
  written("backup", "backup", `sha256=${sha}\nlsn=48213\nbytes=1000000\nverified=yes\n`),
];
