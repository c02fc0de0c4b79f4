/** The pre-flight report on the API server: one ConfigMap owned by the request, written when the report has changed. */
import type { UpgradeRequestStatus } from "../crds/upgrade-request.ts";
import { configMapKind } from "../kube/kinds.ts";
import type { PreflightReport } from "../procedures/preflight-report.ts";
import { sha256Of } from "./checksum.ts";
import { ownerOf } from "./ownership.ts";
import type { KubeObject, Objects } from "./shell.ts";

const dataKey = "report.txt";
/** Below what an object may hold; thousands of findings do not fit. */
const longest = 900_000;

const pageName = (request: KubeObject): string => `${request.metadata.name}-preflight`;

/** For `status.preflight`: the counts, and where the whole text lies. */
export const preflightStatus = (
  request: KubeObject,
  { ok, refused, unknown, text }: PreflightReport,
): NonNullable<UpgradeRequestStatus["preflight"]> => ({
  ok,
  refused,
  unknown,
  report: pageName(request),
  sha256: sha256Of(text),
});

/** Writes the report unless it is there and the status tells that it is this one. Throws when the server refuses. */
export async function keepPreflight(
  objects: Objects,
  request: KubeObject,
  report: PreflightReport,
): Promise<void> {
  const namespace = request.metadata.namespace ?? "";
  const name = pageName(request);
  const found = await objects.get(configMapKind, { namespace, name });
  const told = request.status?.preflight?.sha256 === sha256Of(report.text);
  if (told && found !== undefined) return;
  const text =
    report.text.length <= longest
      ? report.text
      : `${report.text.slice(0, longest)}\n… (the rest is left out)\n`;
  const page: KubeObject = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name,
      namespace,
      labels: { "app.kubernetes.io/managed-by": "tungsten-operator" },
      ownerReferences: [ownerOf(request)],
    },
    data: { [dataKey]: text },
  };
  if (found === undefined) await objects.create(configMapKind, page);
  else await objects.replace(configMapKind, { ...page, metadata: { ...found.metadata, ...page.metadata } });
}
