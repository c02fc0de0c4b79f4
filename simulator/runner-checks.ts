/** The runner's second live look, directly before a tool runs: the objection, or nothing. */

import { sha256 } from "./checksum.ts";
import { type Host, siteOf, type World } from "./model.ts";
import { tablesOf } from "./mysql.ts";
import type { ProductName } from "./state.ts";
import { isJoined, secretWordOf } from "./tools/accounts.ts";

type Check = (world: World, host: Host, args: readonly string[]) => string | undefined;

const serviceOf = (host: Host, args: readonly string[]) =>
  host.replicators[args[0] as ProductName]?.services.get(args[1] ?? "");

const checks: Record<string, Check> = {
  "policy-is": (world, host, [policy]) =>
    siteOf(world, host.site).policy === policy
      ? undefined
      : `the policy is ${siteOf(world, host.site).policy}`,
  "file-is": (_world, host, [name = "", sum]) => {
    const text = host.volume.kept.get(name);
    return text !== undefined && sha256(text) === sum
      ? undefined
      : `${name} is not the file that was verified`;
  },
  "no-tpm": (_world, host) => (host.tools.some((tool) => tool.argv[0] === "tpm") ? "a tpm runs" : undefined),
  stopped: (_world, host, [product]) =>
    host.replicators[product as ProductName] === undefined &&
    host.volume.installed[product as ProductName] !== undefined
      ? undefined
      : `the ${product} replicator runs, or cannot be asked`,
  writable: (_world, host, [word]) =>
    host.mysql.up && host.mysql.readOnly === (word === "no") ? undefined : "read_only says otherwise",
  "tracking-is": (_world, host, [schema = "", seqno, eventId]) => {
    const commit = tablesOf(host.mysql, schema)?.commit;
    return commit != null && String(commit.seqno) === seqno && commit.eventId === eventId
      ? undefined
      : `${schema} stands elsewhere`;
  },
  "state-is": (_world, host, args) =>
    serviceOf(host, args)?.state === args[2] ? undefined : `${args[1]} is not ${args[2]}`,
  armed: (_world, host, args) =>
    serviceOf(host, args)?.stopAt === args[2] ? undefined : `${args[1]} is not armed`,
  "error-is": (world, host, args) => {
    const error = serviceOf(host, args)?.error;
    const text = error != null && world.now >= error.visibleAt ? error.text : "";
    return /Log epoch numbers do not match/.test(text)
      ? undefined
      : `${args[1]} does not show the epoch mismatch`;
  },
  "error-at": (world, host, args) => {
    const service = serviceOf(host, args);
    const error = service?.error ?? null;
    const at = error !== null && world.now >= error.visibleAt ? error.seqno : -1;
    return service?.state === "OFFLINE:ERROR" && String(at) === args[2]
      ? undefined
      : `${args[1]} is stopped at event ${at}`;
  },
  "ini-is": (_world, host, [sum]) =>
    host.volume.ini !== null && sha256(host.volume.ini) === sum && isJoined(host)
      ? undefined
      : "another ini is published",
  "secret-is": (_world, host, [word]) =>
    secretWordOf(host) === word ? undefined : "another version of the Secret is mounted",
  "passwords-are": (_world, host, [word]) =>
    (host.secret.get("ini-version") ?? "none") === word
      ? undefined
      : "another version of the Secret is mounted",
  shunned: (_world, host, [name = ""]) =>
    host.manager.running && host.cluster.out?.[name]?.startsWith("SHUNNED") === true
      ? undefined
      : `the datasource ${name} is not shunned`,
  "database-is": (_world, host, [word]) =>
    host.mysql.up === (word === "running") ? undefined : `the database is not ${word}`,
  "backup-is": (_world, host, [name = "", sum = "none"]) => {
    const state = host.volume.backups.get(name) ?? "";
    return state.includes(`sha256=${sum}\n`) && state.includes("verified=yes")
      ? undefined
      : `${name} is not the backup that was verified`;
  },
  "no-tables": (_world, host) => {
    if (!host.mysql.up) return "it cannot be read what the database holds";
    return host.mysql.rows.size === 0 ? undefined : "the database holds a user's table";
  },
  "no-table-files": (_world, host) => {
    if (host.mysql.up) return "the database runs";
    return host.mysql.rows.size === 0 ? undefined : "the data directory holds the schema shop of a user";
  },
};

export function checkOf(
  world: World,
  host: Host,
  [name = "", ...args]: readonly string[],
): string | undefined {
  const check = checks[name];
  return check === undefined ? `unknown check ${name}` : check(world, host, args);
}
