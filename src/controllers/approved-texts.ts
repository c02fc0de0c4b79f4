/** Texts that a request names by object, key and checksum: read live on every pass, and used only while the checksum fits. */
import type { UpgradeRequestSpec } from "../crds/upgrade-request.ts";
import { configMapKind, secretKind } from "../kube/kinds.ts";
import { sha256Of } from "./checksum.ts";
import type { Objects } from "./shell.ts";

/** The runner takes no payload above 16 MiB, and an object holds one at most. */
const longestText = 1_000_000;

/** By checksum; a sentence when a text is missing or is another one. What it says is in no sentence. */
export async function approvedTexts(
  objects: Pick<Objects, "get">,
  namespace: string,
  spec: UpgradeRequestSpec,
): Promise<ReadonlyMap<string, string> | string> {
  const named = spec.fixReplication?.applySql;
  if (named === undefined) return new Map();
  const { kind, name, key } = named.from;
  const where = `key ${key} of ${kind} ${name}, which spec.fixReplication.applySql.from names`;
  const found = await objects.get(kind === "Secret" ? secretKind : configMapKind, { namespace, name });
  const value: unknown = found?.data?.[key];
  if (typeof value !== "string") return `${where}, is not there; create it, or correct the reference`;
  const text = kind === "Secret" ? Buffer.from(value, "base64").toString("utf8") : value;
  if (text.length > longestText) return `${where}, has more than ${longestText} characters; split it`;
  const sum = sha256Of(text);
  return sum === named.sha256
    ? new Map([[sum, text]])
    : `${where}, has the checksum ${sum}, approved is ${named.sha256}; read it, then correct the text or spec.fixReplication.applySql.sha256`;
}
