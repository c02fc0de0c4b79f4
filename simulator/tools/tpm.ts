/**
 * tpm: install, update, uninstall with the order of effects that was observed (tungsten-observed-conversion §2), so that a
 * kill halfway leaves what it left there. Silent without a terminal; the runner gives it one.
 */
import { emit, type Host, hostsOf, type Installed, type ProductName, siteOf, type World } from "../model.ts";
import { startReplicator, stopReplicator, thlKey } from "../replicator.ts";
import { readConfiguration } from "./ini.ts";
import { bad, type Call, ok, type Tool } from "./tool.ts";

const success = "\nNOTE  >> Command successfully completed\n";
const failure = (host: Host, errors: readonly string[]): string =>
  [
    ...errors.map((text) => `ERROR >> ${host.name} >> ${text.replace(/ \(\w+\)$/, "")}`),
    "#".repeat(69),
    "# Validation failed",
    "#".repeat(69),
    "#".repeat(69),
    `# Errors for ${host.name}`,
    "#".repeat(69),
    ...errors.map((text) => `ERROR >> ${host.name} >> ${text}`),
    "",
  ].join("\n");

/** `tpm PRODUCT RELEASE|installed VERB …`. */
export const tpm: Tool = function* (call: Call) {
  const { world, host, args } = call;
  const product: ProductName = args[0] === "crossSite" ? "crossSite" : "cluster";
  const [, from = "", verb = ""] = args;
  if (verb === "query") return query(host, product, from);
  if (from !== "installed" && !host.volume.software.has(from))
    return bad(127, "", `tools/tpm: No such file or directory\n`);
  if (host.tools.filter((tool) => tool.argv[0] === "tpm").length > 1)
    return bad(1, "ERROR >> There is already another Tungsten installation script running\n");
  emit(world, { kind: "tpm", host: host.name, product, verb, when: "begin" });
  const result = yield* verbs[verb]?.(call, product, from) ?? unknownVerb(verb);
  emit(world, { kind: "tpm", host: host.name, product, verb, when: "end" });
  return result;
};

// biome-ignore lint/correctness/useYield: a message that takes no time
function* unknownVerb(verb: string) {
  return bad(1, `ERROR >> Unknown command ${verb}\n`);
}

type Verb = (call: Call, product: ProductName, release: string) => ReturnType<Tool>;

const verbs: Record<string, Verb> = {
  *validate(call, product) {
    yield 5000;
    const errors = checks(call.world, call.host, product, "install");
    return errors.length > 0 ? bad(1, failure(call.host, errors)) : ok(success);
  },
  *install(call, product, release) {
    const { world, host } = call;
    const errors = checks(world, host, product, "install");
    yield 8000;
    if (errors.length > 0) return bad(1, failure(host, errors));
    yield 14000;
    setInstalled(world, host, product, release);
    return ok(success);
  },
  *update(call, product, release) {
    const { world, host } = call;
    yield 5000;
    const errors = checks(world, host, product, "update");
    if (errors.length > 0) return bad(1, failure(host, errors));
    host.connector = { running: true, since: world.now + 2000 };
    yield 6000;
    const ran = host.replicators[product] !== undefined;
    stopReplicator(world, host, product);
    yield 5000;
    setInstalled(world, host, product, release);
    if (product === "cluster") emptySchemas(world, host);
    yield 3000;
    if (ran || world.variant % 4 !== 3) startReplicator(world, host, product);
    return ok(success);
  },
  *uninstall(call, product) {
    yield* uninstall(call, product);
    return ok(
      `NOTE  >> ${call.host.name} >> Command successfully completed\n`,
      "sh: 0: getcwd() failed: No such file or directory\nsh: 0: getcwd() failed: No such file or directory\n",
    );
  },
};

/** stopall; start offline; read_only off; reset -all of each service; logs; stop; the tree and its link last. */
function* uninstall({ world, host }: Call, product: ProductName): Generator<number, void, void> {
  const installed = host.volume.installed[product];
  if (installed === undefined) return;
  stopReplicator(world, host, product);
  yield 1500;
  startReplicator(world, host, product, true);
  yield 1000;
  if (host.mysql.readOnly) setReadOnly(world, host, false, "tpm uninstall");
  for (const { source, name } of installed.services) {
    yield 500;
    const schema = `tungsten_${siteOf(world, source).dataservice}`;
    host.mysql.schemas.set(schema, "empty");
    emit(world, { kind: "tracking-dropped", host: host.name, schema });
    host.volume.thl.delete(thlKey(product, name));
  }
  yield 2000;
  stopReplicator(world, host, product);
  yield 1500;
  delete host.volume.installed[product];
  delete host.volume.installedIni[product];
}

export function setReadOnly(world: World, host: Host, value: boolean, by: string): void {
  host.mysql.readOnly = value;
  emit(world, { kind: "read-only", host: host.name, value, by });
}

/** Each message ends with its check's class name, as in the transcripts. */
function checks(world: World, host: Host, product: ProductName, verb: "install" | "update"): string[] {
  const errors: string[] = [];
  const home = product === "cluster" ? "/opt/continuent" : "/opt/replicator";
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
    errors.push(`There is already an installation at ${home}/tungsten (InstallingOverExistingInstallation)`);
    if (host.replicators[product] !== undefined)
      errors.push(
        `The replicator in ${home} is still running.  You must stop it before installation can continue. (HostReplicatorServiceRunningCheck)`,
      );
  }
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

function query(host: Host, product: ProductName, from: string) {
  const installed = host.volume.installed[product];
  return installed === undefined
    ? bad(127, "", "tools/tpm: No such file or directory\n")
    : ok(`${from === "installed" ? installed.release : from}\n`);
}
