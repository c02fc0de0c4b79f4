/** Live access to objects over the REST client: what shell.ts calls Objects. Nothing here reads a cache. */
import type { KubeObject, Objects, ResourceKind } from "../controllers/shell.ts";
import { ApiError, isExpired, isNotFound } from "./errors.ts";
import { type Rest, resourcePath } from "./rest.ts";

const fieldManager = "tungsten-operator";
/** Objects a page: a list of thousands at once would stall the event loop for a second. */
const pageSize = 500;
/** etcd refuses around 1.5 MiB with a 500 that says nothing; we refuse earlier and say so. */
const statusLimitBytes = 1024 * 1024;

/** Every failure is an ApiError; one with status 0 after a write says that it may have happened. */
export function objectsOver(rest: Rest): Objects {
  return {
    async get(kind, { namespace, name }) {
      try {
        return await rest.send({
          method: "GET",
          path: resourcePath(kind, namespace, name),
          resource: kind.plural,
        });
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    async list(kind, namespace, labelSelector) {
      try {
        return await listPages(rest, kind, namespace, labelSelector);
      } catch (error) {
        // The pages' snapshot was compacted away while we read them: once more from the first.
        if (!isExpired(error)) throw error;
        return listPages(rest, kind, namespace, labelSelector);
      }
    },
    create: (kind, object) =>
      rest.send({
        method: "POST",
        path: resourcePath(kind, object.metadata.namespace),
        body: object,
        resource: kind.plural,
      }),
    apply: (kind, object) => {
      const path = `${resourcePath(kind, object.metadata.namespace, object.metadata.name)}?fieldManager=${fieldManager}&force=true`;
      return rest.send({
        method: "PATCH",
        path,
        body: object,
        contentType: "application/apply-patch+yaml",
        resource: kind.plural,
      });
    },
    async replace(kind, object) {
      demandVersion(kind, object);
      const path = resourcePath(kind, object.metadata.namespace, object.metadata.name);
      return rest.send({ method: "PUT", path, body: object, resource: kind.plural });
    },
    async replaceStatus(kind, object) {
      demandVersion(kind, object);
      const bytes = Buffer.byteLength(JSON.stringify(object.status ?? {}));
      if (bytes > statusLimitBytes)
        throw new ApiError(
          413,
          "StatusTooLarge",
          `the status of ${kind.kind} ${object.metadata.name} has ${bytes} bytes; ${statusLimitBytes} can be stored`,
        );
      const path = resourcePath(kind, object.metadata.namespace, object.metadata.name, "status");
      return rest.send({ method: "PUT", path, body: object, resource: kind.plural });
    },
    patch: (kind, { namespace, name }, body) =>
      rest.send({
        method: "PATCH",
        path: resourcePath(kind, namespace, name),
        body,
        contentType: "application/merge-patch+json",
        resource: kind.plural,
      }),
    async remove(kind, { namespace, name }, uid) {
      try {
        await rest.send({
          method: "DELETE",
          path: resourcePath(kind, namespace, name),
          body: { preconditions: { uid } },
          resource: kind.plural,
        });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
  };
}

/** Without a resourceVersion a PUT overwrites whatever is there. */
function demandVersion(kind: ResourceKind, { metadata }: KubeObject): void {
  if ((metadata.resourceVersion ?? "") === "")
    throw new ApiError(400, "BadRequest", `PUT of ${kind.kind} ${metadata.name} without resourceVersion`);
}

async function listPages(
  rest: Rest,
  kind: ResourceKind,
  namespace: string,
  labelSelector: string | undefined,
): Promise<readonly KubeObject[]> {
  const apiVersion = kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
  const items: KubeObject[] = [];
  let next = "";
  do {
    const query = new URLSearchParams({
      limit: String(pageSize),
      ...(labelSelector !== undefined && { labelSelector }),
      ...(next !== "" && { continue: next }),
    });
    const path = `${resourcePath(kind, namespace)}?${query}`;
    const page = await rest.send({ method: "GET", path, resource: kind.plural });
    // An answer that is no list must not pass for an empty one.
    if (!Array.isArray(page.items)) throw new ApiError(0, "Unreadable", `GET ${kind.plural}: not a list`);
    // Items of a list do not say what they are.
    for (const item of page.items as KubeObject[]) items.push({ ...item, apiVersion, kind: kind.kind });
    next = String((page.metadata as { continue?: string } | undefined)?.continue ?? "");
  } while (next !== "");
  return items;
}
