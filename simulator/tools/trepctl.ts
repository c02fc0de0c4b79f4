/** trepctl, as the transcripts show it: every JSON value a string, errors on stdout, success before the outcome. */
import { emit } from "../model.ts";
import { ask, type Steps } from "../outside.ts";
import { armOffline, askOffline, fail, goOnline } from "../replicator.ts";
import type { ProductName, Service, ToolResult } from "../state.ts";
import { roleOf } from "../upstreams.ts";
import { load, verbs } from "./replicator-verbs.ts";
import {
  type Fields,
  servicesJson,
  servicesText,
  statusJson,
  statusOf,
  statusText,
  unloaded,
} from "./status.ts";
import { bad, behind, type Call, ok, type Tool } from "./tool.ts";

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

/** Global options, then the command. Ten dots are ten seconds unless -retry 0 says otherwise. */
export const trepctl: Tool = function* (call) {
  const { ambient, node, product } = call;
  const { service: name, retry, rest } = globals(call.args);
  const process = node.replicators[product];
  if (process === undefined || ambient.now < process.startedAt + portDelayMs) {
    if (retry > 0) yield* ask("sleep", retry * 1000);
    return down(product, retry, process !== undefined);
  }
  const [command = "", ...options] = rest;
  if (command === "services") return yield* services(call, options);
  if (command === "version") return ok("Tungsten Replicator 8.0.4\n");
  if (command === "load") return yield* load(call, name ?? "");
  const all = [...process.services.values()];
  const [only] = all;
  if (name === undefined && all.length !== 1)
    return bad(1, "Operation failed: You must specify a service name with the -service flag\n");
  const service = name === undefined ? only : process.services.get(name);
  if (service === undefined) {
    if (retry > 0) yield* ask("sleep", retry * 1000);
    const head = command === "status" && !options.includes("-json") ? "Processing status command...\n" : "";
    return bad(1, `${head}${".".repeat(retry)}Operation failed: null\n`);
  }
  return yield* onService(call, service, command, options);
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

function* onService(
  call: Call,
  service: Service,
  command: string,
  options: readonly string[],
): Steps<ToolResult> {
  const { ambient, node } = call;
  switch (command) {
    case "status": {
      const fields = yield* statusOf(ambient, node, service);
      return ok(options.includes("-json") ? statusJson(fields) : statusText(fields));
    }
    case "online":
      return yield* online(call, service, options);
    case "offline":
      yield* ask("still", service);
      askOffline(ambient, node, service, options.includes("-immediate"));
      return ok();
    case "offline-deferred":
      yield* ask("still", service);
      armOffline(ambient, node, service, behind(options, "-at-heartbeat") ?? "*");
      return ok();
    case "heartbeat":
      return yield* heartbeat(call, service, behind(options, "-name") ?? "NONE");
    default: {
      const verb = verbs[command];
      return verb === undefined
        ? bad(1, `Unknown command, try 'help' to get a list: '${command}\n`)
        : yield* verb(call, service, options);
    }
  }
}

/** Accepted is all that exit 0 says; a database that is down is noticed at once. Transcript trepctl-online-db-down. */
function* online(call: Call, service: Service, options: readonly string[]): Steps<ToolResult> {
  const { ambient, node } = call;
  yield* ask("still", service);
  const failed = (why: string) => bad(1, `Operation failed: Online operation failed (${why})\n`);
  if (!service.state.startsWith("OFFLINE")) return failed("Operation irrelevant in current state");
  if (!(yield* ask("databaseUp"))) {
    const transition = service.state === "OFFLINE:ERROR" ? "ERROR-GO-ONLINE" : "OFFLINE-GO-ONLINE";
    const why = `State transition failed causing emergency recovery: state=${service.state} transition=${transition} event=GoOnlineEvent`;
    const url = `jdbc:mysql:thin://${node.name}:13306/${service.schema}?noPrepStmtCache=true&createDB=true`;
    const text = `Unable to prepare plugin: class name=com.continuent.tungsten.replicator.datasource.DataSourceService message=[Unable to connect to DBMS: url=${url}]`;
    fail(ambient, node, service, text, { pending: "Replicator unable to go online due to error" });
    return failed(why);
  }
  const until = behind(options, "-until-heartbeat");
  const force = options.includes("-force");
  const epochError = service.error?.text.includes("epoch numbers do not match") === true;
  if (force) emit(ambient, { kind: "forcing", host: node.name, service: service.name, epochError });
  const skip = seqnosIn(behind(options, "-skip-seqno") ?? "");
  goOnline(ambient, node, service, { force, skip, ...(until !== undefined && { until }) });
  return ok();
}

/** `10,12-14` */
const seqnosIn = (text: string): readonly number[] =>
  text
    .split(",")
    .filter((part) => part !== "")
    .flatMap((part) => {
      const [low = 0, high = low] = part.split("-").map(Number);
      return Array.from({ length: high - low + 1 }, (_, index) => low + index);
    });

/** On an ONLINE replica it exits 0, overwrites that replica's own row and replicates nothing: a false proof of life. */
function* heartbeat({ ambient, node }: Call, service: Service, name: string): Steps<ToolResult> {
  if (service.state !== "ONLINE")
    return bad(1, "Operation failed: Heartbeat operation failed: Operation irrelevant in current state\n");
  if (!(yield* ask("databaseUp"))) {
    fail(ambient, node, service, "Unable to connect to DBMS", { pending: "Heartbeat insertion failed" });
    return bad(
      1,
      "Operation failed: Heartbeat operation failed: State transition failed causing emergency recovery: state=ONLINE transition=HEARTBEAT event=InsertHeartbeatEvent\n",
    );
  }
  const onPrimary = roleOf(service, node) === "master";
  emit(ambient, { kind: "heartbeat", host: node.name, name, onPrimary });
  yield* ask("writeHeartbeat", service.schema, name, onPrimary);
  return ok();
}

function* services({ ambient, node, product }: Call, options: readonly string[]): Steps<ToolResult> {
  const loaded = node.replicators[product]?.services;
  const known = node.volume.installed[product]?.services.map(({ name }) => name) ?? [];
  const told: Fields[] = [];
  for (const name of [...known].sort()) {
    const service = loaded?.get(name);
    told.push(service === undefined ? unloaded(name) : yield* statusOf(ambient, node, service));
  }
  const full = options.includes("-full");
  return ok(options.includes("-json") ? servicesJson(told, full) : servicesText(told, full));
}
