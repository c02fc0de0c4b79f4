/** What a reflector knows of one kind: the last state of each object, and who is told when one appears, changes or goes. */
import type { KubeObject, ObjectRef, ResourceKind } from "../controllers/shell.ts";

/** Called with every object that appeared, changed or went (then with its last known state). */
export type OnChange = (object: KubeObject, gone: boolean) => void;

export type Cache = {
  readonly get: (ref: ObjectRef) => KubeObject | undefined;
  /** All objects, or those of one namespace. They are shared: read them, do not change them. */
  readonly list: (namespace?: string) => readonly KubeObject[];
  /** Takes an object from the server. One known under another UID is told to be gone first: it is a namesake. */
  readonly put: (object: KubeObject) => void;
  readonly remove: (object: KubeObject) => void;
  /** Drops, and tells, all that a complete list did not name. */
  readonly retain: (listed: ReadonlySet<string>) => void;
};

export const keyOf = ({ metadata }: { metadata: { namespace?: string; name: string } }): string =>
  `${metadata.namespace ?? ""}/${metadata.name}`;

/** Keeps an object without its managedFields, which are a quarter of it and read by nobody here. */
export function wholeObject(object: KubeObject): KubeObject {
  const metadata: KubeObject["metadata"] & { managedFields?: unknown } = { ...object.metadata };
  delete metadata.managedFields;
  return { ...object, metadata };
}

/** Keeps the metadata only: for Secrets, and for kinds that merely wake a loop. */
export function metadataOf(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata } = wholeObject(object);
  return { apiVersion, kind, metadata };
}

/** `keep` projects an object to what is stored and told. `onChange` must not throw. */
export function newCache(
  { group, version, kind }: ResourceKind,
  keep: (object: KubeObject) => KubeObject,
  onChange: OnChange,
): Cache {
  const known = new Map<string, KubeObject>();
  const apiVersion = group === "" ? version : `${group}/${version}`;
  // Items of a list do not say what they are, and metadata-only ones say PartialObjectMetadata.
  const kept = (object: KubeObject): KubeObject => keep({ ...object, apiVersion, kind });
  return {
    get: ({ namespace, name }) => known.get(keyOf({ metadata: { namespace, name } })),
    list: (namespace) =>
      [...known.values()].filter(
        ({ metadata }) => namespace === undefined || metadata.namespace === namespace,
      ),
    put(object) {
      const key = keyOf(object);
      const before = known.get(key)?.metadata;
      if (before !== undefined && before.uid !== object.metadata.uid) {
        const namesake = known.get(key);
        known.delete(key);
        if (namesake !== undefined) onChange(namesake, true);
      } else if (before?.resourceVersion === object.metadata.resourceVersion && before !== undefined) return;
      const after = kept(object);
      known.set(key, after);
      onChange(after, false);
    },
    remove(object) {
      known.delete(keyOf(object));
      onChange(kept(object), true);
    },
    retain(listed) {
      for (const [key, object] of known) {
        if (listed.has(key)) continue;
        known.delete(key);
        onChange(object, true);
      }
    },
  };
}
