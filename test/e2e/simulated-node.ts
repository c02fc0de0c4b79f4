/** The image of a node whose Tungsten is simulated and whose MariaDB is real, under the name the samples use. */
import { join, resolve } from "node:path";
import type { Cluster } from "../../local/cluster.ts";
import { nodeImage } from "./estate.ts";

const root = resolve(import.meta.dirname, "../..");

export const provideSimulatedNode = (cluster: Pick<Cluster, "provide">): Promise<void> =>
  cluster.provide({
    dockerfile: join(root, "images/simulated-node/Dockerfile"),
    context: root,
    name: nodeImage,
  });
