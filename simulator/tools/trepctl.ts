/** trepctl, as the transcripts show it: every JSON value a string, errors on stdout, success before the outcome. */
import { emit } from "../model.ts";
import { ask, type Steps } from "../outside.ts";
import { armOffline, goOffline, goOnline, roleOf } from "../replicator.ts";
import type { ProductName, Service, ToolResult } from "../state.ts";
import { jsonOf, jsonOfAll, statusOf, textOf, textOfAll } from "./status.ts";
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

/** Global options, then the command. Ten dots are ten seconds unless -retry 0 says otherwise. */
export const trepctl: Tool = function* (call) {
  const { ambient, node, product } = call;
  const { service: name, retry, rest } = globals(call.args);
  const process = node.replicators[product];
  if (process === undefined || ambient.now < process.startedAt + portDelayMs) {
    if (retry > 0) yield* ask("sleep", retry * 1000);
    return down(product, retry);
  }
  const [command = "", ...options] = rest;
  if (command === "services") return yield* services(call, options);
  const all = [...process.services.values()];
  const [only] = all;
  if (name === undefined && all.length !== 1)
    return bad(1, "Operation failed: You must specify a service name with the -service flag\n");
  const service = name === undefined ? only : process.services.get(name);
  if (service === undefined) {
    if (retry > 0) yield* ask("sleep", retry * 1000);
    return bad(1, `${".".repeat(retry)}Operation failed: null\n`);
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

/** The word behind an option; undefined when the option is not there. */
const behind = (options: readonly string[], option: string): string | undefined =>
  options.includes(option) ? (options[options.indexOf(option) + 1] ?? "*") : undefined;

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
      return ok(options.includes("-json") ? `${jsonOf(fields)}\n` : textOf(fields));
    }
    case "online":
      return yield* online(call, service, options);
    case "offline":
      yield* ask("still", service);
      goOffline(ambient, node, service);
      return ok();
    case "offline-deferred":
      yield* ask("still", service);
      armOffline(ambient, node, service, behind(options, "-at-heartbeat") ?? "*");
      return ok();
    case "heartbeat":
      return yield* heartbeat(call, service, behind(options, "-name") ?? "NONE");
    case "wait":
      return yield* wait(call, service, options);
    default:
      return bad(1, `Unknown command, try 'help' to get a list: '${command}'\n`);
  }
}

function* online({ ambient, node }: Call, service: Service, options: readonly string[]): Steps<ToolResult> {
  yield* ask("still", service);
  if (!service.state.startsWith("OFFLINE"))
    return bad(1, "Operation failed: Online operation failed (Operation irrelevant in current state)\n");
  const until = behind(options, "-until-heartbeat");
  const force = options.includes("-force");
  const epochError = service.error?.text.includes("epoch numbers do not match") === true;
  if (force) emit(ambient, { kind: "forcing", host: node.name, service: service.name, epochError });
  goOnline(ambient, node, service, { force, ...(until !== undefined && { until }) });
  return ok();
}

/** On an ONLINE replica it exits 0, overwrites that replica's own row and replicates nothing: a false proof of life. */
function* heartbeat({ ambient, node }: Call, service: Service, name: string): Steps<ToolResult> {
  if (service.state !== "ONLINE")
    return bad(1, "Operation failed: Heartbeat operation failed: Operation irrelevant in current state\n");
  if (!(yield* ask("databaseUp")))
    return bad(
      1,
      "Operation failed: Heartbeat operation failed: State transition failed causing emergency recovery: state=ONLINE\n",
    );
  const onPrimary = roleOf(service, node) === "master";
  emit(ambient, { kind: "heartbeat", host: node.name, name, onPrimary });
  yield* ask("writeHeartbeat", service.schema, name, onPrimary);
  return ok();
}

/** `wait -state S -limit N`; OFFLINE matches OFFLINE:NORMAL. */
function* wait({ ambient }: Call, service: Service, options: readonly string[]): Steps<ToolResult> {
  const wanted = behind(options, "-state") ?? "";
  const end = ambient.now + Number(behind(options, "-limit") ?? 1800) * 1000;
  while (!service.state.startsWith(wanted)) {
    if (ambient.now >= end) return bad(1, "Wait timed out!\n");
    yield* ask("sleep", 500);
  }
  return ok();
}

function* services({ ambient, node, product }: Call, options: readonly string[]): Steps<ToolResult> {
  const all = [...(node.replicators[product]?.services.values() ?? [])].sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  const told: Readonly<Record<string, string>>[] = [];
  for (const service of all) told.push(yield* statusOf(ambient, node, service));
  return ok(options.includes("-json") ? jsonOfAll(told, options.includes("-full")) : textOfAll(told));
}
