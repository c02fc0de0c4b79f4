/** The journal on the API server: append-only ConfigMap pages under a size limit, owned by the request. */

import { isConflict } from "../kube/errors.ts";
import { configMapKind } from "../kube/kinds.ts";
import { type Entry, linesOf } from "../procedures/journal.ts";
import { ownerOf } from "./ownership.ts";
import type { KubeObject, Objects } from "./shell.ts";

const pageBytes = 480 * 1024;
const dataKey = "journal.jsonl";
const attempts = 3;

const pageName = (request: KubeObject, page: number): string => `${request.metadata.name}-journal-${page}`;

/** Appends lines to the last page, or to a new one when it is full. Throws when the server refuses: nothing is begun unrecorded. */
export async function appendJournal(
  objects: Objects,
  request: KubeObject,
  entries: readonly Entry[],
): Promise<void> {
  if (entries.length === 0) return;
  const text = linesOf(entries);
  const namespace = request.metadata.namespace ?? "";
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const { page, found } = await lastPage(objects, request, namespace);
    const written = String(found?.data?.[dataKey] ?? "");
    try {
      if (found === undefined) await objects.create(configMapKind, newPage(request, page, text));
      else if (written.length + text.length > pageBytes)
        await objects.create(configMapKind, newPage(request, page + 1, text));
      else await objects.replace(configMapKind, { ...found, data: { [dataKey]: written + text } });
      return;
    } catch (error) {
      if (!isConflict(error) || attempt === attempts - 1) throw error;
    }
  }
}

async function lastPage(objects: Objects, request: KubeObject, namespace: string) {
  let page = 1;
  let found = await objects.get(configMapKind, { namespace, name: pageName(request, page) });
  while (found !== undefined) {
    const next = await objects.get(configMapKind, { namespace, name: pageName(request, page + 1) });
    if (next === undefined) break;
    found = next;
    page += 1;
  }
  return { page, found };
}

function newPage(request: KubeObject, page: number, text: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: pageName(request, page),
      namespace: request.metadata.namespace ?? "",
      labels: {
        "app.kubernetes.io/managed-by": "tungsten-operator",
        "tungsten-operator.io/run": request.metadata.uid ?? "",
      },
      ownerReferences: [ownerOf(request)],
    },
    data: { [dataKey]: text },
  };
}
