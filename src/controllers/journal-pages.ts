/** The journal on the API server: append-only ConfigMap pages under a size limit, owned by the request. */

import { isConflict } from "../kube/errors.ts";
import { configMapKind } from "../kube/kinds.ts";
import { type Entry, linesOf, textOf } from "../procedures/journal.ts";
import { runLabel } from "../topology/names.ts";
import { ownerOf } from "./ownership.ts";
import type { KubeObject, Objects } from "./shell.ts";

/** Of the JSON lines; the text for people beside them is shorter. A ConfigMap holds a MiB. */
const pageBytes = 400 * 1024;
const dataKey = "journal.jsonl";
const textKey = "journal.txt";
const attempts = 3;

const pageName = (request: KubeObject, page: number): string => `${request.metadata.name}-journal-${page}`;

/** Appends lines to the last page, or to a new one when it is full. Throws when the server refuses: nothing is begun unrecorded. */
export async function appendJournal(
  objects: Objects,
  request: KubeObject,
  entries: readonly Entry[],
): Promise<void> {
  if (entries.length === 0) return;
  const added = { [dataKey]: linesOf(entries), [textKey]: textOf(entries) };
  const size = Math.max(added[dataKey]?.length ?? 0, added[textKey]?.length ?? 0);
  const namespace = request.metadata.namespace ?? "";
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const { page, found } = await lastPage(objects, request, namespace);
    const written: Record<string, string> = found?.data ?? {};
    const before = Math.max(written[dataKey]?.length ?? 0, written[textKey]?.length ?? 0);
    try {
      if (found === undefined) await turnTo(objects, newPage(request, page, added));
      else if (before + size > pageBytes) await turnTo(objects, newPage(request, page + 1, added));
      else await objects.replace(configMapKind, { ...found, data: joined(written, added) });
      return;
    } catch (error) {
      if (!isConflict(error) || attempt === attempts - 1) throw error;
    }
  }
}

/** The last page of this run. One that a deleted namesake left, which the garbage collector may still take, is none. */
async function lastPage(objects: Objects, request: KubeObject, namespace: string) {
  const pageOf = async (page: number): Promise<KubeObject | undefined> => {
    const found = await objects.get(configMapKind, { namespace, name: pageName(request, page) });
    return found?.metadata.labels?.[runLabel] === request.metadata.uid ? found : undefined;
  };
  let page = 1;
  let found = await pageOf(page);
  while (found !== undefined) {
    const next = await pageOf(page + 1);
    if (next === undefined) break;
    found = next;
    page += 1;
  }
  return { page, found };
}

const joined = (before: Record<string, string>, added: Record<string, string>): Record<string, string> =>
  Object.fromEntries([dataKey, textKey].map((key) => [key, `${before[key] ?? ""}${added[key] ?? ""}`]));

/** Begins a page, in the place of a namesake's if there is one: a page that is not ours by owner would vanish with it. */
async function turnTo(objects: Objects, page: KubeObject): Promise<void> {
  const { name, namespace = "" } = page.metadata;
  const other = await objects.get(configMapKind, { namespace, name });
  if (other !== undefined && other.metadata.labels?.[runLabel] !== page.metadata.labels?.[runLabel])
    await objects.remove(configMapKind, { namespace, name }, other.metadata.uid ?? "");
  await objects.create(configMapKind, page);
}

function newPage(request: KubeObject, page: number, data: Record<string, string>): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: pageName(request, page),
      namespace: request.metadata.namespace ?? "",
      labels: {
        "app.kubernetes.io/managed-by": "tungsten-operator",
        [runLabel]: request.metadata.uid ?? "",
      },
      ownerReferences: [ownerOf(request)],
    },
    data,
  };
}
