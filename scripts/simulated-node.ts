/** Makes dist/simulated-node: everything the image of a simulated node is built from, its Dockerfile among it. */
import { cpSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";

const root = resolve(import.meta.dirname, "..");

/** The folder to build in: `docker build dist/simulated-node`. */
export async function prepareSimulatedNode(): Promise<string> {
  const folder = join(root, "dist/simulated-node");
  rmSync(folder, { recursive: true, force: true });
  cpSync(join(root, "images/simulated-node"), folder, { recursive: true });
  cpSync(join(root, "images/tungsten-node/rootfs"), join(folder, "rootfs"), { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: ["simulator/node/main.ts"],
    outfile: join(folder, "server.mjs"),
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    logLevel: "warning",
  });
  return folder;
}

if (import.meta.main) console.log(await prepareSimulatedNode());
