/** What a machine must offer before a node can live on it: Linux, root, a handful of Debian packages. */
import { existsSync, mkdirSync, readFileSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheRoot, type Report } from "../binaries.ts";
import { canRun, installPackages, missingPackages, NotHereError } from "../debian.ts";

/** One program of each Debian package; a program that is there already may come from anywhere. */
const packages: Readonly<Record<string, string>> = {
  containerd: "containerd",
  "containerd-shim-runc-v2": "containerd",
  runc: "runc",
  iptables: "iptables",
  conntrack: "conntrack",
  ip: "iproute2",
  nsenter: "util-linux",
  buildah: "buildah",
  mmdebstrap: "mmdebstrap",
};
const networkPlugins = "containernetworking-plugins";
const pluginFolders = ["/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"];

/** Where the CNI plugins lie, if they do. */
export const pluginFolder = (): string | undefined =>
  pluginFolders.find((folder) => canRun(join(folder, "ptp")) && canRun(join(folder, "portmap")));

/** Installs what is missing. Throws NotHereError with one sentence that says what to do where that is not possible. */
export async function prepareMachine(report: Report): Promise<void> {
  if (process.platform !== "linux") throw new NotHereError("a node without Docker needs Linux");
  if (process.getuid?.() !== 0)
    throw new NotHereError(
      "a node without Docker needs root, for namespaces, mounts and containers: run this as root, or start a Docker engine",
    );
  if (!hasCapability(capability.NET_ADMIN) || !hasCapability(capability.SYS_ADMIN))
    throw new NotHereError(
      "a node without Docker needs CAP_SYS_ADMIN and CAP_NET_ADMIN, which root lacks here, as in an ordinary container",
    );
  if (!existsSync("/sys/fs/cgroup/cgroup.controllers") && !existsSync("/sys/fs/cgroup/memory"))
    throw new NotHereError("a node without Docker needs cgroups mounted at /sys/fs/cgroup");
  mkdirSync(cacheRoot(), { recursive: true });
  for (const [folder, variable] of [
    [tmpdir(), "TMPDIR"],
    [cacheRoot(), "XDG_CACHE_HOME"],
  ] as const)
    if (statfsSync(folder).type === overlayfs)
      throw new NotHereError(
        `${folder} lies on overlayfs, which cannot hold containers: set ${variable} to a folder that does not`,
      );
  const plugins = pluginFolder() === undefined ? [networkPlugins] : [];
  await installPackages([...missingPackages(packages), ...plugins], report);
}

/** Numbers of linux/capability.h. */
const capability = { NET_ADMIN: 12n, SYS_ADMIN: 21n, SYS_RESOURCE: 24n };
/** OVERLAYFS_SUPER_MAGIC of linux/magic.h. */
const overlayfs = 0x794c7630;

function hasCapability(number: bigint): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return (BigInt(`0x${effective}`) & (1n << number)) !== 0n;
}

/** Without CAP_SYS_RESOURCE, as in many virtual machines, nobody may lower an oom_score_adj, and sandboxes fail unless told not to try. */
export const mayAdjustOomScore = (): boolean => hasCapability(capability.SYS_RESOURCE);
