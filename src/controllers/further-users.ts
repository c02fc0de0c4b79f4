/**
 * The further application users of an estate, read from the Secrets that its TungstenClusters name. What one site lists is
 * a user of the whole estate: a connector may give its client to the database of any site.
 */
import type { TungstenClusterSpec } from "../crds/tungsten-cluster.ts";
import { guardSecret } from "../telemetry/log.ts";
import type { Estate } from "../topology/estate.ts";
import type { Namespace } from "./estate-reader.ts";
import type { KubeObject, Objects } from "./shell.ts";
import { readAccount } from "./site-secret.ts";

/** `lines`: `NAME<TAB>PASSWORD` each, by name. `refused`: why nothing can be said, with the path in that site's spec. */
export type FurtherUsers = { readonly lines: string } | { readonly refused: string; readonly site: string };

/** Accounts of the servers and of our own, by the names the vendors give them. */
const reserved = ["root", "mysql", "mariadb.sys", "mysql.sys", "mysql.session", "mysql.infoschema", "PUBLIC"];
/** MySQL's limit; MariaDB's is higher. */
const longestName = 32;

type Named = { readonly site: string; readonly path: string; readonly secret: string };

const namedBy = (site: string, object: KubeObject | undefined): readonly Named[] =>
  ((object?.spec as Partial<TungstenClusterSpec> | undefined)?.users ?? []).map(({ name }, index) => ({
    site,
    path: `spec.users[${index}].name`,
    secret: name,
  }));

export async function furtherUsers(
  objects: Pick<Objects, "get">,
  { clusters }: Namespace,
  { sites, namespace }: Estate,
): Promise<FurtherUsers> {
  const users = new Map<string, Named & { readonly password: string }>();
  for (const named of sites.flatMap(({ name }) => namedBy(name, clusters.get(name)))) {
    const { site, path, secret } = named;
    const account = await readAccount(objects, namespace, secret, path);
    if ("refused" in account) return { ...account, site };
    const { username, password } = account;
    const before = users.get(username);
    const fault = faultOf(username, password) ?? (before && before.password !== password && clash(before));
    if (typeof fault === "string")
      return { refused: `${path}: the account in Secret ${secret} ${fault}`, site };
    guardSecret(password);
    users.set(username, { ...named, password });
  }
  const lines = [...users].sort(([a], [b]) => (a < b ? -1 : 1));
  return { lines: lines.map(([name, { password }]) => `${name}\t${password}\n`).join("") };
}

const clash = ({ site, secret }: Named): string =>
  `has the name of the one in Secret ${secret} of TungstenCluster ${site} and another password; one estate has one password for a name`;

function faultOf(username: string, password: string): string | undefined {
  if (reserved.includes(username))
    return `is called ${username}, which is the server's own; choose another name`;
  if (username.length > longestName) return `has a name of more than ${longestName} characters; shorten it`;
  if (!/^[A-Za-z0-9_.-]+$/.test(username))
    return "has a name with other characters than letters, digits, _, . and -; choose another";
  if (password === "-") return "has the password -, which user.map takes for none; choose another";
  return /[|\p{Cc}]/u.test(password)
    ? "has a password with | or a control character, which user.map would cut; choose another"
    : undefined;
}
