/** What kubelet and StatefulSet controller do for a scene: ConfigMaps and Secrets reach pods, and a pod that is gone is made anew from the template of now. */
import { emit, type Host } from "../../simulator/model.ts";
import { startContainer, stopContainer } from "../../simulator/world.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { claimKind, configMapKind, podKind, secretKind, statefulSetKind } from "../../src/kube/kinds.ts";
import { namespace, type Scene } from "./scene.ts";

/** How long a pod is away, in virtual milliseconds. */
const awayMs = 12_000;
const goneSince = new WeakMap<Host, number>();

/** The StatefulSet that a host's pod belongs to. */
export const setOf = ({ world }: Scene, { name, site }: Host): string =>
  world.connectors.has(name) ? `${site}-connector` : site;

/** Every host that has a pod. */
const allHosts = ({ world }: Scene): readonly Host[] => [
  ...world.hosts.values(),
  ...world.connectors.values(),
];

/** Claims are made from the StatefulSet's templates, and get what they ask for. */
async function bindClaims(scene: Scene, host: Host): Promise<void> {
  const { objects } = scene;
  const set = await objects.get(statefulSetKind, { namespace, name: setOf(scene, host) });
  for (const { metadata, spec } of (set?.spec?.volumeClaimTemplates ?? []) as KubeObject[]) {
    const ref = { namespace, name: `${metadata.name}-${host.name}` };
    const claim =
      (await objects.get(claimKind, ref)) ??
      (await objects.create(claimKind, {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { ...ref, labels: { ...metadata.labels, ...set?.spec?.selector?.matchLabels } },
        spec,
      }));
    const storage: string = claim.spec.resources.requests.storage;
    if (claim.status?.capacity?.storage !== storage)
      await objects.replaceStatus(claimKind, { ...claim, status: { capacity: { storage } } });
  }
}

/** One look. A server and a pod that nobody made yet in this scene are taken for made from what is wanted now. */
export async function kubeletLooks(scene: Scene): Promise<void> {
  for (const host of allHosts(scene)) {
    const map = await scene.objects.get(configMapKind, { namespace, name: `${host.site}-my-cnf` });
    const text: string = map?.data[`${host.name}.cnf`] ?? "";
    if (host.mysql.mounted === "") host.mysql.started = text;
    host.mysql.mounted = text;
    await bindClaims(scene, host);
    await tendPod(scene, host);
  }
  await mountSecrets(scene);
}

/** A changed Secret reaches the pods, a while after the ConfigMaps. */
async function mountSecrets(scene: Scene): Promise<void> {
  const { objects, calls } = scene;
  if (calls.passes % 3 !== 0) return;
  for (const { site, secret } of allHosts(scene)) {
    const data: Record<string, string> =
      (await objects.get(secretKind, { namespace, name: `${site}-tungsten` }))?.data ?? {};
    const changed = data["ini-version"] !== undefined;
    for (const [file, text] of Object.entries(data))
      if (changed || /^(users|tls\.|ca\.|java-)/.test(file))
        secret.set(file, Buffer.from(text, "base64").toString());
  }
}

async function tendPod(scene: Scene, host: Host): Promise<void> {
  const { world, objects } = scene;
  const ref = { namespace, name: host.name };
  const set = await objects.get(statefulSetKind, { namespace, name: setOf(scene, host) });
  const template = templateOf(set);
  if (host.template === "") host.template = template;
  if ((await objects.get(podKind, ref)) !== undefined) return;
  const since = goneSince.get(host);
  if (since === undefined) {
    emit(world, { kind: "process", host: host.name, what: "pod", verb: "stop" });
    if (host.up) stopContainer(world, host);
    goneSince.set(host, world.now);
    return;
  }
  if (world.now - since < awayMs) return;
  goneSince.delete(host);
  const made = await objects.create(podKind, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: host.name, namespace, labels: { "tungsten-operator.io/site": host.site } },
    status: { phase: "Running" },
  });
  host.template = template;
  // A server that starts is writable until a manager says otherwise; under AUTOMATIC one does at once.
  if (world.sites.get(host.site)?.out?.[host.name] !== undefined) host.mysql.readOnly = false;
  startContainer(world, host, made.metadata.uid ?? "");
}

const templateOf = (set: KubeObject | undefined): string => {
  const env: { name: string; value?: string }[] = set?.spec?.template?.spec?.containers?.[0]?.env ?? [];
  return env.find(({ name }) => name === "POD_TEMPLATE")?.value ?? "";
};

/** A drained host: the pod goes, whoever asked for it. */
export const evict = async ({ objects }: Scene, name: string): Promise<void> => {
  const pod = await objects.get(podKind, { namespace, name });
  if (pod !== undefined) await objects.remove(podKind, { namespace, name }, pod.metadata.uid ?? "");
};
