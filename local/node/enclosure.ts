/**
 * The kernel namespaces a node lives in: mounts, network, processes, IPC. Whatever a kubelet, a container runtime and a
 * service proxy leave behind (mounts, interfaces, iptables rules, processes) is inside, and goes when process 1 goes.
 */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Child, startChild, until } from "../processes.ts";
import { claimLink, type Link, releaseLink } from "./link.ts";

const run = promisify(execFile);

export type Enclosure = {
  readonly directory: string;
  readonly link: Link;
  /** Runs a program inside and waits for it. */
  readonly run: (command: string, ...args: string[]) => Promise<string>;
  /** Starts a program inside that goes on until the enclosure stops. Its output goes to `<name>.log` in the run's folder. */
  readonly start: (name: string, command: string, args: readonly string[]) => Promise<Child>;
  /** Kills everything inside but process 1. The network stays, so peers outside see their connections end. */
  readonly killAll: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** A kubelet sets these, for the whole machine. Inside they look as it wants them, so it leaves the machine alone. */
const tunables: Readonly<Record<string, string>> = {
  "vm/overcommit_memory": "1",
  "vm/panic_on_oom": "0",
  "kernel/panic": "10",
  "kernel/panic_on_oops": "1",
  "kernel/keys/root_maxkeys": "1000000",
  "kernel/keys/root_maxbytes": "25000000",
};

/** Process 1 is `init`, which waits and reaps. */
export async function startEnclosure(directory: string, init: string): Promise<Enclosure> {
  const unshare = ["--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child=SIGKILL", "--mount-proc"];
  const log = join(directory, "enclosure.log");
  const outer = await startChild("enclosure", "unshare", [...unshare, "--propagation=private", init], log);
  const pid = await innerPid(outer.pid(), init);
  const enter = [`--target=${pid}`, "--mount", "--net", "--pid", "--ipc", "--"];
  const runInside = async (command: string, ...args: string[]): Promise<string> =>
    (await run("nsenter", [...enter, command, ...args], { maxBuffer: 64 * 1024 * 1024 })).stdout;
  const link = await claimLink(pid);
  const stop = async (): Promise<void> => {
    await outer.stop("SIGKILL");
    await releaseLink(link);
  };
  try {
    await runInside("bash", "-euc", mountScript(directory));
    await runInside("bash", "-euc", networkScript(link));
  } catch (error) {
    await stop();
    throw error;
  }
  const start = (name: string, command: string, args: readonly string[]): Promise<Child> =>
    startChild(name, "nsenter", [...enter, command, ...args], join(directory, `${name}.log`));
  const killAll = async (): Promise<void> => {
    if (outer.alive()) await runInside("bash", "-c", "kill -KILL -1");
  };
  return { directory, link, run: runInside, start, killAll, stop };
}

/** The process that became process 1 inside, by its number outside. */
async function innerPid(outer: number, init: string): Promise<number> {
  let pid = 0;
  await until("a namespace of its own for the node", 10, async () => {
    pid = Number(readFileSync(`/proc/${outer}/task/${outer}/children`, "utf8").trim());
    return readlinkSync(`/proc/${pid}/exe`) === init;
  });
  return pid;
}

/** What programs write to well-known places lands in the run's folder; /run is empty and in memory. */
function mountScript(directory: string): string {
  const overlays = ["var/lib", "var/log"].map((place) => {
    const [upper, work] = [join(directory, place), join(directory, `${place}.work`)];
    for (const folder of [upper, work]) mkdirSync(folder, { recursive: true });
    return `mount -t overlay overlay -o lowerdir=/${place},upperdir=${upper},workdir=${work} /${place}`;
  });
  const masks = Object.entries(tunables).map(([path, value]) => {
    const file = join(directory, "tunables", path.replaceAll("/", "."));
    return `echo ${value} >${file}; mount --bind ${file} /proc/sys/${path}`;
  });
  mkdirSync(join(directory, "tunables"), { recursive: true });
  return ["mount --make-rshared /", "mount -t tmpfs tmpfs /run", ...overlays, ...masks].join("\n");
}

const networkScript = ({ inside, outside }: Link): string =>
  [
    "ip link set lo up",
    `ip addr add ${inside}/30 dev eth0`,
    "ip link set eth0 up",
    `ip route add default via ${outside}`,
    "echo 1 >/proc/sys/net/ipv4/ip_forward",
  ].join("\n");
