/** A service's status as trepctl prints it: transcripts trepctl-status*, trepctl-services*. */
import type { Ambient } from "../model.ts";
import { ask, type Steps } from "../outside.ts";
import { logOf } from "../replicator.ts";
import type { Node, ProductName, Service } from "../state.ts";
import { isLocal, roleOf, upstreamsOf } from "../upstreams.ts";
import { thlPort } from "./tool.ts";

export type Fields = Readonly<Record<string, string>>;

const shortKeys = [
  "appliedLastSeqno",
  "appliedLatency",
  "role",
  "serviceName",
  "serviceType",
  "started",
  "state",
];
/** `services` tells whether a service is loaded; `status` does not. */
const withoutStarted = ({ started: _, ...shown }: Fields): Fields => shown;
const shortOf = (fields: Fields): Fields =>
  Object.fromEntries(shortKeys.map((key) => [key, fields[key] ?? ""]));

/** `status -json`: one object on one line. */
export const statusJson = (fields: Fields): string => `${objectOf(withoutStarted(fields))}\n`;

/** Every value is a string but one: what is null stays null. */
const objectOf = (fields: Fields): string =>
  JSON.stringify(fields, (_key, value) => (value === "null" ? null : value)).replaceAll("/", "\\/");

/** `services [-full] -json`: an array. */
export const servicesJson = (all: readonly Fields[], full: boolean): string =>
  `[\n${all.map((fields) => objectOf(full ? fields : shortOf(fields))).join("\n,\n")}\n\n]\n`;

export const statusText = (fields: Fields): string =>
  `Processing status command...\n${block(withoutStarted(fields))}Finished status command...\n`;

export const servicesText = (all: readonly Fields[], full: boolean): string =>
  `Processing services command...\n${all.map((fields) => block(full ? fields : shortOf(fields))).join("")}Finished services command...\n`;

/** A service that is configured and not loaded: every field Unknown. Transcript trepctl-unload. */
export const unloaded = (name: string): Fields => ({
  ...Object.fromEntries(shortKeys.map((key) => [key, "Unknown"])),
  serviceName: name,
  started: "false",
});

/** Values of several lines go on below their first one. */
function block(fields: Fields): string {
  const keys = Object.keys(fields).sort();
  const width = Math.max(4, ...keys.map((key) => key.length));
  const lines = keys.map(
    (key) => `${key.padEnd(width)}: ${(fields[key] ?? "").replaceAll("\n", `\n${" ".repeat(width + 2)}`)}`,
  );
  return `${"NAME".padEnd(width)}  VALUE\n${"----".padEnd(width)}  -----\n${lines.join("\n")}\n`;
}

const protocolOf = (node: Node, { product }: Pick<Service, "product">): string =>
  node.volume.installed[product]?.secured === true ? "thls" : "thl";
const uriOf =
  (protocol: string) =>
  ({ host, product }: { host: string; product: ProductName }): string =>
    `${protocol}://${host}:${thlPort(product)}/`;

/** As Java prints a double: 6.0, 0.81, 45.732. */
export const seconds = (ms: number): string => {
  const text = String(Math.round(ms) / 1000);
  return text.includes(".") ? text : `${text}.0`;
};

const offline = ({ state }: Service): boolean => state.startsWith("OFFLINE");
const startOf = (ambient: Ambient, node: Node, { product }: Service): number =>
  node.replicators[product]?.startedAt ?? ambient.now;

/** Positions are blank while OFFLINE, and before the first ONLINE; a service that lost its source goes on showing what it had. */
function* positionsOf(ambient: Ambient, node: Node, service: Service, up: boolean): Steps<Fields> {
  const live = service.state === "ONLINE" || (!offline(service) && service.upstream !== null);
  const untouched = service.since === startOf(ambient, node, service) && service.state === "OFFLINE:NORMAL";
  const prepared = !offline(service) || untouched;
  const tables = up ? yield* ask("tracking", service.schema) : undefined;
  const commit = tables === undefined || tables === "empty" ? null : tables.commit;
  const ends = yield* ask("thlEnds", logOf(service));
  const stands = live && (ends !== null || (commit?.seqno ?? -1) >= 0);
  const written = ends?.last.writtenAt ?? service.since;
  const position = (value: number | undefined) => String(live ? (value ?? -1) : -1);
  const eventId = commit?.eventId ?? service.extracted ?? "";
  return {
    appliedLastEventId: live && eventId !== "" ? eventId : "NONE",
    appliedLastSeqno: position(commit?.seqno ?? ends?.last.seqno),
    appliedLatency: stands ? seconds((ends?.last.at ?? written) - written) : "-1.0",
    channels: prepared ? String(node.volume.installed[service.product]?.channels ?? 1) : "-1",
    latestEpochNumber: position(ends?.last.epoch ?? (stands ? commit?.epoch : undefined)),
    maximumStoredSeqNo: position(ends?.last.seqno),
    minimumStoredSeqNo: position(ends?.first.seqno),
    relativeLatency: stands ? seconds(ambient.now - written) : "-1.0",
    serviceType: prepared ? "local" : "unknown",
  };
}

/** Where a service reads, and what it could read from. */
function pathsOf(node: Node, service: Service): Fields {
  const role = roleOf(service, node);
  const protocol = protocolOf(node, service);
  const source =
    role === "master"
      ? `jdbc:mysql:thin://${node.name}:13306/${service.schema}?noPrepStmtCache=true`
      : service.upstream && uriOf(protocol)(service.upstream);
  return {
    masterConnectUri:
      role === "master"
        ? `${protocol}://localhost:/`
        : upstreamsOf(node, service).map(uriOf(protocol)).join(","),
    masterListenUri: isLocal(service, node) ? `${protocol}://${node.name}:2112/` : "null",
    pipelineSource: offline(service) ? "UNKNOWN" : (source ?? "UNKNOWN"),
    role,
  };
}

/** All fields of `status`, those of `services` among them. */
export function* statusOf(ambient: Ambient, node: Node, service: Service): Steps<Fields> {
  const up = yield* ask("databaseUp");
  const error = service.error !== null && ambient.now >= service.error.visibleAt ? service.error : null;
  const extracts = roleOf(service, node) === "master" && !offline(service);
  const current = up ? (service.extracted ?? "").replace(/;.*/, "") || "NONE" : "ERROR";
  const crosses = service.product === "crossSite";
  return {
    ...(yield* positionsOf(ambient, node, service, up)),
    ...pathsOf(node, service),
    autoRecoveryEnabled: String(!isLocal(service, node)),
    autoRecoveryTotal: String(service.recoveries),
    clusterName: crosses ? `${service.source}_${node.cluster.dataservice}` : service.name,
    currentEventId: extracts ? current : "NONE",
    currentTimeMillis: String(ambient.now),
    dataServerHost: node.name,
    extensions: "",
    host: node.name,
    offlineRequests:
      service.stopAt === null || offline(service) ? "NONE" : `Offline at heartbeat event: ${service.stopAt}`,
    pendingError: error?.pending ?? "NONE",
    pendingErrorCode: "NONE",
    pendingErrorEventId: error?.eventId ?? "NONE",
    pendingErrorSeqno: String(error?.seqno ?? -1),
    pendingExceptionMessage: error?.text ?? "NONE",
    resourcePrecedence: "99",
    rmiPort: crosses ? "10002" : "10000",
    seqnoType: "java.lang.Long",
    serviceName: service.name,
    simpleServiceName: service.name,
    siteName: "default",
    sourceId: node.name,
    started: "true",
    state: service.state,
    timeInStateSeconds: seconds(ambient.now - service.since),
    timezone: "GMT",
    transitioningTo:
      service.state === "OFFLINE:ERROR" && service.recoverAt > 0 ? "GOING-ONLINE:SYNCHRONIZING" : "",
    uptimeSeconds: seconds(ambient.now - startOf(ambient, node, service)),
    useSSLConnection: String(protocolOf(node, service) === "thls"),
    version: "Tungsten Replicator 8.0.4",
  };
}
