/**
 * trepctl: how to ask a replicator and how to read it. Shapes from the transcripts trepctl-*, conv-*status*; behaviour
 * from tungsten-observed §3.2: exit 0 means accepted, positions are blank while a service is offline. `mm_trepctl` is a
 * shell alias for the same program of the second product (tungsten-cli §0.1): ask it as product `crossSite`.
 */
import type { Product, ToolOutput } from "./invocation.ts";
import {
  integerFrom,
  linesOf,
  type Reading,
  type ReplicatorState,
  type ReplicatorStatus,
  read,
  type ServiceLine,
  unreadable,
} from "./reading.ts";

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
/** Leaves one event out, and goes on behind it. */
export const onlineSkipping = (product: Product, name: string, seqno: number) =>
  service(product, name, "online", "-skip-seqno", String(seqno));
export const offline = (product: Product, name: string) => service(product, name, "offline");
/** Log, relay log and position go; needs OFFLINE. In this order of words only: `-y -all` would ask (tungsten-cli §1.5). */
export const resetAll = (product: Product, name: string) => service(product, name, "reset", "-all", "-y");
/** The log alone; the position stays in the tracking schema. */
export const resetThl = (product: Product, name: string) => service(product, name, "reset", "-thl", "-y");
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

/** A state by its word; a word nobody has heard of is kept, cut to a bearable length. */
export const stateFrom = (word: string): ReplicatorState =>
  knownStates.find((state) => state === word) ?? { unrecognised: word.slice(0, 120) };

type Fields = Readonly<Record<string, unknown>>;

const wordOf = (fields: Fields, key: string): string | undefined => {
  const value = fields[key];
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" ? value : undefined;
};

/** NONE and Unknown are how trepctl writes that there is nothing to say. */
const textOf = (fields: Fields, key: string): string | null => {
  const word = wordOf(fields, key);
  return word === undefined || word === "" || word === "NONE" || word === "Unknown" ? null : word;
};

/** Below zero means unknown: -1 for numbers, -1.0 for latencies. */
const countOf = (fields: Fields, key: string): number | null => {
  const number = integerFrom(textOf(fields, key));
  return number === undefined || number < 0 ? null : number;
};

/** Seconds with a fraction; from ten million on Java writes 1.0E7 ([inferred] from Double.toString). */
const secondsOf = (fields: Fields, key: string): number | null => {
  const text = textOf(fields, key);
  return text !== null && /^(?:0|[1-9]\d*)(?:\.\d+)?(?:E\d{1,2})?$/.test(text) ? Number(text) : null;
};

/** Without these an answer is no whole status: the short listing, a text cut down, a release that renamed them. */
const demanded = [
  "role",
  "state",
  "appliedLastSeqno",
  "offlineRequests",
  "pendingError",
  "pendingErrorSeqno",
  "pendingExceptionMessage",
];

function lineFrom(fields: Fields): ServiceLine | undefined {
  const name = textOf(fields, "serviceName");
  const word = wordOf(fields, "state");
  if (name === null || word === undefined) return undefined;
  return {
    service: name,
    state: stateFrom(word),
    started: wordOf(fields, "started") !== "false",
    role: textOf(fields, "role") ?? "unknown",
    appliedSeqno: countOf(fields, "appliedLastSeqno"),
    appliedLatencySeconds: secondsOf(fields, "appliedLatency"),
  };
}

function statusFrom(fields: Fields): ReplicatorStatus | undefined {
  const line = lineFrom(fields);
  if (line === undefined) return undefined;
  if (line.started && demanded.some((key) => wordOf(fields, key) === undefined)) return undefined;
  const source = textOf(fields, "pipelineSource");
  return {
    ...line,
    relativeLatencySeconds: secondsOf(fields, "relativeLatency"),
    appliedEventId: textOf(fields, "appliedLastEventId"),
    offlineRequests: (textOf(fields, "offlineRequests") ?? "")
      .split(";")
      .map((request) => request.trim())
      .filter((request) => request !== ""),
    pendingError: textOf(fields, "pendingError"),
    pendingErrorSeqno: countOf(fields, "pendingErrorSeqno"),
    pendingExceptionMessage: textOf(fields, "pendingExceptionMessage"),
    transitioningTo: textOf(fields, "transitioningTo"),
    pipelineSource: source === "UNKNOWN" ? null : source,
    masterConnectUri: textOf(fields, "masterConnectUri"),
    minimumStoredSeqno: countOf(fields, "minimumStoredSeqNo"),
    maximumStoredSeqno: countOf(fields, "maximumStoredSeqNo"),
    latestEpoch: countOf(fields, "latestEpochNumber"),
    channels: countOf(fields, "channels"),
    timeInStateSeconds: secondsOf(fields, "timeInStateSeconds"),
    uptimeSeconds: secondsOf(fields, "uptimeSeconds"),
    autoRecoveryTotal: countOf(fields, "autoRecoveryTotal"),
    sourceId: textOf(fields, "sourceId"),
  };
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** JSON (an array, or one object) or text, as records; undefined for anything that is not whole. */
function recordsOf(output: ToolOutput): readonly Fields[] | undefined {
  if (output.exitCode !== 0) return undefined;
  if (!/^\s*[[{]/.test(output.stdout)) return blocksOf(output.stdout);
  try {
    const parsed: unknown = JSON.parse(output.stdout);
    const list: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed];
    return list.every(isFields) ? list : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Blocks of `key : value` lines between "Processing …" and "Finished …". The head's VALUE tells the column of the colons;
 * a line that is blank up to there continues the value above; any other line, or a key told twice, spoils the text.
 */
function blocksOf(text: string): readonly Fields[] | undefined {
  const lines = linesOf(text.trim());
  const command = /^Processing (services|status) command\.\.\.$/.exec(lines[0] ?? "")?.[1];
  if (command === undefined || lines.at(-1) !== `Finished ${command} command...`) return undefined;
  const blocks: Map<string, string>[] = [];
  let column = 0;
  let last = "";
  for (const line of lines.slice(1, -1)) {
    if (/^NAME {2,}VALUE\s*$/.test(line)) {
      column = line.indexOf("VALUE");
      last = "";
      blocks.push(new Map());
    } else if (!/^-{4} +-{5}\s*$/.test(line)) {
      const block = blocks.at(-1);
      const key = line.slice(0, column - 2).trimEnd();
      const value = line.slice(column);
      if (block === undefined) return undefined;
      if (last !== "" && line.slice(0, column).trim() === "") block.set(last, `${block.get(last)}\n${value}`);
      else if (line[column - 2] === ":" && /^[A-Za-z][A-Za-z0-9.]*$/.test(key) && !block.has(key)) {
        last = key;
        block.set(key, value.trimEnd());
      } else return undefined;
    }
  }
  return blocks.map((block) => Object.fromEntries(block));
}

/** Why a text gave no records, without showing what may hold a user's rows. */
function refusal<T>(output: ToolOutput, what: string): Reading<T> {
  if (output.exitCode === 0) return unreadable(`trepctl printed no whole ${what}`);
  return unreadable(`trepctl exited ${output.exitCode}: ${linesOf(output.stdout.trim())[0]?.slice(0, 120)}`);
}

function distinct<T extends { readonly service: string }>(
  all: readonly (T | undefined)[],
): Reading<readonly T[]> {
  const whole = all.filter((status) => status !== undefined);
  if (whole.length !== all.length)
    return unreadable("a service in trepctl's listing lacks what a status has");
  const names = new Set(whole.map((status) => status.service));
  return names.size === whole.length ? read(whole) : unreadable("trepctl lists a service twice");
}

/** `services -full [-json]`: every service with its whole status; in JSON every value is a string. */
export function readServices(output: ToolOutput): Reading<readonly ReplicatorStatus[]> {
  const records = recordsOf(output);
  return records === undefined ? refusal(output, "listing of services") : distinct(records.map(statusFrom));
}

/** `services [-json]`: the short listing, which tells no errors and no armed requests. */
export function readServiceList(output: ToolOutput): Reading<readonly ServiceLine[]> {
  const records = recordsOf(output);
  return records === undefined ? refusal(output, "listing of services") : distinct(records.map(lineFrom));
}

/** `-service S status [-json]`: one object, or one block. */
export function readStatus(output: ToolOutput): Reading<ReplicatorStatus> {
  const all = readServices(output);
  if ("unreadable" in all) return all;
  const [only] = all.read;
  return only === undefined || all.read.length !== 1
    ? unreadable("not the status of one service")
    : read(only);
}
