/** A real cluster for demonstration and tests, by whichever way this machine has: kind where a Docker engine answers, else a node of our own. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Report } from "./binaries.ts";
import { findKind, removeKindRemains, startKind } from "./kind.ts";
import { baseImage } from "./node/base-image.ts";
import { findNodeBinaries } from "./node/binaries.ts";
import { buildImage } from "./node/images.ts";
import { prepareMachine } from "./node/machine.ts";
import { removeNodeRemains, startNodeCluster } from "./node/node.ts";

const run = promisify(execFile);

export type Provider = "kind" | "node";

/** What to build: a Dockerfile, the folder it copies from, the image's name with its tag, further build arguments. */
export type Build = {
  readonly dockerfile: string;
  readonly context: string;
  readonly name: string;
  readonly args?: Readonly<Record<string, string>>;
};

export type Cluster = {
  readonly provider: Provider;
  /** The admin's kubeconfig file. */
  readonly kubeconfig: string;
  readonly kubectl: (args: readonly string[], input?: string) => Promise<string>;
  /** Builds an image of a Dockerfile and makes it known to the node. Pods name it with imagePullPolicy IfNotPresent or Never. */
  readonly provide: (build: Build) => Promise<void>;
  /** Runs a program as root on the node itself, in its network. */
  readonly onNode: (command: string, ...args: string[]) => Promise<string>;
  /** The API server's audit log (level Metadata), where the provider keeps one. */
  readonly auditLog: string | undefined;
  readonly stop: () => Promise<void>;
};

/** E2E_PROVIDER says kind or node; without it, kind where Docker answers. */
export async function chooseProvider(wanted = process.env.E2E_PROVIDER): Promise<Provider> {
  if (wanted === "kind" || wanted === "node") return wanted;
  if (wanted !== undefined && wanted !== "")
    throw new Error(`E2E_PROVIDER=${wanted}: no such provider; use kind or node`);
  return run("docker", ["version", "--format", "{{.Server.Version}}"], { timeout: 10_000 }).then(
    () => "kind",
    () => "node",
  );
}

/** Makes what takes long once, so that a start is a start: programs, and without Docker the root file system of images. */
export async function prepareCluster(report: Report): Promise<void> {
  if ((await chooseProvider()) === "kind") {
    await findKind(report);
    return;
  }
  await prepareMachine(report);
  await findNodeBinaries(report);
  await baseImage(report);
}

/** What runs left behind that were killed. Those that live are not touched. */
export const removeRemains = async (): Promise<void> =>
  (await chooseProvider()) === "kind" ? removeKindRemains() : removeNodeRemains();

/** Up and ready for pods. Says on its way what takes long. */
export async function startCluster(report: Report): Promise<Cluster> {
  const provider = await chooseProvider();
  report(provider === "kind" ? "a cluster by kind, in Docker" : "a cluster of our own, without Docker");
  return provider === "kind" ? startKind(report) : startOwn(report);
}

async function startOwn(report: Report): Promise<Cluster> {
  const { plane, enclosure, runtime, stop } = await startNodeCluster(report);
  return {
    provider: "node",
    kubeconfig: plane.kubeconfig("admin", plane.adminToken),
    kubectl: plane.kubectl,
    provide: async ({ args, ...build }) => {
      const BASE = await baseImage(report);
      const { archive } = await buildImage({ ...build, args: { ...args, BASE } }, report);
      await runtime.importImage(archive);
    },
    onNode: enclosure.run,
    auditLog: plane.auditLog,
    stop,
  };
}
