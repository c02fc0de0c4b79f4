/** The kubelet of a node: its configuration, its certificate, the node it registers. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { issueCertificate } from "../certificates.ts";
import type { ControlPlane } from "../control-plane.ts";
import { type Child, untilOf } from "../processes.ts";
import type { Enclosure } from "./enclosure.ts";
import { runtimeSocket } from "./runtime.ts";

export const nodeName = "local";
export const dnsAddress = "10.96.0.10";

export type KubeletInputs = {
  readonly plane: ControlPlane;
  readonly enclosure: Enclosure;
  readonly program: string;
  /** The token of `system:node:local`. */
  readonly token: string;
  /** The cgroup for its pods; it must exist. */
  readonly cgroup: string;
};

/** Ready when the API server says the node is. */
export async function startKubelet(inputs: KubeletInputs): Promise<Child> {
  const { plane, enclosure, program, token } = inputs;
  const { directory, link } = enclosure;
  await issueCertificate(directory, "kubelet", `/O=system:nodes/CN=system:node:${nodeName}`, [
    `DNS:${nodeName}`,
    `IP:${link.inside}`,
  ]);
  mkdirSync(join(directory, "static-pods"), { recursive: true });
  writeFileSync(join(directory, "resolv.conf"), `nameserver ${link.inside}\n`);
  const config = join(directory, "kubelet.json");
  writeFileSync(config, JSON.stringify(kubeletConfig(inputs), null, 2));
  const child = await enclosure.start("kubelet", program, [
    `--config=${config}`,
    `--kubeconfig=${plane.kubeconfig("kubelet", token)}`,
    `--root-dir=${join(directory, "kubelet")}`,
    `--cert-dir=${join(directory, "kubelet-certificates")}`,
    `--node-ip=${link.inside}`,
    `--hostname-override=${nodeName}`,
    "--v=1",
  ]);
  await untilOf(child, "a Ready node", 90, async () => {
    const ready = `jsonpath={.status.conditions[?(@.type=="Ready")].status}`;
    return (await plane.kubectl(["get", "node", nodeName, "-o", ready])) === "True";
  });
  return child;
}

/** Disk and memory belong to others too, so the node judges neither before they are nearly gone, and deletes no image. */
function kubeletConfig({ enclosure, cgroup }: KubeletInputs): object {
  const file = (name: string) => join(enclosure.directory, name);
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    containerRuntimeEndpoint: `unix://${runtimeSocket}`,
    cgroupDriver: "cgroupfs",
    cgroupRoot: `/${cgroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    clusterDomain: "cluster.local",
    clusterDNS: [dnsAddress],
    resolvConf: file("resolv.conf"),
    staticPodPath: file("static-pods"),
    tlsCertFile: file("kubelet.crt"),
    tlsPrivateKeyFile: file("kubelet.key"),
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: file("ca.crt") },
    },
    authorization: { mode: "Webhook" },
    evictionHard: {
      "memory.available": "50Mi",
      "nodefs.available": "1%",
      "nodefs.inodesFree": "1%",
      "imagefs.available": "1%",
    },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    readOnlyPort: 0,
    healthzPort: 0,
    serializeImagePulls: false,
    registryPullQPS: 0,
    registerWithTaints: [],
    nodeStatusUpdateFrequency: "10s",
  };
}
