/**
 * tungsten_provision_slave: tprovision's name and options before 7.0 ([doc], [doc-code]; tungsten-cli §5.2). Beside a running
 * replicator it shuns, takes the service offline, and recovers at its end. The legacy reset runs it with everything
 * stopped: that it then copies, clears the logs and leaves them stopped is [inferred] from that page.
 */
import { emit } from "../model.ts";
import { ask, type Steps } from "../outside.ts";
import { askOffline, goOnline } from "../replicator.ts";
import type { Service, ToolResult } from "../state.ts";
import { bad, behind, type Call, type Tool } from "./tool.ts";

const methods = ["--xtrabackup", "--mysqldump"];
const copyMs = 30_000;
const onlineMs = 60_000;

/** `tungsten_provision_slave --source HOST --xtrabackup|--mysqldump`. */
export const provisionSlave: Tool = function* (call) {
  const { ambient, node, args } = call;
  const { dataservice } = node.cluster;
  const source = behind(args, "--source") ?? "";
  const method = methods.find((word) => args.includes(word))?.slice(2) ?? "xtrabackup";
  const release = node.volume.installed.cluster?.release ?? "";
  if (Number(release.split(".")[0]) >= 7) return absent;
  const objection = yield* objectionTo(call, source);
  if (objection !== undefined) return said(1, `ERROR >> ${node.name} >> ${objection}`);
  const local = node.replicators.cluster?.services.get(dataservice);
  const notes: string[] = [];
  if (local !== undefined) {
    notes.push(`NOTE  >> Put ${dataservice} replication service offline`);
    yield* takeOut(call, local);
  }
  notes.push(
    `NOTE  >> Create a ${method} backup of ${source} in /opt/continuent/backups/provision_${method}`,
  );
  yield* ask("stopDatabase");
  emit(ambient, { kind: "copied", host: node.name, from: source, when: "begin", by: "tprovision" });
  yield* ask("emptyDatabase");
  yield* ask("sleep", copyMs);
  const fault = yield* ask("copyDatabase", source);
  if (fault !== null) return said(1, ...notes, `ERROR >> ${node.name} >> ${fault}`);
  emit(ambient, { kind: "copied", host: node.name, from: source, when: "end", by: "tprovision" });
  yield* ask("startDatabase");
  notes.push(`NOTE  >> Clear THL and relay logs for the ${dataservice} replication service`);
  yield* ask("thlDrop", `cluster/${dataservice}`);
  return local === undefined ? said(0, ...notes) : yield* back(call, local, notes);
};

const absent: ToolResult = bad(127, "", "scripts/tungsten_provision_slave: No such file or directory\n");

function* objectionTo({ node }: Call, source: string): Steps<string | undefined> {
  if (source === "") return "The --source argument is required";
  if (source === node.name)
    return `The value provided for --source, ${source}, resolves to the local node. You cannot provision a node from itself.`;
  const report = yield* ask("report", source);
  if (report === undefined) return `Unable to SSH to ${source} as tungsten.`;
  if (yield* unreachable()) return "Unable to connect to the MySQL server";
  const fit = report.services.some(({ state }) => state === "ONLINE" || state === "OFFLINE:NORMAL");
  return fit ? undefined : "The replicator process is not running";
}

/** A database that is there has to run: it is asked where its data lie. Beside an empty data directory [inferred] it goes on. */
export function* unreachable(): Steps<boolean> {
  return !(yield* ask("databaseUp")) && (yield* ask("holdsDatabase"));
}

function* takeOut({ ambient, node }: Call, local: Service): Steps<void> {
  const { cluster } = node;
  if (node.manager.running) {
    cluster.out = { ...cluster.out, [node.name]: "SHUNNED(MANUALLY-SHUNNED)" };
    emit(ambient, { kind: "datasource", host: node.name, verb: "shun" });
    yield* ask("publish");
  }
  yield* ask("still", local);
  askOffline(ambient, node, local, true);
}

function* back({ ambient, node }: Call, local: Service, notes: readonly string[]): Steps<ToolResult> {
  const { cluster } = node;
  goOnline(ambient, node, local, {});
  for (const end = ambient.now + onlineMs; local.state !== "ONLINE"; yield* ask("sleep", 500))
    if (ambient.now >= end)
      return said(1, ...notes, `Unable to put the ${cluster.dataservice} replication service online`);
  const { [node.name]: _, ...others } = cluster.out ?? {};
  cluster.out = cluster.policy === "AUTOMATIC" ? others : { ...others, [node.name]: "OFFLINE" };
  emit(ambient, { kind: "datasource", host: node.name, verb: "recover" });
  yield* ask("publish");
  return said(0, ...notes, `NOTE  >> Put the ${cluster.dataservice} replication service online`);
}

const said = (code: number, ...lines: readonly string[]): ToolResult =>
  bad(code, lines.map((line) => `${line}\n`).join(""));
