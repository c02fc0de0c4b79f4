/** Live access to objects over the REST client: what shell.ts calls Objects. */
import type { KubeObject, Objects } from "../controllers/shell.ts";
import { ApiError, isNotFound } from "./errors.ts";
import { type Rest, resourcePath } from "./rest.ts";

const fieldManager = "tungsten-operator";
/** etcd refuses around 1.5 MiB with a 500 that says nothing; we refuse earlier and say so. */
const statusLimitBytes = 1024 * 1024;

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
      const items: KubeObject[] = [];
      let next = "";
      do {
        const query = new URLSearchParams({
          limit: "500",
          ...(labelSelector !== undefined && { labelSelector }),
          ...(next !== "" && { continue: next }),
        });
        const page = await rest.send({
          method: "GET",
          path: `${resourcePath(kind, namespace)}?${query}`,
          resource: kind.plural,
        });
        const apiVersion = kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
        for (const item of (page.items as KubeObject[] | undefined) ?? [])
          items.push({ ...item, apiVersion, kind: kind.kind });
        next = String((page.metadata as { continue?: string }).continue ?? "");
      } while (next !== "");
      return items;
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
    replace: (kind, object) =>
      rest.send({
        method: "PUT",
        path: resourcePath(kind, object.metadata.namespace, object.metadata.name),
        body: object,
        resource: kind.plural,
      }),
    async replaceStatus(kind, object) {
      const bytes = Buffer.byteLength(JSON.stringify(object.status ?? {}));
      if (bytes > statusLimitBytes)
        throw new ApiError(
          413,
          "StatusTooLarge",
          `the status of ${object.metadata.name} has ${bytes} bytes, more than ${statusLimitBytes}`,
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
