/**
 * trepctl: how to ask a replicator and how to read it. Shapes from the transcripts trepctl-*, conv-*status*; behaviour
 * from tungsten-observed §3.2: exit 0 means accepted, positions are blank while a service is offline.
 */
import type { Product, Query, ToolOutput } from "./invocation.ts";
import { type Reading, type ReplicatorState, type ReplicatorStatus, read, unreadable } from "./reading.ts";

export const servicesQuery = (id: string, product: Product): Query => ({
  id,
  argv: ["trepctl", product, "services", "-full", "-json"],
});

const service = (product: Product, name: string, ...words: readonly string[]): readonly string[] => [
  "trepctl",
  product,
  "-service",
  name,
  ...words,
];

/** Tells a service to stop at a heartbeat; on a service that is not ONLINE it arms nothing and yet exits 0. */
export const armOfflineAtHeartbeat = (product: Product, name: string, heartbeatName: string) =>
  service(product, name, "offline-deferred", "-at-heartbeat", heartbeatName);
export const online = (product: Product, name: string) => service(product, name, "online");
/** Switches the epoch check off for one handshake. Only with proof that the event is the same at the source. */
export const onlineForce = (product: Product, name: string) => service(product, name, "online", "-force");
export const onlineUntilHeartbeat = (product: Product, name: string, heartbeatName: string) =>
  service(product, name, "online", "-until-heartbeat", heartbeatName);
export const offline = (product: Product, name: string) => service(product, name, "offline");
/** Only on a primary: on an ONLINE replica it also exits 0, and overwrites that replica's own row. */
export const heartbeat = (product: Product, name: string, heartbeatName: string) =>
  service(product, name, "heartbeat", "-name", heartbeatName);

/** The replicator's process does not answer at its management port. */
export const replicatorIsDown = (output: ToolOutput): boolean =>
  output.exitCode !== 0 && /^\.*Connection failed: A component of type 'replicator'/m.test(output.stdout);

const knownStates: readonly ReplicatorState[] = [
  "ONLINE",
  "OFFLINE:NORMAL",
  "OFFLINE:ERROR",
  "GOING-ONLINE:SYNCHRONIZING",
  "GOING-ONLINE:PROVISIONING",
  "GOING-ONLINE:RESTORING",
  "GOING-OFFLINE",
  "START",
];

type Fields = Readonly<Record<string, unknown>>;

const textOf = (fields: Fields, key: string): string | null => {
  const value = fields[key];
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" && value !== "NONE" && value !== "Unknown" ? value : null;
};

const numberOf = (fields: Fields, key: string): number | null => {
  const text = textOf(fields, key);
  if (text === null || !/^-?\d+(\.\d+)?$/.test(text)) return null;
  return Number(text) < 0 ? null : Number(text);
};

function statusFrom(fields: Fields): ReplicatorStatus | undefined {
  const name = textOf(fields, "serviceName");
  const word = textOf(fields, "state") ?? "";
  if (name === null || fields.state === undefined) return undefined;
  const source = textOf(fields, "pipelineSource");
  return {
    service: name,
    state: knownStates.find((state) => state === word) ?? { unrecognised: word },
    started: fields.started !== "false",
    role: textOf(fields, "role") ?? "unknown",
    appliedSeqno: numberOf(fields, "appliedLastSeqno"),
    appliedEventId: textOf(fields, "appliedLastEventId"),
    appliedLatencySeconds: numberOf(fields, "appliedLatency"),
    offlineRequests: (textOf(fields, "offlineRequests") ?? "")
      .split(";")
      .map((request) => request.trim())
      .filter((request) => request !== ""),
    pendingError: textOf(fields, "pendingError"),
    pendingErrorSeqno: numberOf(fields, "pendingErrorSeqno"),
    pendingExceptionMessage: textOf(fields, "pendingExceptionMessage"),
    transitioningTo: textOf(fields, "transitioningTo"),
    pipelineSource: source === "UNKNOWN" ? null : source,
    masterConnectUri: textOf(fields, "masterConnectUri"),
    minimumStoredSeqno: numberOf(fields, "minimumStoredSeqNo"),
    maximumStoredSeqno: numberOf(fields, "maximumStoredSeqNo"),
    latestEpoch: numberOf(fields, "latestEpochNumber"),
    channels: numberOf(fields, "channels"),
    timeInStateSeconds: numberOf(fields, "timeInStateSeconds"),
    uptimeSeconds: numberOf(fields, "uptimeSeconds"),
    autoRecoveryTotal: numberOf(fields, "autoRecoveryTotal"),
    sourceId: textOf(fields, "sourceId"),
  };
}

const firstLine = (text: string): string => text.trim().split("\n")[0]?.slice(0, 120) ?? "";

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `services -full -json` (or `-json` alone, with less in it): an array, every value a string. */
export function readServices(output: ToolOutput): Reading<readonly ReplicatorStatus[]> {
  if (output.exitCode !== 0)
    return unreadable(`trepctl exited ${output.exitCode}: ${firstLine(output.stdout)}`);
  const list = parsed(output.stdout);
  if (!Array.isArray(list))
    return unreadable(`trepctl services printed no JSON array: ${firstLine(output.stdout)}`);
  const all = list.map((fields) =>
    typeof fields === "object" && fields !== null ? statusFrom(fields as Fields) : undefined,
  );
  const whole = all.filter((status) => status !== undefined);
  return whole.length === all.length
    ? read(whole)
    : unreadable("a service in trepctl's JSON has no name or state");
}

/** `status -json`: one object. */
export function readStatusJson(output: ToolOutput): Reading<ReplicatorStatus> {
  if (output.exitCode !== 0)
    return unreadable(`trepctl exited ${output.exitCode}: ${firstLine(output.stdout)}`);
  const fields = parsed(output.stdout);
  if (typeof fields !== "object" || fields === null || Array.isArray(fields))
    return unreadable("no JSON object");
  const status = statusFrom(fields as Fields);
  return status === undefined ? unreadable("the JSON has no service name or state") : read(status);
}

/** Blocks of `key : value` lines; a line without the colon in the key's column continues the value above. */
function blocksOf(text: string): readonly Fields[] | undefined {
  if (
    !/^Processing (services|status) command/m.test(text) ||
    !/^Finished (services|status) command/m.test(text)
  )
    return undefined;
  const blocks: Record<string, string>[] = [];
  let last = "";
  for (const line of text.split("\n")) {
    if (/^NAME\s+VALUE/.test(line)) {
      blocks.push({});
      last = "";
      continue;
    }
    const block = blocks.at(-1);
    if (block === undefined || /^(----|Processing |Finished )/.test(line)) continue;
    const match = /^([A-Za-z]+)\s*: ?(.*)$/.exec(line);
    if (match?.[1] !== undefined) {
      last = match[1];
      block[last] = match[2] ?? "";
    } else if (last !== "") block[last] = `${block[last]}\n${line.trim()}`;
  }
  return blocks;
}

/** The text form of `services [-full]`. */
export function readServicesText(output: ToolOutput): Reading<readonly ReplicatorStatus[]> {
  const blocks = output.exitCode === 0 ? blocksOf(output.stdout) : undefined;
  if (blocks === undefined) return unreadable(`not a services listing: ${firstLine(output.stdout)}`);
  const all = blocks.map(statusFrom);
  const whole = all.filter((status) => status !== undefined);
  return whole.length === all.length ? read(whole) : unreadable("a block has no service name or state");
}

/** The text form of `status`. */
export function readStatusText(output: ToolOutput): Reading<ReplicatorStatus> {
  const all = readServicesText(output);
  if ("unreadable" in all) return all;
  const [only] = all.read;
  return only === undefined || all.read.length !== 1
    ? unreadable("not the status of one service")
    : read(only);
}
