/** What a run copies off the nodes: immutable Secrets, owned by nobody, found by the run's UID. They are the only way back. */
import { secretKind } from "../kube/kinds.ts";
import { runLabel } from "../topology/names.ts";
import type { Copies } from "../tungsten/facts.ts";
import { sha256Of } from "./checksum.ts";
import type { KubeObject, Objects } from "./shell.ts";

const fileAnnotation = "tungsten-operator.io/file";

/** The Secret a kept file goes into, without its content. */
export function copyOf(request: KubeObject, file: string): KubeObject {
  const uid = request.metadata.uid ?? "";
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "tungsten-operator.io/kept-file",
    metadata: {
      name: `${request.metadata.name}-${uid.slice(0, 8)}-${sha256Of(file).slice(0, 16)}`,
      namespace: request.metadata.namespace ?? "",
      labels: { "app.kubernetes.io/managed-by": "tungsten-operator", [runLabel]: uid },
      annotations: { [fileAnnotation]: file },
    },
  };
}

/** File name → checksum of the content that really lies in the Secret. */
export async function listCopies(objects: Objects, request: KubeObject): Promise<Copies> {
  const secrets = await objects.list(
    secretKind,
    request.metadata.namespace ?? "",
    `${runLabel}=${request.metadata.uid}`,
  );
  return new Map(
    secrets.map((secret) => {
      const content = Buffer.from(String(secret.data?.content ?? ""), "base64");
      return [secret.metadata.annotations?.[fileAnnotation] ?? "", sha256Of(content)];
    }),
  );
}
