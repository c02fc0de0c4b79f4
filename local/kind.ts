/** A cluster by kind (https://kind.sigs.k8s.io): one node in a Docker container, as many developers have it. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { cachedOrBuilt, findBinaries, type Recipe, type Report } from "./binaries.ts";
import type { Cluster } from "./cluster.ts";

const run = promisify(execFile);
const output = { maxBuffer: 64 * 1024 * 1024 };
const recipe: Recipe = { module: "kind", target: "sigs.k8s.io/kind", flags: "-s -w" };
const prefix = "tungsten-operator-";
const config = resolve(import.meta.dirname, "kind.yaml");

export const findKind = (report: Report): Promise<string> => cachedOrBuilt("kind", recipe, ["kind"], report);

/** Deletes the clusters of processes that are no more. */
export async function removeKindRemains(): Promise<void> {
  const kind = await findKind(() => {});
  const names = (await run(kind, ["get", "clusters"], output)).stdout.split("\n");
  for (const name of names) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN;
    if (Number.isInteger(pid) && !isAlive(pid))
      await run(kind, ["delete", "cluster", "--name", name], output);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Up and Ready. Its name and kubeconfig are of this run alone; the user's own kubeconfig is not touched. */
export async function startKind(report: Report): Promise<Cluster> {
  const kind = await findKind(report);
  const { kubectl } = await findBinaries(report);
  const directory = mkdtempSync(join(tmpdir(), "tungsten-operator-kind-"));
  const name = `${prefix}${process.pid}`;
  const kubeconfig = join(directory, "admin.kubeconfig");
  const stop = async (): Promise<void> => {
    await run(kind, ["delete", "cluster", "--name", name, "--kubeconfig", kubeconfig], output);
    rmSync(directory, { recursive: true, force: true });
  };
  report("kind create cluster (the first time it pulls the node's image) …");
  try {
    const options = ["--name", name, "--kubeconfig", kubeconfig, "--config", config, "--wait", "180s"];
    await run(kind, ["create", "cluster", ...options], output);
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }
  return {
    provider: "kind",
    kubeconfig,
    kubectl: async (args, input) => {
      const pending = run(kubectl, ["--kubeconfig", kubeconfig, ...args], output);
      if (input !== undefined) pending.child.stdin?.end(input);
      return (await pending).stdout;
    },
    provide: async ({ dockerfile, context, name: image, args = {} }) => {
      const values = Object.entries(args).flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]);
      report(`docker build ${image} …`);
      await run("docker", ["build", "--tag", image, "--file", dockerfile, ...values, context], output);
      await run(kind, ["load", "docker-image", image, "--name", name], output);
    },
    onNode: async (command, ...args) =>
      (await run("docker", ["exec", `${name}-control-plane`, command, ...args], output)).stdout,
    auditLog: undefined,
    stop,
  };
}
