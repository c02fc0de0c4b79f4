/** The programs of a real node, at the one version this is tested with: built once from Go modules, like those of the control plane. */
import {
  type Binaries,
  cachedOrBuilt,
  findBinaries,
  kubernetesFlags,
  type Recipe,
  type Report,
} from "../binaries.ts";

type NodeProgram = "kube-scheduler" | "kubelet" | "kube-proxy" | "coredns" | "pause";
export type NodeBinaries = Binaries & Readonly<Record<NodeProgram, string>>;

const ofKubernetes = (name: NodeProgram): Recipe => ({
  module: "node",
  target: `k8s.io/kubernetes/cmd/${name}`,
  flags: kubernetesFlags(),
});
const ofOurs = (module: NodeProgram): Recipe => ({ module, target: ".", flags: "-s -w" });

const recipes: Readonly<Record<NodeProgram, Recipe>> = {
  "kube-scheduler": ofKubernetes("kube-scheduler"),
  kubelet: ofKubernetes("kubelet"),
  "kube-proxy": ofKubernetes("kube-proxy"),
  coredns: ofOurs("coredns"),
  pause: ofOurs("pause"),
};

/** Those of the control plane and those of the node. The first time takes some three minutes more than the control plane alone. */
export async function findNodeBinaries(report: Report): Promise<NodeBinaries> {
  const found: Partial<Record<NodeProgram, string>> = {};
  const plane = await findBinaries(report);
  for (const name of Object.keys(recipes) as NodeProgram[])
    found[name] = await cachedOrBuilt(name, recipes[name], [recipes[name].module], report);
  return { ...plane, ...(found as Record<NodeProgram, string>) };
}
