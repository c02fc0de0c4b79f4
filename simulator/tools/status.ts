/** A service's status as trepctl prints it: transcripts trepctl-status*, trepctl-services*. */
import type { Ambient } from "../model.ts";
import { ask, type Steps } from "../outside.ts";
import { isLocal, logOf, roleOf, upstreamsOf } from "../replicator.ts";
import type { Node, ProductName, Service } from "../state.ts";
import { thlPort } from "./tool.ts";

type Fields = Readonly<Record<string, string>>;

const shortKeys = [
  "appliedLastSeqno",
  "appliedLatency",
  "role",
  "serviceName",
  "serviceType",
  "started",
  "state",
];
const shortJsonKeys = [
  "serviceType",
  "appliedLastSeqno",
  "role",
  "appliedLatency",
  "started",
  "state",
  "serviceName",
];

export const jsonOf = (fields: Fields): string => JSON.stringify(fields).replaceAll("/", "\\/");

export function jsonOfAll(all: readonly Fields[], full: boolean): string {
  const objects = all.map((fields) =>
    jsonOf(full ? fields : Object.fromEntries(shortJsonKeys.map((key) => [key, fields[key] ?? ""]))),
  );
  return `[\n${objects.join("\n,\n")}\n\n]\n`;
}

export function textOf(fields: Fields): string {
  const { started: _, ...shown } = fields;
  return `Processing status command...\n${block(shown, Object.keys(shown).sort())}Finished status command...\n`;
}

export const textOfAll = (all: readonly Fields[]): string =>
  `Processing services command...\n${all.map((fields) => block(fields, shortKeys)).join("")}Finished services command...\n`;

/** Values of several lines go on below their first one. */
function block(fields: Fields, keys: readonly string[]): string {
  const width = Math.max(4, ...keys.map((key) => key.length));
  const lines = keys.map(
    (key) => `${key.padEnd(width)}: ${(fields[key] ?? "").replaceAll("\n", `\n${" ".repeat(width + 2)}`)}`,
  );
  return `${"NAME".padEnd(width)}  VALUE\n${"----".padEnd(width)}  -----\n${lines.join("\n")}\n`;
}

const uriOf = ({ host, product }: { host: string; product: ProductName }): string =>
  `thl://${host}:${thlPort(product)}/`;

/** All fields of `status`; positions are blank whenever the service is not online. */
export function* statusOf(ambient: Ambient, node: Node, service: Service): Steps<Fields> {
  const live = service.state === "ONLINE";
  const up = yield* ask("databaseUp");
  const tables = up ? yield* ask("tracking", service.schema) : undefined;
  const commit = tables === undefined || tables === "empty" ? null : tables.commit;
  const ends = yield* ask("thlEnds", logOf(service));
  const role = roleOf(service, node);
  const error = service.error !== null && ambient.now >= service.error.visibleAt ? service.error : null;
  const latency = ends === null ? 0 : Math.min(1, (ambient.now - ends.last.at) / 1000);
  const position = (value: number | undefined) => String(live ? (value ?? -1) : -1);
  return {
    appliedLastEventId: live ? (commit?.eventId ?? "NONE") : "NONE",
    appliedLastSeqno: position(commit?.seqno),
    appliedLatency: live ? latency.toFixed(3) : "-1.0",
    autoRecoveryEnabled: String(!isLocal(service, node)),
    autoRecoveryTotal: String(service.recoveries),
    channels: live ? String(node.volume.installed[service.product]?.channels ?? 1) : "-1",
    clusterName: service.name,
    currentEventId: role === "master" ? (up ? (commit?.eventId ?? "NONE") : "ERROR") : "NONE",
    currentTimeMillis: String(ambient.now),
    dataServerHost: node.name,
    extensions: "",
    host: node.name,
    latestEpochNumber: position(ends?.last.epoch),
    masterConnectUri:
      role === "master" ? "thl://localhost:/" : upstreamsOf(node, service).map(uriOf).join(","),
    masterListenUri: isLocal(service, node) ? `thl://${node.name}:2112/` : "null",
    maximumStoredSeqNo: position(ends?.last.seqno),
    minimumStoredSeqNo: position(ends?.first.seqno),
    offlineRequests:
      service.stopAt === null || service.state.startsWith("OFFLINE")
        ? "NONE"
        : `Offline at heartbeat event: ${service.stopAt}`,
    pendingError: error?.pending ?? "NONE",
    pendingErrorCode: "NONE",
    pendingErrorEventId: error?.eventId ?? "NONE",
    pendingErrorSeqno: String(error?.seqno ?? -1),
    pendingExceptionMessage: error?.text ?? "NONE",
    pipelineSource: live
      ? role === "master"
        ? `jdbc:mysql:thin://${node.name}:13306/`
        : service.upstream === null
          ? "UNKNOWN"
          : uriOf(service.upstream)
      : "UNKNOWN",
    relativeLatency: live ? latency.toFixed(3) : "-1.0",
    resourcePrecedence: "99",
    rmiPort: service.product === "cluster" ? "10000" : "10002",
    role,
    seqnoType: "java.lang.Long",
    serviceName: service.name,
    serviceType: live ? "local" : "unknown",
    simpleServiceName: service.name,
    siteName: "default",
    sourceId: node.name,
    started: "true",
    state: service.state,
    timeInStateSeconds: ((ambient.now - service.since) / 1000).toFixed(3),
    timezone: "GMT",
    transitioningTo:
      service.state === "OFFLINE:ERROR" && service.recoverAt > 0 ? "GOING-ONLINE:SYNCHRONIZING" : "",
    uptimeSeconds: (
      (ambient.now - (node.replicators[service.product]?.startedAt ?? ambient.now)) /
      1000
    ).toFixed(3),
    useSSLConnection: "false",
    version: "Tungsten Replicator 8.0.4",
  };
}
