/** A real control plane on loopback: etcd, kube-apiserver and kube-controller-manager in a folder of their own, on free ports, gone without a trace. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Agent, request } from "undici";
import type { Binaries } from "./binaries.ts";
import { type Child, freePort, startChild, until } from "./processes.ts";

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

/** Brings it up; ready when /readyz says so. */
export async function startControlPlane(
  binaries: Binaries,
  prefix = "tungsten-operator-",
): Promise<ControlPlane> {
  const directory = mkdtempSync(join(tmpdir(), prefix));
  const file = (name: string) => join(directory, name);
  await certificates(directory);
  const [etcdPort, peerPort, apiPort] = [await freePort(), await freePort(), await freePort()];
  const server = `https://127.0.0.1:${apiPort}`;
  const adminToken = randomBytes(24).toString("hex");
  writeFileSync(file("tokens.csv"), `${adminToken},admin,admin,"system:masters"\n`, { mode: 0o600 });
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
  const api = await startChild(
    "kube-apiserver",
    binaries["kube-apiserver"],
    apiArguments(directory, etcdPort, apiPort),
    file("kube-apiserver.log"),
  );
  const kubeconfig = (name: string, token: string, url = server): string =>
    writeKubeconfig(directory, name, token, url);
  const agent = new Agent({ connect: { rejectUnauthorized: false } });
  await until("a ready API server", 60, async () => {
    if (!api.alive()) throw new Error(`kube-apiserver ended; see ${file("kube-apiserver.log")}`);
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
    managerArguments(directory, admin),
    file("kube-controller-manager.log"),
  );
  const kubectl = async (args: readonly string[], input?: string): Promise<string> => {
    const pending = run(binaries.kubectl, ["--kubeconfig", admin, ...args], { maxBuffer: 64 * 1024 * 1024 });
    if (input !== undefined) pending.child.stdin?.end(input);
    return (await pending).stdout;
  };
  const stop = async (): Promise<void> => {
    await stopInOrder([manager, api, etcd]);
    rmSync(directory, { recursive: true, force: true });
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
    stop,
  };
}

/** The API server goes before its etcd: one whose etcd went first hangs and keeps its port. */
async function stopInOrder(children: readonly Child[]): Promise<void> {
  for (const child of children) await child.stop();
}

async function certificates(directory: string): Promise<void> {
  const openssl = async (...args: string[]) => {
    try {
      await run("openssl", args, { cwd: directory });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT")
        throw new Error("openssl is needed to make certificates: install the package openssl");
      throw error;
    }
  };
  writeFileSync(
    join(directory, "san.cnf"),
    "subjectAltName=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1\nextendedKeyUsage=serverAuth,clientAuth\n",
  );
  await openssl(
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "30",
    "-subj",
    "/CN=tungsten-operator-local-ca",
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
  );
  await openssl(
    "req",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-subj",
    "/CN=kube-apiserver",
    "-keyout",
    "server.key",
    "-out",
    "server.csr",
  );
  await openssl(
    "x509",
    "-req",
    "-in",
    "server.csr",
    "-CA",
    "ca.crt",
    "-CAkey",
    "ca.key",
    "-CAcreateserial",
    "-days",
    "30",
    "-extfile",
    "san.cnf",
    "-out",
    "server.crt",
  );
  await openssl("genrsa", "-out", "sa.key", "2048");
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

const apiArguments = (directory: string, etcdPort: number, port: number): string[] => {
  const file = (name: string) => join(directory, name);
  mkdirSync(file("run"), { recursive: true });
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    "--bind-address=127.0.0.1",
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
    `--audit-policy-file=${file("audit.yaml")}`,
    `--audit-log-path=${file("audit.log")}`,
  ];
};

const managerArguments = (directory: string, kubeconfig: string): string[] => [
  `--kubeconfig=${kubeconfig}`,
  "--use-service-account-credentials=true",
  `--service-account-private-key-file=${join(directory, "sa.key")}`,
  `--root-ca-file=${join(directory, "ca.crt")}`,
  "--leader-elect=false",
  "--secure-port=0",
  "--controllers=*,-node-lifecycle-controller,-cloud-node-lifecycle-controller,-service-lb-controller,-node-route-controller",
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
