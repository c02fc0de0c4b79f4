/**
 * tprovision: rebuilds the node it runs on from another ([doc] 7.1, tungsten-cli §5; texts of the older script). It shuns
 * the datasource, takes the cluster's services offline, empties the data directory, copies, clears logs and recovers. A
 * run that is cut off leaves the node SHUNNED, offline and hollow.
 */
import { emit } from "../model.ts";
import { ask, type Steps } from "../outside.ts";
import { askOffline, goOnline, logOf } from "../replicator.ts";
import type { Service, ToolResult } from "../state.ts";
import { isLocal } from "../upstreams.ts";
import { unreachable } from "./provision-slave.ts";
import { bad, behind, type Call, type Tool } from "./tool.ts";

const methods = ["xtrabackup", "mysqldump", "rsync", "mysqlclone"];
const copyMs = 30_000;
const onlineMs = 60_000;

/** `tprovision -s HOST -m METHOD [-c]`. */
export const tprovision: Tool = function* (call) {
  const { ambient, node, args } = call;
  const source = behind(args, "-s") ?? "";
  const create = args.includes("-c");
  const services = [...(node.replicators.cluster?.services.values() ?? [])];
  if (Number(node.volume.installed.cluster?.release.split(".")[0]) < 7)
    return bad(127, "", "scripts/tprovision: No such file or directory\n");
  const objection = objectionTo(call, source, services);
  if (objection !== undefined) return said(1, `ERROR >> ${node.name} >> ${objection}`);
  if (yield* unreachable()) return said(1, `ERROR >> ${node.name} >> Unable to connect to the MySQL server`);
  const { cluster } = node;
  const notes = [`NOTE  >> Put ${cluster.dataservice} replication service offline`];
  cluster.out = { ...cluster.out, [node.name]: "SHUNNED(MANUALLY-SHUNNED)" };
  emit(ambient, { kind: "datasource", host: node.name, verb: "shun" });
  yield* ask("publish");
  for (const service of services) {
    yield* ask("still", service);
    askOffline(ambient, node, service, true);
  }
  yield* ask("stopDatabase");
  emit(ambient, { kind: "copied", host: node.name, from: source, when: "begin", by: "tprovision" });
  yield* ask("emptyDatabase");
  notes.push(`NOTE  >> Create a ${behind(args, "-m")} backup of ${source}`);
  yield* ask("sleep", copyMs);
  const fault = yield* ask("copyDatabase", source);
  if (fault !== null) return said(1, ...notes, `ERROR >> ${node.name} >> ${fault}`);
  emit(ambient, { kind: "copied", host: node.name, from: source, when: "end", by: "tprovision" });
  yield* ask("startDatabase");
  // Whether -c clears the logs of the services from other sites too is [inferred] from "resets services"; so it varies.
  const cleared = services.filter(
    (service) => !create || ambient.variant % 4 !== 1 || isLocal(service, node),
  );
  for (const service of cleared) yield* ask("thlDrop", logOf(service));
  notes.push(`NOTE  >> Clear THL and relay logs for the ${cluster.dataservice} replication service`);
  yield* standAsSource(call, source);
  if (create)
    for (const service of services.filter((each) => isLocal(each, node))) {
      yield* ask("dropTracking", service.schema);
      // The binary log is another one now: the service extracts it from its beginning.
      service.extracted = null;
    }
  return yield* back(call, services, notes);
};

function objectionTo({ node, args }: Call, source: string, services: readonly Service[]): string | undefined {
  if (source === "") return "The --source argument is required";
  if (source === node.name)
    return `The value provided for --source, ${source}, resolves to the local node. You cannot provision a node from itself.`;
  if (!methods.includes(behind(args, "-m") ?? "")) return "The --method argument is not known";
  if (services.length === 0) return "The replicator process is not running";
  const composite =
    node.volume.installed.cluster?.services.some(({ name }) => name.includes("_from_")) === true;
  if (args.includes("-c") && !composite) return "--create-master needs a Composite Active/Active topology";
  return undefined;
}

/**
 * On a passive site the copy goes on where its source stood in the active site's log, whichever site that one belongs to. The
 * tool takes the "replication position" on itself ([doc]); that it does so from another site, as deploy-cap has it, by a row
 * under the node's own name is [inferred].
 */
function* standAsSource({ node }: Call, source: string): Steps<void> {
  const { relaySource, dataservice } = node.cluster;
  const members = node.volume.installed.cluster?.members ?? {};
  const from = Object.keys(members).find((name) => members[name]?.includes(source));
  if (relaySource === undefined || from === undefined || from === dataservice) return;
  const theirs = yield* ask("tracking", `tungsten_${from}`);
  if (theirs === undefined || theirs === "empty" || theirs.commit === null) return;
  yield* ask("setCommit", `tungsten_${dataservice}`, theirs.commit);
}

/** Nothing tells whether it minds services of other sites, or those of a second replicator that runs; so that varies. */
function broughtOnline({ ambient, node }: Call, services: readonly Service[]): readonly Service[] {
  if (ambient.variant % 4 !== 2) return services.filter((service) => isLocal(service, node));
  return [...services, ...(node.replicators.crossSite?.services.values() ?? [])];
}

/** The services of the cluster go online, and the datasource with them. */
function* back(call: Call, services: readonly Service[], notes: string[]): Steps<ToolResult> {
  const { ambient, node } = call;
  const { cluster } = node;
  for (const service of broughtOnline(call, services)) goOnline(ambient, node, service, {});
  const local = services.find((service) => isLocal(service, node));
  notes.push(`NOTE  >> Put the ${cluster.dataservice} replication service online`);
  for (const end = ambient.now + onlineMs; local?.state !== "ONLINE"; yield* ask("sleep", 500))
    if (ambient.now >= end)
      return said(
        1,
        ...notes,
        `ERROR >> ${node.name} >> Unable to put the ${cluster.dataservice} replication service online`,
      );
  // No page tells that it takes a relay's datasource back, which managers do not recover; so that varies.
  if (cluster.relaySource !== undefined && cluster.primary === node.name && ambient.variant % 6 === 5)
    return said(0, ...notes);
  const { [node.name]: _, ...others } = cluster.out ?? {};
  cluster.out = { ...others, [node.name]: "OFFLINE" };
  if (cluster.policy === "AUTOMATIC") cluster.out = others;
  cluster.shunned.delete(node.name);
  emit(ambient, { kind: "datasource", host: node.name, verb: "recover" });
  yield* ask("publish");
  return said(0, ...notes);
}

const said = (code: number, ...lines: readonly string[]): ToolResult =>
  bad(code, lines.map((line) => `${line}\n`).join(""));
