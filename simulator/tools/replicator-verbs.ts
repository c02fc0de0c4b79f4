/**
 * trepctl's verbs that change more than a state, or only look: wait, reset, load, unload, setrole, qs, version.
 * Transcripts trepctl-wait-*, trepctl-reset-*, trepctl-load, trepctl-unload, trepctl-qs*; texts without one are [doc-code].
 */
import { emit, type Host, type ProductName, type Service, siteOf, type ToolResult } from "../model.ts";
import { resetCatalog } from "../mysql.ts";
import { addService, thlKey, thlOf } from "../replicator.ts";
import { bad, type Call, ok } from "./tool.ts";

type Steps = Generator<number, ToolResult, void>;
type Verb = (call: Call, product: ProductName, service: Service, options: readonly string[]) => Steps;

export const behind = (options: readonly string[], name: string): string | undefined =>
  options.includes(name) ? (options[options.indexOf(name) + 1] ?? "") : undefined;

/** `wait -state S -limit N`: a state's name matches all below it, so OFFLINE is OFFLINE:NORMAL too. `wait -applied N` likewise. */
export function* wait(
  { world, host }: Call,
  _product: ProductName,
  service: Service,
  options: readonly string[],
): Steps {
  const state = behind(options, "-state");
  const applied = Number(behind(options, "-applied") ?? "NaN");
  const limit = Number(behind(options, "-limit") ?? 0);
  const end = world.now + (limit === 0 ? 1800 : limit) * 1000;
  const reached = () =>
    state === undefined
      ? (thlOf(host, service).at(-1)?.seqno ?? -1) >= applied && service.state === "ONLINE"
      : service.state === state || service.state.startsWith(`${state}:`);
  for (;;) {
    if (reached()) return ok();
    if (state !== undefined && service.state === "OFFLINE:ERROR" && service.recoverAt === 0)
      return bad(1, `Replicator failed and is in error state: ${service.state}\n`);
    if (world.now >= end) return bad(1, "Wait timed out!\n");
    yield 500;
  }
}

const areas = ["-all", "-thl", "-relay", "-db", "-redo"];

/** What follows the area is only searched for -y: `-y -all` still asks. Anything but `yes` does nothing, with exit 0. */
export function* reset(
  { world, host, stdin }: Call,
  product: ProductName,
  service: Service,
  options: readonly string[],
): Steps {
  const { name } = service;
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
  yield 300;
  if (area === "-all" || area === "-db") resetCatalog(world, host, service.schema);
  if (area === "-all" || area === "-thl") host.volume.thl.delete(thlKey(product, name));
  service.error = null;
  return ok(asked);
}

/** The service leaves the process and stays in the configuration. */
export function* unload(
  { world, host }: Call,
  product: ProductName,
  service: Service,
  _options: readonly string[],
): Steps {
  if (!service.state.startsWith("OFFLINE")) return bad(1, `Unable to stop service: name=${service.name}\n`);
  yield 300;
  host.replicators[product]?.services.delete(service.name);
  emit(world, { kind: "process", host: host.name, what: `${product} service ${service.name}`, verb: "stop" });
  return ok(`Service stopped successfully: name=${service.name}\n`);
}

export function* load({ world, host }: Call, product: ProductName, name: string): Steps {
  const known = host.volume.installed[product]?.services.find((each) => each.name === name);
  if (known === undefined) return bad(1, `Operation failed: Unknown replication service name: ${name}\n`);
  if (host.replicators[product]?.services.has(name) === true)
    return ok(`Service appears to be started already: name=${name}\n`);
  yield 300;
  addService(world, host, product, known);
  return ok(`Service started successfully: name=${name}\n`);
}

/** Where a service reads, told by hand; kept on disk. Only while OFFLINE:NORMAL. */
function* setrole({ host }: Call, product: ProductName, service: Service, options: readonly string[]): Steps {
  if (service.state !== "OFFLINE:NORMAL")
    return bad(1, "Operation failed: Set role operation failed: Operation irrelevant in current state\n");
  const uri = behind(options, "-uri");
  if (uri !== undefined) host.volume.dynamic.set(thlKey(product, service.name), uri);
  yield 100;
  return ok();
}

/** For people. It calls safe whatever is OFFLINE:NORMAL, and a failed handshake SEQNO -1. */
function* qs({ world, host }: Call, product: ProductName, service: Service): Steps {
  const seconds = (since: number) => `${String((world.now - since) / 1000)}s`;
  const since = seconds(service.since);
  const [state] = service.state.split(":");
  if (service.state === "OFFLINE:NORMAL") return ok(`State: Safely Offline for ${since}\n`);
  if (service.state === "OFFLINE:ERROR") {
    const error = service.error !== null && world.now >= service.error.visibleAt ? service.error : null;
    return ok(
      `State: ${service.name} Faulty (Offline) for ${since}\nError Reason: SEQNO ${error?.seqno ?? -1} did not apply\n    Error: ${error?.text ?? "NONE"}\n`,
    );
  }
  if (state === "GOING-ONLINE")
    return ok(
      `State: ${service.name} OK, currently waiting for upstream replicator on ${service.upstream ?? "NONE"} to come oneline; waiting for ${since}\n`,
    );
  const log = thlOf(host, service);
  const last = log.at(-1);
  const running = seconds(host.replicators[product]?.startedAt ?? world.now);
  const latency = ((last?.at ?? 0) - (last?.entry.at ?? 0)) / 1000;
  return ok(
    [
      `State: ${service.name} Online for ${since}, running for ${running}`,
      `Latency: ${latency.toFixed(1)}s from source DB commit time on ${siteOf(world, service.source).dataservice} into target database`,
      `         ${seconds(last?.entry.at ?? world.now)} since last source commit`,
      `Sequence: ${last?.seqno ?? -1} last applied, 0 transactions behind (${log[0]?.seqno ?? -1}-${last?.seqno ?? -1} stored) estimate 0.00s before synchronization`,
      "",
    ].join("\n"),
  );
}

export const verbs: Readonly<Record<string, Verb>> = { wait, reset, unload, setrole, qs };

/** A configured service that is not loaded: every field Unknown. */
export const unloadedServices = (
  host: Host,
  product: ProductName,
): readonly Readonly<Record<string, string>>[] =>
  (host.volume.installed[product]?.services ?? [])
    .filter(({ name }) => host.replicators[product]?.services.has(name) !== true)
    .map(({ name }) => ({
      appliedLastSeqno: "Unknown",
      appliedLatency: "Unknown",
      role: "Unknown",
      serviceName: name,
      serviceType: "Unknown",
      started: "false",
      state: "Unknown",
    }));
