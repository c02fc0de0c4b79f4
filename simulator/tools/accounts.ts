/** Accounts of a node: made from the mounted Secret, given another password beside the one they have; and user.map. */
import { emit, type Host } from "../model.ts";
import { readConfiguration } from "./ini.ts";
import { bad, ok, quick, type RunnerCall } from "./tool.ts";

type Account = {
  readonly role: "replication" | "application" | "user";
  readonly name: string;
  readonly word: string;
};

/** What an estate's nodes mount when nobody changed anything. */
export const secretOf = (canary: string): Map<string, string> =>
  new Map([
    ["replication-user", "tungsten"],
    ["replication-password", canary],
    ["application-user", "app_user"],
    ["application-password", `${canary}-app`],
  ]);

const further = ({ secret }: Host): readonly Account[] =>
  (secret.get("users") ?? "").split("\n").flatMap((line) => {
    const [name = "", word = ""] = line.split("\t");
    return name === "" ? [] : [{ role: "user" as const, name, word }];
  });

const accountsIn = (host: Host): readonly Account[] => [
  ...(["replication", "application"] as const).map((role) => ({
    role,
    name: host.secret.get(`${role}-user`) ?? "",
    word: host.secret.get(`${role}-password`) ?? "",
  })),
  ...further(host),
];

export const lets = ({ mysql }: Host, name: string, word: string): boolean =>
  mysql.logins.get(name)?.includes(word) === true;

/** The two accounts of the installation, where they are missing. */
export function makeAccounts(host: Host): void {
  host.mysql.accounts = true;
  for (const { role, name, word } of accountsIn(host))
    if (role !== "user" && !host.mysql.logins.has(name)) host.mysql.logins.set(name, [word]);
}

/** tpm writes the application account's line first, and copies what else it finds. */
export function layUserMap({ volume, joinedSecret }: Host, service: string): void {
  const name = joinedSecret.get("application-user") ?? "";
  const others = volume.userMap.filter(([first]) => first !== name);
  volume.userMap = [[name, joinedSecret.get("application-password") ?? "", service], ...others];
}

/** The joined ini holds the passwords that are mounted now. */
export const isJoined = ({ joined, secret, joinedSecret }: Host): boolean =>
  joined && secret.get("ini-version") === joinedSecret.get("ini-version");

const leftOver = (host: Host): readonly string[] => {
  const wanted = accountsIn(host).map(({ name }) => name);
  return [...host.volume.usersMade].filter((name) => !wanted.includes(name));
};

/** The service that a line is to have: what the text knows no more is gone, and the host's own composite or service takes its place. */
function served({ volume, cluster }: Host, service = ""): string {
  const { clusters, composite } = readConfiguration(volume.ini ?? "", "cluster");
  if (volume.ini === null || clusters.has(service) || composite?.name === service) return service;
  return composite?.members.includes(cluster.dataservice) === true ? composite.name : cluster.dataservice;
}

/** Whether a connector lets applications in: the service of their line is one that this release was configured with. */
export function letsApplicationsIn({ volume, joinedSecret }: Host): boolean {
  const { cluster } = volume.installed;
  const line = volume.userMap.find(([name]) => name === joinedSecret.get("application-user"));
  const service = line?.[2];
  return (
    cluster === undefined ||
    service === undefined ||
    service in cluster.members ||
    service === cluster.composite?.name
  );
}

/** user.map as the Secret wants it; undefined without the application account's line. */
function mapped(host: Host): (readonly string[])[] | undefined {
  const [, application, ...users] = accountsIn(host);
  const own = host.volume.userMap.find(([name]) => name === application?.name);
  if (own === undefined || application === undefined)
    return users.length > 0 ? undefined : host.volume.userMap;
  const ours = new Set([...host.volume.usersMapped, ...users.map(({ name }) => name)]);
  const others = host.volume.userMap.filter(([name = ""]) => !ours.has(name) && name !== application.name);
  const [named = "", ...affinity] = own.slice(2);
  const there = served(host, named);
  const service = there === named ? [named, ...affinity] : [there];
  return [
    [application.name, application.word, ...service],
    ...others,
    ...users.map(({ name, word }) => [name, word, ...service]),
  ];
}

const inOrder = (lines: readonly (readonly string[])[]): string =>
  lines
    .map((line) => line.join(" "))
    .sort()
    .join("\n");
const mapIsRight = (host: Host): boolean => {
  const wanted = mapped(host);
  return wanted !== undefined && inOrder(wanted) === inOrder(host.volume.userMap);
};

export const secretWordOf = ({ secret }: Host): string =>
  `${secret.get("ini-version") ?? "none"}.${secret.get("users-version") ?? "none"}`;

const unreachable = bad(1, "", "ERROR 2002 (HY000): Can't connect to local server\n");
const yes = (is: boolean): string => (is ? "yes" : "no");

/** The query `accounts-state`. */
export const accountsState = quick(({ world, host }) => {
  if (world.connectors.has(host.name))
    return ok(`secret=${secretWordOf(host)}\ndatabase=none\nmap=${yes(mapIsRight(host))}\nsettled=yes\n`);
  if (!host.mysql.up) return unreachable;
  const all = accountsIn(host);
  const second = all.some(({ name }) => (host.mysql.logins.get(name)?.length ?? 0) > 1);
  return ok(
    [
      `secret=${secretWordOf(host)}`,
      `database=${yes(all.every(({ name, word }) => lets(host, name, word)))}`,
      `map=${yes(mapIsRight(host))}`,
      `settled=${yes(!second && leftOver(host).length === 0)}`,
    ]
      .map((line) => `${line}\n`)
      .join(""),
  );
});

/** `accounts | accounts change | accounts map | accounts settle` */
export const accounts = quick((call) => {
  const { world, host, args } = call;
  const [verb = "make"] = args;
  const result = verbs[verb]?.(call) ?? bad(24);
  if (result.code === 0) emit(world, { kind: "accounts", host: host.name, verb });
  return result;
});

const verbs: Readonly<Record<string, (call: RunnerCall) => ReturnType<typeof ok>>> = {
  make({ host }) {
    if (!host.mysql.up) return unreachable;
    makeAccounts(host);
    return ok();
  },
  change({ host }) {
    if (!host.mysql.up) return unreachable;
    for (const { role, name, word } of accountsIn(host)) {
      const before = host.mysql.logins.get(name);
      if (before === undefined && role === "user") host.volume.usersMade.add(name);
      if (before?.includes(word) !== true) host.mysql.logins.set(name, [word, ...(before ?? [])]);
    }
    host.mysql.accounts = true;
    return ok();
  },
  map({ host }) {
    const wanted = mapped(host);
    if (wanted === undefined) return bad(3, "", "user.map has no line of the application account\n");
    host.volume.userMap = wanted;
    host.volume.usersMapped = new Set(further(host).map(({ name }) => name));
    return ok();
  },
  settle({ host }) {
    if (!host.mysql.up) return unreachable;
    if (!mapIsRight(host)) return bad(3, "", "user.map is not what the Secret says\n");
    for (const { name, word } of accountsIn(host)) {
      if (!lets(host, name, word)) return bad(3, "", "the password of an account is not the Secret's\n");
      host.mysql.logins.set(name, [word]);
    }
    for (const name of leftOver(host)) {
      host.mysql.logins.delete(name);
      host.volume.usersMade.delete(name);
    }
    return ok();
  },
};
