/** thl and dsctl: both read the disk and the database, so they work with the replicator down. Transcripts thl-*, dsctl-*. */
import { ask, type LogEnds, type Steps, type ThlHeader } from "../outside.ts";
import { logOf } from "../replicator.ts";
import type { Commit, ThlEvent, ToolResult } from "../state.ts";
import { eventsText, headersText, indexText, infoText, jsonText, stamp } from "./thl-text.ts";
import { bad, behind, type Call, homeOf, ok, type Tool, thlFolder } from "./tool.ts";

type Named = {
  readonly name: string;
  readonly schema: string;
  readonly directory: string;
  readonly words: readonly string[];
};

/** The service named by `-service`, or the only one there is; a log of the second product lies under its section's name. */
function named({ node, product, args }: Call): Named | { readonly unknown: ToolResult } {
  const at = args[0] === "-service" ? 2 : 0;
  const services = node.volume.installed[product]?.services ?? [];
  const name = at === 2 ? (args[1] ?? "") : services.length === 1 ? (services[0]?.name ?? "") : "";
  const source = services.find((each) => each.name === name)?.source;
  if (source === undefined) {
    const path = `${homeOf(product)}/tungsten/tungsten-replicator/conf/static-${name}.properties`;
    const why = `Replicator static properties does not exist or is invalid: ${path}\n`;
    const trace = `com.continuent.tungsten.common.jmx.ServerRuntimeException: ${why}`;
    return { unknown: bad(1, `Fatal error: ${why}`, trace) };
  }
  return {
    name,
    schema: `tungsten_${source}`,
    directory: thlFolder(product, name, node.cluster.dataservice),
    words: args.slice(at),
  };
}

/** `thl [-service S] info | index | list … | purge …`. */
export const thl: Tool = function* (call) {
  const service = named(call);
  if ("unknown" in service) return service.unknown;
  const { name, schema, directory, words } = service;
  const log = logOf({ product: call.product, name });
  const ends = yield* ask("thlEnds", log);
  if (words[0] === "info") return ok(infoText(directory, ends));
  if (words[0] === "index") return ok(indexText(ends));
  if (words[0] === "purge") return purge(call, name, words);
  if (words.includes("-json") && !words.includes("-headers"))
    return bad(1, "Currently JSON output is supported only with -headers flag\n");
  const seqno = behind(words, "-seqno");
  if (seqno !== undefined && words.includes("-headers")) {
    const event = yield* ask("thlAt", log, Number(seqno));
    return event === undefined ? absent(seqno) : ok(headersOf(words, [event]));
  }
  const [low, high] = rangeOf(words, ends);
  const wanted = yield* between(log, low, high);
  if (seqno !== undefined && wanted.length === 0) return absent(seqno);
  return ok(words.includes("-headers") ? headersOf(words, wanted) : eventsText(wanted, name, schema));
};

const absent = (seqno: string) => bad(1, `Unable to find sequence number: ${seqno}\n`);
const headersOf = (words: readonly string[], events: readonly ThlHeader[]): string =>
  words.includes("-json") ? jsonText(events) : headersText(events);

/** First and last seqno that the options choose. */
function rangeOf(words: readonly string[], ends: LogEnds): readonly [number, number] {
  const [min, max] = [ends?.first.seqno ?? 0, ends?.last.seqno ?? -1];
  const count = (name: string) => {
    const word = behind(words, name);
    return word === undefined ? undefined : /^\d+$/.test(word) ? Number(word) : 1;
  };
  const seqno = count("-seqno");
  if (seqno !== undefined) return [seqno, seqno];
  const last = count("-last");
  if (last !== undefined) return [max - last + 1, max];
  const first = count("-first");
  if (first !== undefined) return [min, min + first - 1];
  return [count("-low") ?? min, count("-high") ?? max];
}

function* between(log: string, low: number, high: number): Steps<readonly ThlEvent[]> {
  const found: ThlEvent[] = [];
  for (let at = low - 1; at < high; ) {
    const more = yield* ask("thlAfter", log, at);
    const last = more.at(-1);
    if (last === undefined) break;
    found.push(...more.filter(({ seqno }) => seqno <= high));
    at = last.seqno;
  }
  return found;
}

/** Only whole log files are deleted, and here a log is one file: it says so and deletes nothing. Transcript thl-purge. */
function purge({ ambient, node, product }: Call, name: string, words: readonly string[]): ToolResult {
  const state = node.replicators[product]?.services.get(name)?.state;
  if (state !== undefined && !state.startsWith("OFFLINE"))
    return bad(1, "Fatal error: The disk log is not writable and cannot be purged\n");
  const from = `SEQ# >= ${behind(words, "-low") ?? 0} and SEQ# <=${behind(words, "-high") ?? ""}`;
  return ok(
    `WARNING: The purge command will break replication if you delete all events or delete events that have not reached all slaves.\nDeleting events where ${from}\n${stamp(ambient.now).replace(/\.0$/, ",000")} [ - main] INFO  thl.THLManagerCtrl Transactions deleted\n`,
  );
}

/** `dsctl [-service S] get [-ascmd] | set … [-reset] | reset`. Errors are on stderr. */
export const dsctl: Tool = function* (call) {
  const service = named(call);
  if ("unknown" in service) return bad(2, "", service.unknown.out.replace("Fatal error: ", ""));
  const { name, schema, words } = service;
  if (!(yield* ask("databaseUp")))
    return bad(
      3,
      "",
      `Unable to connect to DBMS: url=jdbc:mysql:thin://${call.node.name}:13306/${schema}?noPrepStmtCache=true user=tungsten\n`,
    );
  const tables = yield* ask("tracking", schema);
  const commit = tables === undefined || tables === "empty" ? null : tables.commit;
  switch (words[0]) {
    case "get":
      return ok(`${words.includes("-ascmd") ? asCommand(commit) : dsctlRow(commit)}\n`);
    case "set":
      return yield* setPosition(schema, words, commit !== null);
    case "reset":
      yield* ask("dropTracking", schema);
      return ok(`Service "${name}" datasource "global" catalog information cleared\n`);
    default:
      return bad(1, "", "Datasource Utility\n");
  }
};

/** The INSERT goes through the binary log like any other: on a source's primary it reaches every reader. */
function* setPosition(schema: string, words: readonly string[], there: boolean): Steps<ToolResult> {
  const option = (name: string) => behind(words, name);
  const [seqno, epoch] = [option("-seqno"), option("-epoch")];
  const [eventId, sourceId] = [option("-event-id"), option("-source-id")];
  if (seqno === undefined || epoch === undefined || eventId === undefined || sourceId === undefined)
    return bad(1, "", "Datasource Utility\n");
  if (there && !words.includes("-reset"))
    return bad(3, "", "Cannot set position unless existing position data is removed - reset first\n");
  if (there) yield* ask("dropTracking", schema);
  const commit = { seqno: Number(seqno), epoch: Number(epoch), eventId, sourceId, shardId: "" };
  yield* ask("insertCommit", schema, commit);
  return ok(
    `Position was set to: seqno=${seqno} epoch_number=${epoch} eventid=${eventId} source_id=${sourceId}\n`,
  );
}

const asCommand = (commit: Commit | null): string =>
  commit === null
    ? ""
    : `dsctl set -seqno ${commit.seqno} -epoch ${commit.epoch} -event-id "${commit.eventId}" -source-id "${commit.sourceId}"`;

/** The row as dsctl prints it; an empty array where there is none. One set by hand has no shard, and -1 for its fragment. */
export function dsctlRow(commit: Commit | null | undefined): string {
  if (commit === null || commit === undefined) return "[]";
  const written = stamp(commit.writtenAt ?? 0);
  return JSON.stringify([
    {
      extract_timestamp: written,
      eventid: commit.eventId,
      fragno: commit.shardId === "" ? -1 : 0,
      last_frag: true,
      seqno: commit.seqno,
      update_timestamp: written,
      shard_id: commit.shardId === "" ? null : commit.shardId,
      applied_latency: 0,
      epoch_number: commit.epoch,
      task_id: 0,
      source_id: commit.sourceId,
    },
  ]);
}
