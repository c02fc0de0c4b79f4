/** A whole local stand: control plane, simulated world, stand-in node, and the operator as users run it: a process of its own that knows nothing of this. */
import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { request } from "undici";
import { findBinaries, type Report } from "./binaries.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { type Child, type Endings, endings, freePort, startChild, until } from "./processes.ts";
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
  /** Starts an operator; `program` is what Node runs, its own options first; by default the sources. */
  readonly startOperator: (
    env?: Readonly<Record<string, string>>,
    program?: readonly string[],
  ) => Promise<Operator>;
  readonly stop: () => Promise<void>;
};
export type Operator = { readonly child: Child; readonly port: number; readonly log: string };

/** Brings everything up but the operator; what fails to come up leaves nothing behind. `hurry` shortens what tools take. */
export async function startStand(
  report: Report,
  options: { seed?: number; hurry?: number } = {},
): Promise<Stand> {
  const ending = endings();
  try {
    return await standing(report, options, ending);
  } catch (error) {
    await ending.run();
    throw error;
  }
}

async function standing(
  report: Report,
  options: { seed?: number; hurry?: number },
  ending: Endings,
): Promise<Stand> {
  const plane = await startControlPlane(await findBinaries(report));
  ending.add(plane.stop);
  const { child: simulator, url: worldUrl } = await startWorld(plane, options);
  ending.add(simulator.stop);
  const world = worldAt(worldUrl);
  const proxy = await startProxy(plane, world);
  ending.add(proxy.close);
  ending.add(startKubelet(plane, world).stop);
  const manifests = ["config/crd", "config/rbac"].flatMap((folder) => ["-f", join(root, folder)]);
  await plane.kubectl(["apply", "--server-side", ...manifests]);
  await plane.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
  let count = 0;
  return {
    plane,
    proxy,
    worldUrl,
    world: async (path, body = {}) => {
      const answer = await request(worldUrl + path, { method: "POST", body: JSON.stringify(body) });
      return (await answer.body.json()) as Record<string, unknown>;
    },
    startOperator: async (env = {}, program = [join(root, "src/main.ts")]) => {
      count += 1;
      const operator = await startOperator(plane, proxy.url, count, env, program);
      ending.add(operator.child.stop);
      return operator;
    },
    stop: ending.run,
  };
}

/** The operator with its own ServiceAccount's rights, against the proxy. */
async function startOperator(
  plane: ControlPlane,
  server: string,
  count: number,
  env: Readonly<Record<string, string>>,
  program: readonly string[],
): Promise<Operator> {
  const account = ["tungsten-operator", "-n", "tungsten-operator"];
  const token = (await plane.kubectl(["create", "token", ...account, "--duration=8h"])).trim();
  const port = await freePort();
  const log = join(plane.directory, `operator-${count}.log`);
  const settings = {
    KUBECONFIG: plane.kubeconfig(`operator-${count}`, token, server),
    HTTP_PORT: String(port),
    POD_NAME: `operator-${count}`,
    ...env,
  };
  const words = ["--disable-warning=ExperimentalWarning", ...program];
  const child = await startChild("operator", process.execPath, words, log, settings);
  await until("an operator that serves /healthz", 30, async () => {
    const { statusCode, body } = await request(`http://127.0.0.1:${port}/healthz`);
    await body.dump();
    return statusCode === 200;
  }).catch(async (error: unknown) => {
    await child.stop();
    throw error;
  });
  return { child, port, log };
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
