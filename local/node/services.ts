/** What makes Services and their names work on a node: kube-proxy, and CoreDNS as a process of the node behind the Service `kube-dns`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { request } from "undici";
import type { ControlPlane } from "../control-plane.ts";
import { type Child, untilOf } from "../processes.ts";
import type { Enclosure } from "./enclosure.ts";
import { dnsAddress, nodeName } from "./kubelet.ts";

type Inputs = {
  readonly plane: ControlPlane;
  readonly enclosure: Enclosure;
  readonly program: string;
  readonly token: string;
};
/** CoreDNS listens here, on the node's address; port 53 of the node stays free. */
const dnsPort = 1053;
const readyPort = 8181;

/** Rules by iptables, inside the enclosure. It leaves the machine's table of connections as large as it is. */
export function startProxy({ plane, enclosure, program, token }: Inputs): Promise<Child> {
  const config = join(enclosure.directory, "kube-proxy.json");
  const settings = {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: "iptables",
    clusterCIDR: enclosure.link.pods,
    hostnameOverride: nodeName,
    clientConnection: { kubeconfig: plane.kubeconfig("kube-proxy", token) },
    conntrack: { maxPerCore: 0, min: 0 },
    iptables: { minSyncPeriod: "200ms" },
  };
  writeFileSync(config, JSON.stringify(settings, null, 2));
  return enclosure.start("kube-proxy", program, [`--config=${config}`]);
}

/** Answers for cluster.local alone; names of the world outside do not exist here. */
export async function startDns({ plane, enclosure, program, token }: Inputs): Promise<Child> {
  const { directory, link } = enclosure;
  const corefile = join(directory, "Corefile");
  const kubeconfig = plane.kubeconfig("coredns", token);
  writeFileSync(corefile, corefileFor(kubeconfig));
  await plane.kubectl(["apply", "--server-side", "-f", "-"], JSON.stringify(dnsObjects(link.inside)));
  const child = await enclosure.start("coredns", program, ["-conf", corefile]);
  await untilOf(child, "a name server that is ready", 30, async () => {
    const { statusCode, body } = await request(`http://${link.inside}:${readyPort}/ready`);
    await body.dump();
    return statusCode === 200;
  });
  return child;
}

const corefileFor = (kubeconfig: string): string => `.:${dnsPort} {
  errors
  ready :${readyPort}
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${kubeconfig}
    pods insecure
    ttl 5
  }
  cache 5
}
`;

/** A Service without selector: its endpoint, written by hand, is the node. */
function dnsObjects(address: string): object {
  const metadata = { name: "kube-dns", namespace: "kube-system", labels: { "k8s-app": "kube-dns" } };
  const ports = ["UDP", "TCP"].map((protocol) => ({ name: `dns-${protocol.toLowerCase()}`, protocol }));
  const role = "system:coredns";
  const rbac = "rbac.authorization.k8s.io";
  const items = [
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRole",
      metadata: { name: role },
      rules: [
        { apiGroups: [""], resources: ["services", "pods", "namespaces"], verbs: ["list", "watch"] },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRoleBinding",
      metadata: { name: role },
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name: role },
      subjects: [{ apiGroup: rbac, kind: "User", name: role }],
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: {
        clusterIP: dnsAddress,
        ports: ports.map((port) => ({ ...port, port: 53, targetPort: dnsPort })),
      },
    },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { ...metadata, labels: { "kubernetes.io/service-name": "kube-dns" } },
      addressType: "IPv4",
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports: ports.map((port) => ({ ...port, port: dnsPort })),
    },
  ];
  return { apiVersion: "v1", kind: "List", items };
}
