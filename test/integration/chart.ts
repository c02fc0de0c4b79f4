/** The chart rendered by real Helm, and the plain manifests that are made from it: config/rbac and config/operator. */
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { parseAllDocuments, stringify } from "yaml";
import { findHelm } from "../../local/tools.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
export const chart = resolve(root, "deploy/helm/tungsten-operator");

export type Rendered = {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  readonly [field: string]: unknown;
};

/** Helm with files of its own below `home`; resolves with what it prints, throws what it says. */
export async function helmIn(
  home: string,
  kubeconfig = "/dev/null",
): Promise<(...args: readonly string[]) => Promise<string>> {
  const helm = await findHelm((line) => process.stderr.write(`${line}\n`));
  const env = {
    ...process.env,
    KUBECONFIG: kubeconfig,
    HELM_CACHE_HOME: `${home}/helm-cache`,
    HELM_CONFIG_HOME: `${home}/helm-config`,
    HELM_DATA_HOME: `${home}/helm-data`,
  };
  return async (...args) => (await run(helm, args, { env, maxBuffer: 64 * 1024 * 1024 })).stdout;
}

export const objectsIn = (yaml: string): readonly Rendered[] =>
  parseAllDocuments(yaml)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null);

/** Without what only Helm's own releases carry. */
function plain(object: Rendered): Rendered {
  const strip = (labels: Record<string, string> = {}): Record<string, string> =>
    Object.fromEntries(
      Object.entries(labels).filter(
        ([key]) => key !== "helm.sh/chart" && key !== "app.kubernetes.io/managed-by",
      ),
    );
  const copy = structuredClone(object) as Rendered & {
    metadata: { labels?: Record<string, string> };
    spec?: { template?: { metadata: { labels: Record<string, string> } } };
  };
  copy.metadata.labels = strip(copy.metadata.labels);
  if (copy.spec?.template !== undefined)
    copy.spec.template.metadata.labels = strip(copy.spec.template.metadata.labels);
  return copy;
}

/** Restricted Pod Security is the namespace's business, so it is written where the namespace is made. */
const namespace: Rendered = {
  apiVersion: "v1",
  kind: "Namespace",
  metadata: {
    name: "tungsten-operator",
    labels: { "pod-security.kubernetes.io/enforce": "restricted" },
  },
};

const inFile = (object: Rendered): string => {
  if (object.kind.startsWith("ValidatingAdmissionPolicy")) return "config/rbac/policies.yaml";
  if (object.kind === "ClusterRole" && object.metadata.name !== "tungsten-operator")
    return "config/rbac/people.yaml";
  if (["ServiceAccount", "ClusterRole", "ClusterRoleBinding"].includes(object.kind))
    return "config/rbac/operator.yaml";
  return "config/operator/operator.yaml";
};

/** The plain manifests by their paths, from the chart with its default values. Without the CRDs, which are config/crd. */
export function plainManifests(rendered: string): ReadonlyMap<string, string> {
  const files = new Map<string, Rendered[]>([["config/rbac/operator.yaml", [namespace]]]);
  for (const object of objectsIn(rendered)) {
    if (object.kind === "CustomResourceDefinition") continue;
    const path = inFile(object);
    files.set(path, [...(files.get(path) ?? []), plain(object)]);
  }
  const head =
    "# Rendered from deploy/helm/tungsten-operator with its default values; do not edit. `npm test` compares it.\n";
  return new Map(
    [...files].map(([path, objects]) => [
      path,
      head + objects.map((object) => stringify(object, { lineWidth: 0 })).join("---\n"),
    ]),
  );
}
