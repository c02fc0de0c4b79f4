/** The report of a survey on the API server: ConfigMap pages owned by the request, written before the ledger that counts their lines. */
import { isConflict } from "../kube/errors.ts";
import { configMapKind } from "../kube/kinds.ts";
import type { Noted } from "../procedures/procedure.ts";
import { reportHead, reportPage } from "../procedures/survey-report.ts";
import { ownerOf } from "./ownership.ts";
import type { KubeObject, Objects } from "./shell.ts";

/** A line is at most a few hundred bytes, a ConfigMap at most a MiB. */
const linesPerPage = 1500;
const dataKey = "report.tsv";
const attempts = 3;

/**
 * Puts a survey's new lines behind those its ledger has counted. Lines of a pass whose ledger was never written are
 * cut off first, so that a crash between the two leaves no line twice. Throws when the server refuses.
 */
export async function keepReport(
  objects: Objects,
  request: KubeObject,
  { survey, recorded, lines }: Noted,
): Promise<void> {
  for (let done = 0; done < lines.length; ) {
    const at = recorded + done;
    const page = Math.floor(at / linesPerPage);
    const room = linesPerPage - (at % linesPerPage);
    await keepPage(objects, request, reportPage(request.metadata.name, survey, page + 1), {
      keep: at % linesPerPage,
      lines: lines.slice(done, done + room),
    });
    done += room;
  }
}

async function keepPage(
  objects: Objects,
  request: KubeObject,
  name: string,
  { keep, lines }: { readonly keep: number; readonly lines: readonly string[] },
): Promise<void> {
  const namespace = request.metadata.namespace ?? "";
  for (let attempt = 1; ; attempt += 1) {
    try {
      const found = await objects.get(configMapKind, { namespace, name });
      const before = String(found?.data?.[dataKey] ?? "")
        .split("\n")
        .slice(1, 1 + keep);
      const data = { [dataKey]: `${[reportHead, ...before, ...lines].join("\n")}\n` };
      const page = newPage(request, name, data);
      if (found === undefined) await objects.create(configMapKind, page);
      else
        await objects.replace(configMapKind, { ...page, metadata: { ...found.metadata, ...page.metadata } });
      return;
    } catch (error) {
      if (!isConflict(error) || attempt === attempts) throw error;
    }
  }
}

function newPage(request: KubeObject, name: string, data: Record<string, string>): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name,
      namespace: request.metadata.namespace ?? "",
      labels: {
        "app.kubernetes.io/managed-by": "tungsten-operator",
        "tungsten-operator.io/run": request.metadata.uid ?? "",
      },
      ownerReferences: [ownerOf(request)],
    },
    data,
  };
}
