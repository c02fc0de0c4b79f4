/** A plan on the API server: immutable ConfigMap pages owned by the request, most often one. Joined in order they are the text the hash was taken over. */
import { isAlreadyExists } from "../kube/errors.ts";
import { configMapKind } from "../kube/kinds.ts";
import { ownerOf } from "./ownership.ts";
import type { KubeObject, Objects } from "./shell.ts";

/** A ConfigMap holds a MiB; the names and labels beside the text are short. */
const pageBytes = 900 * 1024;

/** The first page has the name that status tells; the others add their number. */
export const planPage = (request: KubeObject, hash: string, page = 1): string =>
  `${request.metadata.name}-plan-${hash.slice(0, 8)}${page === 1 ? "" : `-${page}`}`;

/** The text cut into pages between lines; joined they are the text. A line is far shorter than a page. */
export function pagesOf(text: string, bytes = pageBytes): readonly string[] {
  const pages: string[] = [];
  let page: string[] = [];
  let size = 0;
  for (const line of text.split(/(?<=\n)/)) {
    const length = Buffer.byteLength(line, "utf8");
    if (size + length > bytes && page.length > 0) {
      pages.push(page.join(""));
      page = [];
      size = 0;
    }
    page.push(line);
    size += length;
  }
  return [...pages, page.join("")];
}

/** In words for a condition: where to read the plan. */
export function whereToRead(request: KubeObject, hash: string, text: string): string {
  const count = pagesOf(text).length;
  const first = planPage(request, hash);
  return count === 1 ? `ConfigMap ${first}` : `ConfigMaps ${first} to ${planPage(request, hash, count)}`;
}

/**
 * Writes the pages that are not there yet, the first one last: where it is, the plan is whole. Throws when the server
 * refuses.
 */
export async function keepPlan(
  objects: Objects,
  request: KubeObject,
  hash: string,
  text: string,
): Promise<void> {
  const namespace = request.metadata.namespace ?? "";
  const name = planPage(request, hash);
  if ((await objects.get(configMapKind, { namespace, name })) !== undefined) return;
  const pages = pagesOf(text);
  for (let page = pages.length; page >= 1; page -= 1)
    try {
      await objects.create(configMapKind, {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: {
          name: planPage(request, hash, page),
          namespace,
          ownerReferences: [ownerOf(request)],
          labels: { "app.kubernetes.io/managed-by": "tungsten-operator" },
        },
        immutable: true,
        data: { plan: pages[page - 1] },
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
}
