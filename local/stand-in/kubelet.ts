/** A kubelet stand-in: binds pods and claims, mounts each node's my.cnf when its pod starts, reports pods Ready, lets them go; the world decides what runs inside. */
import type { ControlPlane } from "../control-plane.ts";
import { adminRest } from "../rest.ts";
import type { WorldClient } from "./world-client.ts";

type Pod = {
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    labels?: Record<string, string>;
    deletionTimestamp?: string;
  };
  spec: {
    nodeName?: string;
    containers: { name: string; image: string; env?: { name: string; value?: string }[] }[];
    volumes?: { persistentVolumeClaim?: { claimName: string } }[];
  };
  status?: { phase?: string };
};
type Claim = {
  metadata: { name: string; namespace: string; uid: string };
  spec: { volumeName?: string; resources: { requests: { storage: string } } };
  status?: { phase?: string };
};

const nodeName = "stand-in";
const siteLabel = "tungsten-operator.io/site";

export type Kubelet = { readonly stop: () => Promise<void> };

export function startKubelet(plane: ControlPlane, world: WorldClient, everyMs = 250): Kubelet {
  const { send, close } = adminRest(plane);
  const merge = "application/merge-patch+json";
  let stopped = false;
  let address = 10;

  const claims = async (): Promise<void> => {
    const { items } = (await send("GET", "/api/v1/persistentvolumeclaims")).body as { items: Claim[] };
    for (const { metadata, spec, status } of items.filter(
      (claim) => claim.status?.phase !== "Bound" && claim.spec.volumeName === undefined,
    )) {
      const name = `pv-${metadata.uid}`;
      const claimRef = {
        kind: "PersistentVolumeClaim",
        apiVersion: "v1",
        namespace: metadata.namespace,
        name: metadata.name,
        uid: metadata.uid,
      };
      const capacity = { storage: spec.resources.requests.storage };
      await send("POST", "/api/v1/persistentvolumes", {
        apiVersion: "v1",
        kind: "PersistentVolume",
        metadata: { name },
        spec: {
          capacity,
          accessModes: ["ReadWriteOnce"],
          hostPath: { path: `/nonexistent/${name}` },
          claimRef,
          persistentVolumeReclaimPolicy: "Delete",
        },
      });
      if (status?.phase === "Lost") await send("DELETE", `/api/v1/persistentvolumes/${name}`);
    }
  };

  const start = async (pod: Pod): Promise<void> => {
    const { name, namespace, uid, labels } = pod.metadata;
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    if (pod.spec.nodeName === undefined)
      await send("POST", `${path}/binding`, {
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name },
        target: { apiVersion: "v1", kind: "Node", name: nodeName },
      });
    const site = labels?.[siteLabel] ?? "";
    const settings = (await send("GET", `/api/v1/namespaces/${namespace}/configmaps/${site}-my-cnf`))
      .body as { data?: Record<string, string> };
    await world.podStarted({
      name,
      uid,
      site,
      ordinal: Number(name.slice(name.lastIndexOf("-") + 1)),
      template: pod.spec.containers[0]?.env?.find((each) => each.name === "POD_TEMPLATE")?.value ?? "",
      myCnf: settings.data?.[`${name}.cnf`] ?? "",
    });
    const now = new Date().toISOString().replace(/\.\d+Z/, "Z");
    const conditions = ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map((type) => ({
      type,
      status: "True",
      lastTransitionTime: now,
    }));
    address += 1;
    const containerStatuses = pod.spec.containers.map((container) => ({
      name: container.name,
      image: container.image,
      imageID: container.image,
      ready: true,
      started: true,
      restartCount: 0,
      containerID: `stand-in://${uid}`,
      state: { running: { startedAt: now } },
    }));
    const podIP = `10.244.${Math.floor(address / 250)}.${address % 250}`;
    await send(
      "PATCH",
      `${path}/status`,
      {
        status: {
          phase: "Running",
          conditions,
          containerStatuses,
          podIP,
          podIPs: [{ ip: podIP }],
          startTime: now,
        },
      },
      merge,
    );
  };

  const pods = async (): Promise<void> => {
    const { items } = (await send("GET", `/api/v1/pods?labelSelector=${encodeURIComponent(siteLabel)}`))
      .body as { items: Pod[] };
    await Promise.all(
      items.map(async (pod) => {
        if (pod.metadata.deletionTimestamp !== undefined) {
          await world.podEnded(pod.metadata.name);
          await send("DELETE", `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`, {
            gracePeriodSeconds: 0,
            preconditions: { uid: pod.metadata.uid },
          });
        } else if (pod.status?.phase !== "Running") await start(pod);
      }),
    );
  };

  const loop = (async () => {
    await send("POST", "/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name: nodeName } });
    while (!stopped) {
      await claims().catch(() => {});
      await pods().catch(() => {});
      await new Promise((wake) => setTimeout(wake, everyMs));
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      await loop;
      await close();
    },
  };
}
