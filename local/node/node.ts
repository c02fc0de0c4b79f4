/** A real Kubernetes node on this machine, with its control plane: one function up, one down, nothing left behind. */
import { randomBytes } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheRoot, type Report } from "../binaries.ts";
import { type ControlPlane, type Login, startControlPlane } from "../control-plane.ts";
import { startChild, until } from "../processes.ts";
import { findNodeBinaries, type NodeBinaries } from "./binaries.ts";
import { cgroupsNamed, makeCgroup, removeCgroup } from "./cgroups.ts";
import { type Enclosure, startEnclosure } from "./enclosure.ts";
import { buildImage } from "./images.ts";
import { nodeName, startKubelet } from "./kubelet.ts";
import { linkOf } from "./link.ts";
import { prepareMachine } from "./machine.ts";
import { pauseImage, type Runtime, startRuntime } from "./runtime.ts";
import { startDns, startProxy } from "./services.ts";
import { startVolumes } from "./volumes.ts";

export type NodeCluster = {
  readonly plane: ControlPlane;
  readonly enclosure: Enclosure;
  readonly runtime: Runtime;
  readonly stop: () => Promise<void>;
};

const prefix = "tungsten-operator-node-";
const cgroupPrefix = "tungsten-operator-";

/** The users of the node's own programs, as the built-in roles know them. */
const users = {
  kubelet: { user: `system:node:${nodeName}`, groups: ["system:nodes"] },
  proxy: { user: "system:kube-proxy", groups: [] },
  scheduler: { user: "system:kube-scheduler", groups: [] },
  dns: { user: "system:coredns", groups: [] },
};
type Logins = Readonly<Record<keyof typeof users, Login>>;

const newLogins = (): Logins => {
  const token = () => randomBytes(24).toString("hex");
  const entries = Object.entries(users).map(([name, user]) => [name, { ...user, token: token() }]);
  return Object.fromEntries(entries) as Logins;
};

/** Control plane and node; ready when the node is. Where that fails, the logs are kept and the error says where. */
export async function startNodeCluster(report: Report): Promise<NodeCluster> {
  await prepareMachine(report);
  const binaries = await findNodeBinaries(report);
  const pause = await buildPause(binaries, report);
  removeNodeRemains();
  const directory = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
  const undo: Undo = [() => rmSync(directory, { recursive: true, force: true })];
  const stop = (): Promise<void> => undoAll(undo);
  try {
    return { ...(await bringUp(binaries, pause, directory, undo)), stop };
  } catch (error) {
    const logs = keepLogs(directory);
    await stop().catch(() => {});
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`the node did not come up: ${why}; its logs are in ${logs}`, { cause: error });
  }
}

/** The last first. One that fails does not keep the others from being done. */
async function undoAll(undo: Undo): Promise<void> {
  const errors: unknown[] = [];
  for (let last = undo.pop(); last !== undefined; last = undo.pop())
    try {
      await last();
    } catch (error) {
      errors.push(error);
    }
  if (errors.length > 0) throw new AggregateError(errors, `stopping the node: ${errors.join("; ")}`);
}

function keepLogs(directory: string): string {
  const kept = join(cacheRoot(), "logs-of-the-last-failure");
  rmSync(kept, { recursive: true, force: true });
  mkdirSync(kept, { recursive: true });
  for (const name of readdirSync(directory))
    if (name.endsWith(".log") && name !== "audit.log") copyFileSync(join(directory, name), join(kept, name));
  return kept;
}

/** Folders and cgroups of runs that were killed. Their processes, mounts and networks went with them. */
export function removeNodeRemains(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length).split("-")[0]) : Number.NaN;
    if (Number.isInteger(pid) && !existsSync(`/proc/${pid}`))
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
  for (const cgroup of cgroupsNamed(/^tungsten-operator-\d+$/))
    if (!existsSync(`/sys/class/net/${linkOf(Number(cgroup.slice(cgroupPrefix.length))).device}`))
      removeCgroup(cgroup);
}

type Undo = (() => Promise<void> | void)[];

async function bringUp(
  binaries: NodeBinaries,
  pause: string,
  directory: string,
  undo: Undo,
): Promise<Omit<NodeCluster, "stop">> {
  const enclosure = await startEnclosure(directory, binaries.pause);
  const cgroup = `${cgroupPrefix}${enclosure.link.number}`;
  undo.push(async () => {
    await enclosure.stop();
    await until(`an empty cgroup ${cgroup}`, 15, async () => {
      removeCgroup(cgroup);
      return true;
    });
  });
  makeCgroup(cgroup);
  const logins = newLogins();
  const plane = await startControlPlane(binaries, {
    directory,
    address: enclosure.link.outside,
    logins: Object.values(logins),
    realNodes: true,
  });
  undo.push(plane.stop);
  const scheduler = await startScheduler(binaries["kube-scheduler"], plane, logins.scheduler.token);
  undo.push(() => scheduler.stop());
  // Before the API server, which would wait for the watches of those who still run.
  undo.push(enclosure.killAll);
  const runtime = await startRuntime(enclosure);
  await runtime.importImage(pause);
  const inside = (program: string, { token }: Login) => ({ plane, enclosure, program, token });
  await startDns(inside(binaries.coredns, logins.dns));
  await startProxy(inside(binaries["kube-proxy"], logins.proxy));
  const volumes = await startVolumes(plane, join(directory, "volumes"));
  undo.push(volumes.stop);
  await startKubelet({ ...inside(binaries.kubelet, logins.kubelet), cgroup });
  return { plane, enclosure, runtime };
}

const startScheduler = (program: string, plane: ControlPlane, token: string) =>
  startChild(
    "kube-scheduler",
    program,
    [`--kubeconfig=${plane.kubeconfig("kube-scheduler", token)}`, "--leader-elect=false", "--secure-port=0"],
    join(plane.directory, "kube-scheduler.log"),
  );

/** The image of every pod's sandbox; returns its archive. */
async function buildPause(binaries: NodeBinaries, report: Report): Promise<string> {
  const context = mkdtempSync(join(tmpdir(), "tungsten-operator-pause-"));
  try {
    copyFileSync(binaries.pause, join(context, "pause"));
    const dockerfile = join(context, "Dockerfile");
    writeFileSync(dockerfile, 'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n');
    return (await buildImage({ dockerfile, context, name: pauseImage }, report)).archive;
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}
