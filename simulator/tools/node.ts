/** The runner's own tools on a host: holds, kept files, the ini, installations, accounts, backups, reachability. */

import { sha256 } from "../checksum.ts";
import { springTrap } from "../faults.ts";
import { emit, type Host, hostNamed, reaches, type World } from "../model.ts";
import { tablesOf } from "../mysql.ts";
import { ask } from "../outside.ts";
import type { ProductName } from "../state.ts";
import { isJoined } from "./accounts.ts";
import { dsctlRow } from "./logs.ts";
import { bad, ok, quick, type RunnerTool, thlFolder } from "./tool.ts";

const lines = (all: Iterable<string>): string => [...all].map((line) => `${line}\n`).join("");
const productOf = (word: string | undefined): ProductName => (word === "crossSite" ? "crossSite" : "cluster");

export const installed = quick(({ host, args }) => {
  const product = productOf(args[0]);
  const is = host.volume.installed[product];
  if (is === undefined) return ok("link=\n");
  return ok(
    lines([
      `link=releases/tungsten-${product === "cluster" ? "clustering" : "replicator"}-${is.release}_pid1234`,
      `release=${is.release}`,
      `method=${is.method}`,
      `services=${is.services.map(({ name }) => name).join(",")}`,
      `ini=${host.volume.installedIni[product] ?? ""}`,
      `unfinished=${host.volume.unfinished[product] ?? ""}`,
      `parallel=${is.channels}`,
      `secret=${host.volume.installedSecret[product] ?? ""}`,
    ]),
  );
});

/** Of those named, what a service's configuration holds; never a secret. */
export const properties = quick(({ host, args }) => {
  const [name = "", ...wanted] = args;
  const service = host.volume.installed.cluster?.services.find((each) => each.name === name);
  if (service === undefined) return bad(1, "", `static-${name}.properties: No such file or directory\n`);
  const told = wanted
    .filter((word) => !/pass|secret|key/i.test(word))
    .map((word) => [word, service.properties?.[word]] as const);
  return ok(lines(told.flatMap(([word, value]) => (value === undefined ? [] : [`${word}\t${value}`]))));
});

export const tpmProcesses = quick(({ host }) =>
  ok(
    lines(
      host.tools
        .filter((tool) => tool.argv[0] === "tpm")
        .map((tool) => `${tool.pid} ruby tools/tpm ${tool.argv.slice(1).join(" ")}`),
    ),
  ),
);
export const files = quick(({ host }) =>
  ok(
    lines(
      [...host.volume.kept].map(([name, text]) => `${name}\t${Buffer.byteLength(text)}\t${sha256(text)}`),
    ),
  ),
);
export const file = quick(({ host, args }) => {
  const text = host.volume.kept.get(args[0] ?? "");
  return text === undefined ? bad(1, "", `${args[0]}: No such file or directory\n`) : ok(text);
});
export const holds = quick(({ host }) => ok(lines(host.volume.holds)));
export const ini = quick(({ host }) =>
  ok(
    lines([
      `published=${host.volume.ini === null ? "" : sha256(host.volume.ini)}`,
      `joined=${isJoined(host) ? "yes" : "no"}`,
      `secret=${host.secretReady ? "ready" : ""}`,
    ]),
  ),
);
export const software = quick(({ host }) =>
  ok(
    lines(
      [...host.volume.software].flatMap((release) => [
        `tungsten-clustering-${release}`,
        ...(host.hasPrepUpgrade ? [`tungsten-clustering-${release}/tungsten_prep_upgrade`] : []),
        `tungsten-replicator-${release}`,
      ]),
    ),
  ),
);
export const clock = quick(({ world, host }) => ok(`${world.now + host.clockSkewMs}\n`));

/** Of every log all was written at the same pace since the same time. */
export const space = quick(({ world, host }) => {
  const seconds = Math.floor((world.now - host.logsBegan) / 1000);
  const written = `${Math.floor((host.logBytesPerHour / 3600) * seconds)}/${seconds}`;
  const thl = (["cluster", "crossSite"] as const).flatMap((product) =>
    (host.volume.installed[product]?.services ?? []).map(
      ({ name }) => `${product}:${thlFolder(product, name, host.site).split("/").at(-1)}`,
    ),
  );
  const logs = ["binlog", ...thl].map((log) => `\t${log}=${seconds > 0 ? written : "unknown"}`).join("");
  return ok(`/opt\t${host.freeBytes}\t100000000000${logs}\n/backups\t50000000000\t100000000000\n`);
});
export const myCnf = quick(({ host: { mysql } }) => {
  const said = new Map([
    ["server-id", String(mysql.serverId)],
    ["log-bin", "mysql-bin"],
    ["binlog-format", mysql.format],
    ["auto-increment-increment", String(mysql.increment)],
    ["auto-increment-offset", String(mysql.offset)],
    ...mysql.file,
  ]);
  return ok(lines([...said].map(([key, value]) => `${key}\t${value}`)));
});

/** What the database was started with. */
export const dataserver = quick(({ host: { mysql } }) =>
  ok(
    lines([
      `mounted=${mysql.mounted === "" ? "" : sha256(mysql.mounted)}`,
      `started=${mysql.started === mysql.mounted ? "yes" : "no"}`,
    ]),
  ),
);

/** What the pod was made from, as its environment says. */
export const pod = quick(({ host }) => ok(lines([`template=${host.template}`])));

/** Routers' JMX and gateway, managers' remote RMI: no page says who listens and from when on, so that differs by seed. */
const listensPerhaps = [10999, 11999, 12000];

function connecting(world: World, host: Host, peer: Host | undefined, port: number): string {
  if (peer === undefined) return "unresolved";
  if (!peer.up) return "unreachable";
  if (!reaches(world, host, peer) || world.swallowed.has(`${peer.site}:${port}`)) return "timeout";
  return listensPerhaps.includes(port) && world.variant % 2 === 1 ? "refused" : "open";
}

export const reach = quick(({ world, host, args }) =>
  ok(
    lines(
      args.map((endpoint) => {
        const [name = "", port = ""] = endpoint.split(":");
        return `${endpoint}\t${connecting(world, host, hostNamed(world, name), Number(port))}`;
      }),
    ),
  ),
);

export const backupState = quick(({ host, args }) => {
  const state = host.volume.backups.get(args[0] ?? "");
  return state === undefined ? bad(1) : ok(state);
});

export const takeBackup: RunnerTool = function* ({ world, host, args }) {
  if (!host.mysql.up) return bad(1, "", "mariabackup: cannot connect to the server\n");
  yield* ask("sleep", 20_000);
  const content = `${host.name} ${host.mysql.position}`;
  const verified = springTrap(world, host, "backup-short") ? "no" : "yes";
  host.volume.backups.set(
    args[0] ?? "",
    lines([
      `sha256=${sha256(content)}`,
      `lsn=${host.mysql.position}`,
      "bytes=1000000",
      `verified=${verified}`,
    ]),
  );
  return ok();
};

export const hold = quick(({ host, args }) => {
  host.volume.holds.add(args[0] ?? "");
  return ok();
});
export const release = quick(({ host, args }) => {
  host.volume.holds.delete(args[0] ?? "");
  return ok();
});

/** Written once: an existing name with other content is refused. */
function keep(host: Host, name: string, text: string) {
  const before = host.volume.kept.get(name);
  if (before !== undefined && before !== text) return bad(3, "", `${name} exists with other content\n`);
  host.volume.kept.set(name, text);
  return ok();
}

export const keepPosition = quick(({ host, args }) => {
  const [service = "", name = ""] = args;
  const source = host.volume.installed.crossSite?.services.find(
    (candidate) => candidate.name === service,
  )?.source;
  if (source === undefined || !host.mysql.up) return bad(3, "", "Unable to connect to the database\n");
  return keep(host, name, `${dsctlRow(tablesOf(host.mysql, `tungsten_${source}`)?.commit)}\n`);
});

export const keepReadOnly = quick(({ host, args }) => {
  const [name = ""] = args;
  if (host.volume.kept.has(name)) return ok();
  if (!host.mysql.up) return bad(1, "", "ERROR 2002 (HY000): Can't connect to local server\n");
  return keep(host, name, host.mysql.readOnly ? "1\n" : "0\n");
});

export const putReadOnly = quick(({ world, host, args }) => {
  const word = host.volume.kept.get(args[0] ?? "")?.trim();
  if (word === undefined || !host.mysql.up) return bad(1, "", "nothing was kept, or the server is down\n");
  host.mysql.readOnly = word === "1";
  emit(world, { kind: "read-only", host: host.name, value: host.mysql.readOnly, by: "put-read-only" });
  return ok();
});

export const publishIni = quick(({ host, args, stdin }) => {
  if (sha256(stdin) !== args[0]) return bad(3, "", "the text has another checksum\n");
  host.volume.ini = stdin;
  if (stdin.includes("java-keystore-path=") && !host.secret.has("tls.crt"))
    return bad(1, "", "the certificate is not mounted\n");
  host.joined = host.secretReady;
  if (host.joined) host.joinedSecret = new Map(host.secret);
  return host.joined ? ok() : bad(1, "", "/etc/tungsten-secrets/replication-password is missing\n");
});

export const dropSchema = quick(({ host, args }) => {
  const [schema = ""] = args;
  if (!/_from_/.test(schema) || tablesOf(host.mysql, schema)?.commit != null)
    return bad(3, "", `${schema} is not empty\n`);
  host.mysql.schemas.delete(schema);
  return ok();
});
