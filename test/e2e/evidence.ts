/** What one wants to read after a failure, written to a folder before the cluster goes. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheRoot } from "../../local/binaries.ts";
import type { Cluster } from "../../local/cluster.ts";

/** Returns the folder: E2E_EVIDENCE, or one in the cache, made anew each time. What cannot be read is noted in its file. */
export async function keepEvidence(cluster: Pick<Cluster, "kubectl">): Promise<string> {
  const folder = process.env.E2E_EVIDENCE ?? join(cacheRoot(), "evidence-of-the-last-failure");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const keep = async (name: string, ask: () => Promise<string>): Promise<void> => {
    const text = await ask().catch((error: Error) => `cannot read: ${error.message}`);
    writeFileSync(join(folder, name), text);
  };
  const get = (...args: string[]) => cluster.kubectl(args);
  await keep("tungsten.txt", () => get("get", "tungsten", "--all-namespaces"));
  await keep("tungsten.yaml", () => get("get", "tungsten", "--all-namespaces", "--output=yaml"));
  await keep("pods.txt", () => get("get", "pods", "--all-namespaces", "--output=wide"));
  await keep("pods.yaml", () => get("get", "pods", "--all-namespaces", "--output=yaml"));
  await keep("events.txt", () => get("get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"));
  await keep("journals.yaml", () => get("get", "configmaps", "--all-namespaces", "--output=yaml"));
  const pods = "--output=jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name}\n{end}";
  const found = await get("get", "pods", "--all-namespaces", pods).catch(() => "");
  for (const line of found.split("\n").filter((each) => each !== "")) {
    const [namespace = "", pod = ""] = line.split(" ");
    const logs = (...args: string[]) => get("logs", "--namespace", namespace, pod, "--tail=2000", ...args);
    await keep(`${namespace}-${pod}.log`, () => logs());
    await keep(`${namespace}-${pod}.before.log`, () => logs("--previous"));
  }
  return folder;
}
