/**
 * The objects of a site's pods that run only a connector: a StatefulSet, since tpm wants hosts that keep their names; a
 * Service for each name; a disruption budget. The connector's Service finds them by the site's label.
 */
import type { TungstenClusterSpec } from "../crds/tungsten-cluster.ts";
import type { Estate, Node, Site } from "../topology/estate.ts";
import { connectorSet, connectorsLabel, headlessService, nodeLabel } from "../topology/names.ts";
import { connectorLabels, type Manifest } from "./object.ts";
import { claim, connectorPodSpec } from "./pod-spec.ts";

type Inputs = { readonly estate: Estate; readonly site: Site; readonly spec: TungstenClusterSpec };

/** Room for two unpacked releases and the logs of a connector. */
const volumeSize = "5Gi";

/** None where the site has no such pods. */
export function connectorObjects(inputs: Inputs): readonly Manifest[] {
  const { site } = inputs;
  if (site.connectors.length === 0) return [];
  return [...site.connectors.map((host) => hostService(inputs, host)), budget(inputs), statefulSet(inputs)];
}

/** A headless Service under the host's name: tpm wants a name that resolves by itself. */
const hostService = ({ estate, site }: Inputs, { name }: Node): Manifest => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: {
    name,
    namespace: estate.namespace,
    labels: { ...connectorLabels(site.name), [nodeLabel]: name },
  },
  spec: {
    clusterIP: "None",
    publishNotReadyAddresses: true,
    selector: { "statefulset.kubernetes.io/pod-name": name },
    ports: [{ name: "connector", port: site.connectorPort }],
  },
});

const budget = ({ estate, site }: Inputs): Manifest => ({
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: {
    name: connectorSet(site.name),
    namespace: estate.namespace,
    labels: connectorLabels(site.name),
  },
  spec: { maxUnavailable: 1, selector: { matchLabels: { [connectorsLabel]: site.name } } },
});

/**
 * These pods hold nothing that is not made again: they are replaced one by one when their template changes, and a claim
 * goes with its pod, so that whoever comes back under the name comes bare. The claims bear the selector's label, not the
 * site's: they are none of the volumes whose size spec.storage tells.
 */
function statefulSet({ estate, site, spec }: Inputs): Manifest {
  const selector = { [connectorsLabel]: site.name };
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: {
      name: connectorSet(site.name),
      namespace: estate.namespace,
      labels: connectorLabels(site.name),
    },
    spec: {
      serviceName: headlessService(site.name),
      replicas: site.connectors.length,
      podManagementPolicy: "Parallel",
      updateStrategy: { type: "RollingUpdate" },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete", whenScaled: "Delete" },
      selector: { matchLabels: selector },
      template: {
        metadata: { labels: connectorLabels(site.name) },
        spec: connectorPodSpec({ site, spec }),
      },
      volumeClaimTemplates: [claim("opt", volumeSize, selector, spec)],
    },
  };
}
