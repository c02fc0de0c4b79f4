/** Every Kubernetes and Tungsten name that is derived from a spec. */
import type { Node, Site } from "./estate.ts";

/** Tungsten folds names this way: lower case, "." and "-" become "_" (tungsten-config §2.2). */
export const dataserviceName = (name: string): string => name.toLowerCase().replace(/[.-]/g, "_");

/** Where a dataservice's position lies in every database of its readers. */
export const trackingSchemaOf = (dataservice: string): string => `tungsten_${dataservice}`;
/** MySQL's limit for the name of a schema. */
export const longestSchema = 64;

/**
 * Longest metadata.name of a TungstenCluster. A StatefulSet's revision label leaves 52 (kubernetes-observed §5), a node's
 * host name 63; a marker's key, 180 in the runner's protocol, holds a request's UID, a step and two sites' names: 45.
 */
export const longestSiteName = 45;

export const nodeName = (site: string, ordinal: number): string => `${site}-${ordinal}`;
/** Of the pods that run only a connector: their StatefulSet and disruption budget. */
export const connectorSet = (site: string): string => `${site}-connector`;
export const connectorName = (site: string, ordinal: number): string => nodeName(connectorSet(site), ordinal);
/** Longest metadata.name of a TungstenCluster with such pods: their StatefulSet's name has its own limit of 52. */
export const longestWithConnectors = 42;
export const siteLabel = "tungsten-operator.io/site";
export const nodeLabel = "tungsten-operator.io/node";
/** On pods that run only a connector, and on their claims: the site they serve. */
export const connectorsLabel = "tungsten-operator.io/connectors";
/** No pod has it: a Service that selects by it too leads nowhere. */
export const nobodyLabel = "tungsten-operator.io/nobody";
export const runLabel = "tungsten-operator.io/run";

/** MSAA's section is named source_target; its service, in the second replicator, after the source alone. */
export const linkSection = (source: Site, target: Site): string =>
  `${source.dataservice}_${target.dataservice}`;
/** CAA's generated service, the words the other way round: what runs in target and brings source's data. */
export const generatedService = (target: Site, source: Site): string =>
  `${target.dataservice}_from_${source.dataservice}`;

export const iniConfigMap = (estate: string): string => `${estate}-tungsten-ini`;
export const myCnfConfigMap = (site: string): string => `${site}-my-cnf`;
export const runnerConfigMap = "tungsten-operator-runner";
export const siteSecret = (site: string): string => `${site}-tungsten`;
/** Made by the user, for all sites of a namespace; where it is missing no sshd runs. */
export const sshSecret = "tungsten-ssh";
export const headlessService = (site: string): string => `${site}-nodes`;
export const connectorService = (site: string): string => `${site}-connector`;

/** A member's name: tpm refuses an underscore, Kubernetes more than 63 characters. */
export const isMemberName = (node: Node): boolean => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(node.name);
