/** The Secret each node mounts: accounts by the user's references, and what nobody named is generated once for the namespace. */
import { randomBytes } from "node:crypto";
import type { TungstenClusterSpec } from "../crds/tungsten-cluster.ts";
import { isAlreadyExists } from "../kube/errors.ts";
import { clusterKind, secretKind } from "../kube/kinds.ts";
import { siteLabels } from "../manifests/object.ts";
import { guardSecret } from "../telemetry/log.ts";
import { siteLabel, siteSecret } from "../topology/names.ts";
import { type CertificateTexts, certificateFault } from "./certificate.ts";
import type { KubeObject, Objects } from "./shell.ts";

/** Accounts are the same at every site of an estate, so what is generated lies in one Secret of the namespace. */
const generatedName = "tungsten-generated-accounts";

export type Accounts = Record<string, string>;

export const decoded = (secret: KubeObject): Accounts =>
  Object.fromEntries(
    Object.entries((secret.data as Accounts | undefined) ?? {}).map(([key, value]) => [
      key,
      Buffer.from(value, "base64").toString("utf8"),
    ]),
  );
const encoded = (values: Accounts): Accounts =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value, "utf8").toString("base64")]),
  );

/** Letters and digits only: tpm hands passwords to the mysql client unquoted. */
const password = (): string =>
  randomBytes(24)
    .toString("base64")
    .replace(/[^A-Za-z0-9]/g, "x")
    .slice(0, 24);

/** Values that reach tungsten.ini; when one of them changes `ini-version` does. */
const inIni = [
  "replication-user",
  "replication-password",
  "application-user",
  "application-password",
  "rest-api-admin-user",
  "rest-api-admin-pass",
];

/** What the key stores of a site are made of. */
export const tlsKeys = ["tls.crt", "tls.key", "ca.crt"] as const;

/** A number nobody can guess anything from: it stands in arguments and in the status. */
const newVersion = (): string => randomBytes(6).toString("hex");

/**
 * `ini-version` and `users-version` change with the values they stand for. A Secret that is made first, and one that was
 * made before there were versions, has none of the former.
 */
function versioned(values: Accounts, before: Accounts | undefined): Accounts {
  const version = (name: string, keys: readonly string[]): Accounts => {
    // A certificate that comes or goes is no changed one: TLS itself begins and ends by a walk of its own.
    const differs = (key: string): boolean =>
      before?.[key] !== values[key] &&
      !(tlsKeys.some((each) => each === key) && (before?.[key] === undefined || values[key] === undefined));
    const same = before === undefined || !keys.some(differs);
    const kept = before?.[name];
    if (!same) return { [name]: newVersion() };
    return kept === undefined ? {} : { [name]: kept };
  };
  const users = values.users === undefined ? {} : version("users-version", ["users"]);
  const first = values.users !== undefined && before === undefined ? { "users-version": newVersion() } : {};
  return { ...values, ...version("ini-version", [...inIni, ...tlsKeys]), ...users, ...first };
}

/**
 * What installed sites still have of generated accounts whose own Secret was deleted: their databases know no others.
 * An account that a site's spec names was not generated, and says nothing about its neighbours'.
 */
async function survivors(objects: Objects, namespace: string): Promise<Accounts> {
  const found: Accounts = {};
  const clusters = await objects.list(clusterKind, namespace);
  for (const secret of await objects.list(secretKind, namespace, siteLabel)) {
    const site = clusters.find(({ metadata }) => siteSecret(metadata.name) === secret.metadata.name);
    const named = (role: string): boolean => site?.spec?.credentials?.[role]?.name !== undefined;
    for (const [key, value] of Object.entries(decoded(secret)).filter(([name]) => inIni.includes(name)))
      if (!["replication", "application"].some((role) => key.startsWith(`${role}-`) && named(role)))
        found[key] ??= value;
  }
  return found;
}

async function generated(objects: Objects, namespace: string): Promise<Accounts> {
  const found = await objects.get(secretKind, { namespace, name: generatedName });
  if (found !== undefined) return decoded(found);
  const values: Accounts = {
    "replication-user": "tungsten",
    "replication-password": password(),
    "application-user": "app_user",
    "application-password": password(),
    "rest-api-admin-user": "apiuser",
    "rest-api-admin-pass": password(),
    ...(await survivors(objects, namespace)),
  };
  const metadata = {
    name: generatedName,
    namespace,
    labels: { "app.kubernetes.io/managed-by": "tungsten-operator" },
  };
  try {
    await objects.create(secretKind, { apiVersion: "v1", kind: "Secret", metadata, data: encoded(values) });
    return values;
  } catch (error) {
    const other = isAlreadyExists(error)
      ? await objects.get(secretKind, { namespace, name: generatedName })
      : undefined;
    if (other === undefined) throw error;
    return decoded(other);
  }
}

/** The two versions of the site's Secret as it is now, and the names of its further users; or why there is none. */
export type SiteSecret =
  | { readonly refused: string }
  | {
      readonly ini: string | undefined;
      readonly users: string | undefined;
      readonly names: readonly string[];
    };

/**
 * Writes the site's Secret if its content differs; refuses with one sentence when a referenced Secret is missing or
 * incomplete. While a procedure holds the site an existing one is `frozen`: a password that changes in the middle would
 * reach the nodes' configuration and not the database. `further`: a line for each further user; undefined leaves them.
 */
export async function ensureSiteSecret(
  objects: Objects,
  namespace: string,
  site: string,
  spec: TungstenClusterSpec,
  {
    frozen,
    now,
    walking = false,
    further,
    secured = false,
  }: {
    readonly frozen: boolean;
    /** Milliseconds since the epoch. */
    readonly now: number;
    /** The site's own ledger runs, and nothing of it brings accounts to the databases: those wait, a certificate does not. */
    readonly walking?: boolean;
    readonly further?: string | undefined;
    /** Its replicators speak TLS, whatever the spec says by now. */
    readonly secured?: boolean | undefined;
  },
): Promise<SiteSecret> {
  const values = { ...(await generated(objects, namespace)) };
  const name = siteSecret(site);
  const found = await objects.get(secretKind, { namespace, name });
  const before = found && decoded(found);
  for (const role of ["replication", "application"] as const) {
    const name = spec.credentials[role]?.name;
    if (name === undefined) continue;
    const account = await readAccount(objects, namespace, name, `spec.credentials.${role}.name`);
    if ("refused" in account) return account;
    values[`${role}-user`] = account.username;
    values[`${role}-password`] = account.password;
  }
  const odd = inIni.find((key) => isCut(values[key]));
  if (odd !== undefined)
    return {
      refused: `${odd} in Secret ${generatedName}, which the operator generated, is missing, or holds what no node takes (a blank, a line's end, #, ;, @{): correct it`,
    };
  if (spec.tls !== undefined) {
    const material = await readCertificate(objects, namespace, spec.tls.secret.name);
    if ("refused" in material) return material;
    // One that has run out while replicators speak by it is no reason to leave their site alone.
    const runs = secured && tlsKeys.every((key) => before?.[key] === material[key]);
    const fault = certificateFault(material, runs ? undefined : now);
    if (fault !== undefined)
      return { refused: `spec.tls.secret.name: of Secret ${spec.tls.secret.name} ${fault}` };
    Object.assign(values, material);
  }
  for (const [key, value] of Object.entries(values))
    if (!key.endsWith("-user") && !key.endsWith(".crt")) guardSecret(value);
  const role = ["replication", "application"].find((each) =>
    namesIn(further ?? "").includes(values[`${each}-user`] ?? ""),
  );
  if (role !== undefined)
    return {
      refused: `spec.users: ${values[`${role}-user`]} is the name of the ${role} account already; take it out`,
    };
  // Stores that run are kept until TLS has ended on the nodes.
  for (const key of spec.tls === undefined && secured ? tlsKeys : [])
    if (before?.[key] !== undefined) values[key] = before[key];
  if (values["tls.crt"] !== undefined)
    values["java-keystore-password"] = before?.["java-keystore-password"] ?? password();
  const users =
    further === undefined || further === "" ? before?.users && (further ?? before.users) : further;
  if (users !== undefined) values.users = users;
  // A pod made anew in the middle would come with passwords that no database knows, and nobody could ask it.
  if (walking && before !== undefined)
    for (const key of [...inIni, "users"]) {
      delete values[key];
      if (before[key] !== undefined) values[key] = before[key];
    }
  const wanted = versioned(values, before);
  const same = before !== undefined && JSON.stringify(sorted(before)) === JSON.stringify(sorted(wanted));
  const kept = before !== undefined && (same || frozen);
  if (!kept)
    await objects.apply(secretKind, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, namespace, labels: siteLabels(site) },
      data: encoded(wanted),
    });
  const is = kept ? before : wanted;
  return { ini: is["ini-version"], users: is["users-version"], names: namesIn(is.users ?? "") };
}

const namesIn = (users: string): readonly string[] =>
  users.split("\n").flatMap((line) => (line === "" ? [] : [line.split("\t")[0] ?? ""]));

/** What tpm or mysql would not take as it is, or a node refuses when its container starts. */
const isCut = (value: string | undefined): boolean =>
  value === undefined || value === "" || /[\s#;\p{Cc}\u{FFFD}]|@\{|\\$/u.test(value);

/** Name and password of one account; refuses with one sentence what tpm or mysql would not take as it is. */
export async function readAccount(
  objects: Pick<Objects, "get">,
  namespace: string,
  name: string,
  path: string,
): Promise<{ readonly username: string; readonly password: string } | { readonly refused: string }> {
  const found = await objects.get(secretKind, { namespace, name });
  if (found === undefined)
    return {
      refused: `${path}: Secret ${name} does not exist in this namespace; create it with keys username and password`,
    };
  const { username, password: word } = decoded(found);
  if (username === undefined || word === undefined)
    return {
      refused: `${path}: Secret ${name} lacks the key ${username === undefined ? "username" : "password"}; add it`,
    };
  for (const [what, value] of [
    ["username", username],
    ["password", word],
  ])
    if (isCut(value))
      return {
        refused: `${path}: the ${what} in Secret ${name} is empty or holds a blank (a line's end too), # or ;, which tpm's ini or mysql's option file would cut, or @{, a control character or no UTF-8, which nodes refuse; choose another`,
      };
  return { username, password: word };
}

/** A certificate with its key and the authorities it is trusted by; refuses with one sentence what is none. */
async function readCertificate(
  objects: Pick<Objects, "get">,
  namespace: string,
  name: string,
): Promise<CertificateTexts | { readonly refused: string }> {
  const path = "spec.tls.secret.name";
  const found = await objects.get(secretKind, { namespace, name });
  if (found === undefined)
    return {
      refused: `${path}: Secret ${name} does not exist in this namespace; create it with keys ${tlsKeys.join(", ")}`,
    };
  const data = decoded(found);
  const odd = tlsKeys.find(
    (key) => !/^-----BEGIN [A-Z ]+-----\n[\s\S]+-----END [A-Z ]+-----\s*$/.test(data[key] ?? ""),
  );
  if (odd !== undefined)
    return {
      refused: `${path}: the key ${odd} of Secret ${name} is missing or no PEM; a certificate, its key and its authority are wanted, as cert-manager writes them`,
    };
  const text = (key: (typeof tlsKeys)[number]): string => data[key] ?? "";
  return { "tls.crt": text("tls.crt"), "tls.key": text("tls.key"), "ca.crt": text("ca.crt") };
}

const sorted = (values: Accounts): [string, string][] =>
  Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
