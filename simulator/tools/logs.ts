/** thl and dsctl: both read the disk and the database, so they work with the replicator down. Transcripts thl-*, dsctl-*. */
import { type Commit, type Host, type ProductName, siteOf, type ThlEvent, type World } from "../model.ts";
import { insertPosition, resetCatalog, tablesOf } from "../mysql.ts";
import { thlKey } from "../replicator.ts";
import { eventsText, headersText, indexText, infoText, jsonText } from "./thl-text.ts";
import { bad, ok, quick } from "./tool.ts";

const productOf = (word: string | undefined): ProductName => (word === "crossSite" ? "crossSite" : "cluster");
const homeOf = (product: ProductName): string =>
  product === "cluster" ? "/opt/continuent" : "/opt/replicator";

/** The value behind an option, or undefined; `-last` and `-first` may stand without one. */
const option = (words: readonly string[], name: string): string | undefined =>
  words.includes(name) ? (words[words.indexOf(name) + 1] ?? "") : undefined;

/** The service named by `-service`, or the only one. */
function named(world: World, host: Host, args: readonly string[]) {
  const product = productOf(args[0]);
  const at = args[1] === "-service" ? 3 : 1;
  const services = host.volume.installed[product]?.services ?? [];
  const name = at === 3 ? (args[2] ?? "") : services.length === 1 ? (services[0]?.name ?? "") : "";
  const service = services.find((each) => each.name === name);
  const words = args.slice(at);
  if (service === undefined) return { product, name, words, known: undefined };
  const source = siteOf(world, service.source).dataservice;
  const own = siteOf(world, host.site).dataservice;
  const directory = `${homeOf(product)}/thl/${product === "crossSite" ? `${source}_${own}` : name}`;
  return { product, name, words, known: { schema: `tungsten_${source}`, directory } };
}

function noProperties(product: ProductName, name: string) {
  const path = `${homeOf(product)}/tungsten/tungsten-replicator/conf/static-${name}.properties`;
  const why = `Replicator static properties does not exist or is invalid: ${path}\n`;
  return bad(1, `Fatal error: ${why}`, `com.continuent.tungsten.common.jmx.ServerRuntimeException: ${why}`);
}

/** `thl PRODUCT [-service S] info | index | list … | purge …`. */
export const thl = quick(({ world, host, args }) => {
  const { product, name, words, known } = named(world, host, args);
  if (known === undefined) return noProperties(product, name);
  const log = host.volume.thl.get(thlKey(product, name)) ?? [];
  if (words[0] === "info") return ok(infoText(known.directory, log));
  if (words[0] === "index") return ok(indexText(log));
  if (words[0] === "purge") return purge(world, host, product, name, words);
  const seqno = option(words, "-seqno");
  const wanted = selected(log, words);
  if (seqno !== undefined && wanted.length === 0) return bad(1, `Unable to find sequence number: ${seqno}\n`);
  if (words.includes("-json"))
    return words.includes("-headers")
      ? ok(jsonText(wanted))
      : bad(1, "Currently JSON output is supported only with -headers flag\n");
  return ok(words.includes("-headers") ? headersText(wanted) : eventsText(wanted, name, known.schema));
});

function selected(log: readonly ThlEvent[], words: readonly string[]): readonly ThlEvent[] {
  const seqno = option(words, "-seqno");
  if (seqno !== undefined) return log.filter((event) => event.seqno === Number(seqno));
  const count = (text: string) => (/^\d+$/.test(text) ? Number(text) : 1);
  const last = option(words, "-last");
  if (last !== undefined) return log.slice(-count(last));
  const first = option(words, "-first");
  if (first !== undefined) return log.slice(0, count(first));
  const low = Number(option(words, "-low") ?? 0);
  const high = Number(option(words, "-high") ?? Number.POSITIVE_INFINITY);
  return log.filter((event) => event.seqno >= low && event.seqno <= high);
}

/** Only whole log files are deleted, and a world has one: it says so and deletes nothing. */
function purge(world: World, host: Host, product: ProductName, name: string, words: readonly string[]) {
  const service = host.replicators[product]?.services.get(name);
  if (service !== undefined && !service.state.startsWith("OFFLINE"))
    return bad(1, "Fatal error: The disk log is not writable and cannot be purged\n");
  const at = new Date(world.now).toISOString().replace("T", " ").replace("Z", "").replace(".", ",");
  return ok(
    "WARNING: The purge command will break replication if you delete all events or delete events that have not reached all slaves.\n" +
      `Deleting events where SEQ# >= ${option(words, "-low") ?? 0} and SEQ# <=${option(words, "-high") ?? ""}\n` +
      `${at} [ - main] INFO  thl.THLManagerCtrl Transactions deleted\n`,
  );
}

/** `dsctl PRODUCT [-service S] get [-ascmd] | set … [-reset] | reset`. Errors are on stderr. */
export const dsctl = quick(({ world, host, args }) => {
  const { product, name, words, known } = named(world, host, args);
  if (known === undefined)
    return bad(2, "", `${noProperties(product, name).out.replace("Fatal error: ", "")}`);
  if (!host.mysql.up)
    return bad(
      3,
      "",
      `Unable to connect to DBMS: url=jdbc:mysql:thin://${host.name}:13306/${known.schema}?noPrepStmtCache=true user=tungsten\n`,
    );
  const commit = tablesOf(host.mysql, known.schema)?.commit;
  if (words[0] === "get") return ok(`${words.includes("-ascmd") ? asCommand(commit) : dsctlRow(commit)}\n`);
  if (words[0] === "set") return setPosition(world, host, known.schema, words);
  if (words[0] !== "reset") return bad(1, "", "Datasource Utility\n");
  resetCatalog(world, host, known.schema);
  return ok(`Service "${name}" datasource "global" catalog information cleared\n`);
});

/** The INSERT goes through the binary log like any other: on a source's primary it reaches every reader. */
function setPosition(world: World, host: Host, schema: string, words: readonly string[]) {
  const [seqno, epoch, eventId, sourceId] = ["-seqno", "-epoch", "-event-id", "-source-id"].map((name) =>
    option(words, name),
  );
  if (seqno === undefined || epoch === undefined || eventId === undefined || sourceId === undefined)
    return bad(1, "", "Datasource Utility\n");
  if (words.includes("-reset")) resetCatalog(world, host, schema);
  if (tablesOf(host.mysql, schema)?.commit != null)
    return bad(3, "", "Cannot set position unless existing position data is removed - reset first\n");
  const commit: Commit = { seqno: Number(seqno), epoch: Number(epoch), eventId, sourceId, shardId: "" };
  insertPosition(world, host, schema, commit);
  return ok(
    `Service position was set to: seqno=${seqno} epoch_number=${epoch} eventid=${eventId} source_id=${sourceId}\n`,
  );
}

const asCommand = (commit: Commit | null | undefined): string =>
  commit == null
    ? ""
    : `dsctl set -seqno ${commit.seqno} -epoch ${commit.epoch} -event-id "${commit.eventId}" -source-id "${commit.sourceId}"`;

/** A position set by hand has no shard, and -1 for its fragment. */
export function dsctlRow(commit: Commit | null | undefined): string {
  if (commit === null || commit === undefined) return "[]";
  return JSON.stringify([
    {
      extract_timestamp: "2026-11-21 23:15:11.0",
      eventid: commit.eventId,
      fragno: commit.shardId === "" ? -1 : 0,
      last_frag: true,
      seqno: commit.seqno,
      update_timestamp: "2026-11-21 23:15:11.0",
      shard_id: commit.shardId === "" ? null : commit.shardId,
      applied_latency: 0,
      epoch_number: commit.epoch,
      task_id: 0,
      source_id: commit.sourceId,
    },
  ]);
}
