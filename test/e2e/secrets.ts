/** Looks for the values of an estate's Secrets wherever people or programs can read without the right to read Secrets. */
import { readFileSync } from "node:fs";
import type { Cluster } from "../../local/cluster.ts";

type SecretObject = { readonly metadata: { readonly name: string }; readonly data?: Record<string, string> };

/** Shorter values, user names among them, would be found in any text. */
const shortest = 12;

/** What must be seen nowhere: value → the Secret and key it comes from. Files are looked for line by line, headings left out. */
async function secretValues(cluster: Cluster, namespace: string): Promise<ReadonlyMap<string, string>> {
  const text = await cluster.kubectl(["get", "secrets", "--namespace", namespace, "--output=json"]);
  const values = new Map<string, string>();
  for (const { metadata, data } of (JSON.parse(text) as { items: readonly SecretObject[] }).items) {
    for (const [key, encoded] of Object.entries(data ?? {}).filter(([name]) => /password|key/.test(name))) {
      const plain = Buffer.from(encoded, "base64").toString("utf8");
      for (const line of [encoded, ...plain.split("\n")])
        if (line.length >= shortest && !line.startsWith("-----")) values.set(line, `${metadata.name}/${key}`);
    }
  }
  return values;
}

/** Every text there is: all objects but Secrets, logs of the operator and the nodes, the API server's audit log. */
async function readableTexts(cluster: Cluster, namespace: string): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  const kinds = "configmaps,events,pods,statefulsets,services,tungsten";
  texts.set(
    "objects",
    await cluster.kubectl(["get", kinds, "--all-namespaces", "--output=yaml", "--show-managed-fields"]),
  );
  const every = "jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name}\n{end}";
  const pods = await cluster.kubectl(["get", "pods", "--all-namespaces", "--output", every]);
  for (const line of pods.split("\n").filter((each) => each !== "")) {
    const [where = "", pod = ""] = line.split(" ");
    if (where === namespace || where === "tungsten-operator")
      texts.set(`log of ${pod}`, await cluster.kubectl(["logs", "--namespace", where, pod]));
  }
  if (cluster.auditLog !== undefined) texts.set("audit log", readFileSync(cluster.auditLog, "utf8"));
  return texts;
}

/** One sentence for each place in which a secret value was found; never the value. Throws when there was nothing to look for. */
export async function secretsSeen(cluster: Cluster, namespace: string): Promise<readonly string[]> {
  const values = await secretValues(cluster, namespace);
  if (values.size === 0) throw new Error(`no Secret of ${namespace} has a password`);
  const texts = await readableTexts(cluster, namespace);
  return [...texts].flatMap(([where, text]) =>
    [...values].filter(([value]) => text.includes(value)).map(([, name]) => `${where} holds ${name}`),
  );
}
