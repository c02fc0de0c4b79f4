/** containerd of a node: own configuration, root and sockets, pods wired by the CNI plugins ptp and portmap. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Child, untilOf } from "../processes.ts";
import type { Enclosure } from "./enclosure.ts";
import { mayAdjustOomScore, pluginFolder } from "./machine.ts";

/** Inside the enclosure, whose /run is its own. */
export const runtimeSocket = "/run/containerd/containerd.sock";
export const pauseImage = "tungsten-operator.io/pause:local";

export type Runtime = {
  readonly child: Child;
  /** Makes the image in an archive known to the kubelet. */
  readonly importImage: (archive: string) => Promise<void>;
  readonly images: () => Promise<readonly string[]>;
};

/** Ready when it answers. */
export async function startRuntime(enclosure: Enclosure): Promise<Runtime> {
  const { directory, link } = enclosure;
  const networks = join(directory, "cni");
  mkdirSync(networks, { recursive: true });
  writeFileSync(
    join(networks, "10-pods.conflist"),
    JSON.stringify(podNetwork(link.pods, directory), null, 2),
  );
  const config = join(directory, "containerd.toml");
  writeFileSync(config, containerdConfig(join(directory, "containerd"), networks));
  const child = await enclosure.start("containerd", "containerd", ["--config", config]);
  const ctr = (...args: string[]): Promise<string> =>
    enclosure.run("ctr", "--address", runtimeSocket, "--namespace", "k8s.io", ...args);
  await untilOf(child, "a container runtime that answers", 30, async () => {
    await ctr("version");
    return true;
  });
  return {
    child,
    importImage: async (archive) => {
      await ctr("images", "import", archive);
    },
    images: async () => (await ctr("images", "list", "--quiet")).trim().split("\n"),
  };
}

/** Routed, not bridged: packets between two pods of one node pass the host's rules too, so Service addresses work without br_netfilter. */
const podNetwork = (pods: string, directory: string) => ({
  cniVersion: "0.4.0",
  name: "pods",
  plugins: [
    {
      type: "ptp",
      ipMasq: false,
      ipam: {
        type: "host-local",
        dataDir: join(directory, "addresses"),
        ranges: [[{ subnet: pods }]],
        routes: [{ dst: "0.0.0.0/0" }],
      },
    },
    { type: "portmap", capabilities: { portMappings: true } },
  ],
});

const containerdConfig = (root: string, networks: string): string => `version = 2
root = "${root}"
state = "/run/containerd"
# Not needed here, and "opt" would make a folder /opt/containerd.
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]

[grpc]
  address = "${runtimeSocket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = ${!mayAdjustOomScore()}

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "${pluginFolder()}"
  conf_dir = "${networks}"

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
`;
