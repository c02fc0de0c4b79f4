/** Volumes of a node: a StorageClass whose claims each get a folder of the run, as PersistentVolumes of type local (on hostPath fsGroup is ignored). */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ControlPlane } from "../control-plane.ts";
import { adminRest } from "../rest.ts";
import { nodeName } from "./kubelet.ts";

export const storageClass = "local";
const provisioner = "tungsten-operator.io/local";
const provisionedBy = "pv.kubernetes.io/provisioned-by";

type Claim = {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly spec: {
    readonly storageClassName?: string;
    readonly volumeName?: string;
    readonly accessModes: readonly string[];
    readonly resources: { readonly requests: { readonly storage: string } };
  };
};
type Volume = {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly persistentVolumeReclaimPolicy: string };
  readonly status?: { readonly phase?: string };
};

const classObject = {
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name: storageClass, annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
  provisioner,
  reclaimPolicy: "Delete",
  volumeBindingMode: "Immediate",
};

/** The volume for a claim, bound to it in advance. */
export const volumeFor = ({ metadata, spec }: Claim, folder: string): object => ({
  apiVersion: "v1",
  kind: "PersistentVolume",
  metadata: { name: `pvc-${metadata.uid}`, annotations: { [provisionedBy]: provisioner } },
  spec: {
    capacity: spec.resources.requests,
    accessModes: spec.accessModes,
    storageClassName: storageClass,
    persistentVolumeReclaimPolicy: "Delete",
    local: { path: folder },
    claimRef: {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      ...{ namespace: metadata.namespace, name: metadata.name, uid: metadata.uid },
    },
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [
          { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [nodeName] }] },
        ],
      },
    },
  },
});

/** Looks every `everyMs`: makes what claims wait for, and removes what was released, as the class says. */
export async function startVolumes(
  plane: ControlPlane,
  folder: string,
  everyMs = 500,
): Promise<{ stop: () => Promise<void> }> {
  await plane.kubectl(["apply", "--server-side", "-f", "-"], JSON.stringify(classObject));
  const rest = adminRest(plane);
  const volumes = "/api/v1/persistentvolumes";
  const list = async <T>(path: string): Promise<readonly T[]> =>
    ((await rest.send("GET", path)).body as { items: readonly T[] }).items;
  const provide = async (): Promise<void> => {
    for (const claim of await list<Claim>("/api/v1/persistentvolumeclaims")) {
      if (claim.spec.storageClassName !== storageClass || claim.spec.volumeName !== undefined) continue;
      const path = join(folder, `pvc-${claim.metadata.uid}`);
      mkdirSync(path, { recursive: true });
      await rest.send("POST", volumes, volumeFor(claim, path));
    }
  };
  const remove = async (): Promise<void> => {
    for (const { metadata, spec, status } of await list<Volume>(volumes)) {
      if (metadata.annotations?.[provisionedBy] !== provisioner || status?.phase !== "Released") continue;
      if (spec.persistentVolumeReclaimPolicy !== "Delete") continue;
      rmSync(join(folder, metadata.name), { recursive: true, force: true });
      await rest.send("DELETE", `${volumes}/${metadata.name}`);
    }
  };
  const rounds = loop(everyMs, async () => {
    await provide();
    await remove();
  });
  return {
    stop: async () => {
      await rounds.stop();
      await rest.close();
    },
  };
}

/** A round that fails is repeated: the API server may be busy or on its way out. */
function loop(everyMs: number, round: () => Promise<void>): { stop: () => Promise<void> } {
  let stopped = false;
  let wake = (): void => {};
  const ended = (async () => {
    while (!stopped) {
      await round().catch(() => {});
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, everyMs);
      });
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      wake();
      await ended;
    },
  };
}
