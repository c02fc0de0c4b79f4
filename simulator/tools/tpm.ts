/**
 * tpm: install, update, uninstall with the order of effects that was observed (tungsten-observed-conversion §2), so that a
 * kill halfway leaves what it left there. Nothing on stdout unless `--tty` is among its words; the runner adds it.
 */
import {
  emit,
  type Host,
  hostsOf,
  type Installed,
  type ProductName,
  siteOf,
  type ToolResult,
  type World,
} from "../model.ts";
import { resetCatalog } from "../mysql.ts";
import { startReplicator, stopReplicator, thlKey } from "../replicator.ts";
import { startAll } from "./daemons.ts";
import { readConfiguration, truth } from "./ini.ts";
import { bad, type Call, ok, type Tool } from "./tool.ts";
import { query, reverse } from "./tpm-query.ts";
import {
  completed,
  completedOn,
  mysqlTooLong,
  installed as nextSteps,
  validationFailed,
} from "./tpm-text.ts";

/** `tpm PRODUCT RELEASE|installed VERB …`. */
export const tpm: Tool = function* (call: Call) {
  const { world, host, args } = call;
  const product: ProductName = args[0] === "crossSite" ? "crossSite" : "cluster";
  const [, from = "", verb = "", what = ""] = args;
  if (verb === "query") return query(host, product, from, what);
  if (verb === "reverse") return reverse(host, product);
  if (from !== "installed" && !host.volume.software.has(from)) return noTree;
  if (from === "installed" && host.volume.installed[product] === undefined) return noTree;
  if (host.tools.filter((tool) => tool.argv[0] === "tpm").length > 1)
    return bad(1, "ERROR >> There is already another Tungsten installation script running\n");
  emit(world, { kind: "tpm", host: host.name, product, verb, when: "begin" });
  const result = yield* verbs[verb]?.(call, product, from) ?? unknownVerb(verb);
  emit(world, { kind: "tpm", host: host.name, product, verb, when: "end" });
  return args.includes("--tty") ? result : { ...result, out: "" };
};

const noTree = bad(127, "", "tools/tpm: No such file or directory\n");
const homeOf = (product: ProductName): string =>
  product === "cluster" ? "/opt/continuent" : "/opt/replicator";

// biome-ignore lint/correctness/useYield: a message that takes no time
function* unknownVerb(verb: string) {
  return bad(1, `ERROR >> Unknown command ${verb}\n`);
}

type Verb = (call: Call, product: ProductName, release: string) => ReturnType<Tool>;

const verbs: Record<string, Verb> = {
  *validate(call, product) {
    yield 5000;
    const errors = checks(call.world, call.host, product, "install");
    return errors.length > 0 ? bad(1, validationFailed(call.host.name, errors)) : ok(completed);
  },
  *install(call, product, release) {
    const { world, host } = call;
    const errors = checks(world, host, product, "install");
    yield 8000;
    if (errors.length > 0) return bad(1, validationFailed(host.name, errors));
    yield 14000;
    setInstalled(world, host, product, release);
    if (truth(readConfiguration(host.volume.ini ?? "", product).options.get("start-and-report") ?? "false"))
      startAll(world, host, product);
    return ok(nextSteps(homeOf(product)));
  },
  *update(call, product, release) {
    const { world, host } = call;
    yield 5000;
    const errors = checks(world, host, product, "update");
    if (errors.length > 0) return bad(1, validationFailed(host.name, errors));
    host.connector = { running: true, since: world.now + 2000 };
    yield 6000;
    const ran = host.replicators[product] !== undefined;
    stopReplicator(world, host, product);
    yield 5000;
    setInstalled(world, host, product, release);
    if (product === "cluster") emptySchemas(world, host);
    yield 3000;
    if (ran || world.variant % 4 !== 3) startReplicator(world, host, product);
    return ok(completed);
  },
  *uninstall(call, product) {
    if (!call.args.includes("--i-am-sure"))
      return bad(
        1,
        "ERROR >> Uninstalling removes all data of this installation\nERROR >> Add --i-am-sure\n",
      );
    const stuck = yield* uninstall(call, product);
    if (stuck !== undefined) return stuck;
    return ok(
      completedOn(call.host.name),
      "sh: 0: getcwd() failed: No such file or directory\nsh: 0: getcwd() failed: No such file or directory\n",
    );
  },
};

/**
 * stopall; start offline; read_only off; reset -all of each service; logs; stop; the tree and its link last. With MySQL
 * down it waits for it, gives up, and leaves the replicator that it started running. Undefined when it went through.
 */
function* uninstall(
  { world, host }: Call,
  product: ProductName,
): Generator<number, ToolResult | undefined, void> {
  const installed = host.volume.installed[product];
  if (installed === undefined) return;
  stopReplicator(world, host, product);
  yield 1500;
  startReplicator(world, host, product, true);
  yield 1000;
  for (let waited = 0; !host.mysql.up && waited < 15; waited += 1) yield 2000;
  if (!host.mysql.up) return bad(1, mysqlTooLong(host.name));
  if (host.mysql.readOnly) setReadOnly(world, host, false, "tpm uninstall");
  for (const { source, name } of installed.services) {
    yield 500;
    resetCatalog(world, host, `tungsten_${siteOf(world, source).dataservice}`);
    host.volume.thl.delete(thlKey(product, name));
  }
  yield 2000;
  stopReplicator(world, host, product);
  yield 1500;
  delete host.volume.installed[product];
  delete host.volume.installedIni[product];
  return undefined;
}

export function setReadOnly(world: World, host: Host, value: boolean, by: string): void {
  host.mysql.readOnly = value;
  emit(world, { kind: "read-only", host: host.name, value, by });
}

/** Each message ends with its check's class name, as in the transcripts. */
function checks(world: World, host: Host, product: ProductName, verb: "install" | "update"): string[] {
  const errors: string[] = [];
  const home = homeOf(product);
  const text = host.volume.ini;
  if (!host.mysql.up)
    errors.push(
      `Unable to connect to the MySQL server using tungsten@${host.name}:13306 (WITH PASSWORD) (MySQLLoginCheck)`,
    );
  if (text === null || !host.joined)
    return [...errors, "Unable to find any host configurations for the data service specified."];
  const { errors: lexical, clusters } = readConfiguration(text, product);
  errors.push(...lexical.map((line) => line.replace(/^ERROR >> /, "")));
  const installed = host.volume.installed[product];
  if (verb === "install" && installed !== undefined) {
    errors.push(
      "This directory has already been configured.  Try using `tools/tpm update` to make changes. (ConfiguredDirectoryCheck)",
    );
    if (host.replicators[product] !== undefined)
      errors.push(
        `The replicator in ${home} is still running.  You must stop it before installation can continue. (HostReplicatorServiceRunningCheck)`,
      );
    errors.push(`There is already an installation at ${home}/tungsten (InstallingOverExistingInstallation)`);
    errors.push(
      `There is already a directory at ${home}/releases/tungsten-${product === "cluster" ? "clustering" : "replicator"}-${installed.release}_pid1234 (TargetDirectoryDoesNotExist)`,
    );
  }
  if (verb === "install") errors.push(...leftLogs(world, host, product));
  if (verb === "update" && installed === undefined)
    errors.push(`There is no installation at ${home}/tungsten`);
  const own = clusters.get(siteOf(world, host.site).dataservice);
  if (own === undefined || !own.members.includes(host.name))
    errors.push(
      `Hostname must be one of ${own?.members.join(",") ?? "none"}, or change the configuration to use ${host.name} (HostnameCheck)`,
    );
  if (
    verb === "update" &&
    product === "cluster" &&
    own !== undefined &&
    own.master !== siteOf(world, host.site).primary &&
    host.name === own.master
  )
    errors.push(
      `The host is configured to be 'master' but it is currently operating as a 'slave' (CurrentTopologyCheck)`,
    );
  return errors;
}

/** A service whose log is still on the volume. An existing tracking schema alone is accepted. */
function leftLogs(world: World, host: Host, product: ProductName): readonly string[] {
  const prefix = thlKey(product, "");
  const left = [...host.volume.thl].filter(([key, log]) => key.startsWith(prefix) && log.length > 0);
  return left.flatMap(([key]) => {
    const service = key.slice(prefix.length);
    const source = host.volume.installed[product]?.services.find(({ name }) => name === service)?.source;
    const schema = `tungsten_${source === undefined ? service : siteOf(world, source).dataservice}`;
    return [
      `Replication log directory ${homeOf(product)}/thl/${service} already contains log files (THLStorageCheck)`,
      `THL schema ${schema} already has tables created at tungsten@${host.name}:13306 (WITH PASSWORD) (THLStorageCheck)`,
      `Transferred log directory ${homeOf(product)}/relay/${service} already contains log files (ServiceTransferredLogStorageCheck)`,
    ];
  });
}

function setInstalled(world: World, host: Host, product: ProductName, release: string): void {
  const { clusters, links, composite } = readConfiguration(host.volume.ini ?? "", product);
  const site = siteOf(world, host.site);
  const byDataservice = (name: string) =>
    [...world.sites.values()].find((candidate) => candidate.dataservice === name)?.name ?? name;
  const own: Installed["services"] =
    product === "cluster" ? [{ name: site.dataservice, source: site.name }] : [];
  const others =
    product === "crossSite"
      ? links.filter((link) => link.target === site.dataservice).map((link) => link.source)
      : composite?.members.includes(site.dataservice)
        ? composite.members.filter((name) => name !== site.dataservice)
        : [];
  const crossing = others.map((name) => ({
    name: product === "crossSite" ? name : `${site.dataservice}_from_${name}`,
    source: byDataservice(name),
  }));
  const masters = Object.fromEntries(
    [...clusters].map(([name, { master }]) => [byDataservice(name), master]),
  );
  const master = masters[site.name];
  const first = !hostsOf(world, site.name).some((other) => other.volume.installed.cluster !== undefined);
  if (product === "cluster" && master !== undefined && first) site.primary = master;
  const installed: Installed = {
    product,
    release,
    method: "ini",
    services: [...own, ...crossing],
    masters,
    channels: 1,
  };
  host.volume.installed[product] = installed;
}

/** CT-569: empty schemas named after the generated services. */
function emptySchemas(world: World, host: Host): void {
  for (const { name } of host.volume.installed.cluster?.services ?? [])
    if (name.includes("_from_") && !host.mysql.schemas.has(`tungsten_${name}`) && world.variant % 2 === 0)
      host.mysql.schemas.set(`tungsten_${name}`, "empty");
}
