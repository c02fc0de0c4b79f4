/** A real Argo CD core out of the cluster: redis, repository server, application controller and a git repository, on loopback. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Report } from "./binaries.ts";
import type { ControlPlane } from "./control-plane.ts";
import { type Child, freePort, startChild, until } from "./processes.ts";
import { findArgocd, findHelm } from "./tools.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "..");
const namespace = "argocd";

export type ArgoCd = {
  /** The binary as `argocd`, for `admin settings`. */
  readonly argocd: (...args: readonly string[]) => Promise<string>;
  /** Where Argo CD reads from. */
  readonly repository: string;
  /** Writes and removes files (removed where the content is undefined) and commits. */
  readonly commit: (message: string, files: Readonly<Record<string, string | undefined>>) => Promise<void>;
  /** Copies a folder of the checkout into the repository; the next commit takes it along. */
  readonly copy: (folder: string) => void;
  readonly stop: () => Promise<void>;
};

/** Brings it up in namespace `argocd` with the settings of `deploy/argocd`. Stop it before the control plane. */
export async function startArgoCd(plane: ControlPlane, report: Report): Promise<ArgoCd> {
  const binary = await findArgocd(report);
  const folder = join(plane.directory, "argocd");
  for (const name of ["repository", "tls", "ssh", "gnupg", "home", "bin"])
    mkdirSync(join(folder, name), { recursive: true });
  symlinkSync(await findHelm(report), join(folder, "bin/helm"));
  await prepareCluster(plane);
  const repository = join(folder, "repository");
  const git = (...args: readonly string[]) => run("git", args, { cwd: repository });
  await git("init", "--quiet", "--initial-branch=main");
  await git("config", "user.name", "platform");
  await git("config", "user.email", "platform@localhost");
  const env = environment(plane, folder);
  const children = await startAll(folder, binary, env);
  return {
    argocd: async (...args) =>
      (await run(binary, args, { env: { ...env, ARGOCD_BINARY_NAME: "argocd" } })).stdout,
    repository: children.url,
    copy: (from) => cpSync(join(root, from), join(repository, from), { recursive: true }),
    commit: async (message, files) => {
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(dirname(join(repository, path)), { recursive: true });
        if (content === undefined) rmSync(join(repository, path));
        else writeFileSync(join(repository, path), content);
      }
      await git("add", "--all");
      await git("commit", "--quiet", "--message", message);
    },
    stop: async () => {
      for (const child of children.all) await child.stop();
    },
  };
}

/** Namespace, definitions, settings and the project `default`. */
async function prepareCluster(plane: ControlPlane): Promise<void> {
  const module = "github.com/argoproj/argo-cd/v3";
  const { stdout } = await run("go", ["list", "-m", "-f", "{{.Dir}}", module], {
    cwd: join(root, "build/argocd"),
  });
  const crds = join(stdout.trim(), "manifests/crds");
  for (const file of readdirSync(crds).filter((name) => name.endsWith("-crd.yaml")))
    await plane.kubectl(["apply", "--server-side", "-f", join(crds, file)]);
  await plane.kubectl(["create", "namespace", namespace]);
  const labels = { "app.kubernetes.io/part-of": "argocd" };
  const object = (kind: string, name: string, more: object = {}) =>
    JSON.stringify({ apiVersion: "v1", kind, metadata: { name, namespace, labels }, ...more });
  const project = JSON.stringify({
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AppProject",
    metadata: { name: "default", namespace },
    spec: {
      sourceRepos: ["*"],
      destinations: [{ namespace: "*", server: "*" }],
      clusterResourceWhitelist: [{ group: "*", kind: "*" }],
    },
  });
  const objects = [
    ...["argocd-cm", "argocd-rbac-cm", "argocd-cmd-params-cm"].map((name) => object("ConfigMap", name)),
    object("Secret", "argocd-secret", { stringData: { "server.secretkey": "for-tests-on-loopback" } }),
    project,
  ];
  await until("Argo CD's definitions", 30, async () => {
    await plane.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=10s"]);
    return true;
  });
  await plane.kubectl(["apply", "-f", "-"], objects.join("\n---\n"));
  const patch = join(root, "deploy/argocd/argocd-cm.yaml");
  await plane.kubectl(["patch", "configmap", "argocd-cm", "-n", namespace, "--patch-file", patch]);
}

function environment(plane: ControlPlane, folder: string): Record<string, string> {
  const config = JSON.parse(readFileSync(plane.kubeconfig("argocd", plane.adminToken), "utf8"));
  config.contexts[0].context.namespace = namespace;
  writeFileSync(join(folder, "kubeconfig"), JSON.stringify(config), { mode: 0o600 });
  return {
    PATH: `${join(folder, "bin")}:${process.env.PATH ?? ""}`,
    HOME: join(folder, "home"),
    KUBECONFIG: join(folder, "kubeconfig"),
    ARGOCD_FAKE_IN_CLUSTER: "true",
    ARGOCD_GPG_ENABLED: "false",
    ARGOCD_TLS_DATA_PATH: join(folder, "tls"),
    ARGOCD_SSH_DATA_PATH: join(folder, "ssh"),
    GNUPGHOME: join(folder, "gnupg"),
    TMPDIR: join(folder, "home"),
  };
}

async function startAll(
  folder: string,
  binary: string,
  env: Readonly<Record<string, string>>,
): Promise<{ url: string; all: readonly Child[] }> {
  const ports = { redis: 0, repository: 0, git: 0, repositoryMetrics: 0, controllerMetrics: 0 };
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
  const redis = `127.0.0.1:${ports.redis}`;
  const log = (name: string) => join(folder, `${name}.log`);
  const start = (name: string, command: string, args: readonly string[]) =>
    startChild(name, command, args, log(name), { ...env, ARGOCD_BINARY_NAME: name });
  // Called by its own name: a killed `git` would leave it behind.
  const daemon = join((await run("git", ["--exec-path"])).stdout.trim(), "git-daemon");
  const all = [
    await start("redis", "redis-server", [
      ...["--bind", "127.0.0.1", "--port", String(ports.redis)],
      ...["--save", "", "--appendonly", "no", "--dir", folder],
    ]),
    await start("git-daemon", daemon, [
      ...["--export-all", `--base-path=${folder}`, "--listen=127.0.0.1", `--port=${ports.git}`],
      "--reuseaddr",
    ]),
    await start("argocd-repo-server", binary, [
      ...["--disable-tls", "--redis", redis, "--address", "127.0.0.1", "--port", String(ports.repository)],
      ...["--metrics-address", "127.0.0.1", "--metrics-port", String(ports.repositoryMetrics)],
      // It would take a branch for where it was three minutes ago.
      ...["--revision-cache-expiration", "2s"],
    ]),
    await start("argocd-application-controller", binary, [
      ...["--namespace", namespace, "--redis", redis, "--app-resync", "5"],
      ...["--repo-server", `127.0.0.1:${ports.repository}`, "--repo-server-plaintext"],
      // Health of each resource in the Application's status, where the tests read it.
      ...["--metrics-port", String(ports.controllerMetrics), "--persist-resource-health"],
    ]),
  ];
  await until("a repository server that listens", 60, async () =>
    readFileSync(log("argocd-repo-server"), "utf8").includes("is listening on"),
  );
  return { url: `git://127.0.0.1:${ports.git}/repository`, all: all.reverse() };
}
