/** The Secret each node mounts: accounts by the user's references, and what nobody named is generated once for the namespace. */
import { randomBytes } from "node:crypto";
import type { TungstenClusterSpec } from "../crds/tungsten-cluster.ts";
import { isAlreadyExists } from "../kube/errors.ts";
import { clusterKind, secretKind } from "../kube/kinds.ts";
import { siteLabels } from "../manifests/object.ts";
import { guardSecret } from "../telemetry/log.ts";
import { siteLabel, siteSecret } from "../topology/names.ts";
import type { KubeObject, Objects } from "./shell.ts";

/** Accounts are the same at every site of an estate, so what is generated lies in one Secret of the namespace. */
const generatedName = "tungsten-generated-accounts";

type Accounts = Record<string, string>;

const decoded = (secret: KubeObject): Accounts =>
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
    for (const [key, value] of Object.entries(decoded(secret)))
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

/**
 * Writes the site's Secret if its content differs; returns one sentence when a referenced Secret is missing or incomplete.
 * While a procedure holds the site an existing one is `frozen`: a password that changes in the middle would reach the
 * nodes' configuration and not the database.
 */
export async function ensureSiteSecret(
  objects: Objects,
  namespace: string,
  site: string,
  spec: TungstenClusterSpec,
  frozen: boolean,
): Promise<string | undefined> {
  const values = { ...(await generated(objects, namespace)) };
  for (const role of ["replication", "application"] as const) {
    const name = spec.credentials[role]?.name;
    if (name === undefined) continue;
    const path = `spec.credentials.${role}.name`;
    const found = await objects.get(secretKind, { namespace, name });
    if (found === undefined)
      return `${path}: Secret ${name} does not exist in this namespace; create it with keys username and password`;
    const { username, password: word } = decoded(found);
    if (username === undefined || word === undefined)
      return `${path}: Secret ${name} lacks the key ${username === undefined ? "username" : "password"}; add it`;
    for (const [what, value] of [
      ["username", username],
      ["password", word],
    ])
      if (value === "" || /\s|#|;|\\$/.test(value ?? ""))
        return `${path}: the ${what} in Secret ${name} is empty or holds a blank (a line's end too), # or ;, which tpm's ini or mysql's option file would cut; choose another`;
    values[`${role}-user`] = username;
    values[`${role}-password`] = word;
  }
  for (const [key, value] of Object.entries(values)) if (!key.endsWith("-user")) guardSecret(value);
  const name = siteSecret(site);
  const before = await objects.get(secretKind, { namespace, name });
  const same =
    before !== undefined && JSON.stringify(sorted(decoded(before))) === JSON.stringify(sorted(values));
  if (same || (before !== undefined && frozen)) return undefined;
  await objects.apply(secretKind, {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace, labels: siteLabels(site) },
    data: encoded(values),
  });
  return undefined;
}

const sorted = (values: Accounts): [string, string][] =>
  Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
