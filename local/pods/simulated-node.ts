/** The image of a node whose Tungsten is simulated and whose MariaDB is real, under the name the samples use. */
import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Cluster } from "../cluster.ts";

/** The image the samples name; the simulated node is given this name. */
export const nodeImage = "tungsten-operator.io/tungsten-node:mariadb-10.11";

/** What the samples say. */
export const sampleRelease = "8.0.4-132";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");

export type NodeImage = {
  readonly name: string;
  /** Whose packages it brings. */
  readonly releases: readonly string[];
};

/** Prepares the folder it is built in, in a process of its own: esbuild does not run inside jest. */
export async function provideSimulatedNode(
  cluster: Pick<Cluster, "provide">,
  { name, releases }: NodeImage = { name: nodeImage, releases: [sampleRelease] },
): Promise<void> {
  const script = join(root, "scripts/simulated-node.ts");
  const { stdout } = await run(process.execPath, ["--disable-warning=ExperimentalWarning", script]);
  const context = stdout.trim();
  const args = { RELEASES: releases.join(" ") };
  await cluster.provide({ dockerfile: join(context, "Dockerfile"), context, name, args });
}
