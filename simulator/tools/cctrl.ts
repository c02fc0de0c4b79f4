/** cctrl: always exit 0; banner, prompt echo and box width vary by seed, since no transcript proves them ([doc], tungsten-cli §2). */
import { connectorReportsOf, coordinatorIn, reportsOf, setPolicy } from "../managers.ts";
import type { Ambient } from "../model.ts";
import { ask, type Steps } from "../outside.ts";
import type { Cluster, Node, NodeReport, ServiceState } from "../state.ts";
import { failPrimaryOver, switchPrimary } from "../switching.ts";
import { atComposite } from "./cctrl-composite.ts";
import { byHand } from "./cctrl-datasource.ts";
import { expertWarning, policyFrom, rows, rule } from "./cctrl-print.ts";
import { ok, type Tool } from "./tool.ts";

/** Reads commands from stdin, `;` or a line break between them. Only `-multi` leaves the host's own dataservice. */
export const cctrl: Tool = function* ({ ambient, node, args, stdin }) {
  const { cluster } = node;
  const echo = ambient.variant % 2 === 1;
  const installed = node.volume.installed.cluster;
  const lines =
    ambient.variant % 3 === 0
      ? []
      : ["Continuent Tungsten 8.0.4 Build 132", `${cluster.dataservice}: session established`];
  if (!node.manager.running || installed === undefined)
    return ok(`${[...lines, noManager(ambient)].join("\n")}\nExiting...\n`);
  let composite = false;
  let force = false;
  const commands = stdin
    .split(/[;\n]/)
    .map((text) => text.trim())
    .filter((text) => text !== "");
  for (let command = commands.shift(); command !== undefined; command = commands.shift()) {
    const prompt = echo ? `[LOGICAL] /${cluster.dataservice} > ` : "";
    if (/^(quit|exit)$/.test(command)) break;
    if (command === "expert") {
      commands.shift();
      lines.push(prompt + expertWarning);
      continue;
    }
    if (/^use /.test(command) && args.includes("-multi"))
      composite = command === `use ${installed.composite?.name}`;
    else if (composite) {
      const said = yield* atComposite({ ambient, node }, command, () => commands.shift());
      const [first = `Unknown command: ${command}`, ...rest] = said ?? [];
      lines.push(prompt + first, ...rest);
    } else if (command === "ls") lines.push(prompt + (yield* clusterLs(ambient, node)));
    else if (/^set policy /.test(command)) {
      yield* ask("sleep", 500);
      lines.push(prompt + (yield* changePolicy(ambient, node, command.replace("set policy ", ""))));
    } else if (/^(switch|failover)( to \S+)?$/.test(command)) {
      const [verb, , to] = command.split(" ");
      const move = verb === "switch" ? switchPrimary : failPrimaryOver;
      lines.push(prompt, ...(yield* move(ambient, node, to)));
    } else if (command === "set force true") {
      force = true;
      lines.push(`${prompt}FORCE: true`);
    } else {
      const said = yield* byHand({ ambient, node, force }, command);
      lines.push(prompt + (said ?? `Unknown command: ${command}`));
    }
  }
  return ok(`${lines.join("\n")}\nExiting...\n`);
};

const noManager = (ambient: Ambient): string =>
  [
    "Unable to connect to the manager on localhost:9997. Is it running?",
    "Cannot establish a connection with any manager: Connection refused",
    "TungstenManagerException: no manager is reachable",
  ][ambient.variant % 3] ?? "";

function* changePolicy(ambient: Ambient, node: Node, word: string): Steps<string> {
  const policy = policyFrom(word);
  if (policy === undefined) return `Exception: invalid policy ${word}`;
  yield* setPolicy(ambient, node, policy);
  return `policy mode is now ${policy}`;
}

function* clusterLs(ambient: Ambient, node: Node): Steps<string> {
  const { cluster } = node;
  const reports = yield* reportsOf(node, cluster.dataservice);
  const lines = [
    `COORDINATOR[${coordinatorIn(reports)}:${cluster.policy}:ONLINE]`,
    "",
    "ROUTERS:",
    rule(ambient),
  ];
  const routers = [...reports, ...(yield* connectorReportsOf(node))];
  for (const [ordinal, { host, report }] of routers.entries())
    if (report?.connector === true)
      lines.push(
        ...rows(
          ambient,
          `connector@${host}[${6000 + ordinal}](${report.closed ? "OFFLINE" : "ONLINE"}, ${counted(report)})`,
        ),
      );
  lines.push(rule(ambient), "", "DATASOURCES:");
  for (const { host, report } of reports) lines.push(...datasource(ambient, cluster, host, report));
  return lines.join("\n");
}

const counted = (report: NodeReport | undefined): string =>
  `created=${report?.connections.created ?? 0}, active=${report?.connections.active ?? 0}`;

/** 2026/11/24 03:31:31 PM UTC */
function stampOf(at: number): string {
  const [date = "", time = ""] = new Date(at).toISOString().split("T");
  const hour = Number(time.slice(0, 2));
  const half = `${String(hour % 12 || 12).padStart(2, "0")}${time.slice(2, 8)} ${hour < 12 ? "AM" : "PM"}`;
  return `${date.replaceAll("-", "/")} ${half} UTC`;
}

/** The words of a replicator's state as managers use them. */
function replicatorWord(state: ServiceState | undefined): string {
  if (state === undefined) return "STOPPED";
  if (state === "OFFLINE:ERROR") return "SUSPECT";
  if (state.startsWith("OFFLINE")) return "OFFLINE";
  return state.startsWith("GOING") ? "SYNCHRONIZING" : "ONLINE";
}

function datasource(
  ambient: Ambient,
  cluster: Cluster,
  host: string,
  report: NodeReport | undefined,
): string[] {
  const head = cluster.relaySource === undefined ? "master" : "relay";
  const role = cluster.primary === host ? head : "slave";
  const local = report?.services.find(({ name }) => name === cluster.dataservice);
  const fault = report?.database !== true;
  const state = cluster.shunned.has(host)
    ? `SHUNNED(FAILED-OVER-TO-${cluster.primary})`
    : (cluster.out?.[host] ??
      (fault ? `FAILED(DATASERVER '${host}@${cluster.dataservice}' STOPPED)` : "ONLINE"));
  const latency = `${role === "master" ? "THL latency" : "latency"}=${(report?.latency ?? -1).toFixed(3)}`;
  const roleText =
    role === "slave"
      ? `role=slave, master=${cluster.primary}`
      : role === "relay"
        ? `role=relay, master=${cluster.relaySource}`
        : "role=master";
  return [
    rule(ambient),
    ...rows(ambient, `${host}(${role}:${state}, progress=${report?.seqno ?? -1}, ${latency})`),
    ...rows(
      ambient,
      `STATUS [${fault ? "CRITICAL" : "OK"}] [${stampOf(ambient.now)}]${report?.secured === true ? "[SSL]" : ""}`,
    ),
    rule(ambient),
    ...rows(ambient, `  MANAGER(state=${report?.manager === true ? "ONLINE" : "STOPPED"})`),
    ...rows(ambient, `  REPLICATOR(${roleText}, state=${replicatorWord(local?.state)})`),
    ...rows(ambient, `  DATASERVER(state=${fault ? "STOPPED" : "ONLINE"})`),
    ...rows(ambient, `  CONNECTIONS(${counted(report)})`),
    rule(ambient),
  ];
}
