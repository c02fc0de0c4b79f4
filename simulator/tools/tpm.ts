/**
 * tpm: install, update, uninstall with the order of effects that was observed (tungsten-observed-conversion §2), so that a
 * kill halfway leaves what it left there. Silent without a terminal; the runner gives it one.
 */
import { setManager, setPolicy } from "../managers.ts";
import { type Ambient, emit } from "../model.ts";
import { ask, type Steps } from "../outside.ts";
import { logOf, startReplicator, stopReplicator } from "../replicator.ts";
import type { Installed, Node, ProductName, ToolResult } from "../state.ts";
import { startAll } from "./daemons.ts";
import { type Configuration, readConfiguration, truth } from "./ini.ts";
import { postProcess, staticProperties } from "./post-process.ts";
import { bad, type Call, homeOf, ok, type Tool } from "./tool.ts";
import { query, reverse } from "./tpm-query.ts";
import {
  completed,
  completedOn,
  failed,
  mysqlTooLong,
  installed as nextSteps,
  unconfigured,
  unsure,
} from "./tpm-text.ts";

/** `tools/tpm VERB …`, from the installed tree or from an unpacked package. */
export const tpm: Tool = function* (call: Call) {
  const { ambient, node, product, args } = call;
  const [verb = ""] = args;
  if (verb === "query") return yield* query(call);
  if (verb === "reverse") return yield* reverse(call);
  const shown = (result: ToolResult): ToolResult =>
    args.includes("--tty") ? result : { ...result, out: "" };
  if (node.tools.filter((tool) => tool.argv[0] === "tpm").length > 1)
    return shown(bad(1, "ERROR >> There is already another Tungsten installation script running\n"));
  emit(ambient, { kind: "tpm", host: node.name, product, verb, when: "begin" });
  const result = yield* verbs[verb]?.(call) ?? unknownVerb(verb);
  emit(ambient, { kind: "tpm", host: node.name, product, verb, when: "end" });
  return shown(result);
};

// biome-ignore lint/correctness/useYield: a message that takes no time
function* unknownVerb(verb: string): Steps<ToolResult> {
  return bad(1, `ERROR >> Unknown command ${verb}\n`);
}

const verbs: Record<string, Tool> = {
  *validate(call) {
    yield* ask("sleep", 5000);
    const told = yield* objection(call, "install");
    return told === null ? ok(completed) : bad(1, told);
  },
  *install(call) {
    const told = yield* objection(call, "install");
    yield* ask("sleep", 8000);
    if (told !== null) return bad(1, told);
    yield* ask("sleep", 14000);
    yield* layOut(call);
    const { options } = readConfiguration((yield* ask("configuration")) ?? "", call.product);
    if (truth(options.get("start-and-report") ?? "false")) yield* startAll(call);
    return ok(nextSteps(homeOf(call.product)));
  },
  /** MAINTENANCE while it runs, and back to the policy before ([doc-code], tungsten-cli §6): killed half way it stays so. */
  *update(call) {
    const { ambient, node, product } = call;
    yield* ask("sleep", 5000);
    const told = yield* objection(call, "update");
    if (told !== null) return bad(1, told);
    const { policy } = node.cluster;
    const setsPolicy = product === "cluster" && node.manager.running && policy !== "MAINTENANCE";
    if (setsPolicy) yield* setPolicy(ambient, node, "MAINTENANCE");
    const keeps = call.args.includes("--no-connectors");
    if (product === "cluster")
      node.connector = keeps
        ? { ...node.connector, old: true }
        : { running: true, since: ambient.now + 2000 };
    yield* ask("sleep", 6000);
    const ran = node.replicators[product] !== undefined;
    // A new release directory restarts the manager too, where one runs ([doc:oss], tungsten-config §7.3).
    const managed = product === "cluster" && node.manager.running && call.args.includes("--replace-release");
    if (managed) yield* setManager(ambient, node, false);
    yield* stopReplicator(ambient, node, product);
    yield* ask("sleep", 5000);
    const left = leftServices(call, readConfiguration((yield* ask("configuration")) ?? "", product));
    yield* layOut(call);
    if (node.volume.installed.cluster?.connectorOnly === true) return ok(completed);
    for (const { name } of left) yield* ask("thlDrop", logOf({ product, name }));
    if (product === "cluster") yield* emptySchemas(ambient, node);
    yield* ask("sleep", 3000);
    if (ran || ambient.variant % 4 !== 3) startReplicator(ambient, node, product);
    if (managed) yield* setManager(ambient, node, true);
    if (setsPolicy) yield* setPolicy(ambient, node, policy);
    return ok(completed);
  },
  /** Stops the connector that an update left alone, and starts the one of the active release. */
  *"promote-connector"({ ambient, node }) {
    yield* ask("sleep", 3000);
    node.connector = { running: true, since: ambient.now + 2000 };
    return ok(completed);
  },
  /** Writes the sections that install and update pass by; the running process keeps what it read when it started. */
  *"post-process"(call) {
    const { node, product, args } = call;
    const installed = node.volume.installed[product];
    if (installed === undefined || product !== "cluster" || Number.parseInt(installed.release, 10) < 7)
      return bad(1, "ERROR >> Unknown command post-process\n");
    if (!args.includes("-y")) return bad(1, "Do you wish to continue? [y/N] \n");
    yield* ask("sleep", 1500);
    yield* postProcess(call, installed);
    yield* ask("sleep", 500);
    return ok(completed);
  },
  /**
   * Takes out the services that left the ini. From the release it knows by name only ([doc:oss], tungsten-config §7.2): that
   * the replicator has to run, and is restarted by some releases, is [inferred].
   */
  *"delete-service"(call) {
    const { ambient, node, product, args } = call;
    if (!args.includes("--i-am-sure")) return bad(1, unsure);
    const installed = node.volume.installed[product];
    if (installed === undefined) return bad(127, "", "tools/tpm: No such file or directory\n");
    if (node.replicators[product] === undefined) return bad(1, "ERROR >> The replicator is not running\n");
    yield* ask("sleep", 2000);
    const gone = leftServices(call, readConfiguration((yield* ask("configuration")) ?? "", product));
    for (const { name, source } of gone) {
      const service = node.replicators[product]?.services.get(name);
      if (service !== undefined) yield* ask("still", service);
      node.replicators[product]?.services.delete(name);
      yield* ask("thlDrop", logOf({ product, name }));
      if (args.includes("--keep-position")) continue;
      yield* ask("dropTracking", `tungsten_${source}`);
      emit(ambient, { kind: "tracking-dropped", host: node.name, schema: `tungsten_${source}` });
    }
    const services = installed.services.filter((service) => !gone.includes(service));
    yield* ask("reconfigure", product, { ...installed, services });
    yield* ask("sleep", 1000);
    if (ambient.variant % 3 === 0) {
      yield* stopReplicator(ambient, node, product);
      yield* ask("sleep", 1500);
      startReplicator(ambient, node, product);
    }
    return ok(completed);
  },
  *uninstall(call) {
    if (!call.args.includes("--i-am-sure")) return bad(1, unsure);
    return yield* uninstall(call);
  },
};

/** The directory it stands in is deleted; without a terminal that shows, on success. */
const goneUnderfoot = "sh: 0: getcwd() failed: No such file or directory\n";

/**
 * stopall; start offline; read_only off; reset -all of each service; logs; stop; the tree and its link last. Without MySQL
 * it waits for it, gives up, and leaves the replicator that it started running (transcript conv-6e-uninstall-mysql-down).
 */
function* uninstall({ ambient, node, product, args }: Call): Steps<ToolResult> {
  const installed = node.volume.installed[product];
  if (installed === undefined) return bad(127, "", "tools/tpm: No such file or directory\n");
  yield* stopReplicator(ambient, node, product);
  yield* ask("sleep", 1500);
  startReplicator(ambient, node, product, true);
  yield* ask("sleep", 1000);
  for (let tries = 0; tries < 15 && !(yield* ask("databaseUp")); tries += 1) yield* ask("sleep", 2000);
  if (!(yield* ask("databaseUp"))) return bad(1, mysqlTooLong(node.name));
  if (yield* ask("readOnly")) {
    yield* ask("setReadOnly", false);
    emit(ambient, { kind: "read-only", host: node.name, value: false, by: "tpm uninstall" });
  }
  for (const { source, name } of installed.services) {
    yield* ask("sleep", 500);
    const schema = `tungsten_${source}`;
    if (yield* ask("databaseUp")) {
      yield* ask("dropTracking", schema);
      emit(ambient, { kind: "tracking-dropped", host: node.name, schema });
    }
    yield* ask("thlDrop", logOf({ product, name }));
  }
  yield* ask("sleep", 2000);
  yield* stopReplicator(ambient, node, product);
  yield* ask("sleep", 1500);
  yield* ask("install", product, null);
  return ok(completedOn(node.name), args.includes("--tty") ? "" : goneUnderfoot.repeat(2));
}

/** What tpm prints when it refuses; null when it has nothing against it. */
function* objection(call: Call, verb: "install" | "update"): Steps<string | null> {
  const { node, product } = call;
  const text = yield* ask("configuration");
  if (text === null) return unconfigured;
  const configuration = readConfiguration(text, product);
  const installed = node.volume.installed[product];
  const errors: string[] = [];
  if (!runsConnectorOnly(configuration, node) && !(yield* ask("databaseUp")))
    errors.push(
      `Unable to connect to the MySQL server using tungsten@${node.name}:13306 (WITH PASSWORD) (MySQLLoginCheck)`,
    );
  if (verb === "install" && installed !== undefined)
    errors.push(...inTheWay(node, installed, homeOf(product)));
  if (verb === "install") errors.push(...(yield* leftLogs(call, configuration)));
  if (verb === "update" && installed === undefined)
    errors.push(`There is no installation at ${homeOf(product)}/tungsten`);
  // Some releases want delete-service first, others clean up themselves (tungsten-config §1.3, §7.3).
  const [left] = verb === "update" && call.ambient.variant % 2 === 1 ? leftServices(call, configuration) : [];
  if (left !== undefined && product === "crossSite")
    errors.push(
      `The configuration file for ${left.name} exists, and the service is in no configuration any more: use tpm delete-service`,
    );
  errors.push(...misplaced(configuration, node, product, verb));
  return errors.length + configuration.errors.length === 0
    ? null
    : failed(node.name, errors, configuration.errors);
}

/** The ini must know this host, and must not make a replica the master. */
function misplaced(
  { clusters }: Configuration,
  node: Node,
  product: ProductName,
  verb: "install" | "update",
): readonly string[] {
  // The second product knows no connectors.
  const hostsOf = ({ members, connectors }: { members: readonly string[]; connectors: readonly string[] }) =>
    product === "cluster" ? [...members, ...connectors] : members;
  const own = [...clusters.values()].find((cluster) => hostsOf(cluster).includes(node.name));
  if (own === undefined) {
    const cluster = clusters.get(node.cluster.dataservice);
    const members = (cluster === undefined ? [] : hostsOf(cluster)).join(",") || "none";
    return [
      `Hostname must be one of ${members}, or change the configuration to use ${node.name} (HostnameCheck)`,
    ];
  }
  const replica = own.master === node.name && node.cluster.primary !== node.name;
  return verb === "update" && product === "cluster" && replica
    ? [
        "The host is configured to be 'master' but it is currently operating as a 'slave' (CurrentTopologyCheck)",
      ]
    : [];
}

/** In connectors= and in no members=: nothing but a connector is configured there. */
const runsConnectorOnly = ({ clusters }: Configuration, { name }: Node): boolean =>
  [...clusters.values()].some(({ connectors }) => connectors.includes(name));

/** Transcript conv-6g-install-again-over-running. */
const inTheWay = (node: Node, { product, release }: Installed, home: string): readonly string[] => [
  "This directory has already been configured.  Try using `tools/tpm update` to make changes. (ConfiguredDirectoryCheck)",
  ...(node.replicators[product] === undefined
    ? []
    : [
        `The replicator in ${home} is still running.  You must stop it before installation can continue. (HostReplicatorServiceRunningCheck)`,
      ]),
  `There is already an installation at ${home}/tungsten (InstallingOverExistingInstallation)`,
  `There is already a directory at ${home}/releases/tungsten-${product === "cluster" ? "clustering" : "replicator"}-${release}_pid1234 (TargetDirectoryDoesNotExist)`,
];

/** A service whose log lies on the volume still. An existing tracking schema alone is accepted. */
function* leftLogs({ node, product }: Call, configuration: Configuration): Steps<readonly string[]> {
  const own = dataserviceOf(configuration, node) ?? node.cluster.dataservice;
  const found: string[] = [];
  for (const { name, source } of servicesOf(configuration, product, own)) {
    if ((yield* ask("thlEnds", logOf({ product, name }))) === null) continue;
    found.push(
      `Replication log directory ${homeOf(product)}/thl/${name} already contains log files (THLStorageCheck)`,
      `THL schema tungsten_${source} already has tables created at tungsten@${node.name}:13306 (WITH PASSWORD) (THLStorageCheck)`,
      `Transferred log directory ${homeOf(product)}/relay/${name} already contains log files (ServiceTransferredLogStorageCheck)`,
    );
  }
  return found;
}

/** Installed services that no ini names any more. */
function leftServices({ node, product }: Call, configuration: Configuration): Installed["services"] {
  const own = dataserviceOf(configuration, node) ?? node.cluster.dataservice;
  const named = servicesOf(configuration, product, own).map(({ name }) => name);
  return (node.volume.installed[product]?.services ?? []).filter(({ name }) => !named.includes(name));
}

const dataserviceOf = ({ clusters }: Configuration, { name }: Node): string | undefined =>
  [...clusters].find(
    ([, { members, connectors }]) => members.includes(name) || connectors.includes(name),
  )?.[0];

/** What the ini makes of this node. The first installation of a site says who is primary; later ones ask the managers. */
function* layOut({ node, product, unpacked }: Call): Steps<void> {
  const configuration = readConfiguration((yield* ask("configuration")) ?? "", product);
  const { clusters, composite = null } = configuration;
  const own = dataserviceOf(configuration, node) ?? node.cluster.dataservice;
  const values = [...clusters];
  const apart = runsConnectorOnly(configuration, node);
  const installed: Installed = {
    product,
    release: unpacked ?? node.volume.installed[product]?.release ?? "",
    method: "ini",
    services: (apart ? [] : servicesOf(configuration, product, own)).map((service) => ({
      ...service,
      properties: staticProperties(configuration),
    })),
    masters: Object.fromEntries(values.map(([name, { master }]) => [name, master])),
    members: Object.fromEntries(values.map(([name, { members }]) => [name, members])),
    connectors: Object.fromEntries(values.map(([name, { connectors }]) => [name, connectors])),
    ...(apart && { connectorOnly: true as const }),
    composite,
    channels: channelsOf(configuration, product, own),
    ...(truth(configuration.options.get("thl-ssl") ?? "false") === true && { secured: true }),
  };
  const master = installed.masters[own];
  node.cluster.dataservice = own;
  const relaySource = clusters.get(own)?.relaySource;
  if (product === "cluster" && master !== undefined && !apart && !node.cluster.formed)
    Object.assign(node.cluster, {
      primary: master,
      formed: true,
      ...(relaySource !== undefined && { relaySource }),
    });
  yield* ask("install", product, installed);
}

/** Highest of the services, as `parallel=` tells it; `channels` counts only where a type of queue is named. */
function channelsOf({ sections, options }: Configuration, product: ProductName, own: string): number {
  const mine = [...sections].filter(([header, keys]) =>
    product === "cluster" ? header === own : keys.get("target-dataservice") === own,
  );
  const numbers = mine.map(([, keys]) => {
    const said = (key: string) => keys.get(key) ?? options.get(key);
    return (said("svc-parallelization-type") ?? "none") === "none" ? 1 : Number(said("channels") ?? 1);
  });
  return Math.max(1, ...numbers);
}

/** Services of a node: its own and, by links or a composite, one for each other site. */
function servicesOf(
  { links, composite }: Configuration,
  product: ProductName,
  own: string,
): Installed["services"] {
  if (product === "crossSite")
    return links.filter((link) => link.target === own).map(({ source }) => ({ name: source, source }));
  const crosses = composite?.multiMaster === true && composite.members.includes(own);
  const others = crosses ? composite.members.filter((name) => name !== own) : [];
  return [{ name: own, source: own }, ...others.map((source) => ({ name: `${own}_from_${source}`, source }))];
}

/** CT-569: empty schemas named after the generated services. */
function* emptySchemas(ambient: Ambient, node: Node): Steps<void> {
  for (const { name } of node.volume.installed.cluster?.services ?? [])
    if (name.includes("_from_") && ambient.variant % 2 === 0) yield* ask("makeSchema", `tungsten_${name}`);
}
