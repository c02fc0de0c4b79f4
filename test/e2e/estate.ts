/** The estate of config/samples on a real cluster: applied, looked up, taken down again. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseAllDocuments } from "yaml";
import type { Cluster } from "../../local/cluster.ts";
import type { ClientSite } from "../../local/pods/clients.ts";
import type { NodeSet } from "../../local/pods/sql.ts";
import { until } from "../../local/processes.ts";
import { say } from "./progress.ts";

export const samples = resolve(import.meta.dirname, "../../config/samples");
export type Sample = {
  kind: string;
  metadata: { name: string; namespace?: string };
  spec?: {
    nodes?: number;
    release?: string;
    source?: { name: string };
    target?: { name: string };
    members?: { name: string }[];
    writeAffinity?: string[];
    convertMsaaToCaa?: object;
  };
};
export type Estate = {
  readonly namespace: string;
  readonly sites: readonly string[];
  readonly nodesPerSite: number;
  /** Left out: the samples' own. */
  readonly release?: string;
  /** The folder of config/samples it is made from; left out: msaa. */
  readonly folder?: string;
};

/** The samples as they are, or cut to fewer sites and nodes, or in another namespace. */
export function sampleObjects(estate: Estate): readonly Sample[] {
  const folder = estate.folder ?? "msaa";
  return readdirSync(join(samples, folder))
    .sort()
    .flatMap((file) => objectsOf(join(folder, file), estate));
}

/** What one file of the samples says about these sites. */
export function objectsOf(file: string, estate: Estate): readonly Sample[] {
  const here = (name: string | undefined): boolean => name === undefined || estate.sites.includes(name);
  return parseAllDocuments(readFileSync(join(samples, file), "utf8"))
    .map((document) => document.toJS() as Sample)
    .filter(({ kind, metadata, spec }) =>
      kind === "TungstenCluster" ? here(metadata.name) : here(spec?.source?.name) && here(spec?.target?.name),
    )
    .map((object) => placed(object, estate));
}

/** In the estate's namespace, cut to its sites and nodes, of its release. */
export function placed(object: Sample, { namespace, sites, nodesPerSite, release }: Estate): Sample {
  if (object.kind === "Namespace") return { ...object, metadata: { name: namespace } };
  const spec = { ...object.spec };
  if (object.kind === "TungstenCluster") {
    spec.nodes = nodesPerSite;
    if (release !== undefined) spec.release = release;
  }
  if (spec.members !== undefined) spec.members = spec.members.filter(({ name }) => sites.includes(name));
  if (spec.writeAffinity !== undefined)
    spec.writeAffinity = spec.writeAffinity.filter((name) => sites.includes(name));
  return { ...object, metadata: { ...object.metadata, namespace }, spec };
}

export const podsOf = (site: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${site}-${index}`);

export const nodesOf = (cluster: Cluster, { namespace, sites, nodesPerSite }: Estate): NodeSet => ({
  cluster,
  namespace,
  pods: sites.flatMap((site) => podsOf(site, nodesPerSite)),
});

/** As applications reach it: the connector's Service, the account the operator made. */
export const clientSite = (name: string): ClientSite => ({
  name,
  host: `${name}-connector`,
  port: 3306,
  secret: `${name}-tungsten`,
});

export const inNamespace = (cluster: Cluster, { namespace }: Estate, ...args: string[]): Promise<string> =>
  cluster.kubectl(["--namespace", namespace, ...args]);

/** Applies the samples; returns when every site, and link or composite, says Ready. */
export async function installEstate(cluster: Cluster, estate: Estate, minutes = 15): Promise<void> {
  for (const object of sampleObjects(estate))
    await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(object));
  const ready = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}';
  const told =
    'jsonpath={range .items[*]}{.metadata.name}: {.status.conditions[?(@.type=="Installed")].message}; {end}';
  const count = estate.sites.length;
  // Of a mesh each direction has a link; the composite that its sample names waits for a conversion.
  const [kinds, expected] =
    estate.folder === undefined ? ["tc,xsl", count + count * (count - 1)] : ["tc,csvc", count + 1];
  let last = "";
  await until(`an installed estate in ${estate.namespace}`, minutes * 60, async () => {
    const line = await inNamespace(cluster, estate, "get", "tc", "-o", told);
    if (line !== last) say(line);
    last = line;
    const states = (await inNamespace(cluster, estate, "get", kinds, "-o", ready)).trim().split(" ");
    await pause(2);
    return states.length === expected && states.every((state) => state === "True");
  });
}

export const pause = (seconds: number): Promise<void> =>
  new Promise((wake) => setTimeout(wake, seconds * 1000));

/** Deletes the namespace with everything in it, volumes too. */
export const removeEstate = async (cluster: Cluster, { namespace }: Estate): Promise<void> => {
  await cluster.kubectl(["delete", "namespace", namespace, "--timeout=180s"]);
};
