/** A real control plane on one address: etcd, kube-apiserver and kube-controller-manager in a folder of their own, on free ports, gone without a trace. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Agent, request } from "undici";
import type { Binaries } from "./binaries.ts";
import { issueCertificate, makeAuthority } from "./certificates.ts";
import { type Endings, endings, freePort, startChild, untilOf } from "./processes.ts";

const run = promisify(execFile);

export type ControlPlane = {
  readonly directory: string;
  readonly server: string;
  readonly adminToken: string;
  readonly caFile: string;
  readonly certificate: { readonly cert: string; readonly key: string };
  readonly auditLog: string;
  /** Writes a kubeconfig for a token against a server URL (the API server's own unless told otherwise). */
  readonly kubeconfig: (name: string, token: string, server?: string) => string;
  readonly kubectl: (args: readonly string[], input?: string) => Promise<string>;
  readonly stop: () => Promise<void>;
};

/** Somebody the API server knows by a token: user name and groups as RBAC sees them. */
export type Login = { readonly token: string; readonly user: string; readonly groups: readonly string[] };

export type ControlPlaneOptions = {
  /** The run's folder; left to the caller to remove. Without it one is made below the system's temporary folder, and removed by `stop`. */
  readonly directory?: string;
  /** Where the API server listens, and where pods find it. */
  readonly address?: string;
  readonly logins?: readonly Login[];
  /** Real kubelets report, so the controllers that judge nodes run too. */
  readonly realNodes?: boolean;
  /** Serves MutatingAdmissionPolicy, which is beta and off by default. */
  readonly mutatingPolicies?: boolean;
};

/** Where the node's pods find the API server, by every name they may use. */
const serverNames = (address: string): readonly string[] => [
  ...["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"].map((name) => `DNS:${name}`),
  ...new Set(["127.0.0.1", "10.96.0.1", address].map((ip) => `IP:${ip}`)),
];

function writeTokens(path: string, logins: readonly Login[]): void {
  const lines = logins.map(({ token, user, groups }) => `${token},${user},${user},"${groups.join(",")}"\n`);
  writeFileSync(path, lines.join(""), { mode: 0o600 });
}

/** Brings it up; ready when /readyz says so. What fails to come up leaves nothing behind. */
export async function startControlPlane(
  binaries: Binaries,
  options: ControlPlaneOptions = {},
): Promise<ControlPlane> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), "tungsten-operator-"));
  const ending = endings();
  if (options.directory === undefined) ending.add(() => rmSync(directory, { recursive: true, force: true }));
  try {
    return await planeIn(directory, binaries, options, ending);
  } catch (error) {
    await ending.run();
    throw error;
  }
}

/** Ended in the opposite order: an API server whose etcd went first hangs and keeps its port. */
async function planeIn(
  directory: string,
  binaries: Binaries,
  { address = "127.0.0.1", logins = [], realNodes = false, mutatingPolicies = false }: ControlPlaneOptions,
  ending: Endings,
): Promise<ControlPlane> {
  const file = (name: string) => join(directory, name);
  await makeAuthority(directory);
  await issueCertificate(directory, "server", "/O=system:masters/CN=kube-apiserver", serverNames(address));
  const [etcdPort, peerPort, apiPort] = [await freePort(), await freePort(), await freePort()];
  const server = `https://${address}:${apiPort}`;
  const adminToken = randomBytes(24).toString("hex");
  writeTokens(file("tokens.csv"), [
    { token: adminToken, user: "admin", groups: ["system:masters"] },
    ...logins,
  ]);
  writeFileSync(
    file("audit.yaml"),
    "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n",
  );
  const etcd = await startChild(
    "etcd",
    binaries.etcd,
    etcdArguments(file("etcd"), etcdPort, peerPort),
    file("etcd.log"),
  );
  ending.add(etcd.stop);
  const api = await startChild(
    "kube-apiserver",
    binaries["kube-apiserver"],
    [...apiArguments(directory, etcdPort, address, apiPort), ...(mutatingPolicies ? mutating : [])],
    file("kube-apiserver.log"),
  );
  ending.add(api.stop);
  const kubeconfig = (name: string, token: string, url = server): string =>
    writeKubeconfig(directory, name, token, url);
  const agent = new Agent({ connect: { rejectUnauthorized: false } });
  await untilOf(api, "a ready API server", 60, async () => {
    const { statusCode, body } = await request(`${server}/readyz`, {
      dispatcher: agent,
      headers: { authorization: `Bearer ${adminToken}` },
    });
    await body.dump();
    return statusCode === 200;
  });
  await agent.close();
  const admin = kubeconfig("admin", adminToken);
  const manager = await startChild(
    "kube-controller-manager",
    binaries["kube-controller-manager"],
    managerArguments(directory, admin, realNodes),
    file("kube-controller-manager.log"),
  );
  ending.add(manager.stop);
  const kubectl = async (args: readonly string[], input?: string): Promise<string> => {
    const pending = run(binaries.kubectl, ["--kubeconfig", admin, ...args], { maxBuffer: 64 * 1024 * 1024 });
    if (input !== undefined) pending.child.stdin?.end(input);
    return (await pending).stdout;
  };
  const certificate = { cert: file("server.crt"), key: file("server.key") };
  return {
    directory,
    server,
    adminToken,
    caFile: file("ca.crt"),
    certificate,
    auditLog: file("audit.log"),
    kubeconfig,
    kubectl,
    stop: ending.run,
  };
}

const etcdArguments = (data: string, client: number, peer: number): string[] => [
  "--unsafe-no-fsync",
  `--data-dir=${data}`,
  `--listen-client-urls=http://127.0.0.1:${client}`,
  `--advertise-client-urls=http://127.0.0.1:${client}`,
  `--listen-peer-urls=http://127.0.0.1:${peer}`,
  `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
  `--initial-cluster=default=http://127.0.0.1:${peer}`,
  "--log-level=warn",
];

const apiArguments = (directory: string, etcdPort: number, address: string, port: number): string[] => {
  const file = (name: string) => join(directory, name);
  mkdirSync(file("run"), { recursive: true });
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--bind-address=${address}`,
    `--secure-port=${port}`,
    `--cert-dir=${file("run")}`,
    `--tls-cert-file=${file("server.crt")}`,
    `--tls-private-key-file=${file("server.key")}`,
    `--client-ca-file=${file("ca.crt")}`,
    `--token-auth-file=${file("tokens.csv")}`,
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    "--service-cluster-ip-range=10.96.0.0/16",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${file("sa.key")}`,
    `--service-account-signing-key-file=${file("sa.key")}`,
    "--allow-privileged=true",
    "--kubelet-preferred-address-types=InternalIP",
    `--kubelet-certificate-authority=${file("ca.crt")}`,
    `--kubelet-client-certificate=${file("server.crt")}`,
    `--kubelet-client-key=${file("server.key")}`,
    `--audit-policy-file=${file("audit.yaml")}`,
    `--audit-log-path=${file("audit.log")}`,
  ];
};

const mutating = [
  "--feature-gates=MutatingAdmissionPolicy=true",
  "--runtime-config=admissionregistration.k8s.io/v1beta1=true",
];

const withoutNodes = ["node-lifecycle-controller"];
const cloudOnly = ["cloud-node-lifecycle-controller", "service-lb-controller", "node-route-controller"];

const managerArguments = (directory: string, kubeconfig: string, realNodes: boolean): string[] => [
  `--kubeconfig=${kubeconfig}`,
  "--use-service-account-credentials=true",
  `--service-account-private-key-file=${join(directory, "sa.key")}`,
  `--root-ca-file=${join(directory, "ca.crt")}`,
  "--leader-elect=false",
  "--secure-port=0",
  `--controllers=*,${[...cloudOnly, ...(realNodes ? [] : withoutNodes)].map((name) => `-${name}`).join(",")}`,
  "--concurrent-statefulset-syncs=10",
];

function writeKubeconfig(directory: string, name: string, token: string, server: string): string {
  const path = join(directory, `${name}.kubeconfig`);
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "local",
    contexts: [{ name: "local", context: { cluster: "local", user: "user" } }],
    clusters: [{ name: "local", cluster: { server, "certificate-authority": join(directory, "ca.crt") } }],
    users: [{ name: "user", user: { token } }],
  };
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}
