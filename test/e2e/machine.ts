/** What a machine looks like, as far as a local cluster could change it: read before and after, the two must be equal. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

const told = (command: string, ...args: string[]): string => {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return "";
  }
};
/** Without counters, times and what a chain is used for at this moment. */
const rules = (command: string): readonly string[] =>
  told(command)
    .split("\n")
    .filter((line) => line.startsWith("-A") || line.startsWith(":"))
    .map((line) => line.replace(/\[\d+:\d+\]/, ""));

const sysctls = [
  ...["vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"],
  ...["kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes", "net/ipv4/ip_forward"],
  "net/ipv4/conf/all/route_localnet",
];
const places = [
  ...["/run/netns", "/run/containerd", "/run/flannel", "/var/lib/cni", "/var/lib/kubelet", "/var/log/pods"],
  ...["/var/log/containers", "/opt/containerd", "/var/lib/containerd", "/etc/cni/net.d"],
];

/** Other runs may come and go meanwhile; their links are theirs. */
const notOfRuns = (line: string): boolean => !/\btungsten-\d+\b/.test(line);

/** Interfaces, routes, rules, settings of the kernel and the well-known places of containers. */
export const machineState = () => ({
  interfaces: readdirSync("/sys/class/net").filter(notOfRuns).sort(),
  routes: told("ip", "route", "show", "table", "all").split("\n").filter(notOfRuns).sort(),
  rules: [...rules("iptables-save"), ...rules("iptables-legacy-save")],
  sysctls: Object.fromEntries(
    sysctls.map((name) => [name, readFileSync(`/proc/sys/${name}`, "utf8").trim()]),
  ),
  places: Object.fromEntries(
    places.map((path) => [path, existsSync(path) ? readdirSync(path).sort() : "absent"]),
  ),
});

/** Whatever on this machine mentions a text (a run's folder, its cgroup): mounts, processes, cgroups. */
export function mentions(text: string): readonly string[] {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const cgroups = readdirSync("/sys/fs/cgroup").flatMap((name) => {
    const folder = join("/sys/fs/cgroup", name);
    return existsSync(join(folder, text)) ? [join(folder, text)] : [];
  });
  return [
    ...mounts.filter((line) => line.includes(text)),
    ...processes.map(commandLine).filter((line) => line.includes(text)),
    ...cgroups,
    ...(existsSync(join("/sys/fs/cgroup", text)) ? [join("/sys/fs/cgroup", text)] : []),
  ];
}

const commandLine = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
};

/** Processes that live in a network namespace, named as `/proc/PID/ns/net` links it. */
export const processesIn = (network: string): readonly string[] =>
  readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && readlinkSync(`/proc/${name}/ns/net`) === network;
    } catch {
      return false;
    }
  });
