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
    source?: { name: string };
    target?: { name: string };
    members?: { name: string }[];
    connector?: { port?: number };
    convertMsaaToCaa?: object;
  };
};
export type Estate = {
  readonly namespace: string;
  readonly sites: readonly string[];
  readonly nodesPerSite: number;
};

/** The samples as they are, or cut to fewer sites and nodes, or in another namespace. */
export function sampleObjects(estate: Estate): readonly Sample[] {
  const here = (name: string | undefined): boolean => name === undefined || estate.sites.includes(name);
  const all = readdirSync(join(samples, "msaa"))
    .sort()
    .flatMap((file) => parseAllDocuments(readFileSync(join(samples, "msaa", file), "utf8")))
    .map((document) => document.toJS() as Sample);
  return all
    .filter(({ kind, metadata, spec }) =>
      kind === "TungstenCluster" ? here(metadata.name) : here(spec?.source?.name) && here(spec?.target?.name),
    )
    .map((object) => placed(object, estate));
}

/** In the estate's namespace, cut to its sites and nodes. */
export function placed(object: Sample, { namespace, sites, nodesPerSite }: Estate): Sample {
  if (object.kind === "Namespace") return { ...object, metadata: { name: namespace } };
  const spec = { ...object.spec };
  if (object.kind === "TungstenCluster") spec.nodes = nodesPerSite;
  if (spec.members !== undefined) spec.members = spec.members.filter(({ name }) => sites.includes(name));
  return { ...object, metadata: { ...object.metadata, namespace }, spec };
}

export const nodesOf = (cluster: Cluster, { namespace, sites, nodesPerSite }: Estate): NodeSet => ({
  cluster,
  namespace,
  pods: sites.flatMap((site) => Array.from({ length: nodesPerSite }, (_, index) => `${site}-${index}`)),
});

/** As applications reach them: the connector's Service of each site, the account the operator made. */
export const clientSitesOf = (estate: Estate): readonly ClientSite[] =>
  sampleObjects(estate)
    .filter(({ kind }) => kind === "TungstenCluster")
    .map(({ metadata: { name }, spec }) => ({
      name,
      host: `${name}-connector`,
      port: spec?.connector?.port ?? 3306,
      secret: `${name}-tungsten`,
    }));

export const inNamespace = (cluster: Cluster, { namespace }: Estate, ...args: string[]): Promise<string> =>
  cluster.kubectl(["--namespace", namespace, ...args]);

/** Applies the samples; returns when every site and link says Ready. */
export async function installEstate(cluster: Cluster, estate: Estate, minutes = 15): Promise<void> {
  for (const object of sampleObjects(estate))
    await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(object));
  const ready = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}';
  const told =
    'jsonpath={range .items[*]}{.metadata.name}: {.status.conditions[?(@.type=="Installed")].message}; {end}';
  const expected = estate.sites.length + estate.sites.length * (estate.sites.length - 1);
  let last = "";
  await until(`an installed estate in ${estate.namespace}`, minutes * 60, async () => {
    const line = await inNamespace(cluster, estate, "get", "tc", "-o", told);
    if (line !== last) say(line);
    last = line;
    const states = (await inNamespace(cluster, estate, "get", "tc,xsl", "-o", ready)).trim().split(" ");
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
