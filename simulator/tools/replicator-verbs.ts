/**
 * trepctl's verbs that change more than a state, or only look: clients, wait, reset, load, unload, setrole, qs.
 * Transcripts trepctl-wait-*, trepctl-reset-*, trepctl-load, trepctl-unload, trepctl-qs*; texts without one are [doc-code].
 */
import { emit } from "../model.ts";
import { ask, type Steps } from "../outside.ts";
import { addService, goOffline, logOf } from "../replicator.ts";
import type { Service, ToolResult } from "../state.ts";
import { seconds, statusOf } from "./status.ts";
import { bad, behind, type Call, ok } from "./tool.ts";

type Verb = (call: Call, service: Service, options: readonly string[]) => Steps<ToolResult>;

/** `wait -state S -limit N`: a state's name matches all below it, so OFFLINE is OFFLINE:NORMAL too. `wait -applied N`. */
function* wait({ ambient }: Call, service: Service, options: readonly string[]): Steps<ToolResult> {
  const state = behind(options, "-state");
  const applied = Number(behind(options, "-applied") ?? "NaN");
  const limit = Number(behind(options, "-limit") ?? 0);
  const end = ambient.now + (limit === 0 ? 1800 : limit) * 1000;
  for (;;) {
    const ends = yield* ask("thlEnds", logOf(service));
    if (state === undefined && service.state === "ONLINE" && (ends?.last.seqno ?? -1) >= applied) return ok();
    if (service.state === state || service.state.startsWith(`${state}:`)) return ok();
    if (state !== undefined && service.state === "OFFLINE:ERROR" && service.recoverAt === 0)
      return bad(1, `Replicator failed and is in error state: ${service.state}\n`);
    if (ambient.now >= end) return bad(1, "Wait timed out!\n");
    yield* ask("sleep", 500);
  }
}

const areas = ["-all", "-thl", "-relay", "-db", "-redo"];

/** What follows the area is only searched for -y: `-y -all` still asks. Anything but `yes` does nothing, with exit 0. */
function* reset(call: Call, service: Service, options: readonly string[]): Steps<ToolResult> {
  const { ambient, node, stdin } = call;
  const { name, schema } = service;
  if (!service.state.startsWith("OFFLINE"))
    return bad(
      1,
      `Operation failed: Replication service ${name} must be offline before resetting.\n(Use 'trepctl -service ${name} offline' first)\n`,
    );
  const at = options.findIndex((word) => areas.includes(word));
  const area = options[at];
  if (area === undefined) return bad(1, "Missing or invalid argument to flag: reset\n");
  const asked = options.slice(at).includes("-y")
    ? ""
    : `Do you really want to delete replication service ${name} completely? [yes/NO] `;
  if (asked !== "" && stdin.split("\n")[0] !== "yes") return ok(asked);
  yield* ask("sleep", 300);
  const clears = area === "-all" || area === "-db";
  if (clears && (yield* ask("databaseUp"))) {
    yield* ask("dropTracking", schema);
    emit(ambient, { kind: "tracking-dropped", host: node.name, schema });
  }
  if (area === "-all" || area === "-thl") yield* ask("thlDrop", logOf(service));
  if (clears) yield* beginAnew(service);
  goOffline(ambient, node, service);
  return ok(asked);
}

/** After a reset a primary extracts what is written from now on, not what was. */
function* beginAnew(service: Service): Steps<void> {
  const found = yield* ask("logAfter", service.extracted ?? "");
  if (typeof found !== "string") service.extracted = found.at(-1)?.eventId ?? service.extracted;
}

/** The service leaves the process and stays in the configuration. */
function* unload({ ambient, node, product }: Call, service: Service): Steps<ToolResult> {
  const { name } = service;
  if (!service.state.startsWith("OFFLINE")) return bad(1, `Unable to stop service: name=${name}\n`);
  yield* ask("sleep", 300);
  node.replicators[product]?.services.delete(name);
  emit(ambient, { kind: "process", host: node.name, what: `${product} service ${name}`, verb: "stop" });
  return ok(`Service stopped successfully: name=${name}\n`);
}

export function* load({ ambient, node, product }: Call, name: string): Steps<ToolResult> {
  const known = node.volume.installed[product]?.services.find((each) => each.name === name);
  if (known === undefined) return bad(1, `Operation failed: Unknown replication service name: ${name}\n`);
  if (node.replicators[product]?.services.has(name) === true)
    return ok(`Service appears to be started already: name=${name}\n`);
  yield* ask("sleep", 300);
  addService(ambient, node, product, known);
  return ok(`Service started successfully: name=${name}\n`);
}

/** Where a service reads, told by hand; only while OFFLINE:NORMAL. Transcript conv-6h-repair-setrole. */
function* setrole({ node, product }: Call, service: Service, options: readonly string[]): Steps<ToolResult> {
  const installed = node.volume.installed[product];
  if (service.state !== "OFFLINE:NORMAL" || installed === undefined)
    return bad(1, "Operation failed: Set role operation failed: Operation irrelevant in current state\n");
  const uri = behind(options, "-uri");
  if (uri !== undefined)
    yield* ask("reconfigure", product, { ...installed, uris: { ...installed.uris, [service.name]: uri } });
  return ok();
}

/** For people. It calls safe whatever is OFFLINE:NORMAL, and says of a failed handshake that SEQNO -1 did not apply. */
function* qs({ ambient, node }: Call, service: Service): Steps<ToolResult> {
  const { state, name } = service;
  const fields = yield* statusOf(ambient, node, service);
  const since = `${fields.timeInStateSeconds}s`;
  if (state === "OFFLINE:NORMAL") return ok(`State: Safely Offline for ${since}\n`);
  if (state === "OFFLINE:ERROR")
    return ok(
      `State: ${name} Faulty (Offline) for ${since}\nError Reason: SEQNO ${fields.pendingErrorSeqno} did not apply\n    Error: ${fields.pendingExceptionMessage}\n`,
    );
  if (state === "GOING-ONLINE:SYNCHRONIZING")
    return ok(
      `State: ${name} OK, currently waiting for upstream replicator on ${fields.masterConnectUri} to come oneline; waiting for ${since}\n`,
    );
  const latency = Number(fields.appliedLatency).toFixed(1);
  const path =
    fields.role === "master"
      ? `from DB commit time on ${node.name} into THL`
      : `from source DB commit time on ${fields.pipelineSource} into target database`;
  return ok(
    [
      `State: ${name} Online for ${since}, running for ${fields.uptimeSeconds}s`,
      `Latency: ${latency}s ${path}`,
      `         ${seconds(Number(fields.relativeLatency) * 1000)}s since last source commit`,
      `Sequence: ${fields.appliedLastSeqno} last applied, 0 transactions behind (${fields.minimumStoredSeqNo}-${fields.maximumStoredSeqNo} stored) estimate 0.00s before synchronization`,
      "",
    ].join("\n"),
  );
}

/** A reader that has not fetched for so long is gone. */
const readerMs = 10_000;

/** Who reads its log. Transcripts trepctl-clients, trepctl-clients-json. */
function* clients({ ambient }: Call, service: Service, options: readonly string[]): Steps<ToolResult> {
  const hosts = [...service.readers].filter(([, at]) => ambient.now - at < readerMs).map(([host]) => host);
  if (!options.includes("-json"))
    return ok(
      [
        "Processing clients command...",
        ...hosts.map((host) => `${host}:10000`),
        "Finished clients command...",
        "",
      ].join("\n"),
    );
  const objects = hosts.map((host) => JSON.stringify({ rmiHost: host, rmiPort: "10000" }));
  return ok(`[\n${objects.join("\n,\n")}\n\n]\n`);
}

export const verbs: Readonly<Record<string, Verb>> = { clients, wait, reset, unload, setrole, qs };
