/** A pod like a site's, for an image that is to be checked before any site uses it. It keeps nothing. */
import { randomBytes } from "node:crypto";
import { tungstenCluster } from "../crds/tungsten-cluster.ts";
import type { Manifest } from "../manifests/object.ts";
import { siteObjects } from "../manifests/site-objects.ts";
import { runnerScript } from "../runner/script.ts";
import type { Estate, Site } from "../topology/estate.ts";
import { runnerConfigMap, siteSecret } from "../topology/names.ts";

export type Probe = {
  readonly pod: string;
  /** Selects everything that was made, for deletion. */
  readonly selector: string;
  /** Without a namespace: kubectl knows which. */
  readonly manifests: readonly object[];
};

const label = "tungsten-operator.io/check-image";

type PodSpec = Record<string, unknown> & { readonly volumes: readonly Record<string, unknown>[] };

/** The pod of a one-node site, with emptyDirs for its volumes and made-up accounts. `id` names it apart from others. */
export function probeFor(image: string, id: string): Probe {
  const name = `check-image-${id}`;
  const pod = `${name}-0`;
  const spec = tungstenCluster.spec.parse({ nodes: 1, release: "0.0.0", image });
  const site: Site = {
    name,
    dataservice: "check",
    number: 1,
    nodes: [{ name: pod, site: name, ordinal: 0, witness: false }],
    connectors: [],
    initialPrimary: 0,
    release: spec.release,
    mysqlPort: spec.mysql.port,
    connectorPort: spec.connector.port,
    options: {},
  };
  const estate: Estate = { name, namespace: "", sites: [site], links: [] };
  const objects = siteObjects({ estate, site, spec, runnerScript: runnerScript() });
  const labels = { [label]: id };
  const meta = (objectName: string) => ({ name: objectName, labels });
  const maps = objects
    .filter(({ kind }) => kind === "ConfigMap")
    .map((map) => ({ ...map, metadata: meta(ownName(map.metadata.name, name)) }));
  const password = () => randomBytes(12).toString("hex");
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: meta(siteSecret(name)),
    stringData: {
      "replication-user": "tungsten",
      "replication-password": password(),
      "application-user": "app_user",
      "application-password": password(),
    },
  };
  return {
    pod,
    selector: `${label}=${id}`,
    manifests: [
      ...maps,
      secret,
      { apiVersion: "v1", kind: "Pod", metadata: meta(pod), spec: podSpec(objects, name) },
    ],
  };
}

/** The runner's ConfigMap has one name in a namespace; a probe must not touch the one that is in use. */
const ownName = (given: string, probe: string): string =>
  given === runnerConfigMap ? `${probe}-runner` : given;

function podSpec(objects: readonly Manifest[], probe: string): PodSpec {
  const set = objects.find(({ kind }) => kind === "StatefulSet") as
    | { spec: { template: { spec: PodSpec }; volumeClaimTemplates: { metadata: { name: string } }[] } }
    | undefined;
  if (set === undefined) throw new Error("a site has no StatefulSet");
  const { template, volumeClaimTemplates } = set.spec;
  const volumes = template.spec.volumes.map((volume) => {
    const map = volume.configMap as { name: string } | undefined;
    return map === undefined ? volume : { ...volume, configMap: { ...map, name: ownName(map.name, probe) } };
  });
  const scratch = volumeClaimTemplates.map(({ metadata }) => ({ name: metadata.name, emptyDir: {} }));
  return { ...template.spec, restartPolicy: "Never", volumes: [...volumes, ...scratch] };
}
