/** A whole local stand: control plane, simulated world, stand-in node, and the operator as users run it: a process of its own that knows nothing of this. */
import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { request } from "undici";
import { findBinaries, type Report } from "./binaries.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { type Child, freePort, startChild, until } from "./processes.ts";
import { startKubelet } from "./stand-in/kubelet.ts";
import { type ApiProxy, startProxy } from "./stand-in/proxy.ts";
import { worldAt } from "./stand-in/world-client.ts";

const root = resolve(import.meta.dirname, "..");
export const run = promisify(execFile);

export type Stand = {
  readonly plane: ControlPlane;
  readonly proxy: ApiProxy;
  readonly worldUrl: string;
  readonly world: (path: string, body?: object) => Promise<Record<string, unknown>>;
  /** Starts an operator; `program` is the file Node runs, by default the sources. */
  readonly startOperator: (env?: Readonly<Record<string, string>>, program?: string) => Promise<Operator>;
  readonly stop: () => Promise<void>;
};
export type Operator = { readonly child: Child; readonly port: number; readonly log: string };

/** Brings everything up but the operator. `hurry` shortens what tools take. */
export async function startStand(
  report: Report,
  options: { seed?: number; hurry?: number } = {},
): Promise<Stand> {
  const plane = await startControlPlane(await findBinaries(report));
  const { child: simulator, url: worldUrl } = await startWorld(plane, options);
  const world = worldAt(worldUrl);
  const proxy = await startProxy(plane, world);
  const kubelet = startKubelet(plane, world);
  await plane.kubectl([
    "apply",
    "--server-side",
    "-f",
    join(root, "config/crd"),
    "-f",
    join(root, "config/rbac"),
  ]);
  await plane.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
  const operators: Child[] = [];
  let count = 0;
  return {
    plane,
    proxy,
    worldUrl,
    world: async (path, body = {}) => {
      const answer = await request(worldUrl + path, { method: "POST", body: JSON.stringify(body) });
      return (await answer.body.json()) as Record<string, unknown>;
    },
    startOperator: async (env = {}, program = join(root, "src/main.ts")) => {
      count += 1;
      const token = (
        await plane.kubectl([
          "create",
          "token",
          "tungsten-operator",
          "-n",
          "tungsten-operator",
          "--duration=8h",
        ])
      ).trim();
      const kubeconfig = plane.kubeconfig(`operator-${count}`, token, proxy.url);
      const port = await freePort();
      const log = join(plane.directory, `operator-${count}.log`);
      const settings = {
        KUBECONFIG: kubeconfig,
        HTTP_PORT: String(port),
        POD_NAME: `operator-${count}`,
        ...env,
      };
      const child = await startChild(
        "operator",
        process.execPath,
        ["--disable-warning=ExperimentalWarning", program],
        log,
        settings,
      );
      operators.push(child);
      await until("an operator that serves /healthz", 30, async () => {
        const { statusCode, body } = await request(`http://127.0.0.1:${port}/healthz`);
        await body.dump();
        return statusCode === 200;
      });
      return { child, port, log };
    },
    stop: async () => {
      for (const child of operators) await child.stop();
      await kubelet.stop();
      await proxy.close();
      await simulator.stop();
      await plane.stop();
    },
  };
}

async function startWorld(
  plane: ControlPlane,
  { seed = 1, hurry = 0.2 }: { seed?: number; hurry?: number },
): Promise<{ child: Child; url: string }> {
  const log = join(plane.directory, "simulator.log");
  const args = [
    "--disable-warning=ExperimentalWarning",
    join(root, "simulator/main.ts"),
    "serve",
    "--seed",
    String(seed),
    "--hurry",
    String(hurry),
  ];
  const child = await startChild("simulator", process.execPath, args, log);
  let port = 0;
  await until("a simulated world that listens", 20, async () => {
    const { stdout } = await run("head", ["-n", "1", log]);
    port = Number((JSON.parse(stdout) as { port: number }).port);
    return port > 0;
  });
  return { child, url: `http://127.0.0.1:${port}` };
}
