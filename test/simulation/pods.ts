/** What a StatefulSet's controller and the kubelet do: pods for its replicas, on volumes that stay when a pod goes. */
import { addConnector, addHost } from "../../simulator/build.ts";
import { connectorsAt, type Host, hostOf, hostsOf, siteOf } from "../../simulator/model.ts";
import { startContainer, stopContainer } from "../../simulator/world.ts";
import { podKind, statefulSetKind } from "../../src/kube/kinds.ts";
import { namespace, release, type Scene } from "./scene.ts";

/** Hosts whose pods are gone, with their volumes, by name. */
export type Volumes = Map<string, Host>;

/** Pods as many as every StatefulSet wants; says what it did. */
export async function runPods(scene: Scene, volumes: Volumes): Promise<readonly string[]> {
  const did: string[] = [];
  for (const site of scene.world.sites.keys()) {
    const set = await scene.objects.get(statefulSetKind, { namespace, name: site });
    const wanted: number = set?.spec.replicas ?? hostsOf(scene.world, site).length;
    for (let ordinal = hostsOf(scene.world, site).length; ordinal < wanted; ordinal += 1)
      did.push(await begin(scene, site, ordinal, volumes));
    for (const host of hostsOf(scene.world, site).slice(wanted)) did.push(await end(scene, host, volumes));
  }
  return did;
}

async function begin(scene: Scene, site: string, ordinal: number, volumes: Volumes): Promise<string> {
  const { world, objects } = scene;
  const name = `${site}-${ordinal}`;
  const kept = volumes.get(name);
  const [first] = hostsOf(world, site);
  if (kept !== undefined) world.hosts.set(name, kept);
  else
    addHost(
      world,
      siteOf(world, site),
      ordinal,
      first?.mysql.offset ?? 1,
      first?.mysql.increment ?? 10,
      release,
    );
  volumes.delete(name);
  const made = await objects.create(podKind, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: { "tungsten-operator.io/site": site } },
    status: { phase: "Running" },
  });
  startContainer(world, hostOf(world, name), made.metadata.uid ?? "");
  return `pod ${name} runs`;
}

async function end({ world, objects }: Scene, host: Host, volumes: Volumes): Promise<string> {
  stopContainer(world, host);
  world.hosts.delete(host.name);
  volumes.set(host.name, host);
  await objects.remove(podKind, { namespace, name: host.name }, host.podUid);
  return `pod ${host.name} is gone, its volume stays`;
}

/** The same for pods that run only a connector: their volumes go with them. */
export async function runConnectorPods(scene: Scene): Promise<readonly string[]> {
  const { world, objects } = scene;
  const did: string[] = [];
  for (const site of world.sites.keys()) {
    const set = await objects.get(statefulSetKind, { namespace, name: `${site}-connector` });
    const wanted: number = set?.spec.replicas ?? 0;
    for (let ordinal = connectorsAt(world, site).length; ordinal < wanted; ordinal += 1)
      did.push(await beginConnector(scene, site, ordinal));
    for (const host of connectorsAt(world, site).slice(wanted)) {
      stopContainer(world, host);
      world.connectors.delete(host.name);
      await objects.remove(podKind, { namespace, name: host.name }, host.podUid);
      did.push(`pod ${host.name} is gone, and its volume`);
    }
  }
  return did;
}

async function beginConnector(scene: Scene, site: string, ordinal: number): Promise<string> {
  const { world, objects } = scene;
  const host = addConnector(world, siteOf(world, site), ordinal, release);
  const made = await objects.create(podKind, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: host.name, namespace, labels: { "tungsten-operator.io/site": site } },
    status: { phase: "Running" },
  });
  startContainer(world, host, made.metadata.uid ?? "");
  return `pod ${host.name} runs`;
}
