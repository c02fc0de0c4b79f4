/** trepctl, as the transcripts show it: every JSON value a string, errors on stdout, success before the outcome. */
import type { Host, ProductName, Service, ToolResult, World } from "../model.ts";
import { emit, siteOf } from "../model.ts";
import { setHeartbeat, tablesOf, writeHeartbeat } from "../mysql.ts";
import { armOffline, goOffline, goOnline, isLocal, roleOf, thlOf, upstreamsOf } from "../replicator.ts";
import { bad, type Call, ok, type Tool } from "./tool.ts";

const down = (product: ProductName, dots: number): ToolResult => {
  const port = product === "cluster" ? 10000 : 10002;
  const text = [
    `${".".repeat(dots)}Connection failed: A component of type 'replicator' at address localhost:${port} is not available.`,
    " java.io.IOException: Failed to retrieve RMIServer stub: javax.naming.ServiceUnavailableException [Root exception is java.rmi.ConnectException: Connection refused to host: localhost; nested exception is: ",
    "\tjava.net.ConnectException: Connection refused (Connection refused)]",
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
    return down(product, retry);
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
    return bad(1, `${".".repeat(retry)}Operation failed: null\n`);
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
  const irrelevant = (what: string) =>
    bad(1, `Operation failed: ${what} operation failed (Operation irrelevant in current state)\n`);
  switch (command) {
    case "status":
      return ok(
        options.includes("-json")
          ? `${JSON.stringify(fieldsOf(world, host, service)).replaceAll("/", "\\/")}\n`
          : statusText(world, host, service),
      );
    case "online": {
      if (!service.state.startsWith("OFFLINE")) return irrelevant("Online");
      const until = options[options.indexOf("-until-heartbeat") + 1];
      const force = options.includes("-force");
      if (force) tellForce(world, host, service);
      goOnline(world, host, service, {
        force,
        ...(options.includes("-until-heartbeat") && until !== undefined && { until }),
      });
      return ok();
    }
    case "offline":
      goOffline(world, host, service);
      return ok();
    case "offline-deferred":
      armOffline(world, host, service, options[1] ?? "*");
      return ok();
    case "heartbeat":
      return heartbeat(world, host, service, options[1] ?? "NONE");
    default:
      return bad(1, `Unknown command, try 'help' to get a list: '${command}'\n`);
  }
}

/** On an ONLINE replica it exits 0, overwrites that replica's own row and replicates nothing: a false proof of life. */
function heartbeat(world: World, host: Host, service: Service, name: string): ToolResult {
  if (service.state !== "ONLINE")
    return bad(1, "Operation failed: Heartbeat operation failed: Operation irrelevant in current state\n");
  if (!host.mysql.up)
    return bad(
      1,
      "Operation failed: Heartbeat operation failed: State transition failed causing emergency recovery: state=ONLINE\n",
    );
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
  if (!options.includes("-json")) {
    const keys = [
      "appliedLastSeqno",
      "appliedLatency",
      "role",
      "serviceName",
      "serviceType",
      "started",
      "state",
    ];
    const blocks = all.map((service) => block(fieldsOf(world, host, service), keys));
    return ok(`Processing services command...\n${blocks.join("")}Finished services command...\n`);
  }
  const short = [
    "serviceType",
    "appliedLastSeqno",
    "role",
    "appliedLatency",
    "started",
    "state",
    "serviceName",
  ];
  const objects = all.map((service) => {
    const fields = fieldsOf(world, host, service);
    const shown = options.includes("-full")
      ? fields
      : Object.fromEntries(short.map((key) => [key, fields[key]]));
    return JSON.stringify(shown).replaceAll("/", "\\/");
  });
  return ok(`[\n${objects.join("\n,\n")}\n\n]\n`);
}

function block(fields: Readonly<Record<string, string>>, keys: readonly string[]): string {
  const width = Math.max(4, ...keys.map((key) => key.length));
  const lines = keys.map((key) => `${key.padEnd(width)}: ${fields[key] ?? ""}`);
  return `${"NAME".padEnd(width)}  VALUE\n${"----".padEnd(width)}  -----\n${lines.join("\n")}\n`;
}

function statusText(world: World, host: Host, service: Service): string {
  const fields = fieldsOf(world, host, service);
  const { started: _, ...shown } = fields;
  return `Processing status command...\n${block(shown, Object.keys(shown).sort())}Finished status command...\n`;
}

/** All fields of `status`; positions are blank whenever the service is not online. */
function fieldsOf(world: World, host: Host, service: Service): Readonly<Record<string, string>> {
  const live = service.state === "ONLINE";
  const commit = tablesOf(host.mysql, service.schema)?.commit;
  const log = thlOf(host, service);
  const role = roleOf(world, service, host);
  const error = service.error !== null && world.now >= service.error.visibleAt ? service.error : null;
  const upstreams = upstreamsOf(world, host, service);
  const port = (product: ProductName) => (product === "cluster" ? 2112 : 2113);
  const uri =
    role === "master"
      ? "thl://localhost:/"
      : upstreams.map((up) => `thl://${up.host}:${port(up.product)}/`).join(",");
  const latency = log.at(-1) === undefined ? 0 : Math.min(1, (world.now - (log.at(-1)?.at ?? 0)) / 1000);
  const position = (value: number | undefined) => String(live ? (value ?? -1) : -1);
  return {
    appliedLastEventId: live ? (commit?.eventId ?? "NONE") : "NONE",
    appliedLastSeqno: position(commit?.seqno),
    appliedLatency: live ? latency.toFixed(3) : "-1.0",
    autoRecoveryEnabled: String(!isLocal(service, host)),
    autoRecoveryTotal: String(service.recoveries),
    channels: live ? String(host.volume.installed[service.product]?.channels ?? 1) : "-1",
    clusterName: service.name,
    currentEventId: role === "master" ? (host.mysql.up ? (commit?.eventId ?? "NONE") : "ERROR") : "NONE",
    currentTimeMillis: String(world.now),
    dataServerHost: host.name,
    extensions: "",
    host: host.name,
    latestEpochNumber: position(log.at(-1)?.epoch),
    masterConnectUri: uri,
    masterListenUri: isLocal(service, host) ? `thl://${host.name}:2112/` : "null",
    maximumStoredSeqNo: position(log.at(-1)?.seqno),
    minimumStoredSeqNo: position(log[0]?.seqno),
    offlineRequests:
      service.stopAt === null || service.state.startsWith("OFFLINE")
        ? "NONE"
        : `Offline at heartbeat event: ${service.stopAt}`,
    pendingError: error?.pending ?? "NONE",
    pendingErrorCode: "NONE",
    pendingErrorEventId: "NONE",
    pendingErrorSeqno: String(error?.seqno ?? -1),
    pendingExceptionMessage: error?.text ?? "NONE",
    pipelineSource: live
      ? role === "master"
        ? `jdbc:mysql:thin://${host.name}:13306/`
        : `thl://${service.upstream}:2112/`
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
    sourceId: host.name,
    started: "true",
    state: service.state,
    timeInStateSeconds: ((world.now - service.since) / 1000).toFixed(3),
    timezone: "GMT",
    transitioningTo:
      service.state === "OFFLINE:ERROR" && service.recoverAt > 0 ? "GOING-ONLINE:SYNCHRONIZING" : "",
    uptimeSeconds: ((world.now - (host.replicators[service.product]?.startedAt ?? world.now)) / 1000).toFixed(
      3,
    ),
    useSSLConnection: "false",
    version: "Tungsten Replicator 8.0.4",
  };
}
