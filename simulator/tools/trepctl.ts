/** trepctl, as the transcripts show it: every JSON value a string, errors on stdout, success before the outcome. */
import type { Host, ProductName, Service, ToolResult, World } from "../model.ts";
import { emit, siteOf } from "../model.ts";
import { binlogFile, setHeartbeat, tablesOf, writeHeartbeat } from "../mysql.ts";
import {
  armOffline,
  askOffline,
  fail,
  goOnline,
  isLocal,
  roleOf,
  thlOf,
  upstreamsOf,
} from "../replicator.ts";
import { bad, type Call, ok, type Tool } from "./tool.ts";

/** Nobody listens at the port, or the process is up and has not registered there yet. */
const down = (product: ProductName, dots: number, starting: boolean): ToolResult => {
  const port = product === "cluster" ? 10000 : 10002;
  const why = starting
    ? ["javax.naming.NameNotFoundException: replicator"]
    : [
        "javax.naming.ServiceUnavailableException [Root exception is java.rmi.ConnectException: Connection refused to host: localhost; nested exception is: ",
        "\tjava.net.ConnectException: Connection refused (Connection refused)]",
      ];
  const text = [
    `${".".repeat(dots)}Connection failed: A component of type 'replicator' at address localhost:${port} is not available.`,
    ` java.io.IOException: Failed to retrieve RMIServer stub: ${why.join("\n")}`,
    "Check to be sure that the service is running.",
  ];
  return bad(1, `${text.join("\n")}\n`);
};

/** The port answers a moment after the process started. */
const portDelayMs = 1500;

/** Arguments after the product: global options, then the command. Ten dots are ten seconds unless -retry 0 says otherwise. */
export const trepctl: Tool = function* (call: Call) {
  const { world, host } = call;
  const product = call.args[0] === "crossSite" ? "crossSite" : "cluster";
  const { service: name, retry, rest } = globals(call.args.slice(1));
  const process = host.replicators[product];
  if (process === undefined || world.now < process.startedAt + portDelayMs) {
    if (retry > 0) yield retry * 1000;
    return down(product, retry, process !== undefined);
  }
  const [command = "", ...options] = rest;
  if (command === "services") return services(world, host, product, options);
  const all = [...process.services.values()];
  const [only] = all;
  if (name === undefined && all.length !== 1)
    return bad(1, "Operation failed: You must specify a service name with the -service flag\n");
  const service = name === undefined ? only : process.services.get(name);
  if (service === undefined) {
    if (retry > 0) yield retry * 1000;
    const head = command === "status" && !options.includes("-json") ? "Processing status command...\n" : "";
    return bad(1, `${head}${".".repeat(retry)}Operation failed: null\n`);
  }
  return onService(call, service, command, options);
};

function globals(args: readonly string[]): { service?: string; retry: number; rest: readonly string[] } {
  let retry = 10;
  let service: string | undefined;
  let at = 0;
  for (; at < args.length; at += 2) {
    if (args[at] === "-service") service = args[at + 1];
    else if (args[at] === "-retry") retry = Number(args[at + 1]);
    else break;
  }
  return { retry, rest: args.slice(at), ...(service !== undefined && { service }) };
}

function onService(call: Call, service: Service, command: string, options: readonly string[]): ToolResult {
  const { world, host } = call;
  switch (command) {
    case "status": {
      const { started: _, ...shown } = fieldsOf(world, host, service);
      return ok(
        options.includes("-json")
          ? `${JSON.stringify(shown).replaceAll("/", "\\/")}\n`
          : `Processing status command...\n${block(shown, Object.keys(shown).sort())}Finished status command...\n`,
      );
    }
    case "online":
      return online(call, service, options);
    case "offline":
      askOffline(world, host, service, options.includes("-immediate"));
      return ok();
    case "offline-deferred":
      armOffline(world, host, service, options[1] ?? "*");
      return ok();
    case "heartbeat":
      return heartbeat(world, host, service, options[1] ?? "NONE");
    default:
      return bad(1, `Unknown command, try 'help' to get a list: '${command}\n`);
  }
}

/** Accepted is all that exit 0 says; a database that is down is noticed at once. */
function online({ world, host }: Call, service: Service, options: readonly string[]): ToolResult {
  const failed = (why: string) => bad(1, `Operation failed: Online operation failed (${why})\n`);
  if (!service.state.startsWith("OFFLINE")) return failed("Operation irrelevant in current state");
  const value = (name: string) =>
    options.includes(name) ? (options[options.indexOf(name) + 1] ?? "*") : undefined;
  if (!host.mysql.up) {
    const transition = service.state === "OFFLINE:ERROR" ? "ERROR-GO-ONLINE" : "OFFLINE-GO-ONLINE";
    const why = `State transition failed causing emergency recovery: state=${service.state} transition=${transition} event=GoOnlineEvent`;
    const url = `jdbc:mysql:thin://${host.name}:13306/${service.schema}?noPrepStmtCache=true&createDB=true`;
    const text = `Unable to prepare plugin: class name=com.continuent.tungsten.replicator.datasource.DataSourceService message=[Unable to connect to DBMS: url=${url}]`;
    fail(world, host, service, text, "Replicator unable to go online due to error");
    return failed(why);
  }
  const force = options.includes("-force");
  if (force) tellForce(world, host, service);
  const until = value("-until-heartbeat");
  goOnline(world, host, service, {
    force,
    skip: seqnos(value("-skip-seqno") ?? ""),
    ...(until !== undefined && { until }),
  });
  return ok();
}

/** `10,12-14` */
const seqnos = (text: string): readonly number[] =>
  text
    .split(",")
    .filter((part) => part !== "")
    .flatMap((part) => {
      const [low = 0, high = low] = part.split("-").map(Number);
      return Array.from({ length: high - low + 1 }, (_, index) => low + index);
    });

/** On an ONLINE replica it exits 0, overwrites that replica's own row and replicates nothing: a false proof of life. */
function heartbeat(world: World, host: Host, service: Service, name: string): ToolResult {
  if (service.state !== "ONLINE")
    return bad(1, "Operation failed: Heartbeat operation failed: Operation irrelevant in current state\n");
  if (!host.mysql.up) {
    fail(world, host, service, "Unable to connect to DBMS", "Heartbeat insertion failed");
    return bad(
      1,
      "Operation failed: Heartbeat operation failed: State transition failed causing emergency recovery: state=ONLINE transition=HEARTBEAT event=InsertHeartbeatEvent\n",
    );
  }
  const onPrimary = roleOf(world, service, host) === "master";
  emit(world, { kind: "heartbeat", host: host.name, name, onPrimary });
  if (onPrimary) writeHeartbeat(world, host, service.schema, name);
  else setHeartbeat(host.mysql, service.schema, { seqno: null, eventId: null, name });
  return ok();
}

function tellForce(world: World, host: Host, service: Service): void {
  const commit = tablesOf(host.mysql, service.schema)?.commit;
  const primary = world.hosts.get(siteOf(world, service.source).primary);
  const log = primary?.volume.thl.get(`cluster/${siteOf(world, service.source).dataservice}`) ?? [];
  const there = log.find((event) => event.seqno === commit?.seqno);
  const epochError = service.error?.text.includes("epoch numbers do not match") === true;
  const sameEvent =
    there !== undefined && there.eventId === commit?.eventId && there.sourceId === commit.sourceId;
  emit(world, { kind: "force", host: host.name, service: service.name, epochError, sameEvent });
}

function services(world: World, host: Host, product: ProductName, options: readonly string[]): ToolResult {
  const all = [...(host.replicators[product]?.services.values() ?? [])].sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  const short = [
    "appliedLastSeqno",
    "appliedLatency",
    "role",
    "serviceName",
    "serviceType",
    "started",
    "state",
  ];
  const shown = all.map((service) => {
    const fields = fieldsOf(world, host, service);
    const keys = options.includes("-full") ? Object.keys(fields).sort() : short;
    return Object.fromEntries(keys.map((key) => [key, fields[key] ?? ""]));
  });
  if (options.includes("-json"))
    return ok(
      `[\n${shown.map((fields) => JSON.stringify(fields).replaceAll("/", "\\/")).join("\n,\n")}\n\n]\n`,
    );
  const blocks = shown.map((fields) => block(fields, Object.keys(fields)));
  return ok(`Processing services command...\n${blocks.join("")}Finished services command...\n`);
}

/** A value of several lines goes on below its column, without a colon. */
function block(fields: Readonly<Record<string, string>>, keys: readonly string[]): string {
  const width = Math.max(4, ...keys.map((key) => key.length));
  const margin = " ".repeat(width + 2);
  const lines = keys.map(
    (key) => `${key.padEnd(width)}: ${(fields[key] ?? "").split("\n").join(`\n${margin}`)}`,
  );
  return `${"NAME".padEnd(width)}  VALUE\n${"----".padEnd(width)}  -----\n${lines.join("\n")}\n`;
}

/** As Java prints a double: 6.0, 0.81, 45.732. */
const seconds = (ms: number): string => {
  const text = String(Math.round(ms) / 1000);
  return text.includes(".") ? text : `${text}.0`;
};

type Fields = Readonly<Record<string, string>>;

const uriOf = (up: { host: string; product: ProductName }): string =>
  `thl://${up.host}:${up.product === "cluster" ? 2112 : 2113}/`;

/** Positions are blank while OFFLINE, and before the first ONLINE; a service that lost its source goes on showing what it had. */
function positionFields(world: World, host: Host, service: Service): Fields {
  const offline = service.state.startsWith("OFFLINE");
  const live = service.state === "ONLINE" || (!offline && service.upstream !== null);
  const untouched = service.since === host.replicators[service.product]?.startedAt;
  const prepared = !offline || (untouched && service.state === "OFFLINE:NORMAL");
  const commit = tablesOf(host.mysql, service.schema)?.commit;
  const log = thlOf(host, service);
  const last = log.at(-1);
  const master = roleOf(world, service, host) === "master";
  const source = upstreamsOf(world, host, service).find((up) => up.host === service.upstream);
  const pipeline = master
    ? `jdbc:mysql:thin://${host.name}:13306/${service.schema}?noPrepStmtCache=true`
    : source && uriOf(source);
  const extracted = host.mysql.up
    ? `${binlogFile}:${String(host.mysql.position).padStart(16, "0")}`
    : "ERROR";
  const position = (value: number | undefined) => String(live ? (value ?? -1) : -1);
  return {
    appliedLastEventId: live && commit?.eventId ? commit.eventId : "NONE",
    appliedLastSeqno: position(commit?.seqno),
    appliedLatency: live && last !== undefined ? seconds(last.at - last.entry.at) : "-1.0",
    channels: prepared ? String(host.volume.installed[service.product]?.channels ?? 1) : "-1",
    currentEventId: master && !offline ? extracted : "NONE",
    latestEpochNumber: position(last?.epoch ?? commit?.epoch),
    maximumStoredSeqNo: position(last?.seqno),
    minimumStoredSeqNo: position(log[0]?.seqno),
    pipelineSource: (live ? pipeline : undefined) ?? "UNKNOWN",
    relativeLatency: live && last !== undefined ? seconds(world.now - last.entry.at) : "-1.0",
    serviceType: prepared ? "local" : "unknown",
  };
}

/** All fields of `status`; an error's text comes one poll late. */
function fieldsOf(world: World, host: Host, service: Service): Fields {
  const role = roleOf(world, service, host);
  const error = service.error !== null && world.now >= service.error.visibleAt ? service.error : null;
  const site = siteOf(world, host.site).dataservice;
  const armed = service.stopAt !== null && !service.state.startsWith("OFFLINE");
  const recovers = service.state === "OFFLINE:ERROR" && service.recoverAt > 0;
  const startedAt = host.replicators[service.product]?.startedAt ?? world.now;
  return {
    ...positionFields(world, host, service),
    autoRecoveryEnabled: String(!isLocal(service, host)),
    autoRecoveryTotal: String(service.recoveries),
    clusterName:
      service.product === "crossSite" ? `${siteOf(world, service.source).dataservice}_${site}` : service.name,
    currentTimeMillis: String(world.now),
    dataServerHost: host.name,
    extensions: "",
    host: host.name,
    masterConnectUri:
      role === "master" ? "thl://localhost:/" : upstreamsOf(world, host, service).map(uriOf).join(","),
    masterListenUri: isLocal(service, host) ? `thl://${host.name}:2112/` : "null",
    offlineRequests: armed ? `Offline at heartbeat event: ${service.stopAt}` : "NONE",
    pendingError: error?.pending ?? "NONE",
    pendingErrorCode: "NONE",
    pendingErrorEventId: error?.eventId ?? "NONE",
    pendingErrorSeqno: String(error?.seqno ?? -1),
    pendingExceptionMessage: error?.text ?? "NONE",
    resourcePrecedence: "99",
    rmiPort: service.product === "cluster" ? "10000" : "10002",
    role,
    seqnoType: "java.lang.Long",
    serviceName: service.name,
    simpleServiceName: service.name,
    siteName: "default",
    sourceId: host.name,
    started: "true",
    state: service.state,
    timeInStateSeconds: seconds(world.now - service.since),
    timezone: "GMT",
    transitioningTo: recovers ? "GOING-ONLINE:SYNCHRONIZING" : "",
    uptimeSeconds: seconds(world.now - startedAt),
    useSSLConnection: "false",
    version: "Tungsten Replicator 8.0.4",
  };
}
