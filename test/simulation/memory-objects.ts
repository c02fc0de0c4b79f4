/** An API server's objects in memory, with the habits the loops rely on: resource versions, conflicts, UIDs, generations. */
import type { KubeObject, ObjectRef, Objects, ResourceKind } from "../../src/controllers/shell.ts";
import { ApiError } from "../../src/kube/errors.ts";

export type MemoryObjects = Objects & {
  /** Everything stored, by "plural/namespace/name". */
  readonly all: () => ReadonlyMap<string, KubeObject>;
  /** Changes a spec as a user would: raises the generation. */
  readonly edit: (kind: ResourceKind, ref: ObjectRef, change: (object: KubeObject) => void) => void;
  readonly writes: () => number;
};

/** What the API server's validation lets a ConfigMap hold. */
const mostBytes = 1024 * 1024;

const copy = <T>(value: T): T => structuredClone(value);

/** What is stored is handed out as it is, frozen: whoever changes an object it was given, instead of writing it, fails. */
function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    for (const inner of Object.values(value)) frozen(inner);
    Object.freeze(value);
  }
  return value;
}

export function memoryObjects(nextUid: () => string): MemoryObjects {
  const stored = new Map<string, KubeObject>();
  let version = 100;
  let writes = 0;
  const keyOf = (kind: ResourceKind, ref: ObjectRef) => `${kind.plural}/${ref.namespace}/${ref.name}`;
  const refOf = (object: KubeObject): ObjectRef => ({
    namespace: object.metadata.namespace ?? "",
    name: object.metadata.name,
  });
  const put = (key: string, object: KubeObject): KubeObject => {
    const sizes = Object.values(object.data ?? {}).map((text) => Buffer.byteLength(String(text), "utf8"));
    if (object.kind === "ConfigMap" && sizes.reduce((sum, size) => sum + size, 0) > mostBytes)
      throw new ApiError(422, "Invalid", `${key}: Too long: must have at most ${mostBytes} bytes`);
    version += 1;
    writes += 1;
    const metadata = { ...object.metadata, resourceVersion: String(version) };
    const kept = frozen(copy({ ...object, metadata }));
    stored.set(key, kept);
    return kept;
  };
  const current = (kind: ResourceKind, object: KubeObject): [string, KubeObject] => {
    const key = keyOf(kind, refOf(object));
    const found = stored.get(key);
    if (found === undefined) throw new ApiError(404, "NotFound", `${key} not found`);
    if (object.metadata.resourceVersion !== found.metadata.resourceVersion)
      throw new ApiError(409, "Conflict", `${key} was changed by someone else`);
    return [key, found];
  };
  const create = (kind: ResourceKind, object: KubeObject): KubeObject => {
    const key = keyOf(kind, refOf(object));
    if (stored.has(key)) throw new ApiError(409, "AlreadyExists", `${key} already exists`);
    return put(key, { ...object, metadata: { ...object.metadata, uid: nextUid(), generation: 1 } });
  };
  return {
    all: () => stored,
    writes: () => writes,
    get: async (kind, ref) => stored.get(keyOf(kind, ref)),
    list: async (kind, namespace, labelSelector) =>
      [...stored]
        .filter(([key]) => key.startsWith(`${kind.plural}/${namespace}/`))
        .map(([, object]) => object)
        .filter((object) => matches(object, labelSelector)),
    create: async (kind, object) => create(kind, object),
    apply: async (kind, object) => {
      const found = stored.get(keyOf(kind, refOf(object)));
      if (found === undefined) return create(kind, object);
      return put(keyOf(kind, refOf(object)), {
        ...found,
        ...object,
        metadata: { ...found.metadata, ...object.metadata },
      });
    },
    replace: async (kind, object) => {
      const [key, found] = current(kind, object);
      const generation =
        (found.metadata.generation ?? 1) +
        (JSON.stringify(found.spec) === JSON.stringify(object.spec) ? 0 : 1);
      return put(key, { ...object, metadata: { ...object.metadata, generation } });
    },
    replaceStatus: async (kind, object) => {
      const [key, found] = current(kind, object);
      return put(key, { ...found, status: object.status });
    },
    patch: async (kind, ref, patch) => {
      const found = stored.get(keyOf(kind, ref));
      if (found === undefined) throw new ApiError(404, "NotFound", `${ref.name} not found`);
      return put(keyOf(kind, ref), mergePatch(found, patch) as KubeObject);
    },
    remove: async (kind, ref) => {
      writes += 1;
      stored.delete(keyOf(kind, ref));
    },
    edit(kind, ref, change) {
      const found = stored.get(keyOf(kind, ref));
      if (found === undefined) throw new Error(`${ref.name} is not stored`);
      const changed = copy(found);
      change(changed);
      changed.metadata.generation = (changed.metadata.generation ?? 1) + 1;
      put(keyOf(kind, ref), changed);
    },
  };
}

function matches(object: KubeObject, selector: string | undefined): boolean {
  if (selector === undefined) return true;
  return selector.split(",").every((term) => {
    const [key, value] = term.split("=");
    const label = object.metadata.labels?.[key ?? ""];
    return value === undefined ? label !== undefined : label === value;
  });
}

function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> = { ...(target as Record<string, unknown>) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}
